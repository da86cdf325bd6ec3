//! QEMU's command line in all its forms: names, UUIDs, monitors, the agent's port, `-readconfig`, and hostile ones.

use super::*;
use crate::inventory::process::chardev::{Place, place};

const UUID: &str = "0a1b2c3d-0001-0002-0003-00000000000f";

fn read(words: &[&[u8]]) -> CommandLine {
    let program: &[u8] = b"qemu-system-x86_64";
    CommandLine::read([program].into_iter().chain(words.iter().copied()), |_| None)
}

/// The words of a text, split at white space.
fn line(text: &str) -> CommandLine {
    let words: Vec<&[u8]> = text.split_ascii_whitespace().map(str::as_bytes).collect();
    read(&words)
}

fn monitors(line: &CommandLine) -> Vec<Place> {
    line.monitors()
        .filter_map(|options| place(options).ok())
        .collect()
}

fn path(path: &str) -> Place {
    Place::Path(path.as_bytes().to_vec())
}

#[test]
fn a_name_is_read_in_all_its_forms() {
    for (text, name) in [
        ("-name web01", Some("web01")),
        ("--name web01", Some("web01")),
        ("-name guest=web01,debug-threads=on", Some("web01")),
        ("-name debug-threads=on,guest=web01", Some("web01")),
        ("-name web01,process=vm", Some("web01")),
        ("-name a,,b", Some("a,b")),
        ("-name -S", Some("-S")),
        ("-name a -name b", Some("b")),
        ("-name a -name process=p", Some("a")),
        ("-name process=p", None),
        ("-name", None),
        ("-S", None),
    ] {
        assert_eq!(line(text).name().as_deref(), name, "{text}");
    }
}

#[test]
fn names_with_odd_bytes_are_still_names() {
    assert_eq!(read(&[b"-name", b"two words"]).name().unwrap(), "two words");
    assert_eq!(read(&[b"-name", b"a\nb"]).name().unwrap(), "a\nb");
    assert_eq!(read(&[b"-name", b"\xff"]).name().unwrap(), "\u{fffd}");
    assert_eq!(read(&[b"-name", b"'web\"01'"]).name().unwrap(), "'web\"01'");
    assert_eq!(read(&[b"-name", b""]).name(), None);
    assert_eq!(read(&[b"-name", &[b'x'; 5000]]).name(), None);
}

#[test]
fn a_uuid_is_read_in_all_its_forms() {
    for (text, known) in [
        (format!("-uuid {UUID}"), true),
        (format!("-uuid {}", UUID.to_uppercase()), true),
        (format!("-smbios type=1,manufacturer=x,uuid={UUID}"), true),
        (format!("-smbios type=1,serial=x -uuid {UUID}"), true),
        (format!("-smbios type=2,uuid={UUID}"), false),
        ("-uuid 00000000-0000-0000-0000-000000000000".into(), false),
        (format!("-uuid {}", UUID.replace('-', "")), false),
        (format!("-uuid {}", UUID.replace('a', "g")), false),
        ("-uuid".into(), false),
    ] {
        assert_eq!(
            line(&text).uuid().as_deref(),
            known.then_some(UUID),
            "{text}"
        );
    }
}

#[test]
fn monitors_are_read_in_all_their_forms() {
    for text in [
        "-qmp unix:/p,server=on,wait=off",
        "--qmp unix:/p,server,nowait",
        "-qmp-pretty unix:/p,server=on",
        "-chardev socket,id=c,path=/p,server=on -mon chardev=c,mode=control",
        "-mon c,mode=control -chardev socket,id=c,path=/p,server=on",
        "-mon chardev=c,mode=control,pretty=on -chardev socket,path=/p,server=on,id=c",
        "-chardev socket,id=c,path=/p,server=on -qmp chardev:c",
        "-chardev socket,id=c,server=on -mon c,mode=control -set chardev.c.path=/p",
        "-nodefaults -S -snapshot -qmp unix:/p,server=on -incoming defer",
        "-append -daemonize -qmp unix:/p,server=on",
        "-flag-of-the-future -qmp unix:/p,server=on",
        "disk.img -snapshot disk.img -qmp unix:/p,server=on",
    ] {
        assert_eq!(monitors(&line(text)), [path("/p")], "{text}");
    }
    let tcp = monitors(&line("-qmp tcp:127.0.0.1:4444,server=on,wait=off"));
    assert!(
        matches!(&tcp[..], [Place::Tcp { port: 4444, .. }]),
        "{tcp:?}"
    );
}

#[test]
fn several_monitors_are_told_in_their_order() {
    let text = "-qmp unix:/a,server=on -chardev socket,id=c,path=/b,server=on -mon c,mode=control -qmp unix:/c,server=on";
    assert_eq!(monitors(&line(text)), [path("/a"), path("/b"), path("/c")]);
}

#[test]
fn what_is_no_monitor_for_programs_is_left_out() {
    for text in [
        "-monitor unix:/p,server=on",
        "-chardev socket,id=c,path=/p,server=on",
        "-chardev socket,id=c,path=/p,server=on -mon c",
        "-chardev socket,id=c,path=/p,server=on -mon c,mode=readline",
        "-mon c,mode=control",
        "-qmp stdio",
        "-qmp",
        "-serial mon:unix:/p,server=on",
        "-append -qmp unix:/p,server=on",
        "-set chardev.c.path=/p -set chardev.c -set x=y -set =",
    ] {
        assert_eq!(monitors(&line(text)), [], "{text}");
    }
    assert_eq!(
        monitors(&read(&[b"-append", b"-qmp unix:/evil,server=on"])),
        []
    );
    assert_eq!(monitors(&read(&[])), []);
    assert_eq!(monitors(&read(&[b"", b"-", b"--", b""])), []);
}

#[test]
fn the_agents_port_is_known_by_its_name() {
    let chardev = "-chardev socket,id=qga0,path=/p,server=on";
    for device in [
        "-device virtserialport,chardev=qga0,name=org.qemu.guest_agent.0",
        "-device driver=virtserialport,name=org.qemu.guest_agent.0,chardev=qga0,bus=b.0",
        r#"-device {"driver":"virtserialport","chardev":"qga0","name":"org.qemu.guest_agent.0","nr":1}"#,
        "-device virtserialport,id=p,chardev=qga0 -set device.p.name=org.qemu.guest_agent.0",
        "-device isa-serial,chardev=qga0",
    ] {
        let line = line(&format!("{device} {chardev}"));
        let agent = line.agent().map(place);
        assert_eq!(agent, Some(Ok(path("/p"))), "{device}");
    }
    for device in [
        "-device virtserialport,chardev=qga0,name=com.redhat.spice.0",
        "-device virtserialport,chardev=other,name=org.qemu.guest_agent.0",
        "-device virtconsole,chardev=qga0,name=org.qemu.guest_agent.0",
        "-device isa-serial,chardev=serial0",
        "",
    ] {
        assert!(
            line(&format!("{chardev} {device}")).agent().is_none(),
            "{device}"
        );
    }
}

#[test]
fn files_of_readconfig_add_what_they_say() {
    let file = b"[name]\n guest = \"web01\"\n[chardev \"c\"]\n backend = \"socket\"\n server = \"on\"\n path = \"/p\"\n[mon \"m\"]\n mode = \"control\"\n chardev = \"c\"\n";
    let words: [&[u8]; 5] = [b"qemu", b"-readconfig", b"a.cfg", b"-readconfig", b"none"];
    let mut asked = Vec::new();
    let line = CommandLine::read(words, |name| {
        asked.push(name.to_vec());
        (name == b"a.cfg").then(|| file.to_vec())
    });
    assert_eq!(asked, [&b"a.cfg"[..], b"none"]);
    assert_eq!(line.name().as_deref(), Some("web01"));
    assert_eq!(monitors(&line), [path("/p")]);
}

#[test]
fn a_monitor_of_libvirts_is_known() {
    assert!(line("-chardev socket,id=charmonitor,fd=30,server=on,wait=off -mon chardev=charmonitor,id=monitor,mode=control").is_of_libvirt());
    assert!(!line("-qmp unix:/p,server=on").is_of_libvirt());
}

#[test]
fn what_is_kept_of_a_hostile_command_line_is_bounded() {
    let words: Vec<&[u8]> = std::iter::repeat_n([&b"-qmp"[..], b"unix:/p,server=on"], 100_000)
        .flatten()
        .collect();
    assert_eq!(read(&words).monitors().count(), MOST);
    let mut files = 0;
    let words = std::iter::repeat_n([&b"-readconfig"[..], b"x"], 1000).flatten();
    CommandLine::read(words, |_| {
        files += 1;
        None
    });
    assert_eq!(files, MOST_FILES);
}

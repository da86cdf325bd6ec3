//! Each form in which a QEMU is told its monitor. The first monitor, which the harness needs, is held, so that it is the
//! form under test by which the VM is reached.

use std::fs;

use harness::{Qemu, QemuBuilder, RawQmp};

use super::Host;

const UUID: &str = "7a0e3c6d-7b1f-4c2e-9d4a-00000000000f";

/// Checks that a VM with one more monitor is reached by that, which ends in `path`.
#[track_caller]
fn is_reached(builder: QemuBuilder, path: &str) {
    let qemu = builder
        .args("-name formed")
        .arg("-uuid")
        .arg(UUID.to_uppercase())
        .start();
    let _held = RawQmp::connect(qemu.qmp());
    let vm = Host::of(&[qemu.pid()]).one();
    assert_eq!(vm["state"], "running", "{vm:#}");
    assert_eq!(vm["name"], "formed", "{vm:#}");
    assert_eq!(vm["uuid"], UUID, "{vm:#}");
    assert!(vm["qmp"].as_str().unwrap().ends_with(path), "{vm:#}");
    assert_eq!(vm["monitors"].as_array().unwrap().len(), 2, "{vm:#}");
    assert_eq!(vm["pid"], qemu.pid(), "{vm:#}");
}

#[test]
fn a_monitor_of_qmp_with_a_relative_path_is_reached() {
    is_reached(
        Qemu::bare().args("-qmp unix:second,server=on,wait=off"),
        "/second",
    );
}

#[test]
fn a_pretty_monitor_in_the_old_spelling_is_reached() {
    is_reached(
        Qemu::bare().args("--qmp-pretty unix:second,server,nowait"),
        "/second",
    );
}

#[test]
fn a_monitor_on_a_character_device_is_reached() {
    let line = "-mon second,mode=control -chardev socket,id=second,path=s2,server=on,wait=off";
    is_reached(Qemu::bare().args(line), "/s2");
    let line = "-chardev socket,id=c,path=s2,server=on,wait=off -qmp chardev:c";
    is_reached(Qemu::bare().args(line), "/s2");
}

#[test]
fn a_monitor_with_a_comma_in_its_path_is_reached() {
    is_reached(
        Qemu::bare().args("-qmp unix:a,,b,,,server=on,wait=off"),
        "/a,b,",
    );
}

#[test]
fn a_monitor_without_a_file_is_reached() {
    let name = format!("qmpsh-test-{}", std::process::id());
    let line = format!(
        "-mon c,mode=control -chardev socket,id=c,path={name},abstract=on,server=on,wait=off"
    );
    is_reached(Qemu::bare().args(&line), &format!("unix:@{name}"));
}

#[test]
fn a_monitor_whose_path_is_set_later_is_reached() {
    let line = "-chardev socket,id=c,path=first,server=on,wait=off -mon c,mode=control -set chardev.c.path=later";
    is_reached(Qemu::bare().args(line), "/later");
}

#[test]
fn a_monitor_in_a_file_of_readconfig_is_reached() {
    let folder = harness::Folder::new();
    let file = folder.join("vm.cfg");
    fs::write(
        &file,
        "[chardev \"c\"]\n  backend = \"socket\"\n  path = \"from-file\"\n  server = \"on\"\n  wait = \"off\"\n\n[mon \"m\"]\n  chardev = \"c\"\n  mode = \"control\"\n",
    )
    .unwrap();
    is_reached(
        Qemu::bare()
            .arg("-readconfig")
            .arg(file.display().to_string()),
        "/from-file",
    );
}

#[test]
fn odd_names_are_told_as_they_are() {
    for (argument, name) in [
        ("guest=two words,debug-threads=on", "two words"),
        ("a,,b", "a,b"),
        ("-S", "-S"),
        ("line\nbreak\u{1b}[2J", "line\nbreak\u{1b}[2J"),
        ("\"quoted'", "\"quoted'"),
    ] {
        let qemu = Qemu::bare().arg("-name").arg(argument).start();
        let host = Host::of(&[qemu.pid()]);
        let vm = host.one();
        assert_eq!(vm["name"], name, "{vm:#}");
        assert_eq!(vm["state"], "running", "{vm:#}");
        let piped = host.ls().run().expect_code(0).stdout;
        assert_eq!(piped.lines().count(), 1, "{piped:?}");
        assert!(!piped.contains('\u{1b}'), "{piped:?}");
    }
}

#[test]
fn a_uuid_in_the_tables_of_the_firmware_is_told() {
    let line = format!("-smbios type=1,uuid={UUID}");
    // Only a machine has such tables.
    let qemu = Qemu::bare()
        .args(&line)
        .args("-M q35 -S -accel tcg")
        .start();
    let vm = Host::of(&[qemu.pid()]).one();
    assert_eq!(vm["uuid"], UUID, "{vm:#}");
    assert_eq!(vm["state"], "prelaunch", "{vm:#}");
}

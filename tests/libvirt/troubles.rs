//! What stands in the way, told each in its own words; and that what hangs holds up nothing else.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::Duration;

use harness::{Folder, Libvirt, Signal};

use super::{assert_no_virsh, eval, until, virsh_processes};

#[test]
fn each_obstacle_has_its_own_words_and_a_hint() {
    let libvirt = Libvirt::start();
    let domain = libvirt.bare("web01");
    libvirt.shut_off("off");
    let uri = libvirt.uri();
    let nowhere = "qemu+unix:///session?socket=/no/such/socket";
    for (target, expression, words, hint) in [
        (
            domain.target(),
            "v.agent.ping()",
            "no channel for an agent",
            "org.qemu.guest_agent.0",
        ),
        (
            format!("libvirt:nobody@{uri}"),
            "v.status",
            "knows no such domain",
            "list --all",
        ),
        (
            format!("libvirt:nobody@{uri}"),
            "v.agent.ping()",
            "knows no such domain",
            "list --all",
        ),
        (
            format!("libvirt:off@{uri}"),
            "v.status",
            "is shut off",
            "start DOMAIN",
        ),
        (
            format!("libvirt:off@{uri}"),
            "v.agent.ping()",
            "is shut off",
            "start DOMAIN",
        ),
        (
            format!("libvirt:web01@{nowhere}"),
            "v.status",
            "cannot be reached",
            "libvirt:DOMAIN@URI",
        ),
        (
            "libvirt:web01@nonsense:///x".to_owned(),
            "v.status",
            "cannot be reached",
            "libvirt:DOMAIN@URI",
        ),
    ] {
        let told = eval(&target, expression).run().expect_code(3);
        assert!(told.stderr.contains(words), "{target}: {}", told.stderr);
        assert!(told.stderr.contains(hint), "{target}: {}", told.stderr);
    }
    assert_no_virsh(&libvirt);
}

#[test]
fn without_virsh_the_package_is_named_and_all_else_works() {
    let libvirt = Libvirt::start();
    let domain = libvirt.bare("web01");
    let programs = Folder::new();
    // The harness starts qmpsh by these.
    for program in ["sh", "setpriv"] {
        let place = Path::new("/usr/bin").join(program);
        symlink(place, programs.join(program)).unwrap();
    }
    let without = |expression: &str| {
        let asked = eval(&domain.target(), expression);
        asked.env("PATH", programs.path()).run()
    };
    let told = without("v.status").expect_code(3);
    assert!(told.stderr.contains("libvirt-clients"), "{}", told.stderr);
    assert_eq!(without("1 + 1").expect_code(0).stdout.trim(), "2");
}

#[test]
fn no_event_is_missed_where_virsh_needs_long_to_begin() {
    let libvirt = Libvirt::start();
    let domain = libvirt.bare("web01");
    let programs = Folder::new();
    let virsh = programs.join("virsh");
    // That of the events alone, which is told to log.
    let text =
        "#!/bin/sh\n[ -z \"$LIBVIRT_LOG_FILTERS\" ] || sleep 3\nexec /usr/bin/virsh \"$@\"\n";
    fs::write(&virsh, text).unwrap();
    fs::set_permissions(&virsh, Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", programs.path().display());
    let script = "let w = v.watch(\"STOP\"); v.qmp(\"stop\"); w.wait(\"10s\").event";
    let told = eval(&domain.target(), script).env("PATH", &path).run();
    assert_eq!(told.expect_code(0).stdout, "STOP\n");

    // One that never comes to it is an error, and no silence.
    let text = "#!/bin/sh\n[ -z \"$LIBVIRT_LOG_FILTERS\" ] || exit 1\nexec /usr/bin/virsh \"$@\"\n";
    fs::write(&virsh, text).unwrap();
    let told = eval(&domain.target(), script).env("PATH", &path).run();
    told.expect_code(3);
    assert_no_virsh(&libvirt);
}

#[test]
fn a_virsh_that_does_not_know_of_pasting_is_typed_to() {
    let libvirt = Libvirt::start();
    let domain = libvirt.bare("web01");
    let programs = Folder::new();
    let virsh = programs.join("virsh");
    // What readline before 7 leaves of the marks of a paste.
    let text = "#!/bin/sh\nsed -u 's/\\x1b\\[2//g' | /usr/bin/virsh \"$@\"\n";
    fs::write(&virsh, text).unwrap();
    fs::set_permissions(&virsh, Permissions::from_mode(0o755)).unwrap();
    let path = format!("{}:/usr/bin:/bin", programs.path().display());
    let asked = eval(&domain.target(), "v.name + v.status").env("PATH", path);
    assert_eq!(asked.run().expect_code(0).stdout, "web01running\n");
    assert_no_virsh(&libvirt);
}

#[test]
fn a_domain_whose_qemu_hangs_is_given_up_and_delays_no_other() {
    let libvirt = Libvirt::start();
    let hangs = libvirt.bare("hangs");
    let works = libvirt.bare("works");
    hangs.stop_qemu();
    let (silent, other) = (
        serde_json::Value::from(hangs.target()),
        serde_json::Value::from(works.target()),
    );
    // Until it has an answer of the one, it waits for the other.
    let running = eval(
        &works.target(),
        &format!(
            r#"parallel([{silent}, {other}, {other}], #{{ jobs: 3 }}, |t| {{ let s = vm(t).status; print(`answered ${{s}}`); s }}).map(|r| if "error" in r {{ r.error.message }} else {{ r.ok }})"#
        ),
    )
    .spawn();
    running.wait_for_stdout("answered running");
    // It waits in libvirt for that domain and is not to outlive the shell either.
    until("nothing waits", || !virsh_processes(&libvirt).is_empty());
    let told = running.wait().expect_code(0);
    assert!(told.stdout.contains("sent no greeting"), "{}", told.stdout);
    assert_eq!(
        told.stdout.matches("\"running\"").count(),
        2,
        "{}",
        told.stdout
    );
    hangs.cont_qemu();
    eval(&hangs.target(), "v.status").run().expect_code(0);
    assert_no_virsh(&libvirt);
}

#[test]
fn a_shell_that_is_killed_while_it_waits_for_a_hung_domain_leaves_no_virsh() {
    let libvirt = Libvirt::start();
    let domain = libvirt.bare("web01");
    let mut running = eval(
        &domain.target(),
        r#"let w = v.watch("STOP"); print("here"); loop { v.status; }"#,
    )
    .spawn();
    running.wait_for_stdout("here");
    domain.stop_qemu();
    // The next question hangs, and comes at once; a kill before it would only prove less.
    std::thread::sleep(Duration::from_millis(300));
    running.signal(Signal::KILL);
    running.wait_for_exit();
    assert_no_virsh(&libvirt);
    domain.cont_qemu();
}

#[test]
fn a_domain_that_is_destroyed_in_the_middle_is_told_as_ended() {
    let libvirt = Libvirt::start();
    let domain = libvirt.bare("web01");
    let running = eval(
        &domain.target(),
        r#"let w = v.watch("SHUTDOWN"); print(v.status); try { loop { v.status; } } catch (e) { print(e.kind) } v.status"#,
    )
    .spawn();
    running.wait_for_stdout("running");
    libvirt.virsh_ok(["destroy", "web01"]);
    let told = running.wait().expect_code(3);
    assert_eq!(told.stdout, "running\ngone\n");
    assert!(
        told.stderr.contains("knows no such domain"),
        "{}",
        told.stderr
    );
    assert_no_virsh(&libvirt);
}

#[test]
fn queries_go_on_when_libvirt_is_killed_in_the_middle() {
    let libvirt = Libvirt::start();
    let domain = libvirt.bare("web01");
    let running = eval(
        &domain.target(),
        r#"print(v.status); sleep("2s"); let lost = 0; for i in 0..20 { v.status; sleep("100ms"); } print(v.status)"#,
    )
    .deadline(Duration::from_secs(120))
    .spawn();
    running.wait_for_stdout("running");
    libvirt.kill_daemon();
    let told = running.wait().expect_code(0);
    assert_eq!(told.stdout, "running\nrunning\n");
    assert_no_virsh(&libvirt);
}

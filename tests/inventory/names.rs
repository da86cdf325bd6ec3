//! Names: in all their forms, of two VMs, of none.

use harness::{Folder, Guest};
use std::os::unix::fs::symlink;

use super::{eval, fails, glob, named, qmpsh, uuid, uuid_of};

#[test]
fn a_vm_is_named_by_uuid_name_label_or_the_beginning_of_its_uuid() {
    let first = named("web01", &uuid(0x11)).start();
    let second = named("db01", &uuid(0x12)).start();
    let config = format!(
        "discover = []\n[vm.web01]\nqmp = {:?}\nuuid = {:?}\nlabels = [\"prod\", \"front\"]\n
        [vm.db01]\nqmp = {:?}\nuuid = {:?}\nlabels = [\"prod\"]\n",
        first.qmp(),
        uuid(0x11),
        second.qmp(),
        uuid(0x12)
    );
    let digits = uuid(0x11).replace('-', "");
    for name in [
        "web01",
        "front",
        &uuid(0x11),
        &uuid(0x11).to_uppercase(),
        &digits,
        "5A0E3C6D7B1F4C2E9D4A000000000011",
        "5a0e3c6d-7b1f-4c2e-9d4a-000000000011",
    ] {
        assert_eq!(uuid_of(name, &config), uuid(0x11), "{name}");
    }
    let almost = &uuid(0x12)[..35];
    let outcome = qmpsh(&config).args(["eval", "vm(args[0])", almost]).run();
    fails(&outcome, 3, &["names 2 VMs", "web01: UUID", "db01: UUID"]);
    let outcome = qmpsh(&config).args(["eval", "vm(\"prod\")"]).run();
    fails(
        &outcome,
        3,
        &[
            "`prod` names 2 VMs",
            first.qmp().to_str().unwrap(),
            "config",
        ],
    );
}

#[test]
fn two_vms_of_one_name_are_listed_with_what_tells_them_apart() {
    let first = named("twin", &uuid(0x13)).monitor("twin.qmp").start();
    let second = named("twin", &uuid(0x14)).monitor("twin.qmp").start();
    let mut config = glob(first.folder().path());
    config += &glob(second.folder().path());
    let outcome = qmpsh(&config).args(["eval", "vm(\"twin\").status"]).run();
    let sockets = [first.monitor("twin.qmp"), second.monitor("twin.qmp")];
    let words = sockets.each_ref().map(|socket| socket.to_str().unwrap());
    fails(
        &outcome,
        3,
        &["`twin` names 2 VMs", words[0], words[1], "found by glob"],
    );
    // Processes tell their UUIDs too, and a script can see what it did wrong.
    config += "[[discover]]\ntype = \"process\"\n";
    let error = eval(
        &config,
        "let told = (); try { vm(\"twin\") } catch (e) { told = [e.kind, e.message] } told",
    );
    assert_eq!(error[0], "usage");
    let message = error[1].as_str().unwrap();
    assert!(
        message.contains(&uuid(0x13)) && message.contains(&uuid(0x14)),
        "{message}"
    );
    assert_eq!(uuid_of(&uuid(0x14), &config), uuid(0x14));
}

#[test]
fn a_configured_vm_shadows_no_other_of_its_name() {
    let mine = named("mine", &uuid(0x15)).start();
    let other = named("other", &uuid(0x16)).monitor("web09.qmp").start();
    let config = format!(
        "[vm.web09]\nqmp = {:?}\n{}",
        mine.qmp(),
        glob(other.folder().path())
    );
    let outcome = qmpsh(&config).args(["eval", "vm(\"web09\")"]).run();
    fails(
        &outcome,
        3,
        &["`web09` names 2 VMs", "found by config", "found by glob"],
    );
}

#[test]
fn an_unknown_name_suggests_the_nearest_and_says_who_was_asked() {
    let qemu = named("x", &uuid(0x17)).monitor("web01.qmp").start();
    let config = glob(qemu.folder().path());
    let outcome = qmpsh(&config).args(["eval", "vm(\"wbe01\")"]).run();
    fails(
        &outcome,
        3,
        &["no VM is called `wbe01`", "did you mean `web01`?"],
    );
    let outcome = qmpsh(&config).args(["eval", "vm(\"something\")"]).run();
    fails(&outcome, 3, &["looked for with glob", "qmpsh ls"]);
    // The name is wrong, which is no word about a VM.
    let script = "try { vm(\"something\") } catch (err) { print(`${err.kind} ${err.exit}`) }";
    let outcome = qmpsh(&config).args(["eval", script]).run();
    assert_eq!(outcome.stdout, "usage 3\n", "{outcome:#?}");
    let outcome = qmpsh(&config).args(["qmp", "web*", "query-status"]).run();
    fails(
        &outcome,
        3,
        &[
            "no VM is called `web*`",
            "one VM is named here",
            "`qmpsh ls`",
        ],
    );
    let short = &uuid(0x17)[..3];
    let outcome = qmpsh(&config).args(["qmp", short, "query-status"]).run();
    let hint = format!("takes four digits: `{}`", &uuid(0x17)[..4]);
    fails(&outcome, 3, &["no VM is called", &hint]);
    let outcome = qmpsh(&config)
        .args(["eval", "vm(args[0])", "a\u{1b}[2Jb"])
        .run();
    fails(&outcome, 3, &["a\\x1b[2Jb"]);
}

#[test]
fn the_zero_uuid_names_no_vm_even_where_one_has_no_other() {
    let qemu = harness::Qemu::bare().monitor("web01.qmp").start();
    let config = glob(qemu.folder().path());
    for name in ["00000000-0000-0000-0000-000000000000", "00000000"] {
        let outcome = qmpsh(&config).args(["eval", "vm(args[0])", name]).run();
        fails(&outcome, 3, &["no VM is called"]);
    }
}

#[test]
fn a_vm_whose_name_nobody_knows_is_asked_for_it() {
    let first = named("inner-a", &uuid(0x18)).start();
    let second = named("inner-b", &uuid(0x19)).start();
    let folder = Folder::new();
    symlink(first.qmp(), folder.join("1.qmp")).unwrap();
    symlink(second.qmp(), folder.join("2.qmp")).unwrap();
    let config = glob(folder.path());
    assert_eq!(uuid_of("inner-a", &config), uuid(0x18));
    assert_eq!(uuid_of("inner-b", &config), uuid(0x19));
    assert_eq!(uuid_of(&uuid(0x19), &config), uuid(0x19));
    assert_eq!(uuid_of("1", &config), uuid(0x18));
}

#[test]
fn every_command_takes_a_name() {
    let guest = Guest::shared();
    let config = format!(
        "discover = []\n[vm.web01]\nqmp = {:?}\nagent = {:?}\n",
        guest.qmp(),
        guest.agent()
    );
    let outcome = qmpsh(&config).args(["thaw", "web01"]).run();
    assert_eq!(
        outcome.expect_code(0).stdout,
        "web01: thawed 0 file systems\n"
    );
    let outcome = qmpsh(&config).args(["qmp", "web01", "query-status"]).run();
    assert!(outcome.expect_code(0).stdout.contains("running"));
    let outcome = qmpsh(&config).args(["run", "guest-report", "web01"]).run();
    outcome.expect_code(0);
}

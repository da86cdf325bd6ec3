//! `vms()` in scripts.

use std::fmt::Write as _;

use serde_json::json;

use super::{eval, fails, named, qmpsh, uuid};

#[test]
fn vms_are_chosen_by_pattern_and_by_what_is_known_of_them() {
    let qemus = [
        ("web01", 0x41, "prod"),
        ("web02", 0x42, "test"),
        ("db01", 0x43, "prod"),
    ]
    .map(|(name, last, label)| (name, last, label, named(name, &uuid(last)).start()));
    let mut config = String::from("discover = []\n");
    for (name, last, label, qemu) in &qemus {
        write!(
            config,
            "[vm.{name}]\nqmp = {:?}\nuuid = {:?}\nlabels = [\"{label}\"]\n",
            qemu.qmp(),
            uuid(*last)
        )
        .unwrap();
    }
    for (call, names) in [
        ("vms()", json!(["db01", "web01", "web02"])),
        ("vms(\"web*\")", json!(["web01", "web02"])),
        ("vms(\"prod\")", json!(["db01", "web01"])),
        ("vms(\"5a0e3c6d*42\")", json!(["web02"])),
        ("vms(\"nothing\")", json!([])),
        ("vms(#{ label: \"prod\" })", json!(["db01", "web01"])),
        ("vms(#{ label: \"prod\", name: \"w*\" })", json!(["web01"])),
        (
            "vms(#{ provider: \"config\", uuid: \"*43\" })",
            json!(["db01"]),
        ),
        ("vms(#{})", json!(["db01", "web01", "web02"])),
    ] {
        let script = format!("{call}.map(|v| `${{v}}`)");
        assert_eq!(eval(&config, &script), names, "{call}");
    }
    let states = eval(&config, "parallel(vms(), |v| v.status).map(|one| one.ok)");
    assert_eq!(states, json!(["running", "running", "running"]));
    // What a VM is called names it too.
    assert_eq!(eval(&config, "vms(\"db01\")[0] == vm(\"db01\")"), true);
}

#[test]
fn a_filter_that_cannot_be_is_told() {
    for (call, words) in [
        ("vms(#{ lable: \"prod\" })", "did you mean `label`?"),
        ("vms(#{ label: 5 })", "`label` is a text"),
        ("vms(\"[\")", "`[` is no pattern"),
    ] {
        let outcome = qmpsh("discover = []").args(["eval", call]).run();
        fails(&outcome, 1, &[words]);
    }
}

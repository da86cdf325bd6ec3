//! Help, trees and tables of a real QEMU, and of a real guest's agent.

use std::path::Path;

use harness::{Guest, Outcome, Qemu, Qmpsh};

use super::{BOUND, QMPSH, line, terminal};

/// A machine that has a disk and no guest: the image `a.qcow2`, the node `a`, the device `disk-a`.
fn machine() -> Qemu {
    Qemu::bare()
        .image("a.qcow2", "16M")
        .args("-machine q35 -accel tcg -m 32 -S")
        .args("-blockdev qcow2,node-name=a,file.driver=file,file.filename=a.qcow2,file.node-name=a-file")
        .args("-device virtio-blk-pci,id=disk-a,drive=a")
        .start()
}

/// Lines in a session in which `v` is that VM.
fn piped(target: &str, lines: &str) -> Outcome {
    let text = format!("let v = vm(\"{target}\");\n{lines}\n");
    Qmpsh::new(QMPSH).stdin(text).deadline(BOUND).run()
}

fn shown(target: &str, line: &str) -> String {
    piped(target, line).expect_code(0).stdout.clone()
}

fn text(path: impl AsRef<Path>) -> String {
    path.as_ref().display().to_string()
}

/// The help that the shell's command gives, without its example.
fn of_shell(arguments: &[&str]) -> String {
    let outcome = Qmpsh::new(QMPSH).args(arguments.iter().copied()).run();
    let help = outcome.expect_code(0).stdout.clone();
    let (help, _) = help.split_once("Example:").unwrap();
    help.to_owned()
}

#[test]
fn a_command_is_told_as_the_shells_help_tells_it_however_it_is_asked_for() {
    let qemu = machine();
    let monitor = text(qemu.qmp());
    let of_shell = of_shell(&["qmp", &monitor, "eject", "--help"]);
    assert!(
        of_shell.contains("id                        text; optional"),
        "{of_shell}"
    );
    let expected = format!("{of_shell}Example:\n  v.qmp(\"eject\", #{{ id: \"TEXT\" }})\n");
    // Behind it, the functions of modules that are called so.
    for line in [":help eject", "eject?"] {
        let with_others = format!("{expected}\nstd/media::eject(");
        let shown = shown(&monitor, line);
        assert!(shown.starts_with(&with_others), "{line}: {shown}");
    }
    for line in [":help device_add id=x", "device-add?"] {
        assert!(
            shown(&monitor, line).starts_with("device_add\n\nArguments:\n"),
            "{line}"
        );
    }
    for line in [
        ":help v.qmp.eject",
        "v.qmp.eject?",
        "v.qmp(\"eject\")?",
        "let x = v.qmp(\"eject\", #{ id: \"cd0\", ?",
    ] {
        let expected = if line.contains("cd0") {
            expected.replace("TEXT", "cd0")
        } else {
            expected.clone()
        };
        assert_eq!(shown(&monitor, line), expected, "{line}");
    }
    let of_other = shown(&monitor, &format!("vm(\"{monitor}\").qmp.eject?"));
    assert!(
        of_other.ends_with(&format!(
            "\n  vm(\"{monitor}\").qmp(\"eject\", #{{ id: \"TEXT\" }})\n"
        )),
        "{of_other}"
    );
}

#[test]
fn what_is_written_already_decides_which_arguments_are_told() {
    let qemu = machine();
    let monitor = text(qemu.qmp());
    for line in [
        ":help blockdev-add driver=null-co",
        "v.qmp.blockdev_add(#{ driver: \"null-co\" })?",
        "v.qmp(\"blockdev-add\", #{ \"driver\": \"null-co\", size?",
    ] {
        let shown = shown(&monitor, line);
        assert!(
            shown.contains("Arguments with driver=null-co:") && shown.contains("\n  latency-ns "),
            "{line}: {shown}"
        );
    }
    let all = shown(&monitor, "v.qmp.blockdev_add?");
    assert!(
        all.contains("`:help blockdev-add driver=...` shows types"),
        "{all}"
    );
    let all = shown(&monitor, "v.qmp?");
    assert!(
        all.contains("vm.qmp(command: string) -> value") && all.contains("\n  eject "),
        "{all}"
    );
}

#[test]
fn a_command_that_this_vm_does_not_have_is_an_error_with_what_may_be_meant() {
    let qemu = machine();
    for (line, told, hint) in [
        (
            "v.qmp.ejct?",
            "there is no command `ejct`",
            "did you mean `eject`?",
        ),
        (
            ":help ejct",
            "there is no command `ejct`",
            "did you mean `eject`?",
        ),
        (
            "v.qmp.nonesuch?",
            "there is no command `nonesuch`",
            "`:help v.qmp` lists",
        ),
        (
            "nonesuch?",
            "there is no help on `nonesuch`",
            "`:help v.qmp` the commands",
        ),
        (
            "fsfreez?",
            "there is no help on `fsfreez`",
            "did you mean `fsfreeze`?",
        ),
        (":help eject id", "there is no help on `eject id`", ""),
        ("vm(\"/nowhere/at/all\").qmp.eject?", "/nowhere/at/all", ""),
    ] {
        let outcome = piped(&text(qemu.qmp()), line);
        assert_ne!(outcome.code, Some(0), "{line}: {outcome:#?}");
        assert!(
            outcome.stderr.contains(told) && outcome.stderr.contains(hint),
            "{line}: {outcome:#?}"
        );
    }
}

#[test]
fn commands_of_an_agent_are_told_as_this_agent_has_them() {
    let target = Guest::shared().target();
    let of_shell = of_shell(&["agent", &target, "exec", "--help"]);
    let expected =
        format!("{of_shell}Example:\n  v.agent.call(\"guest-exec\", #{{ path: \"TEXT\" }})\n");
    for line in [
        ":help guest-exec",
        "v.agent.guest_exec?",
        "v.agent.call(\"guest-exec\", #{ ?",
    ] {
        assert_eq!(shown(&target, line), expected, "{line}");
    }
    // What has a function of its own is told as that.
    let own = shown(&target, "v.agent.exec?");
    assert!(own.starts_with("agent.exec(program: string"), "{own}");
}

#[test]
fn the_block_nodes_of_the_vm_in_use_or_another_are_drawn_as_a_tree() {
    let qemu = machine();
    let monitor = text(qemu.qmp());
    let tree = shown(&monitor, ":tree");
    let expected = "disk-a\n└─ a  qcow2, 16 MiB (";
    assert!(tree.starts_with(expected), "{tree}");
    assert!(
        tree.ends_with(" used), a.qcow2\n   └─ file: a-file  file\n"),
        "{tree}"
    );
    assert_eq!(shown("/nowhere/at/all", &format!(":tree {monitor}")), tree);
    let bare = Qemu::bare().start();
    assert_eq!(
        shown(&text(bare.qmp()), ":tree"),
        "it has no drives and no block nodes\n"
    );
    let outcome = Qmpsh::new(QMPSH).stdin(":tree\n").run();
    assert!(
        outcome.stderr.contains("error: no VM is in use")
            && outcome.stderr.contains("`:use web01`"),
        "{outcome:#?}"
    );
}

#[test]
fn sizes_of_a_real_disk_are_shown_as_people_say_them_in_tables_and_trees_of_any_width() {
    let qemu = machine();
    let terminal = terminal();
    line(
        &terminal,
        &format!("let v = vm(\"{}\");", text(qemu.qmp())),
        "",
    );
    terminal.types("let a = v.qmp(\"query-named-block-nodes\")[0];\r");
    terminal.types("[#{ node: a[\"node-name\"], size: a.image[\"virtual-size\"], ro: a.ro }]\r");
    terminal.wait_for("NODE  RO       SIZE\na     false  16 MiB");
    terminal.types("a.image\r");
    terminal.wait_for("virtual-size: 16777216 (16 MiB)");
    terminal.wait_for("cluster-size: 65536 (64 KiB)");
    // What does not fit as a table is a tree.
    terminal.resize(30, 24);
    terminal.types("[#{ node: \"a node of quite a long name\", size: 16777216 }]\r");
    terminal.wait_for("\n  size: 16777216 (16 MiB)");
}

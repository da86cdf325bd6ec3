//! `qmpsh completions`: real shells, and what is offered.

use std::fs;
use std::sync::Arc;

use harness::{Folder, Outcome, Qemu, Qmpsh, RawQmp};

use super::{BOUND, QMPSH, qmpsh};

/// What is offered for the last of `words`, as fish is told: a word a line, after a tab what it means.
fn offers(words: &[&str]) -> Vec<String> {
    offers_at(&Arc::new(Folder::new()), words)
}

/// The same in a home that others share.
fn offers_at(home: &Arc<Folder>, words: &[&str]) -> Vec<String> {
    let outcome = Qmpsh::at_home(QMPSH, home)
        .deadline(BOUND)
        .env("QMPSH_COMPLETE", "fish")
        .args(["--", "qmpsh"])
        .args(words)
        .run()
        .expect_code(0);
    assert_eq!(outcome.stderr, "", "{outcome:#?}");
    let lines = outcome.stdout.lines();
    lines
        .map(|line| line.split('\t').next().unwrap().to_owned())
        .collect()
}

/// A shell in which `qmpsh` is the program.
fn shell(program: &str) -> Qmpsh {
    in_path(Qmpsh::new(program))
}

fn in_path(shell: Qmpsh) -> Qmpsh {
    let folder = std::path::Path::new(QMPSH).parent().unwrap();
    shell
        .env("PATH", format!("{}:/usr/bin:/bin", folder.display()))
        .env("TERM", "dumb")
        .deadline(BOUND)
}

/// A shell at a terminal, in which `typed` is typed.
fn at_terminal(line: &str, typed: &str) -> Outcome {
    shell("/usr/bin/script")
        .args(["-qec", line, "/dev/null"])
        .stdin(typed)
        .run()
}

const ABOUT_GUEST_REPORT: &str = "//! What a guest tells of itself";

#[test]
fn bash_completes_a_script_when_tab_is_pressed() {
    let outcome = at_terminal(
        "bash --norc --noprofile -i",
        "source <(qmpsh completions bash)\nqmpsh scripts guest-re\t\nexit\n",
    );
    assert!(outcome.stdout.contains(ABOUT_GUEST_REPORT), "{outcome:#?}");
}

#[test]
fn bash_completes_values_behind_signs_at_which_it_ends_a_word() {
    let qemu = Qemu::bare().start();
    let vm = qemu.qmp();
    let vm = vm.to_str().unwrap();
    let home = Arc::new(Folder::new());
    knows(&home, vm);
    let config = home.join("vms.toml");
    let text =
        "discover = []\n[vm.\"web:01\"]\nqmp = \"/run/a\"\n[vm.\"db@x:2\"]\nqmp = \"/run/b\"\n";
    fs::write(&config, text).unwrap();
    let config = config.to_str().unwrap();
    let terminal = in_path(Qmpsh::at_home("/bin/bash", &home))
        .env("PS1", "ready$ ")
        .args(["--norc", "--noprofile", "-i"])
        .on_terminal();
    terminal.resize(400, 24);
    terminal.wait_for_end("ready$");
    terminal.types("source <(qmpsh completions bash); echo so''urced\r");
    terminal.wait_for("\nsourced\nready$");
    for (line, completed) in [
        (format!("qmp {vm} eject force=t\t"), "eject force=true"),
        (
            format!("qmp {vm} eject force=\"t\t"),
            "eject force=\"true\"",
        ),
        // Nothing to add, and no blank.
        (format!("qmp {vm} eject id=\tx"), "eject id=x"),
        (
            format!("qmp {vm} blockdev-add driver=qcow2 read-on\tt\t"),
            "driver=qcow2 read-only=true",
        ),
        (format!("qmp {vm} blockdev-add driver=qco\t"), "driver=qcow"),
        ("--color=al\t".to_owned(), "--color=always"),
        (format!("--config={config} thaw web:\t"), "thaw web:01"),
        (format!("--config {config} thaw db@x\t"), "thaw db@x:2"),
    ] {
        terminal.types(&format!("qmpsh {line}"));
        terminal.wait_for_end(completed);
        terminal.types("\x15");
        terminal.wait_for_end("ready$");
    }
    terminal.types(&format!("qmpsh qmp {vm} eject force=\t\t"));
    terminal.wait_for("\ntrue   false\n");
}

#[test]
fn zsh_completes_a_script_when_tab_is_pressed() {
    let outcome = at_terminal(
        "zsh -f -i",
        "autoload -Uz compinit && compinit -D -u\nsource <(qmpsh completions zsh)\nqmpsh scripts guest-re\t\nexit\n",
    );
    assert!(outcome.stdout.contains(ABOUT_GUEST_REPORT), "{outcome:#?}");
}

#[test]
fn fish_offers_scripts_with_what_they_do() {
    let line = "qmpsh completions fish | source; complete -C 'qmpsh run --json guest-re'";
    let outcome = shell("/usr/bin/fish")
        .args(["--no-config", "-c", line])
        .run()
        .expect_code(0);
    assert!(
        outcome
            .stdout
            .starts_with("guest-report\tWhat a guest tells of itself"),
        "{outcome:#?}"
    );
    assert_eq!(outcome.stderr, "");
}

#[test]
fn commands_options_and_their_values_are_offered() {
    assert_eq!(offers(&["ev"]), ["eval", "events"]);
    assert_eq!(offers(&["--color", "a"]), ["auto", "always"]);
    assert_eq!(offers(&["completions", ""])[..3], ["bash", "zsh", "fish"]);
    assert_eq!(offers(&["thaw", "--st"]), ["--stale"]);
    assert!(offers(&["man", "th"]).contains(&"thaw".to_owned()));
}

#[test]
fn a_scripts_own_arguments_are_offered() {
    let script = "freeze-snapshot-thaw";
    assert_eq!(offers(&["run", "freeze-"]), [script]);
    assert_eq!(offers(&["run", script, "--q"]), ["--quiesce"]);
    assert_eq!(
        offers(&[
            "--timeout",
            "5s",
            "run",
            "--allow-read",
            "/x",
            script,
            "--quiesce",
            ""
        ]),
        ["require", "prefer", "no"]
    );
    let folder = Folder::new();
    let own = folder.join("mine.rhai");
    fs::write(
        &own,
        "//! Mine.\n//! [args]\n//! vm = { type = \"vm\" }\n//! speed = { type = \"int\", flag = true }",
    )
    .unwrap();
    let own = own.to_str().unwrap();
    assert_eq!(offers(&["run", own, "web01", "--s"]), ["--speed"]);
    assert_eq!(offers(&["run", &own[..own.len() - 4]]), [own]);
    assert!(offers(&["run", "/nowhere.rhai", "--s"]).is_empty());
}

#[test]
fn a_vm_can_be_a_path_and_a_line_that_is_wrong_is_no_fault() {
    let folder = Folder::new();
    fs::write(folder.join("web01.qmp"), "").unwrap();
    let socket = folder.join("web01.qmp");
    let socket = socket.to_str().unwrap();
    for command in ["events", "thaw"] {
        assert_eq!(offers(&[command, &socket[..socket.len() - 3]]), [socket]);
    }
    offers(&["nosuch", "--wrong", "x", ""]);
    let outcome = qmpsh().env("QMPSH_COMPLETE", "fish").arg("--").run();
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("", ""));
}

/// Has the schema of a VM kept in a home: a busy machine takes longer for it than somebody waits who types.
fn knows(home: &Arc<Folder>, vm: &str) {
    let help = Qmpsh::at_home(QMPSH, home).args(["qmp", vm, "eject", "--help"]);
    help.deadline(BOUND).run().expect_code(0);
}

#[test]
fn the_commands_arguments_and_events_of_a_vm_are_its_own() {
    let qemu = Qemu::bare().start();
    let vm = qemu.qmp();
    let vm = vm.to_str().unwrap();
    let home = Arc::new(Folder::new());
    knows(&home, vm);
    let offers = |words: &[&str]| offers_at(&home, words);
    let ejects = offers(&["qmp", vm, "ej"]);
    assert_eq!(ejects, ["eject"]);
    let keys = offers(&["qmp", vm, "eject", ""]);
    for key in ["id=", "device=", "force=true", "force=false"] {
        assert!(keys.iter().any(|offer| offer == key), "{key} in {keys:?}");
    }
    assert_eq!(offers(&["qmp", vm, "eject", "id=cd0", "i"]), [""; 0]);
    assert_eq!(
        offers(&["-v", "qmp", "--args", "{}", vm, "set-action", "reboot=s"]),
        ["reboot=shutdown"]
    );
    assert_eq!(offers(&["events", vm, "-e", "SHUT"]), ["SHUTDOWN"]);
    assert_eq!(
        offers(&["agent", vm, "guest-fsfreeze-s"]),
        ["guest-fsfreeze-status"]
    );
    assert!(offers(&["agent", vm, "file-open", ""]).contains(&"path=".to_owned()));
}

#[test]
fn a_monitor_that_serves_another_is_left_alone_and_what_the_last_one_took_is_offered() {
    let home = Arc::new(Folder::new());
    let qemu = Qemu::bare().start();
    let vm = qemu.qmp();
    let vm = vm.to_str().unwrap();
    let _holder = RawQmp::connect(vm);
    assert_eq!(offers_at(&home, &["qmp", vm, "ej"]), [""; 0]);
    let other = Qemu::bare().start();
    let other = other.qmp();
    knows(&home, other.to_str().unwrap());
    assert_eq!(offers_at(&home, &["qmp", vm, "ej"]), ["eject"]);
}

#[test]
fn vms_are_offered_by_the_names_that_are_known_here_unless_a_name_would_do_something() {
    let folder = Folder::new();
    let config = folder.join("qmpsh.toml");
    let text = "discover = []\n[vm.web01]\nqmp = \"/run/a\"\n[vm.web02]\nqmp = \"/run/b\"\n[vm.\"web$(reboot)\"]\nqmp = \"/run/c\"\n";
    fs::write(&config, text).unwrap();
    let config = config.to_str().unwrap();
    for command in ["events", "thaw", "qmp"] {
        assert_eq!(
            offers(&["--config", config, command, "we"]),
            ["web01", "web02"]
        );
    }
    assert_eq!(
        offers(&[
            "run",
            "freeze-snapshot-thaw",
            &format!("--config={config}"),
            "web02"
        ]),
        ["web02"]
    );
    fs::write(config, "[[[broken").unwrap();
    assert_eq!(offers(&["--config", config, "thaw", "we"]), [""; 0]);
}

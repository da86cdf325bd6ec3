//! `qmpsh completions`: real shells, and what is offered.

use std::fs;

use harness::{Folder, Outcome, Qmpsh};

use super::{BOUND, QMPSH, qmpsh};

/// What is offered for the last of `words`, as fish is told: a word a line, after a tab what it means.
fn offers(words: &[&str]) -> Vec<String> {
    let outcome = qmpsh()
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
    let folder = std::path::Path::new(QMPSH).parent().unwrap();
    Qmpsh::new(program)
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
fn zsh_completes_a_script_when_tab_is_pressed() {
    let outcome = at_terminal(
        "zsh -f -i",
        "autoload -Uz compinit && compinit -D -u\nsource <(qmpsh completions zsh)\nqmpsh scripts guest-re\t\nexit\n",
    );
    assert!(outcome.stdout.contains(ABOUT_GUEST_REPORT), "{outcome:#?}");
}

#[test]
fn fish_offers_scripts_with_what_they_do() {
    let line = "qmpsh completions fish | source; complete -C 'qmpsh run --json guest-'";
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
    assert!(offers(&["nosuch", "--wrong", "x", ""]).len() < 20);
    let outcome = qmpsh().env("QMPSH_COMPLETE", "fish").arg("--").run();
    assert_eq!((outcome.stdout.as_str(), outcome.stderr.as_str()), ("", ""));
}

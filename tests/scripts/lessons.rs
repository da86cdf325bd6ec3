//! The lessons in `examples/`: each does on a real guest what it says.

use std::path::{Path, PathBuf};

use harness::{Daemons, Folder, Outcome, RawQmp};
use qmpsh::script::header::Header;
use serde_json::Value;

use super::lent::lent;
use super::{files, qmpsh};

fn lesson(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("examples")
        .join(name)
}

fn run(name: &str, words: &[&str]) -> Outcome {
    let path = lesson(name);
    qmpsh(["run", path.to_str().unwrap()]).args(words).run()
}

/// Runs a lesson that prints exactly these lines.
#[track_caller]
fn prints(name: &str, words: &[&str], lines: &[&str]) {
    let outcome = run(name, words).expect_code(0);
    assert_eq!(
        outcome.stdout.lines().collect::<Vec<_>>(),
        lines,
        "{outcome:#?}"
    );
}

#[test]
fn every_lesson_is_run_here_and_says_what_it_teaches() {
    let tests = std::fs::read_to_string(
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scripts/lessons.rs"),
    )
    .unwrap();
    let lessons = files(&lesson(""), ".rhai");
    assert!(lessons.len() >= 7, "{lessons:?}");
    for path in lessons {
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(tests.contains(&format!("\"{name}\"")), "{name} is not run");
        let header = Header::read(&std::fs::read_to_string(&path).unwrap()).unwrap();
        assert!(
            header.summary.ends_with('.') && header.arguments.is_some(),
            "{name}"
        );
    }
}

#[test]
fn first_query() {
    let guest = lent();
    let outcome = run("first-query.rhai", &[&guest.target()]).expect_code(0);
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    assert!(
        lines[0].starts_with("web01 is running on QEMU "),
        "{lines:?}"
    );
    assert_eq!(lines[1], "it has 192 MiB of memory");
    assert!(lines[2].starts_with("processor 0 is thread "), "{lines:?}");
    assert_eq!(
        lines[4].split_whitespace().collect::<Vec<_>>(),
        ["NODE", "FILE", "FORMAT", "VIRTUAL_SIZE"]
    );
    assert!(
        lines[5..]
            .iter()
            .any(|line| line.starts_with("disk0 ") && line.ends_with("67108864")),
        "{lines:?}"
    );
}

#[test]
fn read_a_file_in_the_guest() {
    let guest = lent();
    prints(
        "read-a-file-in-the-guest.rhai",
        &[&guest.target()],
        &["qmpsh-guest", "", "qmpsh"],
    );
    assert!(
        guest
            .shell_ok("cat /tmp/note")
            .starts_with("read by qmpsh\nat 20")
    );
    run(
        "read-a-file-in-the-guest.rhai",
        &[&guest.target(), "/no/such"],
    )
    .expect_code(4);
}

#[test]
fn watch_an_event() {
    let guest = lent();
    let outcome = run("watch-an-event.rhai", &[&guest.target()]).expect_code(0);
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    assert_eq!(
        (lines[0], lines[2]),
        ("STOP: the VM is paused", "timeout: nothing more happened")
    );
    assert!(
        lines[1].starts_with("RESUME: the VM is running, after "),
        "{lines:?}"
    );
}

#[test]
fn run_a_program_on_a_fleet() {
    let guest = lent();
    let target = guest.target();
    let name = guest.qmp().display().to_string();
    prints(
        "run-a-program-on-a-fleet.rhai",
        &["hostname", &target, &target],
        &[
            &format!("{target}: qmpsh-guest"),
            &format!("{target}: qmpsh-guest"),
        ],
    );
    let outcome = run(
        "run-a-program-on-a-fleet.rhai",
        &["hostname", "/no/such.qmp", &target],
    )
    .expect_code(1);
    assert_eq!(outcome.stdout, format!("{target}: qmpsh-guest\n"));
    assert!(outcome.stderr.starts_with("/no/such.qmp: "), "{outcome:#?}");
    assert!(
        outcome.stderr.contains("it failed on 1 of 2"),
        "{outcome:#?}"
    );
    let outcome = run("run-a-program-on-a-fleet.rhai", &["exit 3", &target]).expect_code(1);
    assert!(
        outcome.stderr.contains(&format!(
            "{name}: `/bin/sh` in the guest ended with exit code 3"
        )),
        "{outcome:#?}"
    );
}

#[test]
fn freeze_by_hand() {
    let guest = lent();
    prints(
        "freeze-by-hand.rhai",
        &[&guest.target()],
        &[
            "before: thawed",
            "inside: frozen, 2 file systems",
            "after: thawed",
            "it was frozen for less than 10 s",
        ],
    );
    assert!(!guest.is_frozen());
}

#[test]
fn errors() {
    let guest = lent();
    let outcome = run("errors.rhai", &[&guest.target()]).expect_code(4);
    assert_eq!(
        outcome.stdout.lines().collect::<Vec<_>>(),
        [
            "qmp, DeviceNotFound: Device 'no-such-drive' not found",
            "timeout: the VM still runs",
            "it took 3 tries",
            "timeout: it took longer than 50 ms",
            "the note is taken away",
            "the work went wrong",
        ]
    );
    assert!(
        outcome
            .stderr
            .contains("this QEMU has no command `no-such-command`"),
        "{outcome:#?}"
    );
}

#[test]
fn start_a_vm() {
    let folder = Folder::new();
    let daemons = Daemons::of(folder.path());
    let dir = folder.join("vms");
    let dir = dir.to_str().unwrap();
    let monitor = folder.join("vms/web01.qmp");
    let disk = folder.join("vms/web01.qcow2");

    let outcome = run("start-a-vm.rhai", &[dir, "--dry-run"]).expect_code(0);
    assert!(
        outcome.stdout.ends_with("web01 would be started\n"),
        "{outcome:#?}"
    );
    assert!(!disk.exists() && daemons.running().is_empty());

    let running = format!("{} is running", monitor.display());
    let made = format!("made {}", disk.display());
    prints(
        "start-a-vm.rhai",
        &[dir],
        &[&made, "web01 was started", &running],
    );
    let started = daemons.running();
    assert_eq!(started.len(), 1);

    prints("start-a-vm.rhai", &[dir], &["web01 runs already", &running]);
    assert_eq!(daemons.running(), started);
    let name = RawQmp::connect(&monitor).call("query-name", &Value::Null);
    assert_eq!(name["name"], "web01");
}

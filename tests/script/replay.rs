//! The ready-made scripts against recordings of a real guest, with no VM. The recordings in `tests/recordings` were made by
//! `qmpsh --record FILE ...` on a guest of the harness that was called `mail01`.

use std::fs;
use std::path::{Path, PathBuf};

use harness::{Outcome, Qmpsh};

/// The script of `events-and-programs.jsonl`.
const EVENTS: &str = r#"let v = vm("mail01");
let stopped = v.watch("STOP");
v.qmp.stop();
let event = stopped.wait("10s").event;
v.qmp.cont();
let why = "";
try { v.qmp("device_del", #{ id: "none" }) } catch (err) { why = err.desc }
[event, why, v.agent.exec("uname", ["-s"]).stdout, v.disks().map(|d| d.node), v.job("none").status]"#;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/recordings")
}

fn replay<'a>(recording: &str, words: impl IntoIterator<Item = &'a str>) -> Outcome {
    let own = Qmpsh::new(env!("CARGO_BIN_EXE_qmpsh")).arg("--replay");
    own.arg(folder().join(recording)).args(words).run()
}

#[test]
fn a_recorded_snapshot_runs_to_its_end() {
    let words = ["run", "freeze-snapshot-thaw", "mail01"];
    let outcome = replay("freeze-snapshot-thaw.jsonl", words).expect_code(0);
    assert_eq!(
        outcome.stdout,
        "virtio-disk0: new overlay /srv/vm/mail01/disk0.20261121T145942Z.qcow2 (node qmpsh-12b69db1)\n\
         virtio-disk1: new overlay /srv/vm/mail01/disk1.20261121T145942Z.qcow2 (node qmpsh-8a498ead)\n\
         2 file systems were frozen for 224 ms\n"
    );
    assert_eq!(
        outcome.stderr,
        "mail01: 2 file systems were frozen for 224 ms\n"
    );
}

#[test]
fn a_snapshot_that_is_taken_otherwise_is_told_at_its_first_other_message() {
    let words = [
        "run",
        "freeze-snapshot-thaw",
        "mail01",
        "--disk",
        "virtio-disk1",
    ];
    let outcome = replay("freeze-snapshot-thaw.jsonl", words).expect_code(1);
    let told = "`filename` was \"/srv/vm/mail01/disk0.20261121T145942Z.qcow2\" and is \"/srv/vm/mail01/disk1.20261121T145942Z.qcow2\"";
    assert!(outcome.stderr.contains(told), "{outcome:#?}");
}

#[test]
fn a_recorded_report_is_the_same_report() {
    let outcome = replay("guest-report.jsonl", ["run", "guest-report", "mail01"]).expect_code(0);
    for line in [
        "host name: qmpsh-guest\n",
        "system: qmpsh test guest 1, kernel 6.1.0-56-cloud-amd64\n",
        "/data       ext4  vda     14 KiB  50.2 MiB\n",
        "nobody is logged in\n",
    ] {
        assert!(outcome.stdout.contains(line), "{line}: {outcome:#?}");
    }
}

#[test]
fn recorded_events_errors_and_programs_come_back_where_they_were() {
    let outcome = replay("events-and-programs.jsonl", ["eval", EVENTS]).expect_code(0);
    assert_eq!(
        outcome.stdout.trim(),
        r#"["STOP","Device 'none' not found","Linux\n",["qmpsh-b5a973c5","qmpsh-083d935d"],null]"#
    );
    // Without the wait for it the event is there all the same, and nothing else differs.
    let unwaited = EVENTS.replace("stopped.wait(\"10s\").event", "stopped.drain().len()");
    let outcome = replay("events-and-programs.jsonl", ["eval", &unwaited]).expect_code(1);
    assert!(
        outcome
            .stderr
            .contains("`cont` was recorded, and `query-version` is sent"),
        "{outcome:#?}"
    );
}

#[test]
fn the_recordings_hold_nothing_of_the_machine_that_they_were_made_on() {
    for entry in fs::read_dir(folder()).unwrap() {
        let text = fs::read_to_string(entry.unwrap().path()).unwrap();
        for part in ["/home", "/root", "/tmp", "target/"] {
            assert!(!text.contains(part), "{part}");
        }
    }
}

#[test]
fn a_recording_that_ends_early_is_told_wherever_it_was_cut() {
    let whole = fs::read_to_string(folder().join("guest-report.jsonl")).unwrap();
    let lines: Vec<&str> = whole.lines().collect();
    let home = harness::Folder::new();
    for count in 1..lines.len() {
        let cut = home.join(format!("{count}.jsonl"));
        fs::write(&cut, lines[..count].join("\n") + "\n").unwrap();
        let words = ["run", "guest-report", "mail01"];
        let outcome = replay(cut.to_str().unwrap(), words).expect_code(2);
        assert!(
            outcome.stderr.contains("the recording ends early"),
            "{outcome:#?}"
        );
    }
}

//! Scripts on real machines, through the real binary: the ready-made ones, and the whole surface that scripts have.

mod backup;
mod backup_damage;
mod backup_export;
mod backup_faults;
mod backup_folder;
mod backup_forget;
mod backup_levels;
mod backup_prune;
mod backup_refused;
mod backup_shrunk;
mod blockdev;
mod busy;
mod chains;
mod commit;
mod commit_failures;
mod commit_killed;
mod commit_names;
mod device;
mod device_stops;
mod disk_refused;
mod documentation;
mod fleet;
mod guest_accounts;
mod guest_exec;
mod guest_files;
mod guest_report;
mod guest_system;
mod internal_snapshot;
mod internal_snapshot_limits;
mod lent;
mod lessons;
mod media;
mod memory;
mod migrate;
mod modes;
mod needs;
mod picture;
mod power;
mod power_on;
mod preflight;
mod relay;
mod revert;
mod snapshot;
mod snapshot_failures;
mod snapshot_names;
mod surface_agent;
mod surface_disks;
mod surface_exec;
mod surface_files;
mod surface_fleet;
mod surface_freeze;
mod surface_graph;
mod surface_jobs;
mod surface_qmp;
mod surface_watch;
mod vcpu;

use std::path::{Path, PathBuf};
use std::process::Command;

use harness::{Folder, Format, Guest, Outcome, Qemu, Qmpsh, RawQmp};
use serde_json::{Value, json};

/// qmpsh with these arguments, in a home of its own.
fn qmpsh<'a>(arguments: impl IntoIterator<Item = &'a str>) -> Qmpsh {
    Qmpsh::new(env!("CARGO_BIN_EXE_qmpsh")).args(arguments)
}

/// The names of all block nodes.
fn nodes(monitor: &Path) -> Vec<String> {
    let reply = RawQmp::connect(monitor).call("query-named-block-nodes", &json!({ "flat": true }));
    let mut names: Vec<String> = reply
        .as_array()
        .unwrap()
        .iter()
        .map(|node| node["node-name"].as_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

/// Has QEMU refuse the transaction of a run to which these words are added: a mirror begins on the second disk when the guest is
/// frozen already. All is left as it was.
#[track_caller]
fn refuse_in_the_window(words: Qmpsh) -> Outcome {
    let folder = Folder::new();
    let second = folder.join("second.qmp");
    let guest = Guest::builder()
        .disk(Format::Qcow2, "64M")
        .disk(Format::Qcow2, "64M")
        .arg("-qmp")
        .arg(format!("unix:{},server=on,wait=off", second.display()))
        .boot();
    let before = State::of_guest(&guest);
    let relay = relay::Relay::holding(&guest.qmp(), "\"transaction\"");
    let (socket, agent) = (relay.socket(), guest.agent());
    let target = format!("qmp={},agent={}", socket.display(), agent.display());
    let running = words.arg(target).spawn();
    relay.wait();
    assert!(guest.is_frozen());
    let mut monitor = RawQmp::connect(&second);
    let sink = json!({ "driver": "null-co", "node-name": "sink", "size": 64 << 20 });
    monitor.call("blockdev-add", &sink);
    let mirror = json!({ "job-id": "mirror", "device": "disk1", "target": "sink", "sync": "none" });
    monitor.call("blockdev-mirror", &mirror);
    relay.release();
    let outcome = running.wait().expect_code(4);
    monitor.call(
        "block-job-cancel",
        &json!({ "device": "mirror", "force": true }),
    );
    monitor.event("BLOCK_JOB_CANCELLED");
    monitor.call("blockdev-del", &json!({ "node-name": "sink" }));
    drop(relay);
    assert_eq!(State::of_guest(&guest), before, "{outcome:#?}");
    let left = "[v.qmp(\"query-jobs\"), v.disks().map(|disk| disk.bitmaps)]";
    assert_eq!(eval(&guest.target(), left), json!([[], [[], []]]));
    assert!(!guest.is_frozen(), "{outcome:#?}");
    assert!(
        outcome.stderr.contains("2 file systems were frozen for"),
        "{outcome:#?}"
    );
    outcome
}

/// The node at the top of each of the machine's disks, by the path of the disk's device.
fn tops(monitor: &Path) -> Vec<(String, String)> {
    let reply = RawQmp::connect(monitor).call("query-block", &Value::Null);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut tops: Vec<(String, String)> = reply
        .as_array()
        .unwrap()
        .iter()
        .map(|drive| (text(&drive["qdev"]), text(&drive["inserted"]["node-name"])))
        .collect();
    tops.sort();
    tops
}

/// The files in a folder that end so.
fn files(folder: &Path, ending: &str) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.to_str().unwrap().ends_with(ending))
        .collect();
    files.sort();
    files
}

/// What `qemu-img info` says of an image that may be in use.
fn image_info(image: &Path) -> Value {
    let output = Command::new("qemu-img")
        .args(["info", "-U", "--output=json"])
        .arg(image)
        .output()
        .unwrap();
    serde_json::from_slice(&output.stdout).unwrap()
}

/// A machine that has disks and no guest, stopped before its first instruction: `a.qcow2` (node `a`, device `disk-a`) and
/// `b.raw` (node `b`, device `disk-b`), both by relative names.
fn machine() -> Qemu {
    let disk = |name: &str, format: &str| {
        format!(
            " -blockdev file,node-name={name}-file,filename={name}.{format} -blockdev {format},node-name={name},file={name}-file
              -device virtio-blk-pci,id=disk-{name},drive={name}"
        )
    };
    Qemu::bare()
        .image("a.qcow2", "16M")
        .image("b.raw", "8M")
        .args("-machine q35 -accel tcg -m 32 -S")
        .args(&disk("a", "qcow2"))
        .args(&disk("b", "raw"))
        .start()
}

/// What is there before a script runs, to be compared with what it left.
#[derive(Debug, PartialEq, Eq)]
struct State {
    nodes: Vec<String>,
    tops: Vec<(String, String)>,
    files: Vec<PathBuf>,
}

impl State {
    fn of(monitor: &Path, folder: &Path) -> Self {
        Self {
            nodes: nodes(monitor),
            tops: tops(monitor),
            files: files(folder, ".qcow2"),
        }
    }

    fn of_guest(guest: &Guest) -> Self {
        Self::of(&guest.qmp(), guest.folder().path())
    }
}

/// The run's one JSON document.
#[track_caller]
fn document(outcome: &Outcome) -> Value {
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome:#?}"))
}

/// The value of a script, in which `v` is the VM and `args` the words after it.
#[track_caller]
fn eval(target: &str, script: &str) -> Value {
    let outcome = qmpsh([
        "--json",
        "eval",
        &format!("let v = vm(args[0]); {script}"),
        target,
    ])
    .run();
    document(&outcome.expect_code(0))
}

/// The error that a script catches.
#[track_caller]
fn caught(target: &str, script: &str) -> Value {
    let error = eval(
        target,
        &format!("let caught = (); try {{ {script}; }} catch (e) {{ caught = e }} caught"),
    );
    assert!(error.is_object(), "`{script}` throws nothing: {error}");
    error
}

/// Asserts members of an error; one that is null is not to be there.
#[track_caller]
fn assert_error(error: &Value, members: &Value) {
    for (key, expected) in members.as_object().unwrap() {
        match (expected.as_str(), error[key].as_str()) {
            // Of a sentence, a part.
            (Some(part), Some(whole)) if key == "message" || key == "hint" => {
                assert!(whole.contains(part), "{key}: {error}");
            }
            _ => assert_eq!(&error[key], expected, "{key}: {error}"),
        }
    }
}

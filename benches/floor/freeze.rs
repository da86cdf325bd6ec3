//! The time in which a guest is frozen: what qmpsh adds to the freeze, a snapshot of both disks, and the thaw. It is
//! taken at the wire, from the freeze being sent to the answer of the thaw.

use std::path::PathBuf;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use harness::Guest;
use qmpsh::client::tap::{Channel, Direction, Tap, TapLine};
use serde_json::{Value, json};

use crate::qmpsh::Script;
use crate::raw::{Raw, request};
use crate::rounds::in_turn;
use crate::table::{Quantity, Table, Target};

const ROUNDS: usize = 25;
const DISKS: usize = 2;

pub(crate) fn measure(table: &mut Table) {
    let guest = Guest::boot();
    let overlays = Overlays::new(&guest);
    let rounds = in_turn(
        ROUNDS,
        vec![
            Box::new(|| raw(&guest, &overlays.next())),
            Box::new(|| script(&guest, &overlays.next())),
        ],
    );
    table.compare(
        "the freeze around a snapshot, in a script",
        Quantity::Time(rounds.median(0)),
        Quantity::Time(rounds.median(1)),
        rounds.ratio(1, 0),
        Some(Target::RatioAtMost(1.10)),
    );
}

/// Gives the guest something to write in its freeze, the same each time.
fn disturb(guest: &Guest) {
    guest.shell_ok("for d in /data /data2; do head -c 65536 /dev/zero >$d/dirty; done");
}

fn raw(guest: &Guest, actions: &Value) -> Duration {
    disturb(guest);
    let mut monitor = Raw::monitor(&guest.qmp());
    let mut agent = Raw::agent(&guest.agent());
    let freeze = request("guest-fsfreeze-freeze", Value::Null);
    let transaction = request("transaction", json!({ "actions": actions }));
    let thaw = request("guest-fsfreeze-thaw", Value::Null);

    let begun = Instant::now();
    agent.exchange(&freeze);
    monitor.exchange(&transaction);
    agent.exchange(&thaw);
    begun.elapsed()
}

fn script(guest: &Guest, actions: &Value) -> Duration {
    disturb(guest);
    let window = Arc::new(Window::default());
    let warm_up = "v.qmp(\"query-status\"); v.agent.ping();";
    let mut script = Script::new(&guest.target(), Some(window.clone()), warm_up);
    let script_actions = actions.to_string().replace('{', "#{");
    script.run(&format!(
        "with v.agent.fsfreeze() as f {{ v.transaction({script_actions}) }}"
    ));
    window.length()
}

/// Overlays that the guest's QEMU has opened, for one snapshot after the other.
struct Overlays<'a> {
    guest: &'a Guest,
    made: Mutex<usize>,
}

impl<'a> Overlays<'a> {
    fn new(guest: &'a Guest) -> Self {
        Self {
            guest,
            made: Mutex::new(0),
        }
    }

    /// The actions of the next snapshot.
    fn next(&self) -> Value {
        let mut made = self.made.lock().unwrap();
        let mut monitor = Raw::monitor(&self.guest.qmp());
        let actions = (0..DISKS).map(|disk| {
            let name = |number: usize| match number {
                0 => format!("disk{disk}"),
                number => format!("disk{disk}-{number}"),
            };
            let overlay = name(*made + 1);
            let file = self.guest.folder().join(&overlay);
            create(&file);
            let file = json!({ "driver": "file", "filename": file });
            let node =
                json!({ "driver": "qcow2", "node-name": overlay, "file": file, "backing": null });
            monitor.call("blockdev-add", node);
            let data = json!({ "node": name(*made), "overlay": overlay });
            json!({ "type": "blockdev-snapshot", "data": data })
        });
        let actions = actions.collect();
        *made += 1;
        actions
    }
}

fn create(file: &PathBuf) {
    let created = Command::new("qemu-img")
        .args(["create", "-q", "-f", "qcow2"])
        .arg(file)
        .arg("256M")
        .status();
    assert!(created.unwrap().success());
}

/// Watches the wire for when the freeze is sent and the thaw is answered.
#[derive(Default)]
struct Window(Mutex<Seen>);

#[derive(Default)]
struct Seen {
    begun: Option<Instant>,
    thawing: bool,
    ended: Option<Instant>,
}

impl Window {
    fn length(&self) -> Duration {
        let seen = self.0.lock().unwrap();
        seen.ended.unwrap() - seen.begun.unwrap()
    }
}

impl Tap for Window {
    fn message(&self, line: &TapLine<'_>) {
        let now = Instant::now();
        if line.channel != Channel::Agent {
            return;
        }
        let mut seen = self.0.lock().unwrap();
        match line.direction {
            Direction::Sent if line.message.redacted()["execute"] == "guest-fsfreeze-freeze" => {
                seen.begun = Some(now);
            }
            Direction::Sent if line.message.redacted()["execute"] == "guest-fsfreeze-thaw" => {
                seen.thawing = true;
            }
            Direction::Received if seen.thawing => {
                seen.thawing = false;
                seen.ended = Some(now);
            }
            _ => {}
        }
    }
}

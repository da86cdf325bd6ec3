//! Each line of `docs/commands.md`'s table of qmpadm's examples does on a real QEMU what qmpadm's does.

use harness::RawQmp;
use serde_json::Value;

use super::{qmpsh, with_cdrom};

/// The right column of the table: what to type in place of a line of qmpadm.
fn lines() -> Vec<String> {
    let page =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/commands.md")).unwrap();
    let rows = page.lines().filter(|line| line.starts_with("| `qmpadm "));
    rows.map(|row| row.split('`').nth(3).unwrap().to_owned())
        .collect()
}

#[test]
fn every_example_of_qmpadm_is_one_line() {
    let qemu = with_cdrom().monitor("second").start();
    let socket = qemu.qmp();
    let mut events = RawQmp::connect(qemu.monitor("second"));
    let medium = || {
        let mut monitor = RawQmp::connect(&socket);
        let blocks = monitor.call("query-block", &Value::Null);
        let file = blocks[0]["inserted"]["file"].as_str().map(str::to_owned);
        file.map(|file| file.rsplit('/').next().unwrap().to_owned())
    };
    let lines = lines();
    assert_eq!(lines.len(), 8, "{lines:?}");
    for line in lines {
        let line = line.replace(" VM", &format!(" {}", socket.display()));
        let line = line.replace("/srv/virtio.iso", "two.raw");
        let words: Vec<&str> = line.split(' ').collect();
        assert_eq!(words[0], "qmpsh");
        let before = medium();
        let outcome = qmpsh().args(&words[1..]).run().expect_code(0);
        let command = words.get(3).copied().unwrap_or_default();
        match command {
            "--help" => assert!(outcome.stdout.contains("  system_reset"), "{outcome:#?}"),
            _ if line.ends_with("--help") => {
                assert!(outcome.stdout.contains("force"), "{outcome:#?}");
            }
            "query-block" => assert!(outcome.stdout.contains("\"qdev\":\"cd0\""), "{outcome:#?}"),
            "blockdev-change-medium" => {
                assert_eq!(before.as_deref(), Some("one.raw"));
                assert_eq!(medium().as_deref(), Some("two.raw"));
            }
            "eject" => assert_eq!(medium(), None),
            "system_reset" => drop(events.event("RESET")),
            "system_powerdown" => drop(events.event("POWERDOWN")),
            other => panic!("{other} is not tested"),
        }
    }
}

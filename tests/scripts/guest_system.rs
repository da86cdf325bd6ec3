//! `guest-time`, `guest-vcpus`, `guest-memory` and `guest-trim`, seen past the agent.

use harness::Guest;
use serde_json::{Value, json};

use super::lent::lent;
use super::{document, qmpsh};

/// A ready-made script on the guest; its row.
#[track_caller]
fn run(guest: &Guest, words: &[&str], code: i32) -> Value {
    let outcome = qmpsh(["--json", "run"])
        .args(words)
        .arg(guest.target())
        .run();
    document(&outcome.expect_code(code))[0].clone()
}

#[track_caller]
fn message(row: &Value) -> &str {
    row["error"]["message"]
        .as_str()
        .unwrap_or_else(|| panic!("{row}"))
}

#[test]
fn a_clock_that_is_wrong_is_told_and_set() {
    let guest = lent();
    run(&guest, &["guest-time", "--set", "host"], 0);
    let now: i64 = guest.shell_ok("date +%s").parse().unwrap();
    guest.shell_ok(&format!("date -s @{}", now - 3600));
    let row = run(&guest, &["guest-time"], 0);
    let offset = row["offset"].as_f64().unwrap();
    assert!((-3660.0..-3540.0).contains(&offset), "{row}");
    assert!(
        row["result"].as_str().unwrap().ends_with(" s behind"),
        "{row}"
    );
    let row = run(&guest, &["guest-time", "--set", "host"], 0);
    assert!(row["offset"].as_f64().unwrap().abs() < 60.0, "{row}");
    assert!(
        row["result"].as_str().unwrap().starts_with("was 3"),
        "{row}"
    );
    let set: i64 = guest.shell_ok("date +%s").parse().unwrap();
    assert!((set - now).abs() < 600, "{set} {now}");
}

#[test]
fn processors_go_offline_and_come_back() {
    let guest = lent();
    let online = "cat /sys/devices/system/cpu/online";
    assert_eq!(
        run(&guest, &["guest-vcpus"], 0)["result"],
        "2 of 2 are online"
    );
    let row = run(&guest, &["guest-vcpus", "--online", "1"], 0);
    assert_eq!((&row["online"], &row["total"]), (&json!(1), &json!(2)));
    assert_eq!(guest.shell_ok(online), "0");
    assert_eq!(
        run(&guest, &["guest-vcpus", "--online", "2"], 0)["result"],
        "2 are online; 1 were"
    );
    assert_eq!(guest.shell_ok(online), "0-1");
    assert_eq!(
        run(&guest, &["guest-vcpus", "--online", "2"], 0)["result"],
        "2 are online already"
    );
    let row = run(&guest, &["guest-vcpus", "--online", "3"], 1);
    assert!(
        message(&row).contains("the guest has 2 processors, not 3"),
        "{row}"
    );
    let outcome = qmpsh(["run", "guest-vcpus", "--online", "0", &guest.target()])
        .run()
        .expect_code(1);
    assert!(outcome.stderr.contains("at least one"), "{outcome:#?}");
}

#[test]
fn memory_is_told_by_its_blocks_and_a_refusal_by_its_reason() {
    let guest = lent();
    let row = run(&guest, &["guest-memory"], 0);
    let size = row["block"].as_i64().unwrap();
    assert_eq!(
        row["size"].as_i64().unwrap(),
        row["blocks"].as_i64().unwrap() * size
    );
    let kernel = i64::from_str_radix(
        &guest.shell_ok("cat /sys/devices/system/memory/block_size_bytes"),
        16,
    )
    .unwrap();
    assert_eq!(size, kernel);
    let row = run(&guest, &["guest-memory", "--online"], 0);
    assert!(
        row["result"]
            .as_str()
            .unwrap()
            .ends_with("(0 taken online)"),
        "{row}"
    );
    for number in ["999", "-1"] {
        let row = run(&guest, &["guest-memory", "--offline", number], 1);
        let told = format!("the guest has no memory block {number}: its ");
        assert!(message(&row).contains(&told), "{row}");
    }
    // The first block holds what the kernel cannot move.
    let row = run(&guest, &["guest-memory", "--offline", "0"], 1);
    assert!(
        message(&row).contains("the guest refused block 0: operation-failed"),
        "{row}"
    );
}

#[test]
fn free_blocks_are_given_back_and_an_agent_that_may_not_says_so() {
    let guest = lent();
    let row = run(&guest, &["guest-trim"], 0);
    assert!(
        row["result"].as_str().unwrap().contains("file system"),
        "{row}"
    );
    let trimmed: Vec<&str> = row["paths"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fs| fs["path"].as_str().unwrap())
        .collect();
    assert!(trimmed.contains(&"/data"), "{row}");
    guest.shell_ok("echo -b guest-fstrim >/run/agent.args; agent_kill");
    let row = run(&guest, &["guest-trim"], 4);
    guest.no_freeze_hook();
    assert!(
        message(&row).contains("blocked by the agent's configuration"),
        "{row}"
    );
}

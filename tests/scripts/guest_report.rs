//! `guest-report`: what it says is what the guest has, and what the agent cannot tell is said to be unknown.

use harness::Guest;
use serde_json::json;

use super::lent::lent;
use super::{document, qmpsh};

/// Makes `root` logged in since the given second, for whoever reads the guest's record of logins.
fn log_in(guest: &Guest, since: i32) {
    let mut record = [0_u8; 384];
    record[0] = 7; // a user's process
    record[8..11].copy_from_slice(b"tty");
    record[44..48].copy_from_slice(b"root");
    record[340..344].copy_from_slice(&since.to_le_bytes());
    let octal = record.map(|byte| format!("\\{byte:03o}")).concat();
    guest.shell_ok(&format!("printf '{octal}' >/run/utmp"));
}

/// The words of the line of the report that begins so.
fn line<'a>(report: &'a str, start: &str) -> Vec<&'a str> {
    let found = report.lines().find(|line| line.starts_with(start));
    found
        .unwrap_or_else(|| panic!("no line {start}: {report}"))
        .split_whitespace()
        .collect()
}

#[test]
fn the_report_tells_what_the_guest_has() {
    let guest = lent();
    log_in(&guest, 1_772_331_300);
    let report = qmpsh(["run", "guest-report", &guest.target()])
        .run()
        .expect_code(0)
        .stdout;
    guest.shell_ok(": >/run/utmp");
    for (start, end) in [
        ("host name", guest.shell_ok("hostname")),
        ("system", guest.shell_ok("uname -r")),
        ("time zone", "UTC".to_owned()),
        ("127.0.0.1", String::new()),
    ] {
        if end.is_empty() {
            assert!(report.contains(start), "{report}");
        } else {
            assert_eq!(*line(&report, start).last().unwrap(), end);
        }
    }
    // What is kept for root is not counted.
    let kibibytes = guest.shell_ok("df -k /data | tail -n 1 | awk \"{ print \\$3 + \\$4 }\"");
    let kibibytes: f64 = kibibytes.parse().unwrap();
    let data = line(&report, "/data ");
    let [_, "ext4", "vda", _, _, size, "MiB"] = data.as_slice() else {
        panic!("{data:?}");
    };
    assert!(
        (size.parse::<f64>().unwrap() - kibibytes / 1024.0).abs() < 0.1,
        "{size} {kibibytes}"
    );
    assert_eq!(line(&report, "root"), ["root", "2026-03-01T02:15:00Z"]);
    assert_eq!(line(&report, "lo")[1], "127.0.0.1/8");
    assert!(report.contains("\n\nFile systems\nMOUNTPOINT "), "{report}");

    let report = qmpsh(["run", "guest-report", &guest.target()])
        .run()
        .expect_code(0)
        .stdout;
    assert!(report.contains("nobody is logged in"), "{report}");
}

#[test]
fn as_json_it_is_the_agents_own_words() {
    let guest = lent();
    let outcome = qmpsh(["--json", "run", "guest-report", &guest.target()])
        .run()
        .expect_code(0);
    let report = document(&outcome);
    assert_eq!(report["system"]["hostname"], "qmpsh-guest");
    assert_eq!(
        report["system"]["timezone"],
        json!({ "zone": "UTC", "offset": 0 })
    );
    assert_eq!(report["users"], json!([]));
    let agent = |question: &str| super::eval(&guest.target(), &format!("v.agent.{question}()"));
    for (part, question) in [("filesystems", "fsinfo"), ("interfaces", "interfaces")] {
        assert_eq!(report[part], agent(question), "{part}");
    }
    assert_eq!(report["system"]["agent"], agent("info")["version"]);
}

#[test]
fn what_an_agent_lacks_is_said_to_be_unknown_and_the_rest_is_told() {
    let guest = lent();
    guest.shell_ok("echo -b guest-get-users,guest-network-get-interfaces,guest-get-osinfo >/run/agent.args; agent_kill");
    let outcome = qmpsh(["run", "guest-report", &guest.target()]).run();
    let json = qmpsh(["--json", "run", "guest-report", &guest.target()]).run();
    guest.no_freeze_hook();
    let outcome = outcome.expect_code(0);
    assert_eq!(
        outcome.stdout.matches("not told by this agent").count(),
        2,
        "{outcome:#?}"
    );
    assert!(
        !outcome.stdout.contains("nobody is logged in"),
        "{outcome:#?}"
    );
    assert_eq!(
        line(&outcome.stdout, "system"),
        ["system:", "?,", "kernel", "?"]
    );
    assert_eq!(line(&outcome.stdout, "/data ")[1], "ext4");
    for part in ["system", "addresses", "users"] {
        assert!(
            outcome
                .stderr
                .lines()
                .any(|line| line.starts_with(&format!("{part}: "))),
            "{outcome:#?}"
        );
    }
    let report = document(&json.expect_code(0));
    assert_eq!(
        (&report["users"], &report["interfaces"]),
        (&json!(null), &json!(null))
    );
}

#[test]
fn an_agent_that_does_not_run_ends_the_report_with_one_error() {
    let guest = lent();
    guest.agent_down();
    let outcome = qmpsh(["run", "guest-report", &guest.target()]).run();
    guest.agent_up();
    let outcome = outcome.expect_code(3);
    assert_eq!(outcome.stdout, "");
    assert_eq!(
        outcome.stderr.matches("does not run in the guest").count(),
        1,
        "{outcome:#?}"
    );
}

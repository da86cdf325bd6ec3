//! What QEMU would refuse for its form is not sent, and told with what is possible.

use harness::{FakePeer, Folder, Outcome, Qemu};
use serde_json::json;

use super::{qmp, qmpsh};

/// Runs with `-v`, which shows every message: the command must not be among them.
fn unsent(qemu: &Qemu, words: &[&str]) -> Outcome {
    let outcome = qmpsh()
        .args(["-v", "qmp", qemu.qmp().to_str().unwrap()])
        .args(words)
        .run()
        .expect_code(2);
    let sent = format!("\"execute\":\"{}\"", words[0]);
    assert!(
        outcome.stderr.contains("\"execute\":\"qmp_capabilities\""),
        "{outcome:#?}"
    );
    assert!(!outcome.stderr.contains(&sent), "{outcome:#?}");
    assert_eq!(outcome.stdout, "");
    outcome
}

#[test]
fn an_unknown_command_is_not_sent_and_the_nearest_is_named() {
    let qemu = Qemu::bare().start();
    let outcome = unsent(&qemu, &["blokdev-add", "driver=null-co"]);
    assert!(
        outcome.stderr.contains("there is no command `blokdev-add`"),
        "{outcome:#?}"
    );
    assert!(
        outcome.stderr.contains("did you mean `blockdev-add`?"),
        "{outcome:#?}"
    );
    // A question too.
    let outcome = unsent(&qemu, &["query-blok"]);
    assert!(
        outcome.stderr.contains("did you mean `query-block`?"),
        "{outcome:#?}"
    );
}

#[test]
fn a_second_negotiation_is_refused_in_qemus_words_and_needless() {
    let qemu = Qemu::bare().start();
    let outcome = qmpsh()
        .args(["qmp", qemu.qmp().to_str().unwrap(), "qmp_capabilities"])
        .run()
        .expect_code(4);
    for told in [
        "`qmp_capabilities` was refused: Capabilities negotiation is already complete",
        "qmpsh negotiates itself when it connects",
    ] {
        assert!(outcome.stderr.contains(told), "{told}: {outcome:#?}");
    }
    assert!(!outcome.stderr.contains("has no command"), "{outcome:#?}");
}

#[test]
fn unknown_arguments_are_not_sent_and_those_that_there_are_are_named() {
    let qemu = Qemu::bare().start();
    let outcome = unsent(&qemu, &["eject", "id=cd0", "forc=true"]);
    assert!(
        outcome.stderr.contains("`eject` takes no argument `forc`"),
        "{outcome:#?}"
    );
    assert!(
        outcome.stderr.contains("did you mean `force`?"),
        "{outcome:#?}"
    );
    let nested = [
        "blockdev-add",
        "driver=qcow2",
        "file.driver=file",
        "file.filname=a",
    ];
    let outcome = unsent(&qemu, &nested);
    // Both faults at once.
    for part in [
        "`blockdev-add` needs `file.filename`: text",
        "`blockdev-add` with `file.driver=file` takes no argument `file.filname`",
        "did you mean `filename`?",
    ] {
        assert!(outcome.stderr.contains(part), "{part}: {outcome:#?}");
    }
}

#[test]
fn missing_and_wrong_values_are_not_sent_and_the_right_ones_are_named() {
    let qemu = Qemu::bare().start();
    for (words, parts) in [
        (
            vec!["query-stats"],
            ["`query-stats` needs `target`: `vm`", ""],
        ),
        (
            vec!["eject", "force=maybe"],
            ["takes `true` or `false`, not `maybe`", ""],
        ),
        (
            vec!["blockdev-add", "driver=qcow3"],
            ["`driver` of `blockdev-add` cannot be `qcow3`", "`blkdebug`"],
        ),
        (
            vec![
                "human-monitor-command",
                "command-line=info",
                "cpu-index=one",
            ],
            [
                "`cpu-index` of `human-monitor-command` takes an integer, not `one`",
                "",
            ],
        ),
        (
            vec![
                "block-dirty-bitmap-merge",
                "node=a",
                "target=b",
                "bitmaps=c",
            ],
            [
                "`bitmaps` of `block-dirty-bitmap-merge` takes a list",
                "`bitmaps.0=...`",
            ],
        ),
        (vec!["eject", "force"], ["`force` is no `KEY=VALUE`", ""]),
    ] {
        let outcome = if words[1..] == ["force"] {
            qmp(&qemu.qmp(), &words).expect_code(2)
        } else {
            unsent(&qemu, &words)
        };
        for part in parts {
            assert!(outcome.stderr.contains(part), "{part}: {outcome:#?}");
        }
    }
}

#[test]
fn json_that_could_mean_something_else_is_not_sent() {
    let qemu = Qemu::bare().start();
    let folder = Folder::new();
    let marked = folder.join("marked.json");
    std::fs::write(&marked, "\u{feff}{\"id\": \"cd0\"}").unwrap();
    let marked = format!("@{}", marked.display());
    for (words, code, part) in [
        (
            &["eject", "--args", "{\"id\":\"a\",\"id\":\"b\"}"][..],
            2,
            "`id` is given twice at line 1 column 14",
        ),
        (
            &["block_resize", "--args", "{\"size\":18446744073709551616}"],
            2,
            "larger than 64 bits hold",
        ),
        (
            &["block_resize", "size=18446744073709551616"],
            2,
            "not `18446744073709551616`\n  |\nhelp: an integer has at most 64 bits",
        ),
        (
            &["block_resize", "size=8E"],
            2,
            "not `8E`\n  |\nhelp: an integer has at most 64 bits: it is below 8E",
        ),
        (&["block_resize", "size=big"], 2, "not `big`\n"),
        // An editor's mark before the text says nothing.
        (&["eject", "--args", &marked], 4, "Device 'cd0' not found"),
    ] {
        let outcome = qmp(&qemu.qmp(), words).expect_code(code);
        assert!(outcome.stderr.contains(part), "{part}: {outcome:#?}");
    }
}

#[test]
fn what_is_deprecated_or_unstable_is_sent_and_flagged() {
    let qemu = Qemu::bare().start();
    let outcome = qmp(&qemu.qmp(), &["eject", "device=cd0"]).expect_code(4);
    assert!(
        outcome.stderr.contains("warning: ")
            && outcome.stderr.contains("`device` of `eject` is deprecated"),
        "{outcome:#?}"
    );
    let outcome = qmp(&qemu.qmp(), &["x-query-roms"]).expect_code(0);
    assert!(
        outcome
            .stderr
            .contains("the command `x-query-roms` is unstable"),
        "{outcome:#?}"
    );
    assert!(!outcome.stdout.is_empty());
    let outcome = qmp(&qemu.qmp(), &["query-status"]).expect_code(0);
    assert_eq!(outcome.stderr, "");
}

#[test]
fn a_qemu_that_cannot_tell_its_schema_gets_what_was_typed() {
    let peer = FakePeer::builder()
        .greet()
        .expect("query-qmp-schema")
        .reply_error(
            "CommandNotFound",
            "The command query-qmp-schema has not been found",
        )
        .expect("query-commands")
        .reply(json!([]))
        .expect("eject")
        .reply(json!({}))
        .start();
    qmp(&peer.socket(), &["eject", "id=5", "force=true"]).expect_code(0);
    let sent = peer.finish();
    assert_eq!(sent[3]["arguments"], json!({"id": 5, "force": true}));
}

#[test]
fn a_schema_that_makes_no_sense_is_told_and_the_command_goes_out_unchecked() {
    let peer = FakePeer::builder()
        .greet()
        .expect("query-qmp-schema")
        .reply(json!([
            {"name": "quit", "meta-type": "command", "arg-type": "\u{1b}[2J", "ret-type": "0"},
        ]))
        .expect("quit")
        .reply(json!({}))
        .start();
    let outcome = qmp(&peer.socket(), &["quit"]).expect_code(0);
    assert!(
        outcome
            .stderr
            .contains("the schema makes no sense: a type is missing"),
        "{outcome:#?}"
    );
    assert!(!outcome.stderr.contains('\x1b'), "{outcome:#?}");
}

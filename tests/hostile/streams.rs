//! Readers that went away, disks that are full, streams that are closed.

use harness::{Outcome, Qmpsh};

use super::{BOUND, QMPSH};

/// A line of bash in which `$Q` is the program.
fn bash(line: &str) -> Outcome {
    Qmpsh::new("/bin/bash")
        .args(["-c", line])
        .env("Q", QMPSH)
        .deadline(BOUND)
        .run()
}

#[test]
fn a_reader_that_went_away_ends_the_run_without_a_word() {
    for (line, told) in [
        (
            "$Q eval 'loop { print(1) }' | head -1; echo ${PIPESTATUS[0]}",
            "1\n141\n",
        ),
        (
            "$Q eval 'loop { table([#{ a: 1 }]) }' | head -1; echo ${PIPESTATUS[0]}",
            "A\n141\n",
        ),
        (
            "$Q eval 'try { loop { print(1) } } catch { loop { } }' | head -1; echo ${PIPESTATUS[0]}",
            "1\n141\n",
        ),
        (
            "$Q eval 'parallel([1, 2], |x| loop { print(1) })' | head -1; echo ${PIPESTATUS[0]}",
            "1\n141\n",
        ),
        // Only the last line is not read.
        (
            "mkfifo p; exec 3<>p; exec 4>p 5<p; exec 3<&-; exec 5<&-; $Q eval 'print(1)' >&4; echo $?",
            "141\n",
        ),
        (
            "mkfifo p; exec 3<>p; exec 4>p 5<p; exec 3<&-; exec 5<&-; $Q eval '1' >&4; echo $?",
            "141\n",
        ),
        (
            "mkfifo p; exec 3<>p; exec 4>p 5<p; exec 3<&-; exec 5<&-; $Q scripts >&4; echo $?",
            "141\n",
        ),
        (
            "$Q eval 'loop { log(1) }' 2>&1 | head -1; echo ${PIPESTATUS[0]}",
            "1\n141\n",
        ),
    ] {
        let outcome = bash(line);
        assert_eq!(
            (outcome.stdout.as_str(), outcome.stderr.as_str()),
            (told, ""),
            "{line}"
        );
    }
}

#[test]
fn output_that_cannot_be_written_is_never_a_success() {
    for script in [
        "print(1)",
        "print(1); log(\"on\")",
        "1",
        "table([#{ a: 1 }])",
        "try { print(1) } catch { }",
        "parallel([1], |x| print(x))",
    ] {
        let outcome = bash(&format!("$Q eval '{script}' >/dev/full; echo $?"));
        assert_eq!(outcome.stdout, "1\n", "{script}: {outcome:#?}");
        assert!(
            outcome
                .stderr
                .contains("the output cannot be written: No space left on device"),
            "{script}: {outcome:#?}"
        );
    }
    for line in [
        "scripts",
        "--help",
        "--version",
        "qmp --help",
        "run guest-report --help",
        "man",
    ] {
        let outcome = bash(&format!("$Q {line} >/dev/full; echo $?"));
        assert_eq!(outcome.stdout, "1\n", "{line}: {outcome:#?}");
        assert!(
            outcome.stderr.contains("cannot be written"),
            "{line}: {outcome:#?}"
        );
    }
}

#[test]
fn closed_streams_are_no_fault() {
    for (line, code) in [
        ("$Q eval 'log(1); fail(\"x\")' 2>&-", 1),
        ("$Q eval 'log(1); 1' 2>&- >/dev/null", 0),
        ("$Q eval 'print(1)' >&-", 0),
        ("$Q eval 'print(1)' <&- >/dev/null", 0),
        ("$Q eval 'fail(\"x\")' 2>/dev/full", 1),
        ("$Q -v eval 'vm(\"/none\").status' 2>/dev/full", 3),
        ("$Q nosuch 2>/dev/full", 2),
        ("$Q run - <&-", 2),
    ] {
        let outcome = bash(line);
        assert_eq!(outcome.code, Some(code), "{line}: {outcome:#?}");
    }
}

//! What is longer than the screen, in a pager.

use harness::{Qmpsh, Signal, Terminal};

use super::{BOUND, PROMPT, QMPSH, line};

/// A hundred lines; the fifth would clear a screen.
const LONG: &str = "let t = \"\"; for i in 1..=100 { t += if i == 5 { \"five\\x1b[2J\\n\" } else { \"line \" + i + \"\\n\" } } t";

fn terminal(pager: &str) -> Terminal {
    let terminal = Qmpsh::new(QMPSH)
        .env("PAGER", pager)
        .deadline(BOUND)
        .on_terminal();
    terminal.wait_for_end(PROMPT);
    terminal
}

#[test]
fn what_is_longer_than_the_screen_is_read_in_less() {
    let terminal = terminal("less");
    terminal.types(&format!("{LONG}\r"));
    terminal.wait_for_end("line 23\n:");
    terminal.wait_for("line 4\nfive\\x1b[2J\nline 6");
    terminal.types("G");
    terminal.wait_for("line 100");
    terminal.types("q");
    terminal.wait_for_end(PROMPT);
    line(&terminal, "t.len() > 0", "true\n");
    // What fits is shown at once.
    line(&terminal, "\"short\"", "short\n");
}

#[test]
fn colours_are_shown_as_such_in_less() {
    let terminal = terminal("less");
    line(&terminal, ":set color on", "");
    terminal.types("let m = #{}; for i in 10..=90 { m[\"key\" + i] = i } m\r");
    terminal.wait_for("key10: 10\nkey11: 11");
    assert!(
        terminal.written().contains("\x1b[36mkey10\x1b["),
        "{}",
        terminal.written()
    );
    terminal.types("q");
    terminal.wait_for_end(PROMPT);
}

#[test]
fn a_pager_that_fails_is_told_and_the_value_is_shown_all_the_same() {
    for (pager, how) in [
        ("false", "the pager `false` ended with exit code 1"),
        (
            "nonesuch --really",
            "the pager `nonesuch --really` ended with exit code 127",
        ),
        ("kill -9 $$", "the pager `kill -9 $$` was ended by a signal"),
    ] {
        let terminal = terminal(pager);
        terminal.types(&format!("{LONG}\r"));
        terminal.wait_for_end(&format!("line 99\nline 100\n{PROMPT}"));
        assert!(terminal.written().contains(how), "{}", terminal.written());
        assert!(terminal.written().contains("`:set pager off`"));
    }
}

#[test]
fn a_pager_that_is_killed_leaves_the_terminal_as_it_was() {
    let terminal = terminal("stty -echo -icanon; kill -9 $$");
    terminal.types(&format!("{LONG}\r"));
    terminal.wait_for_end(&format!("line 100\n{PROMPT}"));
    terminal.types("\x0c:shell stty -a | tr ' ' '\\n' | grep -cx -e echo -e icanon\r");
    terminal.wait_for_end(&format!("icanon\n2\n{PROMPT}"));
}

#[test]
fn ctrl_c_ends_a_pager_that_takes_it_and_not_the_session() {
    let terminal = terminal("echo begun; exec sleep 1h");
    terminal.types(&format!("{LONG}\r"));
    terminal.wait_for("\nbegun");
    terminal.types("\x03");
    terminal.wait_for_end(PROMPT);
    assert!(!terminal.written().contains("error") && !terminal.written().contains("warning"));
    line(&terminal, "1", "1\n");
}

#[test]
fn ctrl_c_is_the_pagers_where_it_goes_on_and_so_are_the_keys_behind_it() {
    let terminal = terminal(
        // It looks for a signal that came between two reads.
        "exec bash -c \"trap 'echo caught' INT; echo begun; while ! read -t 0.2 line </dev/tty; do :; done; echo got \\$line\"",
    );
    terminal.types(&format!("{LONG}\r"));
    terminal.wait_for("\nbegun");
    for count in 1..=3 {
        terminal.types("\x03");
        terminal.wait_for(&vec!["^Ccaught"; count].join("\n"));
    }
    terminal.types("yes\r");
    terminal.wait_for_end(&format!("got yes\n{PROMPT}"));
    line(&terminal, "1", "1\n");
}

#[test]
fn a_signal_ends_the_pager_and_the_session() {
    let terminal = terminal("less");
    line(&terminal, "guard(\"it\", || print(\"undone\"));", "");
    terminal.types(&format!("{LONG}\r"));
    terminal.wait_for_end("line 23\n:");
    terminal.signal(Signal::TERM);
    terminal.wait_for("undone");
    assert_eq!(terminal.wait(), Some(143));
}

#[test]
fn without_a_pager_what_is_long_is_cut_and_says_how_to_see_all() {
    for (pager, off) in [("less", ":set pager off"), ("", "")] {
        let terminal = terminal(pager);
        terminal.types(&format!("{off}\r"));
        terminal.types("let t = \"\"; for i in 1..=250 { t += \"line \" + i + \"\\n\" } t\r");
        terminal.wait_for_end(&format!(
            "line 200\n... 50 more lines: `:show` shows all, `:json` the raw value\n{PROMPT}"
        ));
    }
}

#[test]
fn in_a_session_that_changes_nothing_less_starts_no_programs() {
    let mut screens = Vec::new();
    for option in ["--read-only", "--color=never"] {
        let terminal = Qmpsh::new(QMPSH)
            .arg(option)
            .env("PAGER", "echo secure=$LESSSECURE.; cat")
            .deadline(BOUND)
            .on_terminal();
        terminal.wait_for_end(">");
        terminal.types(&format!("{LONG}\r"));
        terminal.wait_for("line 100");
        screens.push(terminal.written());
    }
    assert!(screens[0].contains("secure=1."), "{}", screens[0]);
    assert!(screens[1].contains("secure=."), "{}", screens[1]);
}

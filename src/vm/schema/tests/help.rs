//! A command's help as the schema has it.

use super::super::{Caller, Reader, Words, help};
use super::small;

fn shown(command: &str, words: &[&str]) -> String {
    told(command, words, Reader::in_shell("qmpsh qmp web01"))
}

fn told(command: &str, words: &[&str], reader: Reader) -> String {
    let schema = small();
    let words = Words::parse(words.iter().copied()).unwrap();
    help(&schema, schema.command(command).unwrap(), &words, reader)
}

#[test]
fn in_a_script_a_command_is_called_as_scripts_do() {
    let reader = Reader {
        width: 40,
        caller: Caller::Script("v.qmp"),
    };
    let eject = told("eject", &[], reader);
    assert!(
        eject.ends_with("\n  v.qmp(\"eject\", #{ id: \"TEXT\" })"),
        "{eject}"
    );
    let stop = told("stop", &[], reader);
    assert!(stop.ends_with("\n  v.qmp(\"stop\")"), "{stop}");
    let add = told("blockdev-add", &["driver=qcow2"], reader);
    assert!(
        add.ends_with("v.qmp(\"blockdev-add\", #{ driver: \"qcow2\", file: \"TEXT\" })"),
        "{add}"
    );
    let all = told("blockdev-add", &[], reader);
    assert!(
        all.contains("`:help blockdev-add driver=...` shows types"),
        "{all}"
    );
    let is_long = |line: &&str| line.chars().count() > 40;
    let wrapped = all
        .lines()
        .skip_while(|line| !line.starts_with("Arg"))
        .take_while(|line| !line.is_empty());
    assert_eq!(wrapped.into_iter().find(is_long), None, "{all}");
}

#[test]
fn arguments_are_shown_with_types_and_marks_and_a_line_that_calls() {
    assert_eq!(
        shown("eject", &[]),
        "\
eject

Arguments:
  device                    text; optional; deprecated
  id                        text; optional
  force                     true or false; optional

It returns nothing.

Example:
  qmpsh qmp web01 eject id=TEXT"
    );
    assert!(shown("stop", &[]).contains("It takes no arguments."));
    assert!(shown("set", &[]).contains("exec-oob"));
    let old = shown("query-old", &[]);
    assert!(old.starts_with("query-old: deprecated\n"), "{old}");
    assert!(
        old.contains("It returns a list of objects, each with:\n  device  "),
        "{old}"
    );
}

#[test]
fn a_tag_among_the_words_decides_which_arguments_are_shown_in_full() {
    let all = shown("blockdev-add", &[]);
    assert!(
        all.contains("one of: file, qcow2, null-co, old (deprecated)"),
        "{all}"
    );
    assert!(
        all.contains("  qcow2                     file, backing?, cache-size?\n"),
        "{all}"
    );
    assert!(
        all.contains("  null-co                   nothing more\n"),
        "{all}"
    );
    let one = shown("blockdev-add", &["driver=qcow2", "file.driver=file"]);
    assert!(one.contains("Arguments with driver=qcow2:"), "{one}");
    assert!(
        one.contains("  cache-size                integer; optional\n"),
        "{one}"
    );
    assert!(one.contains("Members of file:\n"), "{one}");
    assert!(one.contains("  filename                  text\n"), "{one}");
    assert!(
        one.ends_with("blockdev-add driver=qcow2 file=TEXT"),
        "{one}"
    );
}

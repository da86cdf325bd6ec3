//! A command's help as the schema has it.

use super::super::{Words, help};
use super::small;

fn shown(command: &str, words: &[&str]) -> String {
    let schema = small();
    let words = Words::parse(words.iter().copied()).unwrap();
    help(
        &schema,
        schema.command(command).unwrap(),
        &words,
        "qmpsh qmp web01",
    )
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

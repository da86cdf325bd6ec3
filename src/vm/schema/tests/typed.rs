//! `KEY=VALUE` words and what they become by their types.

use serde_json::{Value, json};

use super::super::Words;
use super::typed;

#[track_caller]
fn becomes(command: &str, words: &[&str], expected: &Value) {
    assert_eq!(
        typed(command, words, json!({})).as_ref(),
        Ok(expected),
        "{words:?}"
    );
}

#[test]
fn a_word_becomes_what_its_type_says() {
    becomes(
        "eject",
        &["id=5", "force=on"],
        &json!({"id": "5", "force": true}),
    );
    becomes(
        "eject",
        &["id=true", "force=false"],
        &json!({"id": "true", "force": false}),
    );
    becomes("set", &["ratio=1.5"], &json!({"ratio": 1.5}));
    becomes("set", &["ratio=2"], &json!({"ratio": 2}));
    becomes("set", &["value=5"], &json!({"value": 5}));
    becomes("set", &["value=[1,{}]"], &json!({"value": [1, {}]}));
    becomes("set", &["value=five"], &json!({"value": "five"}));
}

#[test]
fn integers_are_plain_or_hexadecimal_or_sizes_and_never_guessed() {
    for (text, expected) in [
        ("0", json!(0)),
        ("-5", json!(-5)),
        ("18446744073709551615", json!(u64::MAX)),
        ("0xffFF", json!(65535)),
        ("10G", json!(10_i64 << 30)),
        ("1.5MiB", json!(3 << 19)),
        // What is no integer stays text, for the check to tell.
        ("010", json!("010")),
        ("1.0", json!("1.0")),
        ("10MB", json!("10MB")),
        ("1e3", json!("1e3")),
        ("18446744073709551616", json!("18446744073709551616")),
        ("0x", json!("0x")),
        ("", json!("")),
        ("five", json!("five")),
    ] {
        let word = format!("cache-size={text}");
        becomes(
            "blockdev-add",
            &["driver=qcow2", &word],
            &json!({"driver": "qcow2", "cache-size": expected}),
        );
    }
}

#[test]
fn dots_lead_into_objects_and_the_tag_decides_their_members() {
    becomes(
        "blockdev-add",
        &[
            "driver=qcow2",
            "node_name=7",
            "file.driver=file",
            "file.filename=5",
            "backing=null",
        ],
        &json!({
            "driver": "qcow2", "node-name": "7", "backing": null,
            "file": {"driver": "file", "filename": "5"},
        }),
    );
    becomes(
        "blockdev-add",
        &["driver=qcow2", "file=5", "backing=true"],
        &json!({"driver": "qcow2", "file": "5", "backing": "true"}),
    );
}

#[test]
fn numbers_lead_into_lists_and_commas_part_items_that_can_hold_none() {
    becomes(
        "set",
        &["names.1=b", "names.0=a,b"],
        &json!({"names": ["a,b", "b"]}),
    );
    becomes("set", &["names=[\"a\"]"], &json!({"names": ["a"]}));
    becomes("set", &["names=a,b"], &json!({"names": "a,b"}));
    becomes("set", &["ports=1,0x2"], &json!({"ports": [1, 2]}));
    becomes("set", &["ports=1"], &json!({"ports": [1]}));
    becomes(
        "set",
        &["modes=file,qcow2"],
        &json!({"modes": ["file", "qcow2"]}),
    );
    becomes("set", &["pages=1,2"], &json!({"pages": [1, 2]}));
    becomes("set", &["pages=1"], &json!({"pages": 1}));
    becomes("set", &["pages=on"], &json!({"pages": true}));
    becomes(
        "set",
        &["nodes.0.driver=file", "nodes.0.filename=1"],
        &json!({"nodes": [{"driver": "file", "filename": "1"}]}),
    );
    becomes(
        "set",
        &["value.0=1", "value.1=x"],
        &json!({"value": [1, "x"]}),
    );
    becomes("set", &["value.a=1"], &json!({"value": {"a": 1}}));
}

#[test]
fn braces_begin_json_where_an_object_or_a_list_is_wanted() {
    becomes(
        "blockdev-add",
        &["driver=qcow2", "file={\"driver\": \"null-co\"}"],
        &json!({"driver": "qcow2", "file": {"driver": "null-co"}}),
    );
    // A text may begin so.
    becomes("eject", &["id={x"], &json!({"id": "{x"}));
    let error = typed("set", &["ports=[1,"], json!({})).unwrap_err();
    assert!(
        error.starts_with("the value of `ports` is no JSON: EOF"),
        "{error}"
    );
}

#[test]
fn words_add_to_what_was_given_as_json_and_never_replace_it() {
    let given = || json!({"driver": "qcow2", "file": {"driver": "file"}});
    assert_eq!(
        typed(
            "blockdev-add",
            &["file.filename=5", "cache-size=5"],
            given()
        ),
        Ok(
            json!({"driver": "qcow2", "file": {"driver": "file", "filename": "5"}, "cache-size": 5})
        )
    );
    for (word, error) in [
        ("file.driver=file", "`file.driver` is given twice"),
        ("file=x", "`file` is given twice"),
        (
            "driver.x=x",
            "`driver` is given as a value, and with members of its own",
        ),
    ] {
        assert_eq!(
            typed("blockdev-add", &[word], given()),
            Err(error.to_owned())
        );
    }
    assert_eq!(
        typed("blockdev-add", &["node-name=a", "node_name=b"], json!({})),
        Err("`node-name` is given twice".to_owned())
    );
    for words in [["names.1=a", "names.2=b"], ["names.0=a", "names.2=b"]] {
        let error = typed("set", &words, json!({})).unwrap_err();
        assert_eq!(error, "the items of `names` must be numbered 0, 1, 2, ...");
    }
}

#[test]
fn the_properties_of_a_device_have_the_types_that_the_device_tells() {
    becomes(
        "device_add",
        &[
            "driver=d",
            "num_queues=4",
            "serial=4",
            "other=4",
            "flag=true",
            "quoted=\"4\"",
            "more=x",
        ],
        &json!({"driver": "d", "num-queues": 4, "serial": "4", "other": 4, "flag": true, "quoted": "4", "more": "x"}),
    );
}

#[test]
fn without_a_schema_words_are_json_where_they_can_be() {
    let words =
        Words::parse(["a=5", "b=x", "c.d=true", "e=99999999999999999999", "f.0=1"]).unwrap();
    assert_eq!(
        Value::Object(words.untyped(serde_json::Map::new()).unwrap()),
        json!({"a": 5, "b": "x", "c": {"d": true}, "e": "99999999999999999999", "f": [1]})
    );
}

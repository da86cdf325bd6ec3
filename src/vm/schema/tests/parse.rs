//! Reading a schema: QEMU's own form, and what is circular, broad, newer or makes no sense.

use serde_json::{Value, json};

use super::super::{Reader, Schema, Words};
use super::entries;

#[test]
fn a_reply_and_its_text_are_read_alike() {
    let schema = Schema::from_json(&entries().to_string()).unwrap();
    assert_eq!(schema.commands().len(), 7);
    assert_eq!(schema.events().len(), 1);
    assert!(schema.command("set").unwrap().allow_oob);
    assert!(schema.event("GONE").is_some() && schema.event("stop").is_none());
}

#[test]
fn enumerations_of_before_qemu_6_2_have_values_only() {
    let old = json!([
        {"name": "1", "meta-type": "enum", "values": ["a", "b"]},
        {"name": "2", "meta-type": "object", "members": [{"name": "m", "type": "1"}]},
        {"name": "0", "meta-type": "object", "members": []},
        {"name": "c", "meta-type": "command", "arg-type": "2", "ret-type": "0"},
    ]);
    let schema = Schema::parse(&old).unwrap();
    let arguments = |value: &str| super::object(json!({"m": value}));
    assert_eq!(schema.check("c", &arguments("b")), []);
    assert_eq!(schema.check("c", &arguments("c")).len(), 1);
}

#[test]
fn a_command_whose_schema_leaves_arguments_out_takes_them() {
    let member = |name: &str| json!({"name": name, "type": "s"});
    let command = |name: &str, kind: &str| json!({"name": name, "meta-type": "command", "arg-type": kind, "ret-type": "0"});
    let entries = |netdev: &str| {
        json!([
            {"name": "s", "meta-type": "builtin", "json-type": "string"},
            {"name": "e", "meta-type": "enum", "values": ["tap"]},
            {"name": "0", "meta-type": "object", "members": []},
            {"name": "plain", "meta-type": "object", "members": [member("type")]},
            {"name": "union", "meta-type": "object", "members": [{"name": "type", "type": "e"}],
                "tag": "type", "variants": [{"case": "tap", "type": "0"}]},
            command("netdev_add", netdev),
            command("device_add", "plain"),
        ])
    };
    // QEMU told what a network backend takes from 2.12 on; what a device takes, it never did.
    for (netdev, faults) in [("plain", 0), ("union", 1)] {
        let schema = Schema::parse(&entries(netdev)).unwrap();
        let arguments = super::object(json!({"type": "tap", "ifname": "tap0"}));
        assert_eq!(schema.check("netdev_add", &arguments).len(), faults);
        assert_eq!(schema.check("device_add", &arguments), []);
    }
}

#[test]
fn a_kind_of_type_of_a_newer_qemu_is_taken_for_anything() {
    let new = json!([
        {"name": "1", "meta-type": "of-tomorrow", "wings": 2},
        {"name": "2", "meta-type": "object", "members": [{"name": "m", "type": "1"}]},
        {"name": "c", "meta-type": "command", "arg-type": "2", "ret-type": "1"},
    ]);
    let schema = Schema::parse(&new).unwrap();
    assert_eq!(schema.check("c", &super::object(json!({"m": [1]}))), []);
}

#[test]
fn a_schema_that_makes_no_sense_is_an_error() {
    let object = |name: &str, members: Value| json!({"name": name, "meta-type": "object", "members": members});
    let tagged = |name: &str, adds: &str| {
        json!({
            "name": name, "meta-type": "object", "members": [{"name": "t", "type": "e"}],
            "tag": "t", "variants": [{"case": "v", "type": adds}],
        })
    };
    let choice = || json!({"name": "e", "meta-type": "enum", "values": ["v"]});
    let command = |kind: &str| json!({"name": "c", "meta-type": "command", "arg-type": kind, "ret-type": kind});
    for (entries, why) in [
        (json!({}), "invalid type"),
        (json!("x"), "invalid type"),
        (json!([5]), "invalid type"),
        (json!([{"name": "c"}]), "missing field"),
        (
            json!([command("0")]),
            "a type is missing that is needed by `c`",
        ),
        (
            json!([choice(), command("e")]),
            "the arguments are no object in `c`",
        ),
        (json!([choice(), choice()]), "two types have the name `e`"),
        (
            json!([object("1", json!([{"name": "m", "type": "2"}]))]),
            "a type is missing",
        ),
        (
            json!([object("1", json!([{"name": "m"}]))]),
            "a type is missing",
        ),
        (
            json!([object("1", json!([{"name": "\u{1b}[2J", "type": "1"}]))]),
            "this is no name: `\\x1b[2J`",
        ),
        (
            json!([object("1", json!([{"type": "1"}]))]),
            "this is no name",
        ),
        (
            json!([object("", json!([])), {"name": "", "meta-type": "command", "arg-type": "", "ret-type": ""}]),
            "this is no name",
        ),
        (
            json!([choice(), tagged("1", "1")]),
            "variants go on for ever",
        ),
        (
            json!([choice(), tagged("1", "2"), tagged("2", "1")]),
            "variants go on for ever",
        ),
        (
            json!([choice(), tagged("1", "e")]),
            "a variant adds what is no object",
        ),
        (
            json!([{"name": "1", "meta-type": "object", "members": [], "tag": "t", "variants": []}]),
            "the tag is no member of `1`",
        ),
        (
            json!([
                {"name": "1", "meta-type": "alternate", "members": [{"type": "2"}]},
                {"name": "2", "meta-type": "alternate", "members": [{"type": "1"}]},
            ]),
            "an alternate is within an alternate",
        ),
    ] {
        let error = Schema::parse(&entries).unwrap_err().to_string();
        assert!(error.contains(why), "{entries}: {error}");
    }
}

#[test]
fn types_in_circles_come_to_an_end() {
    let circles = json!([
        {"name": "[1]", "meta-type": "array", "element-type": "[1]"},
        {"name": "2", "meta-type": "alternate", "members": [{"type": "[3]"}, {"type": "4"}]},
        {"name": "[3]", "meta-type": "array", "element-type": "2"},
        {"name": "4", "meta-type": "object", "members": [
            {"name": "self", "type": "4", "default": null},
            {"name": "list", "type": "[1]", "default": null},
            {"name": "either", "type": "2"},
        ]},
        {"name": "c", "meta-type": "command", "arg-type": "4", "ret-type": "2"},
    ]);
    let schema = Schema::parse(&circles).unwrap();
    let command = schema.command("c").unwrap();
    assert!(
        super::super::help(&schema, command, &Words::default(), Reader::in_shell("p"))
            .contains("either")
    );
    let wrong = super::object(json!({"either": 1, "self": {"either": {}, "list": [[[]], 1]}}));
    assert_eq!(schema.check("c", &wrong).len(), 3);
}

#[test]
fn a_broad_web_of_variants_is_read_in_short_time() {
    let mut entries = vec![json!({"name": "e", "meta-type": "enum", "values": ["v"]})];
    for level in 0..7 {
        for place in 0..40 {
            let variants: Vec<_> = (0..40)
                .map(|next| json!({"case": "v", "type": format!("{}.{next}", level + 1)}))
                .collect();
            entries.push(json!({
                "name": format!("{level}.{place}"), "meta-type": "object",
                "members": [{"name": "t", "type": "e"}], "tag": "t", "variants": variants,
            }));
        }
    }
    for place in 0..40 {
        entries.push(json!({"name": format!("7.{place}"), "meta-type": "object", "members": []}));
    }
    assert!(Schema::parse(&json!(entries)).is_ok());
}

//! The schema on small ones made by hand; the tests in `tests/commands/` have QEMU's own.

mod check;
mod help;
mod parse;
mod typed;

use serde_json::{Map, Value, json};

use super::{Properties, Schema, Words};

/// A few commands with all kinds of types.
fn small() -> Schema {
    Schema::parse(&entries()).unwrap()
}

fn entries() -> Value {
    json!([
        {"name": "str", "meta-type": "builtin", "json-type": "string"},
        {"name": "int", "meta-type": "builtin", "json-type": "int"},
        {"name": "bool", "meta-type": "builtin", "json-type": "boolean"},
        {"name": "null", "meta-type": "builtin", "json-type": "null"},
        {"name": "number", "meta-type": "builtin", "json-type": "number"},
        {"name": "any", "meta-type": "builtin", "json-type": "value"},
        {"name": "0", "meta-type": "object", "members": []},
        {"name": "stop", "meta-type": "command", "arg-type": "0", "ret-type": "0"},
        {"name": "query-old", "meta-type": "command", "arg-type": "0", "ret-type": "[1]", "features": ["deprecated"]},
        {"name": "x-new", "meta-type": "command", "arg-type": "0", "ret-type": "int", "features": ["unstable"]},
        {"name": "GONE", "meta-type": "event", "arg-type": "1"},
        {"name": "[1]", "meta-type": "array", "element-type": "1"},
        {"name": "eject", "meta-type": "command", "arg-type": "1", "ret-type": "0"},
        {"name": "1", "meta-type": "object", "members": [
            {"name": "device", "type": "str", "default": null, "features": ["deprecated"]},
            {"name": "id", "type": "str", "default": null},
            {"name": "force", "type": "bool", "default": null},
        ]},
        {"name": "blockdev-add", "meta-type": "command", "arg-type": "2", "ret-type": "0"},
        {"name": "2", "meta-type": "object", "tag": "driver", "members": [
            {"name": "driver", "type": "3"},
            {"name": "node-name", "type": "str", "default": null},
        ], "variants": [
            {"case": "file", "type": "4"},
            {"case": "qcow2", "type": "5"},
            {"case": "null-co", "type": "0"},
        ]},
        {"name": "3", "meta-type": "enum", "members": [
            {"name": "file"}, {"name": "qcow2"}, {"name": "null-co"}, {"name": "old", "features": ["deprecated"]},
        ]},
        {"name": "4", "meta-type": "object", "members": [{"name": "filename", "type": "str"}]},
        {"name": "5", "meta-type": "object", "members": [
            {"name": "file", "type": "6"},
            {"name": "backing", "type": "7", "default": null},
            {"name": "cache-size", "type": "int", "default": null},
        ]},
        {"name": "6", "meta-type": "alternate", "members": [{"type": "2"}, {"type": "str"}]},
        {"name": "7", "meta-type": "alternate", "members": [{"type": "2"}, {"type": "str"}, {"type": "null"}]},
        {"name": "set", "meta-type": "command", "arg-type": "8", "ret-type": "str", "allow-oob": true},
        {"name": "8", "meta-type": "object", "members": [
            {"name": "value", "type": "any", "default": null},
            {"name": "ratio", "type": "number", "default": null},
            {"name": "ports", "type": "[int]", "default": null},
            {"name": "names", "type": "[str]", "default": null},
            {"name": "modes", "type": "[3]", "default": null},
            {"name": "flag", "type": "11", "default": null},
            {"name": "pages", "type": "9", "default": null},
            {"name": "nodes", "type": "[2]", "default": null},
        ]},
        {"name": "[int]", "meta-type": "array", "element-type": "int"},
        {"name": "[str]", "meta-type": "array", "element-type": "str"},
        {"name": "[3]", "meta-type": "array", "element-type": "3"},
        {"name": "[2]", "meta-type": "array", "element-type": "2"},
        {"name": "11", "meta-type": "alternate", "members": [{"type": "bool"}, {"type": "3"}]},
        {"name": "9", "meta-type": "alternate", "members": [{"type": "int"}, {"type": "bool"}, {"type": "[int]"}]},
        {"name": "device_add", "meta-type": "command", "arg-type": "10", "ret-type": "0"},
        {"name": "10", "meta-type": "object", "members": [
            {"name": "driver", "type": "str"},
            {"name": "id", "type": "str", "default": null},
        ]},
    ])
}

/// What the words become.
fn typed(command: &str, words: &[&str], given: Value) -> Result<Value, String> {
    let schema = small();
    let properties = Properties::parse(&json!([
        {"name": "num-queues", "type": "uint16"}, {"name": "serial", "type": "str"},
    ]));
    let words = Words::parse(words.iter().copied()).map_err(|error| error.to_string())?;
    let command = schema.command(command).unwrap();
    words
        .typed(&schema, command, &properties, object(given))
        .map(Value::Object)
        .map_err(|error| error.to_string())
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

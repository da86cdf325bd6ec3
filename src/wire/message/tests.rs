//! Messages as they are read and written.

use serde_json::json;

use super::*;

#[test]
fn a_greeting_tells_version_and_capabilities_and_may_hold_more() {
    let read = Incoming::read(json!({"QMP": {
        "version": {"qemu": {"micro": 22, "minor": 2, "major": 7, "nano": 1}, "package": " Debian "},
        "capabilities": ["oob", "later"], "mood": "good",
    }, "more": 1}));
    let Incoming::Greeting(greeting) = read else {
        panic!("{read:?}")
    };
    assert_eq!(greeting.version.to_string(), "7.2.22");
    assert_eq!(greeting.version.package, "Debian");
    assert_eq!(greeting.capabilities, ["oob", "later"]);
}

#[test]
fn a_bare_greeting_is_one() {
    let read = Incoming::read(json!({"QMP": {}}));
    assert_eq!(
        read,
        Incoming::Greeting(Greeting {
            version: Version::default(),
            capabilities: Vec::new()
        })
    );
}

#[test]
fn replies_keep_id_and_outcome() {
    let read = Incoming::read(json!({"return": null, "id": "a-1", "new": 1}));
    assert_eq!(
        read,
        Incoming::Reply {
            id: Some(json!("a-1")),
            outcome: Ok(Value::Null)
        }
    );

    let read = Incoming::read(json!({"error": {"class": "GenericError", "desc": "no", "hint": 1}}));
    let refusal = Refusal {
        class: "GenericError".to_owned(),
        desc: "no".to_owned(),
    };
    assert_eq!(
        read,
        Incoming::Reply {
            id: None,
            outcome: Err(refusal)
        }
    );
}

#[test]
fn an_event_may_lack_data_and_hold_what_is_unknown() {
    let read = Incoming::read(
        json!({"event": "NEW_THING", "timestamp": {"seconds": 1, "microseconds": 2}, "x": []}),
    );
    let timestamp = Timestamp {
        seconds: 1,
        microseconds: 2,
    };
    assert_eq!(
        read,
        Incoming::Event(Event {
            name: "NEW_THING".to_owned(),
            data: json!({}),
            timestamp
        })
    );

    let read = Incoming::read(json!({"event": "STOP", "data": {"a": u64::MAX}}));
    let timestamp = Timestamp {
        seconds: -1,
        microseconds: -1,
    };
    assert_eq!(
        read,
        Incoming::Event(Event {
            name: "STOP".to_owned(),
            data: json!({"a": u64::MAX}),
            timestamp
        })
    );
}

#[test]
fn objects_of_no_known_kind_pass_as_such() {
    for object in [
        json!({}),
        json!({"error": "text"}),
        json!({"event": 1}),
        json!({"QMP": 1}),
        json!({"banner": "x"}),
    ] {
        assert_eq!(Incoming::read(object.clone()), Incoming::Other(object));
    }
}

#[test]
fn a_command_is_one_object_on_one_line() {
    let arguments = json!({"size": u64::MAX, "text": "a\nb", "x": 1.0});
    let outgoing = Outgoing {
        command: "x-y",
        arguments: arguments.as_object().unwrap(),
        id: Some("q-1"),
        oob: false,
    };
    assert_eq!(
        String::from_utf8(outgoing.encode()).unwrap(),
        "{\"execute\":\"x-y\",\"arguments\":{\"size\":18446744073709551615,\"text\":\"a\\nb\",\"x\":1.0},\"id\":\"q-1\"}\n"
    );
}

#[test]
fn arguments_and_id_are_left_out_where_there_are_none() {
    let bare = Outgoing {
        command: "guest-ping",
        arguments: &Map::new(),
        id: None,
        oob: false,
    };
    assert_eq!(bare.encode(), b"{\"execute\":\"guest-ping\"}\n");
    let oob = Outgoing {
        command: "query-yank",
        id: Some("1"),
        oob: true,
        ..bare
    };
    assert_eq!(
        oob.encode(),
        b"{\"exec-oob\":\"query-yank\",\"id\":\"1\"}\n"
    );
}

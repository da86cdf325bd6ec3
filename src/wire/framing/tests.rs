//! Objects cut out of a stream: at any byte, at the limits, and from what is no JSON.

use serde_json::{Value, json};

use super::*;

/// Strings with brackets, escapes at every turn, nesting, numbers of each kind, over several lines.
const AWKWARD: &str = concat!(
    " \r\n{\r\n    \"return\": {\r\n        \"text\": \"}]{[ \\\"\\\\\\\\\\\" \\u00e9 \\\\\",\r\n",
    "        \"list\": [[], {}, [1, -2, 3.5e-3], null, true],\r\n        \"max\": 18446744073709551615\r\n    }\r\n}\r\n"
);

fn awkward() -> Value {
    json!({"return": {
        "text": "}]{[ \"\\\\\" é \\",
        "list": [[], {}, [1, -2, 3.5e-3], null, true],
        "max": u64::MAX,
    }})
}

fn small() -> Limits {
    Limits {
        bytes: 1000,
        depth: 8,
        memory: 10_000,
    }
}

fn all(framer: &mut Framer) -> Vec<Value> {
    std::iter::from_fn(|| framer.next_object().unwrap()).collect()
}

fn error_of(limits: Limits, bytes: &[u8]) -> FramingError {
    let mut framer = Framer::new(limits);
    framer.push(bytes);
    framer.next_object().unwrap_err()
}

#[test]
fn an_object_split_at_any_byte_is_the_same_object() {
    for split in 0..AWKWARD.len() {
        let mut framer = Framer::new(Limits::QMP);
        let (head, tail) = AWKWARD.as_bytes().split_at(split);
        framer.push(head);
        let mut found = all(&mut framer);
        framer.push(tail);
        found.extend(all(&mut framer));
        assert_eq!(found, [awkward()], "split at {split}");
        assert!(!framer.has_partial());
    }
}

#[test]
fn objects_that_come_a_byte_at_a_time_are_found_in_order() {
    let mut framer = Framer::new(Limits::QMP);
    let mut found = Vec::new();
    for byte in AWKWARD.repeat(3).bytes() {
        framer.push(&[byte]);
        found.extend(all(&mut framer));
    }
    assert_eq!(found, [awkward(), awkward(), awkward()]);
}

#[test]
fn several_objects_in_one_read_are_found_in_order() {
    let mut framer = Framer::new(Limits::QMP);
    framer.push(b"{\"a\":1}{\"b\":2}\r\n{\"c\":3}  {\"d\"");
    assert_eq!(
        all(&mut framer),
        [json!({"a": 1}), json!({"b": 2}), json!({"c": 3})]
    );
    assert!(framer.has_partial());
    framer.push(b":4}\n");
    assert_eq!(all(&mut framer), [json!({"d": 4})]);
    assert!(!framer.has_partial());
}

#[test]
fn integers_stay_exact_up_to_both_ends() {
    let mut framer = Framer::new(Limits::QMP);
    framer.push(b"{\"max\": 18446744073709551615, \"min\": -9223372036854775808}");
    let object = framer.next_object().unwrap().unwrap();
    assert_eq!(object["max"].as_u64(), Some(u64::MAX));
    assert_eq!(object["min"].as_i64(), Some(i64::MIN));
}

#[test]
fn an_unterminated_object_is_waited_for() {
    let mut framer = Framer::new(Limits::QMP);
    framer.push(b"{\"return\": \"never ends");
    assert_eq!(framer.next_object(), Ok(None));
    assert!(framer.has_partial());
}

#[test]
fn garbage_is_quoted_escaped() {
    let garbage = |bytes: &[u8]| match error_of(Limits::QMP, bytes) {
        FramingError::Garbage(found) => found,
        other => panic!("{other}"),
    };
    assert_eq!(
        garbage(b"SSH-2.0-OpenSSH_9.2\r\n"),
        "SSH-2.0-OpenSSH_9.2\\r\\n"
    );
    assert_eq!(garbage(b"\r\n\x1b[2J"), "\\x1b[2J");
    assert_eq!(garbage(b"[{}]"), "[{}]");
    assert_eq!(garbage(b"\xff{}"), "\\xff{}");
}

#[test]
fn garbage_behind_an_object_does_not_take_the_object_back() {
    let mut framer = Framer::new(Limits::QMP);
    framer.push(b"{\"a\":1}x");
    assert_eq!(framer.next_object(), Ok(Some(json!({"a": 1}))));
    assert_eq!(
        framer.next_object(),
        Err(FramingError::Garbage("x".to_owned()))
    );
}

#[test]
fn what_balances_but_is_no_json_is_named() {
    for (text, near) in [
        (&b"{\"return\": inf, \"id\": 1}"[..], "inf"),
        (b"{\"return\": -nan}", "nan"),
        (b"{\r\n  \"return\": 1e400\r\n}", "1e400"),
        (b"{\"a\":]", "\"a\":]"),
        (b"{\"a\":1]", "1]"),
        (b"{\"a\": \"\xc3\x28\"}", "\\xc3("),
        (b"{\"a\": \"tab\there\"}", "tab\\there"),
        (b"{\"a\": \"\\ud800\"}", "ud800"),
    ] {
        match error_of(Limits::QMP, text) {
            FramingError::Invalid(found, why) => {
                assert!(found.contains(near), "{found} holds no {near}");
                assert!(!why.is_empty() && !why.contains("line"), "{why}");
            }
            other => panic!("{other}"),
        }
    }
}

#[test]
fn nesting_is_refused_at_the_limit_without_waiting_for_the_end() {
    let nested = |depth: usize| {
        format!(
            "{{\"a\":{}{}}}",
            "[".repeat(depth - 1),
            "]".repeat(depth - 1)
        )
    };
    let mut framer = Framer::new(Limits::QMP);
    framer.push(nested(Limits::QMP.depth).as_bytes());
    assert!(framer.next_object().unwrap().is_some());

    assert_eq!(
        error_of(Limits::QMP, nested(Limits::QMP.depth + 1).as_bytes()),
        FramingError::TooDeep(127)
    );
    assert_eq!(
        error_of(Limits::QMP, "{\"a\":".repeat(100_000).as_bytes()),
        FramingError::TooDeep(127)
    );
}

#[test]
fn an_object_may_have_as_many_bytes_as_the_limit_and_no_more() {
    let object = |size: usize| format!("{{\"a\":\"{}\"}}", "x".repeat(size - 8)).into_bytes();
    let mut framer = Framer::new(small());
    framer.push(&object(1000));
    assert!(framer.next_object().unwrap().is_some());
    assert_eq!(
        error_of(small(), &object(1001)),
        FramingError::TooLong(1000)
    );
    assert_eq!(
        error_of(small(), &object(1001)[..1001]),
        FramingError::TooLong(1000)
    );
}

#[test]
fn a_string_of_a_gibibyte_ends_at_the_limit_with_memory_bounded() {
    let mut framer = Framer::new(Limits::QMP);
    framer.push(b"{\"return\": \"");
    let mut sent = 0;
    let error = loop {
        assert!(sent < 1 << 30, "a gibibyte was taken");
        assert_eq!(framer.next_object().err(), None);
        framer.push(&vec![b'x'; 64 << 10]);
        sent += 64 << 10;
        if let Err(error) = framer.next_object() {
            break error;
        }
    };
    assert_eq!(error, FramingError::TooLong(16 << 20));
    assert!(framer.buffer.len() <= (16 << 20) + (64 << 10) + 16);
}

#[test]
fn many_tiny_values_end_at_the_limit_long_before_they_fill_the_memory() {
    for unit in ["0,", "[],", "[0],", "{},", "{\"a\":0},", "\"\","] {
        let mut framer = Framer::new(Limits::QMP);
        framer.push(b"{\"return\": [");
        let chunk = unit.repeat(4096);
        let error = loop {
            framer.push(chunk.as_bytes());
            if let Err(error) = framer.next_object() {
                break error;
            }
        };
        assert_eq!(error, FramingError::TooManyValues(16 << 20), "{unit}");
        assert!(
            framer.buffer.len() < 4 << 20,
            "{unit} took {} bytes",
            framer.buffer.len()
        );
    }
}

#[test]
fn a_bulk_transfer_keeps_its_buffer_and_a_small_object_gives_it_back() {
    let mut framer = Framer::delimited(Limits::AGENT);
    let bulk = format!("{{\"return\":\"{}\"}}\n", "x".repeat(1 << 20));
    for _ in 0..3 {
        framer.push(bulk.as_bytes());
        assert!(framer.next_object().unwrap().is_some());
        assert!(framer.buffer.capacity() > 1 << 20);
    }
    framer.push(b"{\"return\":{}}\n{\"half");
    assert!(framer.next_object().unwrap().is_some());
    assert!(framer.buffer.capacity() <= KEEP);
    framer.push(b"\":1}");
    assert_eq!(framer.next_object(), Ok(Some(json!({"half": 1}))));
}

#[test]
fn a_sentinel_before_an_agents_object_is_passed_over() {
    let mut framer = Framer::delimited(Limits::AGENT);
    framer.push(b"{\"return\":1}\n\xff{\"return\":2}\n\xff\xff {\"return\":3}");
    assert_eq!(
        all(&mut framer),
        [
            json!({"return": 1}),
            json!({"return": 2}),
            json!({"return": 3})
        ]
    );
}

#[test]
fn all_before_the_awaited_sentinel_is_thrown_away_however_it_is_split() {
    let stale = b"\"}{\"error\": {}}garbage \x00\xfe{\"half\": [\"";
    let stream = [&stale[..], b"\xff{\"return\": 7}\n{\"return\": 8}"].concat();
    for split in 0..stream.len() {
        let mut framer = Framer::delimited(Limits::AGENT);
        framer.push(b"{\"stale\": \"");
        assert_eq!(framer.next_object(), Ok(None));
        framer.discard_to_sentinel();
        framer.push(&stream[..split]);
        let mut found = all(&mut framer);
        framer.push(&stream[split..]);
        found.extend(all(&mut framer));
        assert_eq!(
            found,
            [json!({"return": 7}), json!({"return": 8})],
            "split at {split}"
        );
    }
}

#[test]
fn while_awaiting_a_sentinel_nothing_is_kept() {
    let mut framer = Framer::delimited(Limits::AGENT);
    framer.discard_to_sentinel();
    let chunk = vec![b'{'; 64 << 10];
    for _ in 0..1000 {
        framer.push(&chunk);
        assert_eq!(framer.next_object(), Ok(None));
    }
    assert!(framer.buffer.capacity() <= 256 << 10);
    framer.push(b"\xff{\"return\":1}");
    assert_eq!(all(&mut framer), [json!({"return": 1})]);
}

#[test]
fn a_sentinel_within_the_awaited_object_begins_anew() {
    for spoilt in [
        "{\"return\": 1",
        "{\"return\": \"a\\",
        "nonsense",
        "{\"return\": inf}",
        "",
    ] {
        let mut framer = Framer::delimited(Limits::AGENT);
        framer.discard_to_sentinel();
        framer.push(b"\xff");
        for byte in spoilt.bytes() {
            framer.push(&[byte]);
            assert_eq!(framer.next_object(), Ok(None), "{spoilt}");
        }
        framer.push(b"\xff{\"return\": 2}");
        assert_eq!(all(&mut framer), [json!({"return": 2})], "{spoilt}");
    }
}

#[test]
fn asking_for_the_next_sentinel_again_skips_anothers_reply() {
    let mut framer = Framer::delimited(Limits::AGENT);
    framer.discard_to_sentinel();
    framer.push(b"\xff{\"return\": 1}\n{\"late\": 1}\xff{\"return\": 2}\n");
    assert_eq!(framer.next_object(), Ok(Some(json!({"return": 1}))));
    framer.discard_to_sentinel();
    assert_eq!(framer.next_object(), Ok(Some(json!({"return": 2}))));
}

#[test]
fn limits_can_be_changed_for_the_next_object() {
    let mut framer = Framer::delimited(small());
    framer.set_limits(Limits::AGENT);
    framer.push(format!("{{\"return\":\"{}\"}}", "x".repeat(5000)).as_bytes());
    assert!(framer.next_object().unwrap().is_some());
}

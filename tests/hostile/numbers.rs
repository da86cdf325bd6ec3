//! Numbers cross exactly, and what is left out stays out.

use harness::FakePeer;
use serde_json::json;

use super::{ask, eval, fails, prints};

#[test]
fn integers_above_the_signed_ones_come_and_go_exactly() {
    let numbers = json!([u64::MAX, (1_u64 << 63), i64::MAX, i64::MIN, 0, -1, 1.5]);
    let peer = FakePeer::builder()
        .greet()
        .expect("query-numbers")
        .reply(numbers.clone())
        .expect("qom-set")
        .reply(json!({}))
        .start();
    let script = "let v = vm(args[0]); let n = v.qmp(\"query-numbers\"); print(json(n));
        v.qmp(\"qom-set\", #{ path: \"/x\", property: \"y\", value: n }); ()";
    let outcome = ask(peer.socket(), script);
    prints(&outcome, &format!("{numbers}\n"));
    let requests = peer.finish();
    assert_eq!(requests[2]["arguments"]["value"], numbers);
}

#[test]
fn what_is_whole_goes_out_as_an_integer_and_a_unit_not_at_all() {
    let peer = FakePeer::builder()
        .greet()
        .expect("block_resize")
        .reply(json!({}))
        .start();
    let script = "vm(args[0]).qmp(\"block_resize\", #{ size: 1e9, \"node-name\": \"disk0\", device: (), list: [1, ()], deep: #{ a: () } }); ()";
    prints(&ask(peer.socket(), script), "");
    assert_eq!(
        peer.finish()[1]["arguments"],
        json!({ "size": 1_000_000_000, "node-name": "disk0", "list": [1, null], "deep": {} })
    );
}

#[test]
fn numbers_that_cannot_be_exact_are_errors() {
    fails(
        &eval("let x = 18446744073709551616;"),
        2,
        &["18446744073709551616", "does not fit"],
    );
    fails(
        &eval("parse_int(\"18446744073709551615\") + 1"),
        1,
        &["18446744073709551616"],
    );
    fails(
        &eval("json(#{ a: 0.0 / 0.0 })"),
        1,
        &["`a` is NaN", "JSON cannot carry"],
    );
    fails(&eval("json(1e308 * 10.0)"), 1, &["JSON cannot carry"]);
    fails(
        &eval("9223372036854775807 + 1"),
        1,
        &["9223372036854775807"],
    );
    fails(&eval("1 / 0"), 1, &["by zero"]);
}

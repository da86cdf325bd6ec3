//! `v.agent.fsfreeze` and `with` on a real guest, seen from the guest's kernel.

use harness::Guest;
use serde_json::json;

use super::lent::lent;
use super::{assert_error, caught, eval, qmpsh};

/// Waits until a script says that it is inside, and gives what the kernel says then.
fn frozen_inside(guest: &Guest, freeze: &str) -> (bool, bool) {
    let script =
        format!("let v = vm(args[0]); with {freeze} as f {{ log(\"inside\"); sleep(60) }}");
    let running = qmpsh(["eval", &script, &guest.target()]).spawn();
    running.wait_for_stderr("inside");
    let seen = (guest.is_frozen_at("/data"), guest.is_frozen_at("/data2"));
    running.signal(harness::Signal::INT);
    running.wait().expect_code(130);
    assert!(!guest.is_frozen());
    seen
}

#[test]
fn a_freeze_takes_all_file_systems_or_those_that_are_named() {
    let guest = lent();
    assert_eq!(frozen_inside(&guest, "v.agent.fsfreeze()"), (true, true));
    assert_eq!(
        frozen_inside(&guest, "v.agent.fsfreeze(#{ mountpoints: [\"/data2\"] })"),
        (false, true)
    );
}

#[test]
fn a_freeze_counts_its_file_systems_and_its_time() {
    let guest = lent();
    let value = eval(
        &guest.target(),
        "let f = v.agent.fsfreeze(#{ max: \"30s\" });
         let seen = [f.count, f.frozen_ms, v.agent.fsstatus()];
         sleep(\"20ms\"); f.release(); f.release();
         seen + [f.frozen_ms >= 20, v.agent.fsstatus(), v.agent.fsthaw()]",
    );
    assert_eq!(value, json!([2, null, "frozen", true, "thawed", 0]));
}

#[test]
fn a_second_freeze_of_this_run_is_told_as_its_own() {
    let guest = lent();
    let error = caught(
        &guest.target(),
        "with v.agent.fsfreeze() as f { v.agent.fsfreeze() }",
    );
    assert_eq!(error["kind"], "frozen");
    let told = error["message"].as_str().unwrap();
    assert!(
        told.ends_with("this run has frozen the guest already"),
        "{told}"
    );
}

#[test]
fn whatever_ends_the_block_the_guest_is_thawed() {
    let guest = lent();
    let status = "v.agent.fsstatus()";
    for (script, expected) in [
        (
            format!("let x = with v.agent.fsfreeze() as f {{ f.count }}; [x, {status}]"),
            json!([2, "thawed"]),
        ),
        (
            format!("fn f(v) {{ with v.agent.fsfreeze() as f {{ return 5 }} }} [f(v), {status}]"),
            json!([5, "thawed"]),
        ),
        (
            format!("loop {{ with v.agent.fsfreeze() as f {{ break }} }} {status}"),
            json!("thawed"),
        ),
        (
            format!(
                "let n = 0; for i in 0..2 {{ with v.agent.fsfreeze() as f {{ if i == 0 {{ continue }} n += 1 }} }} [n, {status}]"
            ),
            json!([1, "thawed"]),
        ),
        (
            format!(
                "let seen = (); try {{ with v.agent.fsfreeze() as f {{ v.qmp(\"eject\", #{{ id: \"x\" }}) }} }} catch (e) {{ seen = e.command }} [seen, {status}]"
            ),
            json!(["eject", "thawed"]),
        ),
    ] {
        assert_eq!(eval(&guest.target(), &script), expected, "{script}");
        assert!(!guest.is_frozen(), "{script}");
    }
}

#[test]
fn a_bare_freeze_is_thawed_when_the_script_ends() {
    let guest = lent();
    for (end, code) in [
        ("1", 0),
        ("fail(\"no\")", 1),
        ("exit(9)", 9),
        ("throw 1", 1),
        ("v.qmp(\"nope\")", 4),
    ] {
        let script =
            format!("let v = vm(args[0]); v.agent.fsfreeze(); log(v.agent.fsstatus()); {end}");
        let outcome = qmpsh(["eval", &script, &guest.target()])
            .run()
            .expect_code(code);
        assert!(outcome.stderr.contains("frozen\n"), "{outcome:#?}");
        assert!(
            outcome.stderr.contains("2 file systems were frozen for"),
            "{outcome:#?}"
        );
        assert!(!guest.is_frozen(), "{end}");
    }
}

#[test]
fn guards_nest() {
    let guest = lent();
    let value = eval(
        &guest.target(),
        "let seen = [];
         with v.agent.file_open(\"/run/nested\", \"w\") as f {
             f.write(\"x\"); f.flush();
             with v.agent.fsfreeze() as g {
                 seen.push(v.agent.fsstatus());
                 // A frozen guest has no files to read or write, and no second freeze.
                 try { f.write(\"y\") } catch (e) { seen.push(e.kind); seen.push(e.hint) }
                 try { with v.agent.fsfreeze() as h { seen.push(\"never\") } } catch (e) { seen.push(e.kind) }
                 seen.push(v.agent.fsstatus());
             }
             f.write(\"z\");
         }
         seen + [v.agent.file_read(\"/run/nested\")]",
    );
    assert_eq!(
        value,
        json!([
            "frozen",
            "frozen",
            "it works again when the guest is thawed: `qmpsh thaw VM`",
            "frozen",
            "frozen",
            "xz"
        ])
    );
}

#[test]
fn a_window_that_expires_thaws_and_fails_the_block() {
    let guest = lent();
    for work in [
        "sleep(60)",
        "loop { }",
        "while v.agent.fsstatus() == \"frozen\" { } sleep(60)",
    ] {
        let script = format!("with v.agent.fsfreeze(#{{ max: \"2s\" }}) as f {{ {work} }}");
        let error = caught(&guest.target(), &script);
        assert_error(
            &error,
            &json!({ "kind": "frozen", "message": "the freeze window expired after 2 s" }),
        );
        assert!(!guest.is_frozen());
    }
}

#[test]
fn what_cannot_be_frozen_is_told() {
    let guest = lent();
    for (options, kind, message) in [
        ("#{ mountpoints: [\"/nowhere\"] }", "agent", "`/nowhere`"),
        (
            "#{ mountpoints: \"/data\" }",
            "usage",
            "`mountpoints` is an array",
        ),
        ("#{ mountpoints: [1] }", "usage", "mountpoints"),
        ("#{ max: \"long\" }", "usage", "max"),
        ("#{ max: 0 }", "usage", "longer than 0"),
        ("#{ mnt: 1 }", "usage", "there is no option `mnt`"),
    ] {
        let error = caught(&guest.target(), &format!("v.agent.fsfreeze({options})"));
        assert_error(&error, &json!({ "kind": kind, "message": message }));
        assert!(!guest.is_frozen());
    }
}

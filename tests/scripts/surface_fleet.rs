//! Several VMs at once, time limits and retries, and what an error is to a script.

use harness::Qemu;
use serde_json::{Value, json};

use super::lent::lent;
use super::{caught, document, eval, qmpsh};

#[test]
fn parallel_gives_one_result_a_vm_in_order_the_dead_among_them() {
    let (one, mut dead, two) = (
        Qemu::bare().arg("-name").arg("one").start(),
        Qemu::bare().start(),
        Qemu::bare().arg("-name").arg("two").start(),
    );
    dead.process().kill();
    let paths = [&one, &dead, &two].map(|qemu| qemu.qmp().to_str().unwrap().to_owned());
    let script = "let all = args.map(|target| vm(target)); parallel(all, #{ jobs: 2 }, |v| v.name).map(|r| [`${r.item}`, r.ok, r.error?.kind])";
    let outcome = qmpsh(["--json", "eval", script])
        .args(&paths)
        .run()
        .expect_code(0);
    assert_eq!(
        document(&outcome),
        json!([
            [paths[0], "one", null],
            [paths[1], null, "gone"],
            [paths[2], "two", null]
        ])
    );
    let script = "parallel(args, #{ fail_fast: true }, |target| vm(target).name)";
    let outcome = qmpsh(["eval", script]).args(&paths).run().expect_code(3);
    assert!(outcome.stderr.contains(&paths[1]), "{outcome:#?}");
}

#[test]
fn one_silent_vm_holds_up_nobody_for_longer_than_its_deadline() {
    let (good, mut silent) = (Qemu::bare().start(), Qemu::bare().start());
    silent.process().stop();
    let paths = [&silent, &good].map(|qemu| qemu.qmp().to_str().unwrap().to_owned());
    let script = "parallel(args, |target| vm(target).status).map(|r| r.ok ?? r.error.kind)";
    let outcome = qmpsh(["--timeout", "500ms", "--json", "eval", script])
        .args(&paths)
        .run()
        .expect_code(0);
    assert_eq!(document(&outcome), json!(["gone", "running"]));
}

#[test]
fn the_same_vm_serves_many_workers() {
    let guest = lent();
    let script = "parallel((0..20).collect(), #{ jobs: 10 }, |n| {
            if n % 2 == 0 { v.status } else { v.agent.exec(\"echo\", [`${n}`]).stdout }
        }).map(|r| r.ok ?? r.error.message)";
    let script = script.replace(
        "(0..20).collect()",
        "[0,1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19]",
    );
    let expected: Vec<Value> = (0..20)
        .map(|n| {
            if n % 2 == 0 {
                json!("running")
            } else {
                json!(format!("{n}\n"))
            }
        })
        .collect();
    assert_eq!(eval(&guest.target(), &script), Value::Array(expected));
}

#[test]
fn a_retry_goes_on_until_it_succeeds_and_a_timeout_until_it_is_over() {
    let guest = lent();
    let value = eval(
        &guest.target(),
        "v.agent.shell(\"rm -f /tmp/late; (sleep 0.3; echo here > /tmp/late) >/dev/null 2>&1 &\");
         let tries = 0;
         let read = retry(#{ times: 100, delay: \"20ms\" }, |n| `${v.agent.file_read(\"/tmp/late\")}`);
         let late = (|| { try { timeout(\"100ms\", || v.agent.exec(\"sleep\", [\"30\"])) } catch (e) { return e.kind } }).call();
         let last = (|| { try { retry(#{ times: 2, delay: 0 }, |n| v.agent.file_read(`/nope${n}`)) } catch (e) { return e.message.contains(\"/nope2\") } }).call();
         [read, late, last]",
    );
    assert_eq!(value, json!(["here\n", "timeout", true]));
    guest.shell_ok("killall sleep; true");
}

#[test]
fn an_error_is_a_map_with_all_that_is_known_and_uncaught_it_is_its_exit_code() {
    let guest = lent();
    let target = guest.target();
    let vm = json!(guest.qmp());
    // (script, the members besides message and hint, whether there is a hint, the exit code)
    for (script, members, has_hint, code) in [
        (
            "v.qmp(\"eject\", #{ id: \"cd9\" })",
            json!({ "kind": "qmp", "class": "DeviceNotFound", "desc": "Device 'cd9' not found", "command": "eject", "vm": vm }),
            false,
            4,
        ),
        (
            "v.agent.call(\"guest-nope\")",
            json!({ "kind": "agent", "class": "CommandNotFound", "desc": "The command guest-nope has not been found", "command": "guest-nope", "vm": vm }),
            true,
            4,
        ),
        (
            "v.watch(\"STOP\").wait(\"1ms\")",
            json!({ "kind": "timeout", "vm": vm }),
            false,
            5,
        ),
        (
            "vm(\"/no/such\").status",
            json!({ "kind": "gone", "vm": "/no/such" }),
            true,
            3,
        ),
        ("sleep(\"soon\")", json!({ "kind": "usage" }), false, 1),
        ("fail(\"x\")", json!({ "kind": "script" }), false, 1),
        (
            "timeout(\"1ms\", || sleep(5))",
            json!({ "kind": "timeout" }),
            false,
            5,
        ),
        (
            "v.agent.upload(\"/etc/hostname\", \"/tmp/x\")",
            json!({ "kind": "denied" }),
            true,
            6,
        ),
    ] {
        let error = caught(&target, script);
        let mut rest = error.as_object().unwrap().clone();
        assert!(
            rest.remove("message")
                .is_some_and(|message| message.is_string()),
            "{error}"
        );
        assert_eq!(rest.remove("hint").is_some(), has_hint, "{script}: {error}");
        assert_eq!(Value::Object(rest), members, "{script}");
        let script = format!("let v = vm(args[0]); {script}");
        let outcome = qmpsh(["eval", &script, &target]).run().expect_code(code);
        let message = error["message"].as_str().unwrap();
        assert!(
            outcome.stderr.contains(&format!("error: {message}")),
            "{outcome:#?}"
        );
        assert!(outcome.stderr.contains("--> <eval>:1:"), "{outcome:#?}");
    }
}

#[test]
fn a_busy_monitor_is_an_error_that_names_its_holder() {
    let qemu = Qemu::bare().start();
    let target = qemu.qmp().to_str().unwrap().to_owned();
    let _held = harness::RawQmp::connect(&target);
    let script = "let error = (); try { vm(args[0]).status } catch (e) { error = e } error";
    let outcome = qmpsh(["--timeout", "300ms", "--json", "eval", script, &target])
        .run()
        .expect_code(0);
    let error = document(&outcome);
    assert_eq!(error["kind"], "busy", "{error}");
    let holder = std::process::id().to_string();
    assert!(
        error["message"].as_str().unwrap().contains(&holder),
        "{error}"
    );
}

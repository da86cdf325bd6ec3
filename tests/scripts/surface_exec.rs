//! `v.agent.exec` and `v.agent.shell`.

use serde_json::json;

use super::lent::lent;
use super::{assert_error, caught, eval, qmpsh};

#[test]
fn a_program_gives_its_exit_code_and_streams() {
    let guest = lent();
    let target = guest.target();
    assert_eq!(
        eval(
            &target,
            "v.agent.exec(\"sh\", [\"-c\", \"echo out; echo err >&2; exit 3\"])"
        ),
        json!({
            "exitcode": 3, "stdout": "out\n", "stderr": "err\n", "stdout_blob": "b3V0Cg==", "stderr_blob": "ZXJyCg==", "truncated": false,
        })
    );
    assert_eq!(
        eval(
            &target,
            "let r = v.agent.exec(\"true\"); [r.exitcode, r.signal, r.stdout, r.stdout_blob.len()]"
        ),
        json!([0, null, "", 0])
    );
    assert_eq!(
        eval(
            &target,
            "let r = v.agent.shell(\"kill -9 $$\"); [r.exitcode, r.signal]"
        ),
        json!([null, 9])
    );
    assert_eq!(
        eval(
            &target,
            "let r = v.agent.shell(\"printf 'a\\\\374b'\"); [r.stdout, r.stdout_blob]"
        ),
        json!(["a\u{fffd}b", "YfxiCg".get(..3).map(|_| "Yfxi")])
    );
}

#[test]
fn a_program_reads_what_it_is_given_and_sees_the_environment_that_is_its_own() {
    let guest = lent();
    let value = eval(
        &guest.target(),
        "let a = v.agent;
         [a.exec(\"wc\", [\"-c\"], #{ input: \"hello\" }).stdout, a.exec(\"wc\", [\"-c\"], #{ input: blob(7, 0) }).stdout,
          a.exec(\"/bin/env\", [], #{ env: #{ A: 1, B: \"two words\" } }).stdout,
          a.shell(\"cat; echo $X\", #{ input: \"in \", env: #{ X: \"x\" } }).stdout]",
    );
    assert_eq!(value, json!(["5\n", "7\n", "A=1\nB=two words\n", "in x\n"]));
}

#[test]
fn a_check_makes_an_error_of_a_bad_end() {
    let guest = lent();
    let error = caught(
        &guest.target(),
        "v.agent.shell(\"echo why >&2; exit 2\", #{ check: true })",
    );
    assert_error(
        &error,
        &json!({ "kind": "agent", "message": "in the guest ended with exit code 2: why" }),
    );
    let error = caught(
        &guest.target(),
        "v.agent.shell(\"kill -15 $$\", #{ check: true })",
    );
    assert_error(&error, &json!({ "message": "was ended by signal 15" }));
    assert_eq!(
        eval(
            &guest.target(),
            "v.agent.exec(\"true\", [], #{ check: true }).exitcode"
        ),
        0
    );
    // Not that the agent refused something: the program failed.
    let script = "vm(args[0]).agent.exec(\"false\", [], #{ check: true })";
    qmpsh(["eval", script, &guest.target()])
        .run()
        .expect_code(1);
}

#[test]
fn a_program_that_takes_too_long_is_a_timeout_and_goes_on() {
    let guest = lent();
    let error = caught(
        &guest.target(),
        "v.agent.exec(\"sleep\", [\"1000\"], #{ timeout: \"50ms\" })",
    );
    assert_error(
        &error,
        &json!({ "kind": "timeout", "message": "`sleep` (process ", "hint": "the agent cannot end it" }),
    );
    guest.shell_ok("killall sleep");
}

#[test]
fn what_cannot_be_run_is_told() {
    let guest = lent();
    let error = caught(&guest.target(), "v.agent.exec(\"nonesuch\")");
    assert_error(
        &error,
        &json!({ "kind": "agent", "command": "guest-exec", "message": "No such file or directory" }),
    );
    for (call, message) in [
        (
            "exec(\"true\", [], #{ tiemout: 1 })",
            "there is no option `tiemout`",
        ),
        ("shell(\"true\", #{ check: 1 })", "`check` is true or false"),
        ("exec(\"true\", [], #{ env: \"A=1\" })", "`env` is a map"),
        ("exec(\"true\", [], #{ input: 5 })", "`input`"),
        ("exec(\"true\", [5])", "arguments"),
    ] {
        let error = caught(&guest.target(), &format!("v.agent.{call}"));
        assert_error(&error, &json!({ "kind": "usage", "message": message }));
    }
}

#[test]
fn output_of_many_chunks_comes_whole() {
    let guest = lent();
    let value = eval(
        &guest.target(),
        "let r = v.agent.shell(\"yes 0123456789 | head -c 3000000\"); [r.stdout.len(), r.truncated]",
    );
    assert_eq!(value, json!([3_000_000, false]));
}

//! A real guest whose agent is stopped, down, or gone with its machine.

use harness::Guest;

use super::{ask, ask_within, asking, fails, prints};

const PING: &str = "vm(args[0]).agent.ping()";

#[test]
fn what_a_guests_agent_may_do_is_told_apart() {
    let mut guest = Guest::builder().boot();
    let target = guest.target();

    guest.stop_agent();
    let outcome = ask_within("500ms", &target, PING);
    fails(
        &outcome,
        3,
        &["the guest agent at", "did not answer", "stopped or busy"],
    );
    let outcome = ask_within("500ms", guest.qmp(), PING);
    fails(
        &outcome,
        3,
        &["did not answer", guest.agent().to_str().unwrap()],
    );
    guest.cont_agent();

    guest.agent_down();
    let outcome = ask_within("500ms", &target, PING);
    fails(
        &outcome,
        3,
        &["does not run in the guest", "qemu-guest-agent"],
    );
    guest.agent_up();
    prints(
        &ask(&target, "vm(args[0]).agent.hostname()"),
        "qmpsh-guest\n",
    );

    // A program still runs there when its machine is killed.
    let script =
        "let v = vm(args[0]); v.agent.shell(\"true\"); log(\"up\"); v.agent.shell(\"sleep 600\")";
    let running = asking("20s", &target, script).spawn();
    running.wait_for_stderr("up");
    guest.process().kill();
    let outcome = running.wait();
    fails(&outcome, 3, &[guest.agent().to_str().unwrap()]);
}

#[test]
fn a_guest_that_stands_still_is_not_told_to_start_its_agent() {
    let guest = Guest::builder().boot();
    let target = guest.target();
    prints(
        &ask(&target, "vm(args[0]).qmp(\"stop\"); vm(args[0]).status"),
        "paused\n",
    );
    let outcome = ask_within("500ms", &target, PING);
    let still = "the guest stands still (`paused`), and its agent with it";
    fails(&outcome, 3, &[still, "qmpsh run resume VM"]);
    let sleep = "import \"std/power\" as power; let v = vm(args[0]); power::resume(v); power::suspend(v, \"ram\", \"1m\").result";
    prints(&ask(&target, sleep), "sleeps\n");
    let outcome = ask_within("500ms", &target, PING);
    let sleeps = "the guest sleeps (`suspended`), and its agent with it";
    fails(&outcome, 3, &[sleeps, "qmpsh run wake-up VM"]);
}

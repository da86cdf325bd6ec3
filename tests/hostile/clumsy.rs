//! Slips of the pen: targets that are none, times that are none, values of the wrong sort, and paths with everything in.

use harness::{Folder, Qemu};

use super::{ask, ask_within, eval, fails, prints};

const STATUS: &str = "vm(args[0]).status";

#[test]
fn a_target_that_names_nothing_says_what_one_looks_like() {
    for (target, code, words) in [
        ("", 1, "the VM's name is empty"),
        ("   ", 1, "the VM's name is empty"),
        ("web01", 3, "no VM is called `web01`"),
        ("wéb01 \u{1f427}", 3, "no VM is called `wéb01 \u{1f427}`"),
        ("tcp:", 1, "tcp:HOST:PORT"),
        ("tcp:host", 1, "tcp:HOST:PORT"),
        ("tcp:host:99999", 1, "ports are 1 to 65535"),
        ("tcp:host:0", 1, "ports are 1 to 65535"),
        ("tcp:host:-1", 1, "tcp:HOST:PORT"),
        ("unix:", 1, "`unix:` needs a path"),
        ("a/b", 1, "`a/b` is no socket address"),
        ("qmp=", 1, "names no VM"),
        ("qmp=/a,agent=", 1, "names no VM"),
        ("qmp=/a,qmp=/b", 1, "`qmp=`"),
        ("qmp=/a,qga=/b", 1, "write `qmp=SOCKET,agent=SOCKET`"),
        ("--help", 3, "no VM is called `--help`"),
        ("/", 3, "not a socket"),
        ("/dev/null", 3, "not a socket"),
    ] {
        fails(&ask(target, STATUS), code, &[words]);
    }
    fails(
        &eval("vm(7)"),
        1,
        &["`vm` is written with other arguments", "vm(target: string)"],
    );
    fails(&eval("vm()"), 1, &["vm(target: string)"]);
}

#[test]
fn a_path_too_long_for_a_socket_says_so() {
    let long = format!("/tmp/{}", "x".repeat(200));
    fails(&ask(&long, STATUS), 3, &["107 bytes", &long]);
    fails(&eval("vm(\"/tmp/a\\x00b\").status"), 3, &["/tmp/a\\x00b"]);
}

#[test]
fn a_target_of_a_megabyte_does_not_flood_the_terminal() {
    for prefix in ["", "/", "tcp:", "qmp=/", "qmp="] {
        let script = format!("let s = \"x\"; s.pad(1000000, 'x'); vm(\"{prefix}\" + s).status");
        let outcome = eval(&script);
        assert!(
            matches!(outcome.code, Some(1 | 3)),
            "{prefix}: {:?}",
            outcome.code
        );
        let length = outcome.stderr.len();
        assert!(
            length < 4096,
            "{prefix}: {length} bytes: {}",
            &outcome.stderr[..4096]
        );
    }
}

#[test]
fn sockets_with_everything_in_their_names_are_reached() {
    let folder = Folder::new();
    for name in [
        "with space",
        "with,comma",
        "with,qmp=x",
        "wéird \u{1f427}",
        "quo'te\"",
        "new\nline",
    ] {
        let socket = folder.join(name);
        let path = socket.to_str().unwrap().replace(',', ",,");
        let qemu = Qemu::bare()
            .arg("-qmp")
            .arg(format!("unix:{path},server=on,wait=off"))
            .start();
        prints(&ask(&socket, STATUS), "running\n");
        prints(
            &ask(format!("unix:{}", socket.display()), STATUS),
            "running\n",
        );
        if !name.contains("qmp=") {
            prints(
                &ask(format!("qmp={}", socket.display()), STATUS),
                "running\n",
            );
        }
        drop(qemu);
    }
}

#[test]
fn times_that_are_none_are_refused_before_anything_is_waited_for() {
    for time in [
        "-1",
        "-0.5",
        "\"-1s\"",
        "\"\"",
        "\"soon\"",
        "\"1y\"",
        "1e300",
        "9223372036854775807",
        "\"999999999999999999999s\"",
        "0.0 / 0.0",
        "()",
        "[]",
        "true",
    ] {
        for call in [
            "sleep(TIME)",
            "timeout(TIME, || 1)",
            "retry(#{ delay: TIME }, || 1)",
        ] {
            // An option that is nothing is one that was left out.
            if time == "()" && call.starts_with("retry") {
                continue;
            }
            let script = call.replace("TIME", time);
            fails(&eval(&script), 1, &["is no length of time"]);
        }
    }
}

#[test]
fn values_of_the_wrong_sort_name_the_function() {
    let qemu = Qemu::bare().start();
    for (script, words) in [
        ("vm(args[0]).qmp(7)", "qmp"),
        ("vm(args[0]).qmp(\"\")", "no command ``"),
        ("vm(args[0]).qmp(\"query-status\", [1])", "qmp"),
        (
            "vm(args[0]).qmp.query_status(7)",
            "takes its arguments as one map",
        ),
        (
            "vm(args[0]).qmp(\"qom-get\", #{ path: |x| x })",
            "`arguments.path` is a function, which has no JSON form",
        ),
        ("vm(args[0]).qmp(\"x\\x00y\\n\")", "no command `x\\x00y\\n`"),
        ("vm(args[0]).watch(7)", "an event's name is text"),
        ("vm(args[0]).transaction([1])", "was refused"),
        ("vm(args[0]).nosuch", "nosuch"),
        ("vm(args[0]).nosuch()", "nosuch"),
        ("with vm(args[0]) as v { }", "`with` needs a guard"),
        ("parallel(args, #{ jobs: 1000 }, |x| x)", "from 1 to 256"),
        (
            "let d = 1; for i in 0..200 { d = [d] } vm(args[0]).qmp(\"x\", #{ d: d })",
            "nested more than 128 deep",
        ),
    ] {
        let outcome = ask_within("10s", qemu.qmp(), script);
        assert!(
            matches!(outcome.code, Some(1 | 4)),
            "{script}: {outcome:#?}"
        );
        assert!(outcome.stderr.contains(words), "{script}: {outcome:#?}");
        assert_eq!(outcome.stdout, "");
        super::is_fit_for_people(&outcome);
    }
}

#[test]
fn an_argument_of_a_megabyte_is_sent_and_refused() {
    let qemu = Qemu::bare().start();
    let script = "let s = \"x\"; s.pad(300000, 'x'); vm(args[0]).qmp(\"query-status\", #{ x: s })";
    fails(&ask(qemu.qmp(), script), 4, &["`query-status` was refused"]);
}

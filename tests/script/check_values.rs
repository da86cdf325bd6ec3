//! `qmpsh check`: what it knows of values, and tells of functions that do not take them, and of what values do not have.

use harness::Qmpsh;

use super::check::told;

/// A call with a fault, and what is told of it.
type Case = (&'static str, &'static str);

const WRONG_KINDS: &[Case] = &[
    (
        "vm(3);",
        "1:4 `vm` cannot take an integer as its first argument",
    ),
    (
        "vm(\"a\").agent.exec(3);",
        "1:20 `exec` cannot take an integer as its first argument",
    ),
    (
        "vm(\"a\").agent.exec(\"ls\", \"-l\");",
        "1:26 `exec` cannot take text as its second argument",
    ),
    (
        "vm(\"a\").qmp(\"eject\", [\"cd0\"]);",
        "1:22 `qmp` cannot take an array as its second argument",
    ),
    (
        "vm(\"a\").job(#{ });",
        "1:13 `job` cannot take a map as its first argument",
    ),
    (
        "parallel(|x| x, [1]);",
        "1:10 `parallel` cannot take a function as its first argument",
    ),
    (
        "let n = 1; parallel(|x| x + n, [1]);",
        "1:21 `parallel` cannot take a function as its first argument",
    ),
    (
        "let v = vm(\"a\"); v.hmp(`x${v}`, 1);",
        "1:20 `hmp` takes 1 argument, not 2",
    ),
    ("sleep(#{ });", "1:7 sleep: a map is no length of time"),
    (
        "sqrt(true);",
        "1:6 `sqrt` cannot take `true` or `false` as its first argument",
    ),
];

/// What is told of a script without its place, if it is one thing.
fn message(script: &str) -> String {
    let told = told(script);
    let [one] = told.as_slice() else {
        panic!("{script}: {told:#?}");
    };
    one.split_once(' ').unwrap().1.to_owned()
}

#[test]
fn a_variable_that_no_closure_captures_is_told() {
    let fault = |place: &str| {
        vec![format!(
            "{place} `part` is the function of that name here, and not the variable"
        )]
    };
    let none: Vec<String> = Vec::new();
    for (script, faults) in [
        // As in a clean-up that would then fail.
        (
            "fn part(x) { x } fn f(x) { let part = x; with guard(\"it\", || print(part)) as it { part(1) } } f(1)",
            fault("1:68"),
        ),
        (
            "fn part(x) { x } let part = 1; [1].map(|x| [2].map(|y| part + x + y));",
            fault("1:56"),
        ),
        // The function is meant, or the closure's own variable, or nothing is called so.
        ("fn part(x) { x } let f = || part; f.call();", none.clone()),
        (
            "fn part(x) { x } let part = 1; part + [1].map(|part| part)[0] + [1].map(|x| part(x))[0];",
            none.clone(),
        ),
        (
            "fn part(x) { x } { let part = 1; print(part); } [1].map(|x| [part, x]);",
            none.clone(),
        ),
        // Rhai knows of the function only behind it.
        (
            "let part = 1; [1].map(|x| part + x); fn part(x) { x }",
            none.clone(),
        ),
    ] {
        assert_eq!(told(script), faults, "{script}");
    }
}

#[test]
fn what_no_function_takes_is_told_at_the_argument() {
    for (script, fault) in WRONG_KINDS {
        assert_eq!(told(script), [*fault], "{script}");
    }
    let time = told("timeout(\"3 parsecs\", || 1);");
    assert!(
        time[0].starts_with("1:9 timeout: `3 parsecs` is no length of time"),
        "{time:?}"
    );
}

#[test]
fn what_is_no_condition_is_told_as_the_run_tells_it() {
    for (script, fault) in [
        (
            "if vm(\"a\").agent.ping() { print(1); }",
            "`true` or `false` is needed here, not a value of type ()",
        ),
        (
            "let v = vm(\"a\"); while v.job(\"j\") { }",
            "`true` or `false` is needed here, not a value of type job",
        ),
    ] {
        assert!(
            message(script).starts_with(fault),
            "{script}: {}",
            message(script)
        );
    }
    let none: [&str; 0] = [];
    for script in [
        "loop { break; }",
        "let n = 0; do { n += 1; } while n < 3;",
        "let v = vm(\"a\"); if v.status == \"running\" && !v.agent.supports(\"guest-exec\") { }",
        "let found = (); for x in [1] { found = x; } if found != () { }",
    ] {
        assert_eq!(told(script), none, "{script}");
    }
    let run = Qmpsh::new(env!("CARGO_BIN_EXE_qmpsh"));
    let run = run.args(["eval", "let a = []; if a.push(1) { }"]).run();
    let run = run.expect_code(1);
    assert!(run.stderr.contains("not a value of type ()"), "{run:#?}");
}

#[test]
fn what_is_told_of_a_function_is_what_the_run_would_refuse() {
    // Without the methods of a VM, which no run of this test has.
    for script in ["vm(3)", "sleep(#{ })", "sqrt(true)", "parallel(|x| x, [1])"] {
        let run = Qmpsh::new(env!("CARGO_BIN_EXE_qmpsh"));
        run.arg("eval").arg(script).run().expect_code(1);
    }
    for script in [
        "sqrt(4.0)",
        "let s = \"a\"; s.pad(3, \"b\"); s.pad(4, 'c'); s",
        "[3, 1].map(|x| x + 1).filter(|x| x > 2).reduce(|s, x| s + x, 0)",
        "let m = #{ a: 1 }; m.mixin(#{ b: 2 }); m.keys().len()",
        "let a = []; a.push(1); a.insert(0, \"x\"); a.push(()); a.len()",
        "parallel([1, 2], #{ jobs: 2 }, |x| x).map(|one| one.ok)",
        "timeout(\"5s\", || 1) + timeout(5, || 1) + timeout(5.5, || 1)",
        "retry(#{ times: 1 }, || 1)",
        "json(#{ a: [1, ()] }).len()",
        "1.to_string() + \"3\".parse_int() + (1.5).to_int()",
    ] {
        let none: [&str; 0] = [];
        assert_eq!(told(script), none, "{script}");
        let run = Qmpsh::new(env!("CARGO_BIN_EXE_qmpsh"));
        run.arg("eval").arg(script).run().expect_code(0);
    }
}

#[test]
fn what_a_value_is_known_by_is_followed_to_where_it_is_used() {
    for (script, fault) in [
        (
            "vm(\"a\").statsu",
            "there is no `statsu` in a value of type vm",
        ),
        (
            "let v = vm(\"a\"); let a = v.agent; a.hostnme()",
            "a value of type agent has no function `hostnme`",
        ),
        (
            "for m in vms(\"web*\") { m.agnet.ping(); }",
            "there is no `agnet` in a value of type vm",
        ),
        (
            "vms()[0].nope()",
            "a value of type vm has no function `nope`",
        ),
        (
            "let v = vm(\"a\"); [1].map(|x| [2].map(|y| v.nope(x + y)));",
            "a value of type vm has no function `nope`",
        ),
        (
            "with vm(\"a\").agent.fsfreeze() as f { f.nope }",
            "there is no `nope` in a value of type freeze",
        ),
        (
            "let w = vm(\"a\").watch(\"STOP\"); w.wiat(3);",
            "a value of type watch has no function `wiat`",
        ),
        (
            "vm(\"a\").job(\"j\").wat()",
            "a value of type job has no function `wat`",
        ),
        // It is known by what it is, not by its name.
        (
            "let h = host; h.read_text(\"/etc/passwd\");",
            "the script may not read `/etc/passwd`: its header does not declare it",
        ),
        (
            "[1].map(|x| host.read_text(\"/etc/passwd\"));",
            "the script may not read `/etc/passwd`: its header does not declare it",
        ),
        (
            "let path = \"/etc/passwd\"; host.read_text(path);",
            "the script may not read `/etc/passwd`: its header does not declare it",
        ),
        (
            "vm(\"a\").agent.download(\"/etc/hosts\", \"/tmp/hosts\");",
            "the script may not write `/tmp/hosts`: its header does not declare it",
        ),
    ] {
        assert_eq!(message(script), fault, "{script}");
    }
}

#[test]
fn what_the_header_does_not_declare_is_no_argument() {
    let header = "//! X.\n//! [args]\n//! vm = { type = \"vm\", help = \"the VM\" }\n\n";
    assert_eq!(
        told(&format!("{header}print(args.vmm);")),
        ["5:12 the header declares no argument `vmm`"]
    );
    for (closure, column) in [
        ("[1].map(|x| args.vmm);", 18),
        ("[1].map(|x| [x].map(|y| `${y} ${args.vmm}`));", 38),
        ("fn f() { [1].map(|x| args.vmm) } f();", 27),
    ] {
        let fault = format!("5:{column} the header declares no argument `vmm`");
        assert_eq!(told(&format!("{header}{closure}")), [fault], "{closure}");
    }
    let none: [&str; 0] = [];
    for right in [
        "[1].map(|args| args.x);",
        "fn f(args) { [1].map(|x| args.x) } f(#{ x: 1 });",
        "{ let args = #{ x: 1 }; [1].map(|x| args.x); }",
    ] {
        assert_eq!(told(&format!("{header}{right}")), none, "{right}");
    }
    assert_eq!(told(&format!("{header}print(args.vm);")), none);
    assert_eq!(
        told(&format!("{header}fn f(args) {{ args.x }} f(#{{ x: 1 }});")),
        none
    );
}

#[test]
fn what_a_standard_modules_function_cannot_take_is_told_at_the_argument() {
    let import = "import \"std/fleet\" as fleet; import \"std/power\" as power; import \"std/chain\" as chain; import \"std/size\" as size;";
    for (call, fault) in [
        (
            "fleet::each(args, |v| 1, 8);",
            "2:26 `each` cannot take an integer as its third argument",
        ),
        (
            "fleet::each(\"web*\", 8, |v| 1);",
            "2:13 `each` cannot take text as its first argument",
        ),
        (
            "let n = \"web01\"; power::off(n, #{});",
            "2:29 `off` cannot take text as its first argument",
        ),
        (
            "power::off(vm(\"web01\"), \"2m\");",
            "2:25 `off` cannot take text as its second argument",
        ),
        (
            "size::human(\"x\");",
            "2:13 `human` cannot take text as its first argument",
        ),
    ] {
        assert_eq!(told(&format!("{import}\n{call}")), [fault], "{call}");
    }
    let none: [&str; 0] = [];
    for right in [
        "fleet::each([\"web*\"], 8, |v| 1); fleet::each(args[0], args[1], args[2]);",
        "fleet::each([], 8, Fn(\"print\"));",
        "try { chain::revert(args, ()) } catch { }",
        "size::human(1); size::human(1.5);",
    ] {
        assert_eq!(told(&format!("{import}\n{right}")), none, "{right}");
    }
}

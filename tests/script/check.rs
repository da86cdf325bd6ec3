//! `qmpsh check`: what is told of a script without running it, where, and what is not.

use std::sync::Arc;

use harness::Qmpsh;
use qmpsh::script::check::Target;
use qmpsh::script::{Session, Settings, Source};
use qmpsh::vm::schema::bundled;
use serde_json::{Value, json};

/// What the script at the top of each case stands for: a VM at hand.
const V: &str = "let v = vm(\"web01\");";

pub(super) fn target(version: &str) -> Target {
    let bundled = bundled().find(|bundled| bundled.version() == version);
    Target {
        name: format!("QEMU {version}"),
        release: version.parse().ok(),
        schema: Arc::new(bundled.unwrap().schema()),
    }
}

/// What is told of a script, as `LINE:COLUMN message`; warnings have a `?` before them.
pub(super) fn told_for(version: &str, script: &str) -> Vec<String> {
    let session = Session::new(Settings::default()).unwrap();
    let faults = session.examine(&Source::new("<case>", script), &[target(version)]);
    let line = |fault: &qmpsh::script::Fault| {
        let mark = if fault.is_error { "" } else { "?" };
        let (line, column) = (fault.place.line, fault.place.column);
        let hint = fault.report.hint.as_deref();
        assert!(
            fault.drawn.contains(&format!("<case>:{line}")),
            "{}",
            fault.drawn
        );
        assert!(hint.is_none_or(|hint| fault.drawn.contains(hint.lines().next().unwrap())));
        format!("{mark}{line}:{column} {}", fault.report.message)
    };
    faults.iter().map(line).collect()
}

/// What is told to do about each.
pub(super) fn hints(script: &str) -> Vec<String> {
    let session = Session::new(Settings::default()).unwrap();
    let faults = session.examine(&Source::new("<case>", script), &[target("11.1")]);
    faults
        .into_iter()
        .filter_map(|fault| fault.report.hint)
        .collect()
}

pub(super) fn told(script: &str) -> Vec<String> {
    told_for("11.1", script)
}

#[test]
fn each_fault_is_told_at_its_place() {
    for (script, fault) in [
        ("let x = ;", "1:9 unexpected ';'"),
        (
            "//! X.\n//! [argz]\n1",
            "2:1 the header is wrong: there is no key `argz` in the header",
        ),
        ("let x = 1;\nprint(y);", "2:7 there is no variable `y`"),
        (
            "let x = 1;\nfn f(a) { a + x }\nf(1);",
            "2:15 there is no variable `x` here",
        ),
        (
            "{ let x = 1; }\nprint(x);",
            "2:7 there is no variable `x` here",
        ),
        (
            "let f = |a| a + b;\nf.call(1)",
            "1:17 there is no variable `b`",
        ),
        (
            "for i in 0..2 { }\nprint(i)",
            "2:7 there is no variable `i` here",
        ),
        (
            "try { } catch (e) { }\nprint(e)",
            "2:7 there is no variable `e` here",
        ),
        (
            "print(1);\n  frobnicate(1);",
            "2:3 there is no function `frobnicate`",
        ),
        ("fn f(a) { a }\nf(1, 2);", "2:1 `f` takes 1 argument, not 2"),
        ("sleep();", "1:1 `sleep` takes 1 argument, not 0"),
        (
            "vm(\"web01\").frobnicate();",
            "1:13 a value of type vm has no function `frobnicate`",
        ),
        ("fn f() { g() }", "1:10 there is no function `g`"),
        (
            "import \"std/snapsho\" as s;",
            "1:1 there is no module `std/snapsho` in qmpsh",
        ),
        (
            "import \"std/power\" as p;\np::of(1);",
            "2:4 there is no function `of` in `std/power`",
        ),
        (
            "import \"std/size\" as s;\ns::human();",
            "2:4 `s::human` takes 1 argument, not 0",
        ),
        (
            "host.read_text(\"/etc/passwd\");",
            "1:6 the script may not read `/etc/passwd`: its header does not declare it",
        ),
        (
            "host.write_text(args[0], \"\");",
            "1:6 the script may not write any file: its header declares none",
        ),
        (
            "//! X.\n//! [allow]\n//! run = [\"true\"]\n\nhost.run(\"false\", []);",
            "5:6 the script may not run the program `false`: its header does not declare it",
        ),
    ] {
        assert_eq!(told(script), [fault], "{script}");
    }
}

#[test]
fn each_command_that_qemu_would_refuse_is_told_at_its_place() {
    for (call, fault) in [
        (
            "v.qmp(\"ejct\");",
            "2:7 QEMU 11.1: there is no command `ejct`",
        ),
        (
            "v.qmp.query_statsu();",
            "2:7 QEMU 11.1: there is no command `query_statsu`",
        ),
        (
            "v.qmp(\"eject\", #{ id: \"a\", forc: true });",
            "2:28 QEMU 11.1: `eject` takes no argument `forc`",
        ),
        (
            "v.qmp.device_del();",
            "2:7 QEMU 11.1: `device_del` needs `id`: text",
        ),
        (
            "v.qmp(\"device_del\", #{ id: () });",
            "2:21 QEMU 11.1: `device_del` needs `id`: text",
        ),
        (
            "v.qmp(\"block_resize\", #{ \"node-name\": \"n\", size: \"5G\" });",
            "2:44 QEMU 11.1: `size` of `block_resize` takes an integer, not `5G`",
        ),
        (
            "v.qmp(\"blockdev-add\", #{ driver: \"qcow3\", file: \"x\" });",
            "2:26 QEMU 11.1: `driver` of `blockdev-add` cannot be `qcow3`",
        ),
        (
            "v.transaction([\n  #{ type: \"blockdev-snapshot\", data: #{ node: \"a\", overlay: \"b\", x: 1 } }\n]);",
            "3:67 QEMU 11.1: `transaction` takes no argument `actions.0.data.x`",
        ),
        (
            "v.agent.call(\"guest-fstrimm\");",
            "2:14 guest agents: there is no command `guest-fstrimm`",
        ),
        (
            "v.agent.call(\"guest-nope\");",
            "2:14 guest agents: there is no command `guest-nope`",
        ),
        (
            "for m in vms() { m.agent.call(\"guest-file-open\", #{ mode: \"r\" }); }",
            "2:50 guest agents: `guest-file-open` needs `path`: text",
        ),
        (
            "let a = v.agent;\na.command(\"guest-exec\", #{ path: \"ls\", args: [] });",
            "3:40 guest agents: `guest-exec` takes no argument `args`",
        ),
        (
            "v.agent.call(\"guest-fstrim\", #{ minimum: \"x\" });",
            "2:33 guest agents: `minimum` of `guest-fstrim` takes an integer, not `x`",
        ),
        (
            "let c = v.qmp;\nc.query_statsu();",
            "3:3 QEMU 11.1: there is no command `query_statsu`",
        ),
        (
            "v.qmp.eject(\"cd0\");",
            "2:7 a QMP command takes its arguments as one map",
        ),
        (
            "v.arguments(\"ejct\", [\"id=a\"]);",
            "2:13 QEMU 11.1: there is no command `ejct`",
        ),
        // What a variable holds that nobody changes stands in the script as well, and is told where that is.
        (
            "let a = #{ id: \"a\", forc: true };\nv.qmp(\"eject\", a);",
            "2:21 QEMU 11.1: `eject` takes no argument `forc`",
        ),
        (
            "let d = #{ };\nlet a = [#{ type: \"abor\", data: d }];\nparallel([1], |x| v.transaction(a));",
            "3:13 QEMU 11.1: `actions.0.type` of `transaction` cannot be `abor`",
        ),
        (
            "v.watch(\"STPO\");",
            "2:9 QEMU 11.1: there is no event `STPO`",
        ),
        (
            "v.watch([\"STOP\", \"RESUM\"]);",
            "2:18 QEMU 11.1: there is no event `RESUM`",
        ),
        (
            "v.watch(\"BLOK_*\");",
            "2:9 QEMU 11.1: there is no event `BLOK_*`",
        ),
        (
            "v.watch(\"MEM_UNPLUG_ERROR\");",
            "2:9 QEMU 11.1: there is no event `MEM_UNPLUG_ERROR`",
        ),
        (
            "v.watch(\"SCLP_CPI_INFO_AVAILABLE\");",
            "?2:9 QEMU 11.1: the event `SCLP_CPI_INFO_AVAILABLE` is unstable: another QEMU may do it otherwise",
        ),
        // No QEMU has it, also where a failure is caught.
        (
            "try { v.watch(\"STPO\") } catch { }",
            "2:15 QEMU 11.1: there is no event `STPO`",
        ),
        (
            "v.qmp(\"eject\", #{ device: \"a\" });",
            "?2:19 QEMU 11.1: `device` of `eject` is deprecated: a newer QEMU may not have it",
        ),
        // No QEMU has these, however they come to be sent.
        (
            "try { v.qmp(\"ejct\") } catch { }",
            "2:13 QEMU 11.1: there is no command `ejct`",
        ),
        (
            "let x = v.name;\nv.qmp(\"eject\", #{ id: \"a\", forc: x });",
            "3:28 QEMU 11.1: `eject` takes no argument `forc`",
        ),
    ] {
        assert_eq!(told(&format!("{V}\n{call}")), [fault], "{call}");
    }
}

#[test]
fn what_only_a_run_can_know_is_taken_to_be_right() {
    for script in [
        "let m = #{ go_on: |x| x }; m.go_on(1);",
        "v.watch([\"block_*\", \"stop\"]); v.watch(); v.watch([]);",
        "v.watch([\"DEVICE_DELETED\", \"MEM_UNPLUG_ERROR\"]);",
        "let name = args[0]; v.watch(name); v.watch([\"STPO\", name]);",
        "try { v.watch(\"MEM_UNPLUG_ERROR\") } catch { }",
        "let m = #{ watch: |x| x }; m.watch(\"STPO\");",
        "fn watch(x) { this + x } let y = 1; y.watch(2); y.watch(\"STPO\");",
        "let name = \"a\" + \"b\"; v.qmp(name, #{ x: 1 });",
        "let a = #{ id: \"x\" }; a.x = 1; v.qmp(\"eject\", a);",
        "let a = #{ id: \"x\" }; a.remove(\"id\"); v.qmp(\"eject\", a + #{ id: 3 });",
        "let a = [#{ type: \"abor\", data: #{ } }]; a.clear(); v.transaction(a);",
        "let fake = #{ qmp: |c| c }; fake.qmp(\"ejct\");",
        "let fake = #{ agent: #{ command: |c| c } }; fake.agent.call(\"guest-nope\");",
        "if v.agent.supports(\"guest-of-another-vendor\") { v.agent.call(\"guest-of-another-vendor\"); }",
        "let m = #{ exec: |n| n }; m.exec(3);",
        "fn exec(n) { this + n } let y = 1; y.exec(3);",
        "let w = v; w = #{ status: 1, nope: || 2 }; w.nope(); w.other;",
        "fn into_map() { this = #{ nope: 1 } } let w = vm(\"x\"); w.into_map(); w.nope;",
        "for x in [#{ id: 1 }] { print(x.id); } let l = vms(); l.push(#{ x: 1 }); l[0].x;",
        "v.qmp(\"eject\", #{ id: \"a\" } + #{ force: true });",
        "let n = v.name; v.qmp(\"blockdev-add\", #{ driver: n, filename: n });",
        "let c = v.qmp; c.query_status();",
        "fn f(x) { this + x } let y = 1; y.f(2);",
        "with v.agent.fsfreeze() as frozen { [1].map(|x| x + frozen.count); }",
        "let w = v; fn g(k) { k.map(|x| x + 1) } g([1]);",
        "switch 1 { 1 => { let a = 2; a } _ => 3 }",
        "let total = 0; [1].map(|x| total += x);",
        "try { host.env(\"EDITOR\") } catch (e) { print(e.hint) }",
        "if is_def_fn(\"later\", 1) { later(1); }",
        "try { v.agent.call(\"guest-of-another-vendor\"); } catch { }",
        "const A = 1; fn f() { global::A } f();",
        "let f = Fn(\"print\"); f.call(args[0]);",
        "`a ${v.name} b`.len();",
        "for (x, i) in [1] { print(x + i); }",
        "let s = \"x\"; do { s += \"y\"; } while s.len() < 3;",
    ] {
        let none: [&str; 0] = [];
        assert_eq!(told(&format!("{V} {script}")), none, "{script}");
    }
}

#[test]
fn what_a_script_asks_about_is_told_only_where_no_qemu_has_it() {
    let new = "v.qmp(\"query-stats\", #{ target: \"vm\" });";
    let fault = ["1:28 QEMU 5.2: there is no command `query-stats`"];
    let none: [&str; 0] = [];
    assert_eq!(told_for("5.2", &format!("{V} {new}")), fault);
    assert_eq!(told_for("7.2", &format!("{V} {new}")), none);
    // Its schema does not tell the properties of an object.
    let object =
        "v.qmp(\"object-add\", #{ \"qom-type\": \"iothread\", id: \"io0\", \"poll-max-ns\": 0 });";
    assert_eq!(told_for("5.2", &format!("{V} {object}")), none);
    for asked in [
        format!("try {{ {new} }} catch {{ }}"),
        format!("if v.version.major >= 7 {{ {new} }}"),
        format!("while v.version.major >= 7 {{ {new} break; }}"),
        format!("switch 1 {{ 1 if v.version.major >= 7 => {{ {new} }} _ => 1 }}"),
        format!("if v.version.major < 7 {{ fail(\"it needs QEMU 7\"); }} {new}"),
        format!("let is_new = v.version.major >= 7; if is_new {{ {new} }}"),
        format!("fn is_new(v) {{ v.version.major >= 7 }} if is_new(v) {{ {new} }}"),
        format!("fn stats(v) {{ {new} }} if v.version.major >= 7 {{ stats(v); }}"),
        format!("fn stats(v) {{ {new} }} fn all(v) {{ stats(v) }} try {{ all(v) }} catch {{ }}"),
        format!("try {{ [1].map(|x| {{ {new} }}) }} catch {{ }}"),
        format!("if v.version.major >= 7 {{ parallel([1], |x| {{ [2].map(|y| {{ {new} }}) }}); }}"),
        format!("if v.qmp(\"query-commands\").some(|c| c.name == \"query-stats\") {{ {new} }}"),
    ] {
        assert_eq!(told_for("5.2", &format!("{V} {asked}")), none, "{asked}");
    }
    for unasked in [
        format!("fn stats(v) {{ {new} }} stats(v);"),
        format!("fn stats(v) {{ {new} }} if v.version.major >= 7 {{ stats(v); }} stats(v);"),
        format!("[1].map(|x| {{ {new} }});"),
        format!("if v.version.major < 7 {{ print(\"it needs QEMU 7\"); }} {new}"),
        format!(
            "if v.version.major >= 7 {{ [1].map(|x| {{ {new} }}); }} [1].map(|x| {{ {new} }});"
        ),
    ] {
        let told = told_for("5.2", &format!("{V} {unasked}"));
        assert!(!told.is_empty(), "{unasked}");
    }
}

#[test]
fn a_qemu_that_is_older_than_what_the_header_needs_is_told_alone() {
    let script = "//! X.\n//! [needs]\n//! qemu = \"7.0\"\n\nvm(\"a\").qmp(\"query-stats\", #{ target: \"vm\" });";
    let fault = ["3:1 QEMU 5.2: the script needs QEMU 7.0 or newer"];
    assert_eq!(told_for("5.2", script), fault);
    let none: [&str; 0] = [];
    assert_eq!(told_for("7.2", script), none);
    // What is wrong with any QEMU is told all the same.
    let wrong = script.replace("vm(\"a\")", "vn(\"a\")");
    assert_eq!(
        told_for("5.2", &wrong)[1..],
        ["5:1 there is no function `vn`"]
    );
}

#[test]
fn the_program_tells_people_programs_and_shells() {
    let check = |words: &[&str], script: &str| {
        let program = Qmpsh::new(env!("CARGO_BIN_EXE_qmpsh")).arg("check");
        program.args(words).stdin(script).run()
    };
    let good = check(&["-"], "vm(args[0]).qmp(\"query-status\")").expect_code(0);
    assert_eq!(
        good.stdout,
        "1 script checked for QEMU 11.1: nothing wrong was found\n"
    );
    let bad = "vm(args[0]).qmp(\"query-stats\", #{ target: \"vm\" })";
    let told = check(&["--qemu", "5.2,7.2", "-"], bad).expect_code(2);
    assert_eq!(
        told.stdout,
        "1 script checked for QEMU 5.2, QEMU 7.2: 1 fault\n"
    );
    assert!(told.stderr.contains("--> <stdin>:1:17"), "{}", told.stderr);
    let told = check(&["--json", "--qemu", "5.2", "-"], bad).expect_code(2);
    let list: Value = serde_json::from_str(&told.stdout).unwrap();
    let message = "QEMU 5.2: there is no command `query-stats`";
    assert_eq!(
        list,
        json!([{
            "source": "<stdin>", "line": 1, "column": 17, "level": "error", "message": message,
            "hint": list[0]["hint"],
        }])
    );
    let warned = check(&["-"], "vm(args[0]).qmp(\"eject\", #{ device: \"a\" })").expect_code(0);
    assert!(
        warned.stdout.ends_with(": 1 warning\n"),
        "{}",
        warned.stdout
    );
    assert!(warned.stderr.starts_with("warning: "), "{}", warned.stderr);
    let everywhere = check(&["--qemu", "5.2,7.2", "-"], "vm(args[0]).qmp(\"ejct\")").expect_code(2);
    let message = "error: QEMU 5.2, QEMU 7.2: there is no command `ejct`";
    assert!(everywhere.stderr.contains(message), "{}", everywhere.stderr);
    assert!(
        everywhere.stdout.ends_with(": 1 fault\n"),
        "{}",
        everywhere.stdout
    );
    let unknown = check(&["--qemu", "6.66", "-"], "1").expect_code(2);
    assert!(unknown.stderr.contains("7.2"), "{}", unknown.stderr);
}

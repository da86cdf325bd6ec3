//! `std/fleet`: one row a VM, whatever becomes of it, and an exit code that says whether all went well.

use std::sync::Arc;

use harness::{Folder, Outcome, Qemu, Qmpsh};
use serde_json::json;

use super::{document, qmpsh};

/// Runs a line on what the words name.
fn each(work: &str, options: &[&str], targets: &[&str]) -> Outcome {
    let script = format!(
        "import \"std/fleet\" as fleet; fn status_of(v) {{ v.status }}
         fleet::report(fleet::each(args, 2, |v| {work}), [\"more\"])"
    );
    qmpsh(options.iter().copied())
        .args(["run", "-"])
        .stdin(script)
        .args(targets)
        .run()
}

#[test]
fn each_vm_gets_a_row_and_the_dead_hold_up_nobody() {
    let (one, mut dead, two) = (
        Qemu::bare().start(),
        Qemu::bare().start(),
        Qemu::bare().start(),
    );
    dead.process().kill();
    let paths = [&one, &dead, &two].map(|qemu| qemu.qmp().to_str().unwrap().to_owned());
    let targets = [&paths[0], &paths[1], &paths[2], &paths[0]].map(String::as_str);
    let work = "#{ result: `is ${status_of(v)}`, more: 1 }";
    // Three of one sort of end would be that sort's exit code; here one failed, by being gone.
    let outcome = each(work, &[], &targets).expect_code(3);
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    assert_eq!(
        lines.len(),
        4,
        "one that is named twice has one row: {lines:?}"
    );
    assert!(lines[0].starts_with("VM ") && lines[0].ends_with("MORE  RESULT"));
    assert!(lines[1].starts_with(&paths[0]) && lines[1].ends_with("1     is running"));
    assert!(
        lines[2].starts_with(&paths[1]) && lines[2].contains("  failed: "),
        "{lines:?}"
    );
    assert_eq!(
        lines[2].matches(&paths[1]).count(),
        2,
        "the VM, the socket: {lines:?}"
    );
    assert!(outcome.stderr.contains("1 of 3 VMs failed"), "{outcome:#?}");
    let help = format!("help: {}: the VM has ended", paths[1]);
    assert!(outcome.stderr.contains(&help), "{outcome:#?}");

    let rows = document(&each(work, &["--json"], &targets).expect_code(3));
    assert_eq!(
        rows[0],
        json!({ "vm": paths[0], "result": "is running", "more": 1 })
    );
    assert_eq!(
        (&rows[1]["vm"], &rows[1]["error"]["kind"]),
        (&json!(paths[1]), &json!("gone"))
    );
    assert_eq!(rows.as_array().unwrap().len(), 3);

    let all = each(work, &[], &[targets[0], targets[2]]).expect_code(0);
    assert_eq!(all.stderr, "");
}

#[test]
fn a_hint_names_the_vms_that_it_is_for() {
    let qemus = [
        Qemu::bare().start(),
        Qemu::bare().start(),
        Qemu::bare().start(),
    ];
    let paths = qemus
        .each_ref()
        .map(|qemu| qemu.qmp().to_str().unwrap().to_owned());
    let [one, two, three] = paths.each_ref().map(String::as_str);
    let work = format!(
        "{{ throw #{{ kind: \"script\", message: \"x\", hint: if `${{v}}` == \"{two}\" {{ \"b\" }} else {{ \"a\" }} }} }}"
    );
    let told = each(&work, &[], &[one, two, three]).expect_code(1).stderr;
    let helps = format!("help: {one}, {three}: a\nhelp: {two}: b\n");
    assert!(told.starts_with(&helps), "{told}");
    // One that is for all in the table names none.
    let told = each(&work, &[], &[one, three]).expect_code(1).stderr;
    assert!(told.starts_with("help: a\n"), "{told}");
    let told = each(&work, &[], &[two]).expect_code(1).stderr;
    assert_eq!(told, "help: b\n");
}

#[test]
fn failures_of_several_sorts_end_with_1_and_those_of_one_sort_with_its_code() {
    let qemu = Qemu::bare().start();
    let target = qemu.qmp().to_str().unwrap().to_owned();
    let refused = each("v.qmp(\"eject\", #{ id: \"cd9\" })", &[], &[&target]).expect_code(4);
    assert!(
        refused.stdout.contains("failed: `eject` was refused"),
        "{refused:#?}"
    );
    assert!(!refused.stderr.contains("VMs failed"), "{refused:#?}");
    each(
        "v.qmp(\"eject\", #{ id: \"cd9\" })",
        &[],
        &[&target, "/no/such"],
    )
    .expect_code(1);
    // What the work itself calls a failure is one.
    each("#{ result: \"bad\", failed: true }", &[], &[&target]).expect_code(1);
    // A word that means nothing is the row's error too, not the end of the others.
    let unknown = each("v.status", &[], &[&target, "nonesuch"]).expect_code(3);
    assert!(
        unknown.stdout.contains("running") && unknown.stdout.contains("failed: no VM"),
        "{unknown:#?}"
    );
}

#[test]
fn a_pattern_is_all_vms_that_are_like_it() {
    let (one, two, other) = (
        Qemu::bare().start(),
        Qemu::bare().start(),
        Qemu::bare().start(),
    );
    let home = Arc::new(Folder::new());
    let entry =
        |name: &str, qemu: &Qemu| format!("[vm.{name}]\nqmp = \"{}\"\n", qemu.qmp().display());
    let config = [
        entry("web01", &one),
        entry("web02", &two),
        entry("db01", &other),
    ]
    .concat();
    std::fs::write(home.join("qmpsh.toml"), config).unwrap();
    let run = |words: &[&str]| {
        Qmpsh::at_home(env!("CARGO_BIN_EXE_qmpsh"), &home)
            .args(["run", "pause"])
            .args(words)
            .run()
    };
    let lines = |outcome: &Outcome| -> Vec<String> {
        let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
        outcome.stdout.lines().skip(1).map(words).collect()
    };
    let outcome = run(&["web*", "web02"]).expect_code(0);
    assert_eq!(lines(&outcome), ["web01 was paused", "web02 was paused"]);
    let outcome = run(&["?b01", "nobody*"]).expect_code(3);
    assert_eq!(
        lines(&outcome),
        ["db01 was paused", "nobody* failed: no VM is like nobody*"]
    );
}

#[test]
fn with_json_each_row_that_failed_is_an_error_on_a_line_of_standard_error_and_nothing_else_is() {
    let qemu = Qemu::bare().start();
    let target = qemu.qmp().to_str().unwrap().to_owned();
    let work = "if `${v}`.contains(\"no/such\") { v.status } else { #{ result: \"bad\", failed: true, hints: [\"none\"] } }";
    let outcome = each(work, &["--json"], &[&target, "/no/such", "nonesuch"]).expect_code(1);
    let errors: Vec<serde_json::Value> = outcome
        .stderr
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("no JSON: {line}")))
        .collect();
    let told: Vec<_> = errors
        .iter()
        .map(|line| {
            let error = &line["error"];
            assert!(error["message"].is_string(), "{error}");
            (
                error["vm"].clone(),
                error["kind"].clone(),
                error["exit"].clone(),
            )
        })
        .collect();
    let expected = [
        (json!(target), json!("script"), json!(1)),
        (json!("/no/such"), json!("gone"), json!(3)),
        (json!("nonesuch"), json!("usage"), json!(3)),
    ];
    assert_eq!(told, expected);
    let rows = document(&outcome);
    assert_eq!(rows[1]["error"]["exit"], 3, "{rows}");
    assert_eq!(rows[2]["error"]["exit"], 3, "{rows}");
    assert!(rows[0].get("hints").is_none(), "{rows}");
}

//! `[needs]` in a header: a VM whose QEMU is older is refused before it is told anything, and no other for it.

use harness::{FakePeer, Folder, Qemu};

use super::qmpsh;

/// A script with these lines below its header, which needs that QEMU.
fn script(folder: &Folder, needed: &str, lines: &str) -> String {
    let path = folder.join("mine.rhai");
    let header = "//! X.\n//! [args]\n//! vms = { type = \"vms\" }\n//! [needs]\n";
    let text = format!("{header}//! qemu = \"{needed}\"\n\n{lines}\n");
    std::fs::write(&path, text).unwrap();
    path.to_str().unwrap().to_owned()
}

#[test]
fn an_older_qemu_is_told_nothing() {
    let (qemu, folder) = (Qemu::bare().start(), Folder::new());
    let monitor = qemu.qmp().to_str().unwrap().to_owned();
    let agent = folder.join("no-agent");
    let both = format!("qmp={monitor},agent={}", agent.display());
    let (major, minor) = Qemu::version();
    for (target, line) in [
        (&monitor, "vm(args.vms[0]).qmp(\"stop\");"),
        (&monitor, "vm(args.vms[0]).qmp(\"query-status\");"),
        // Not even its agent, which another socket leads to.
        (&both, "with vm(args.vms[0]).agent.fsfreeze() as frozen { }"),
    ] {
        let mine = script(&folder, "99.1", line);
        let outcome = qmpsh(["-v", "run", &mine, target]).run().expect_code(4);
        let told = format!("it runs QEMU {major}.{minor}.");
        assert!(outcome.stderr.contains(&told), "{outcome:#?}");
        let needs = format!(", and {mine} needs 99.1 or newer");
        assert!(outcome.stderr.contains(&needs), "{outcome:#?}");
        let sent = outcome
            .stderr
            .lines()
            .filter(|line| line.starts_with("-> "));
        let sent: Vec<&str> = sent.collect();
        assert!(
            sent.len() == 1 && sent[0].contains("qmp_capabilities"),
            "{sent:#?}"
        );
        let same = script(
            &folder,
            &format!("{major}.{minor}"),
            "vm(args.vms[0]).status",
        );
        qmpsh(["run", &same, target]).run().expect_code(0);
    }
}

#[test]
fn of_a_fleet_only_the_older_ones_are_refused() {
    let (qemu, folder) = (Qemu::bare().start(), Folder::new());
    let greeting = serde_json::json!({ "QMP": {
        "version": { "qemu": { "major": 2, "minor": 11, "micro": 1 }, "package": "" }, "capabilities": [],
    }});
    let old = FakePeer::builder()
        .send_message(&greeting)
        .expect("qmp_capabilities")
        .reply(serde_json::json!({}))
        .wait_for_hang_up()
        .start();
    let mine = script(
        &folder,
        "5.0",
        "import \"std/fleet\" as fleet;\nfleet::report(fleet::each(args.vms, 2, |v| `is ${v.status}`));",
    );
    let (new, old_socket) = (qemu.qmp(), old.socket());
    let outcome = qmpsh(["run", &mine])
        .args([&new, &old_socket])
        .run()
        .expect_code(4);
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    assert!(lines[1].ends_with("  is running"), "{lines:?}");
    let told = format!("failed: it runs QEMU 2.11.1, and {mine} needs 5.0 or newer");
    assert!(lines[2].ends_with(&told), "{lines:?}");
    assert!(
        outcome.stderr.contains(": a VM keeps the QEMU"),
        "{outcome:#?}"
    );
    old.finish();
}

#[test]
fn a_script_is_not_for_a_vm_with_an_older_qemu() {
    let (qemu, folder) = (Qemu::bare().start(), Folder::new());
    let monitor = qemu.qmp().to_str().unwrap().to_owned();
    let mine = script(&folder, "99.1", "vm(args.vms[0]).qmp(\"no-such-command\");");
    let outcome = qmpsh(["check", "--vm", &monitor, &mine])
        .run()
        .expect_code(2);
    assert!(outcome.stdout.ends_with(": 1 fault\n"), "{outcome:#?}");
    let told = format!("{monitor}: the script needs QEMU 99.1 or newer");
    assert!(outcome.stderr.contains(&told), "{outcome:#?}");
    assert!(outcome.stderr.contains("mine.rhai:5:1"), "{outcome:#?}");
}

//! VMs by their names in recordings and under `-v`: what was looked for, what was found, and what was not.

use std::fmt::Write as _;

use harness::{Folder, Outcome, Qemu, Qmpsh};

use super::{assert_same, qmpsh, recording, text};

/// A QEMU of that name.
fn called(name: &str) -> Qemu {
    Qemu::bare().arg("-name").arg(name).start()
}

/// `[[discover]]` of that one socket, which is called by its file.
fn at(qemu: &Qemu) -> String {
    let socket = qemu.qmp();
    let path = text(&socket);
    let but_last = &path[..path.len() - 1];
    format!("[[discover]]\ntype = \"glob\"\nqmp = \"{but_last}{{name}}\"\n")
}

/// A run that is recorded with that configuration, and its replay with no VM and no configuration.
fn twice(config: &str, script: &str, between: impl FnOnce()) -> (Outcome, Outcome) {
    let folder = Folder::new();
    let file = recording(&folder);
    let words = ["eval", script];
    let recorded = qmpsh(["--record", text(&file)])
        .config(config)
        .args(words)
        .run();
    between();
    (recorded, qmpsh(["--replay", text(&file)]).args(words).run())
}

#[test]
fn a_name_that_is_nobodys_replays_with_its_error() {
    let script = r#"
        for name in ["web02", "web01"] {
            try { print(vm(name).status) } catch (e) { print(e.kind); print(e.message); print(e.hint) }
        }
        vm("web8")
    "#;
    let qemu = called("web01");
    let config = format!("discover = []\n[vm.web01]\nqmp = {:?}\n", qemu.qmp());
    let (recorded, replayed) = twice(&config, script, || drop(qemu));
    assert!(
        recorded.stdout.contains("did you mean `web01`?"),
        "{recorded:#?}"
    );
    assert!(recorded.stdout.ends_with("running\n"), "{recorded:#?}");
    assert_same(&recorded.expect_code(3), &replayed);
}

#[test]
fn a_name_of_several_replays_with_its_error_and_exit_code() {
    let (one, other) = (called("twin"), called("twin"));
    let config = format!("{}{}", at(&one), at(&other));
    let (recorded, replayed) = twice(&config, "vm(\"twin\")", || drop((one, other)));
    assert!(recorded.stderr.contains("twin"), "{recorded:#?}");
    assert_same(&recorded.expect_code(3), &replayed);
}

#[test]
fn all_vms_that_were_found_replay_without_them() {
    let script = r#"
        let all = vms();
        print(all.map(|v| `${v}`));
        print(vms("web*").map(|v| v.status));
        print(vms("none"));
        print(parallel(all, |v| v.name).map(|one| one.ok))
    "#;
    let qemus = ["web01", "web02", "db01"].map(|name| (name, called(name)));
    let mut config = String::from("discover = []\n");
    for (name, qemu) in &qemus {
        let qmp = qemu.qmp();
        writeln!(config, "[vm.{name}]\nqmp = {qmp:?}").unwrap();
    }
    let (recorded, replayed) = twice(&config, script, || drop(qemus));
    assert!(
        recorded.stdout.contains(r#"["db01", "web01", "web02"]"#),
        "{recorded:#?}"
    );
    assert_same(&recorded.expect_code(0), &replayed);
}

#[test]
fn what_is_asked_to_find_a_vm_is_shown_and_what_was_found_is_recorded() {
    let (qemu, folder) = (called("web01"), Folder::new());
    let file = recording(&folder);
    let ask = |words: &[&str]| -> Outcome {
        let own: Qmpsh = qmpsh(["-v", "--record", text(&file)]).config(&at(&qemu));
        own.args(words).run()
    };
    let outcome = ask(&["eval", "vm(\"web01\").status"]).expect_code(0);
    let asked = outcome.stderr.lines().any(|line| {
        line.starts_with("-> qmp ")
            && line.contains("query-name")
            && line.contains(text(&qemu.qmp()))
    });
    assert!(asked, "{outcome:#?}");
    let sent: Vec<String> = super::lines(&file)
        .iter()
        .filter_map(|line| line["sent"]["execute"].as_str().map(str::to_owned))
        .collect();
    assert_eq!(
        sent.iter().filter(|one| *one == "qmp_capabilities").count(),
        1
    );
    drop(qemu);
    let replayed = qmpsh(["--replay", text(&file), "eval", "vm(\"web01\").status"]).run();
    assert_eq!(replayed.expect_code(0).stdout, outcome.stdout);
}

#[test]
fn what_asks_no_vm_is_not_played() {
    let folder = Folder::new();
    let file = recording(&folder);
    qmpsh(["--record", text(&file), "eval", "1"])
        .run()
        .expect_code(0);
    for words in [
        &["ls"] as &[&str],
        &["config"],
        &["thaw", "--stale"],
        &["scripts"],
        &["man"],
        &["completions", "bash"],
    ] {
        let outcome = qmpsh(["--replay", text(&file)])
            .args(words)
            .run()
            .expect_code(2);
        assert!(outcome.stderr.contains("a replay plays"), "{outcome:#?}");
        assert_eq!(outcome.stdout, "");
        // Nor is a file made that could not be played.
        let other = folder.join("other.jsonl");
        let outcome = qmpsh(["--record", text(&other)])
            .args(words)
            .run()
            .expect_code(2);
        assert!(outcome.stderr.contains("is recorded"), "{outcome:#?}");
        assert_eq!(outcome.stdout, "");
        assert!(!other.exists());
    }
}

//! How the list is written: for people, for pipes and for programs; which VMs are in it, and in which order.

use harness::{Folder, Outcome, Qemu, Qmpsh};
use serde_json::Value;

use super::{BOUND, Host, QMPSH, columns};

fn named(name: &str) -> Qemu {
    Qemu::bare().arg("-name").arg(name).start()
}

fn names(outcome: &Outcome) -> Vec<String> {
    let columns = columns(outcome);
    columns.iter().map(|line| line[0].to_owned()).collect()
}

#[test]
fn a_pipe_gets_one_line_of_seven_columns_for_each_vm() {
    let qemus = [named("web10"), named("web2"), named("db")];
    let host = Host::of(&qemus.each_ref().map(Qemu::pid));
    let outcome = host.ls().run().expect_code(0);
    assert_eq!(names(&outcome), ["db", "web2", "web10"]);
    for line in columns(&outcome) {
        assert_eq!(line.len(), 7, "{line:?}");
        assert_eq!(
            [line[1], line[2], line[4], line[5], line[6]],
            ["-", "running", "none", "process", "-"]
        );
    }
    assert_eq!(outcome.stderr, "");
}

#[test]
fn two_vms_of_one_name_are_both_listed() {
    let qemus = [named("twin"), named("twin")];
    let pids = qemus.each_ref().map(Qemu::pid);
    let host = Host::of(&pids);
    assert_eq!(names(&host.ls().run()), ["twin", "twin"]);
    let mut told: Vec<u64> = host
        .list()
        .iter()
        .filter_map(|vm| vm["pid"].as_u64())
        .collect();
    told.sort_unstable();
    let mut pids = pids.map(u64::from);
    pids.sort_unstable();
    assert_eq!(told, pids);
}

#[test]
fn patterns_choose_by_name_and_by_the_beginning_of_a_uuid() {
    let uuid = "7A0E3C6D-7b1f-4c2e-9d4a-0000000000aa";
    let qemus = [
        named("web1"),
        named("web2"),
        Qemu::bare().args("-name db -uuid").arg(uuid).start(),
    ];
    let host = Host::of(&qemus.each_ref().map(Qemu::pid));
    let ls = |patterns: &[&str]| names(&host.ls().args(patterns).run().expect_code(0));
    assert_eq!(ls(&["web*"]), ["web1", "web2"]);
    assert_eq!(ls(&["web1", "db"]), ["db", "web1"]);
    assert_eq!(ls(&["7a0E"]), ["db"]);
    // Fewer digits than name a VM elsewhere choose none here.
    host.ls().arg("7a0").run().expect_code(3);
    let none = host.ls().arg("nothing*").run().expect_code(3);
    assert_eq!(none.stdout, "");
    assert!(
        none.stderr
            .contains("no VM that is found here fits `nothing*`"),
        "{none:#?}"
    );
    // What fits is listed all the same.
    let some = host
        .ls()
        .args(["web1", "nothing", "7a0"])
        .run()
        .expect_code(3);
    assert_eq!(names(&some), ["web1"]);
    assert!(some.stderr.contains("fits `nothing`, `7a0`"), "{some:#?}");
    for (pattern, hint) in [
        ("7a0", "the beginning of a UUID takes four digits: `7a0e`"),
        ("wbe1", "did you mean `web1`?"),
        ("nothing", "`qmpsh ls` lists all"),
    ] {
        let none = host.ls().arg(pattern).run().expect_code(3);
        assert!(none.stderr.contains(hint), "{pattern}: {none:#?}");
    }
    let wrong = host.ls().arg("[").run().expect_code(2);
    assert!(wrong.stderr.contains("`[` is no pattern"), "{wrong:#?}");
}

#[test]
fn where_there_are_no_vms_it_says_where_it_looked() {
    let host = Host::of(&[]);
    let outcome = host.ls().run().expect_code(0);
    assert_eq!(outcome.stdout, "");
    assert!(
        outcome
            .stderr
            .contains("no VMs are found here; looked for by: process"),
        "{outcome:#?}"
    );
    assert_eq!(host.ls().arg("--json").run().expect_code(0).stdout, "[]\n");
    let folder = Folder::new();
    let config = folder.join("c.toml");
    std::fs::write(&config, "discover = []").unwrap();
    let outcome = Qmpsh::new(QMPSH)
        .arg("--config")
        .arg(config)
        .arg("ls")
        .run()
        .expect_code(0);
    assert!(
        outcome
            .stderr
            .contains("the configuration names none, and has nothing searched"),
        "{outcome:#?}"
    );
}

#[test]
fn a_place_that_cannot_be_searched_is_a_warning_beside_the_list() {
    let qemu = named("web1");
    let host = Host::of(&[qemu.pid()]);
    let more = "[[discover]]\ntype = \"process\"\nproc = \"/nonexistent\"\n";
    let qmpsh = Qmpsh::new(QMPSH).deadline(BOUND);
    let qmpsh = qmpsh.config(&(host.config() + more)).arg("ls");
    let outcome = qmpsh.run().expect_code(0);
    assert_eq!(names(&outcome), ["web1"]);
    assert!(
        outcome.stderr.contains("warning")
            && outcome.stderr.contains("`/nonexistent` cannot be read"),
        "{outcome:#?}"
    );
}

#[test]
fn programs_get_all_that_is_known() {
    let qemu = named("web1");
    let vm = Host::of(&[qemu.pid()]).one();
    let mut keys: Vec<&String> = vm.as_object().unwrap().keys().collect();
    keys.sort();
    assert_eq!(
        keys,
        [
            "agent",
            "agent_address",
            "error",
            "holder",
            "id",
            "labels",
            "monitors",
            "name",
            "pid",
            "provider",
            "qmp",
            "state",
            "uuid",
            "version"
        ]
    );
    assert_eq!(vm["qmp"], qemu.qmp().to_str().unwrap());
    assert_eq!(vm["error"], Value::Null);
}

#[test]
fn a_terminal_gets_a_table_with_coloured_states() {
    let qemu = named("web1");
    let host = Host::of(&[qemu.pid()]);
    let config = host.0.join("config.toml");
    std::fs::write(&config, host.config()).unwrap();
    let on_terminal = |options: &str| {
        let line = format!(
            "stty cols 100; exec '{QMPSH}' --config {} {options} ls",
            config.display()
        );
        let script = Qmpsh::new("/usr/bin/script").args(["-qec", &line, "/dev/null"]);
        script
            .deadline(BOUND)
            .run()
            .expect_code(0)
            .stdout
            .replace("\r\n", "\n")
    };
    // The harness sets NO_COLOR.
    let table = on_terminal("");
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(
        lines[0],
        "NAME  UUID  STATE        QEMU     AGENT   PROVIDER"
    );
    assert!(lines[1].starts_with("web1  -     running      "), "{table}");
    assert!(lines[1].ends_with("  none    process"), "{table}");
    assert!(on_terminal("--color always").contains("\u{1b}[32mrunning    \u{1b}[0m"));
}

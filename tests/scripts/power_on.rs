//! `power::on`: a VM whose definition is a script.

use harness::{Daemons, Folder, Guest, Outcome, RawQmp};

use super::{document, qmpsh};

/// Runs a script that may start QEMUs in `folder`, which is its first argument.
fn start(folder: &Folder, script: &str) -> Outcome {
    let dir = folder.path().to_str().unwrap();
    let program = "qemu-system-x86_64";
    let words = [
        "--json",
        "eval",
        "--allow-write",
        dir,
        "--allow-run",
        program,
    ];
    let script = format!("import \"std/power\" as power; {script}");
    qmpsh(words).args([&script, dir]).run()
}

#[test]
fn a_guest_is_waited_for_by_its_agent_and_powered_off_by_it() {
    let folder = Folder::new();
    let daemons = Daemons::of(folder.path());
    let image = Guest::image();
    let script = format!(
        "power::on(\"web01\", args[0], [\"-accel\", \"tcg\", \"-machine\", \"q35\", \"-m\", \"192\", \"-nodefaults\", \"-display\", \"none\",
            \"-kernel\", \"{0}/kernel\", \"-initrd\", \"{0}/initrd\", \"-append\", \"quiet panic=-1 no_timer_check\"],
            #{{ agent: \"1m\" }}).result",
        image.display()
    );
    let outcome = start(&folder, &script).expect_code(0);
    assert_eq!(document(&outcome), "was started, and its agent answers");
    assert_eq!(daemons.running().len(), 1);
    let monitor = folder.join("web01.qmp");
    let outcome = qmpsh(["--json", "run", "power-off", monitor.to_str().unwrap()]).run();
    assert_eq!(
        document(&outcome.expect_code(0))[0]["result"],
        "powered off by its agent"
    );
}

#[test]
fn a_silent_agent_is_an_error_and_the_vm_stays() {
    let folder = Folder::new();
    let daemons = Daemons::of(folder.path());
    let outcome = start(
        &folder,
        "power::on(\"web01\", args[0], [\"-machine\", \"q35\", \"-m\", \"32\", \"-display\", \"none\"], #{ agent: \"200ms\" })",
    )
    .expect_code(5);
    let says = "it was started, and the agent in its guest does not answer within 200ms";
    assert!(outcome.stderr.contains(says), "{outcome:#?}");
    assert_eq!(daemons.running().len(), 1);
}

#[test]
fn a_monitor_that_serves_another_client_is_not_taken_from_it() {
    let folder = Folder::new();
    let daemons = Daemons::of(folder.path());
    // A comma ends a value in QEMU's options.
    let script = "power::on(\"web01\", args[0] + \"/a,b\", [\"-machine\", \"none\", \"-display\", \"none\"], #{}).result";
    assert_eq!(
        document(&start(&folder, script).expect_code(0)),
        "was started"
    );
    let started = daemons.running();
    let client = RawQmp::connect(folder.join("a,b/web01.qmp"));
    assert_eq!(
        document(&start(&folder, script).expect_code(0)),
        "runs already"
    );
    assert_eq!(daemons.running(), started);
    drop(client);
}

#[test]
fn what_qemu_refuses_is_told_in_its_words_and_leaves_nothing() {
    let folder = Folder::new();
    let daemons = Daemons::of(folder.path());
    let outcome = start(
        &folder,
        "power::on(\"web01\", args[0], [\"-machine\", \"nope\"], #{})",
    )
    .expect_code(1);
    assert!(
        outcome.stderr.contains("web01: it was not started: "),
        "{outcome:#?}"
    );
    assert!(
        outcome.stderr.contains("unsupported machine type"),
        "{outcome:#?}"
    );
    for name in ["a,b", "../a", ".a", ""] {
        let script = format!("power::on(\"{name}\", args[0], [], #{{}})");
        let outcome = start(&folder, &script).expect_code(1);
        assert!(
            outcome.stderr.contains("cannot name a VM here"),
            "{outcome:#?}"
        );
    }
    assert!(daemons.running().is_empty());
}

#[test]
fn a_file_that_has_the_name_of_a_socket_stays() {
    let folder = Folder::new();
    let daemons = Daemons::of(folder.path());
    for (name, options) in [("web01.qmp", "#{}"), ("web01.qga", "#{ agent: \"1s\" }")] {
        let file = folder.join(name);
        std::fs::write(&file, "precious").unwrap();
        let script = format!(
            "power::on(\"web01\", args[0], [\"-machine\", \"q35\", \"-display\", \"none\"], {options})"
        );
        let outcome = start(&folder, &script).expect_code(1);
        assert!(outcome.stderr.contains("is no socket"), "{outcome:#?}");
        assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");
        std::fs::remove_file(&file).unwrap();
    }
    assert!(daemons.running().is_empty());
}

#[test]
fn a_folder_is_made_and_may_be_named_from_here() {
    let folder = Folder::new();
    let daemons = Daemons::of(folder.path());
    let script = "import \"std/power\" as power;
        power::on(\"web01\", \"new/vms\", [\"-machine\", \"none\", \"-display\", \"none\"], #{}).result";
    let run = |mode: &[&str]| {
        let words = [
            "--json",
            "eval",
            "--allow-write",
            ".",
            "--allow-run",
            "qemu-system-x86_64",
        ];
        let qmpsh = qmpsh(words)
            .args(mode)
            .args([script])
            .current_dir(folder.path());
        document(&qmpsh.run().expect_code(0))
    };
    assert_eq!(run(&["--dry-run"]), "would be started");
    assert!(!folder.join("new").exists() && daemons.running().is_empty());
    assert_eq!(run(&[]), "was started");
    assert_eq!(run(&[]), "runs already");
    let monitor = folder.join("new/vms/web01.qmp");
    RawQmp::connect(&monitor).call("query-name", &serde_json::Value::Null);
    assert_eq!(daemons.running().len(), 1);
}

//! The help of a command is that of this very QEMU.

use std::sync::Arc;

use harness::{Folder, Qemu, Qmpsh, RawQmp};
use serde_json::{Value, json};

use super::{QMPSH, qmp, qmpsh};

#[test]
fn the_help_of_a_command_tells_its_arguments_as_this_qemu_has_them() {
    let qemu = Qemu::bare().start();
    let help = |words: &[&str]| qmp(&qemu.qmp(), words).expect_code(0).stdout;
    let text = help(&["eject", "--help"]);
    for part in [
        "device                    text; optional; deprecated\n",
        "force                     true or false; optional\n",
        "It returns nothing.",
        "eject id=TEXT",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let text = help(&["blockdev_add", "-h"]);
    assert!(text.starts_with("blockdev-add\n"), "{text}");
    for part in [
        "driver                    one of: ",
        "More by driver",
        "\n  qcow2                     file, backing?",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let text = help(&["blockdev-add", "driver=qcow2", "file.driver=file", "--help"]);
    for part in [
        "Arguments with driver=qcow2:",
        "lazy-refcounts            true or false; optional",
        "Members of file:",
        "filename                  text\n",
        "x-check-cache-dropped     true or false; optional; unstable",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let text = help(&["query-block", "--help"]);
    assert!(
        text.contains("It returns a list of objects, each with:\n  device "),
        "{text}"
    );
    assert!(help(&["device_add", "--help"]).contains("device-list-properties typename=DRIVER"));
    assert!(help(&["migrate-pause", "--help"]).contains("`exec-oob`"));
}

#[test]
fn help_of_a_vm_that_serves_another_client_says_whom_to_ask() {
    let qemu = Qemu::bare().start();
    let _held = RawQmp::connect(qemu.qmp());
    for words in [&["--help"][..], &["eject", "--help"]] {
        let outcome = qmp(&qemu.qmp(), words).expect_code(3);
        let hint = "ask another VM with the same QEMU";
        assert!(outcome.stderr.contains(hint), "{outcome:#?}");
    }
}

#[test]
fn help_of_a_vm_that_serves_another_client_is_that_of_its_program_where_it_was_kept() {
    let (busy, free) = (Qemu::bare().start(), Qemu::bare().start());
    let home = Arc::new(Folder::new());
    let _held = RawQmp::connect(busy.qmp());
    let help = |qemu: &Qemu, words: &[&str]| {
        let asked = Qmpsh::at_home(QMPSH, &home).arg("qmp");
        asked.arg(qemu.qmp()).args(words).run()
    };
    help(&busy, &["--help"]).expect_code(3);
    for words in [&["--help"][..], &["eject", "--help"]] {
        let told = help(&free, words).expect_code(0);
        let kept = help(&busy, words).expect_code(0);
        let program = |text: &str, qemu: &Qemu| {
            let path = qemu.qmp();
            text.replace(path.to_str().unwrap(), "VM")
        };
        assert_eq!(program(&kept.stdout, &busy), program(&told.stdout, &free));
        assert_eq!(kept.stderr, "", "{kept:#?}");
    }
    // It is asked for help only.
    help(&busy, &["eject", "device=x"]).expect_code(3);
}

#[test]
fn programs_get_the_help_of_a_command_as_json() {
    let qemu = Qemu::bare().start();
    let help = |words: &[&str]| -> Value {
        let run = qmpsh().args(["--json", "qmp"]).arg(qemu.qmp()).args(words);
        serde_json::from_str(&run.run().expect_code(0).stdout).unwrap()
    };
    assert_eq!(
        help(&["eject", "--help"]),
        json!({
            "command": "eject",
            "arguments": [
                { "name": "device", "type": "text", "optional": true, "deprecated": true },
                { "name": "id", "type": "text", "optional": true },
                { "name": "force", "type": "true or false", "optional": true },
            ],
            "returns": null,
        })
    );
    let add = help(&["blockdev-add", "--help"]);
    assert_eq!(add["more_by"], "driver");
    let driver = &add["arguments"][0];
    assert_eq!(
        (&driver["name"], &driver["optional"]),
        (&json!("driver"), &json!(false))
    );
    assert!(
        driver["values"]
            .as_array()
            .unwrap()
            .contains(&json!("qcow2")),
        "{driver}"
    );
    let decided = help(&["blockdev-add", "driver=qcow2", "--help"]);
    assert_eq!(decided["more_by"], Value::Null);
    assert!(decided["arguments"].to_string().contains("lazy-refcounts"));
    assert_eq!(
        help(&["query-status", "--help"])["returns"]["members"][0]["name"],
        "running"
    );
    let all = help(&["--help"]);
    let names: Vec<_> = all
        .as_array()
        .unwrap()
        .iter()
        .map(|one| &one["command"])
        .collect();
    assert!(names.contains(&&json!("query-status")) && names.len() > 100);
}

#[test]
fn the_commands_that_this_qemu_has_are_listed() {
    let qemu = Qemu::bare().start();
    let text = qmp(&qemu.qmp(), &["--help"]).expect_code(0).stdout;
    let count = qmpsh()
        .args([
            "eval",
            &format!("vm({:?}).qmp(\"query-commands\").len()", qemu.qmp()),
        ])
        .run();
    // The list ends with an empty line and what its marks mean.
    let listed = text
        .lines()
        .filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    assert_eq!(listed.count().to_string(), count.stdout.trim());
    assert!(
        text.contains("  block_resize              device?, node-name?, size\n"),
        "{text}"
    );
}

#[test]
fn help_for_what_is_not_there_names_the_nearest() {
    let qemu = Qemu::bare().start();
    let outcome = qmp(&qemu.qmp(), &["ejct", "--help"]).expect_code(2);
    assert!(
        outcome.stderr.contains("did you mean `eject`?"),
        "{outcome:#?}"
    );
}

#[test]
fn the_example_names_the_vm_as_a_shell_takes_it() {
    let qemu = Qemu::bare().start();
    let home = Arc::new(Folder::new());
    let name = "it's a $HOME, is it?";
    let config = format!("discover = []\n[vm.\"{name}\"]\nqmp = {:?}\n", qemu.qmp());
    let help = Qmpsh::at_home(QMPSH, &home).config(&config);
    let help = help.args(["qmp", name, "eject", "--help"]).run();
    let help = help.expect_code(0).stdout;
    let example = help.lines().find(|line| line.contains("eject id=TEXT"));
    let words = shlex::split(example.unwrap()).unwrap();
    assert_eq!(words, ["qmpsh", "qmp", name, "eject", "id=TEXT"]);
}

#[test]
fn the_usage_says_that_a_vm_has_a_name_and_which_lists_are_written_plainly() {
    let help = qmpsh().args(["qmp", "--help"]).run().expect_code(0).stdout;
    let words: Vec<&str> = help.split_whitespace().collect();
    let help = words.join(" ");
    for part in ["The VM: its name,", "plain items, but for texts, as 1,2,3"] {
        assert!(help.contains(part), "{part}: {help}");
    }
}

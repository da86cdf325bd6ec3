//! What `backup` refuses to do, before it has made anything.

use std::os::unix::fs::symlink;
use std::path::Path;

use harness::{Folder, Format, Guest, Outcome, Qemu, RawQmp};
use serde_json::{Value, json};

use super::backup::{back_up, begin};
use super::{document, files, qmpsh};

/// A machine with a small disk.
fn machine(name: &str, options: &str) -> Qemu {
    Qemu::bare()
        .image("a.qcow2", "1M")
        .args("-machine q35 -accel tcg -m 32 -S -name")
        .arg(name)
        .args("-blockdev qcow2,node-name=a,file.driver=file,file.filename=a.qcow2")
        .args("-device virtio-blk-pci,id=disk-a,drive=a")
        .args(options)
        .start()
}

#[track_caller]
fn refused(qemu: &Qemu, to: &Path, options: &[&str], why: &str) -> Outcome {
    let target = qemu.qmp().to_str().unwrap().to_owned();
    let options = [&["--quiesce", "no"], options].concat();
    let outcome = begin(&target, to, &options).run().expect_code(1);
    assert!(outcome.stdout.contains(why), "{why}: {outcome:#?}");
    outcome
}

#[test]
fn disks_that_are_another_qemus_are_no_state_of_the_guests() {
    let folder = Folder::new();
    let to = folder.join("to");
    let source = machine("web01", "");
    let mut monitor = RawQmp::connect(source.qmp());
    monitor.call("migrate", &json!({ "uri": "exec:cat >/dev/null" }));
    while monitor.call("query-status", &Value::Null)["status"] != "postmigrate" {}
    drop(monitor);
    refused(&source, &to, &[], "it is in postmigrate");
    let waits = machine("web01", "-incoming defer");
    refused(&waits, &to, &[], "it is in inmigrate");
    assert!(!to.exists());
    for qemu in [&source, &waits] {
        let outcome = qmpsh(["run", "freeze-snapshot-thaw", "--quiesce", "no"])
            .arg(qemu.qmp())
            .run()
            .expect_code(1);
        assert!(outcome.stderr.contains("it is in "), "{outcome:#?}");
    }
    // It is its guest again.
    RawQmp::connect(source.qmp()).call("cont", &Value::Null);
    back_up(source.qmp().to_str().unwrap(), &to, &["--quiesce", "no"]);
}

#[test]
fn two_vms_whose_names_lead_to_one_folder_are_told_apart() {
    let folder = Folder::new();
    for (number, (one, other)) in [("web 01", "web_01"), ("日本", "..")]
        .into_iter()
        .enumerate()
    {
        let to = folder.join(number.to_string());
        let (one, two) = (machine(one, ""), machine(other, ""));
        back_up(one.qmp().to_str().unwrap(), &to, &["--quiesce", "no"]);
        refused(&two, &to, &[], "of another VM, whose name is");
        back_up(one.qmp().to_str().unwrap(), &to, &["--quiesce", "no"]);
    }
}

#[test]
fn what_is_asked_for_wrongly_is_not_tried_again_and_leaves_nothing() {
    let folder = Folder::new();
    let to = folder.join("to");
    let qemu = machine("web01", "");
    // As long as no test may take.
    let again = ["--tries", "3", "--delay", "1h"];
    for (options, why) in [
        (&["--level", "inc"], "take a full one first"),
        (&["--disk", "b"], "b"),
        (&["--chain", "-1"], "must be 0 or more"),
    ] {
        refused(&qemu, &to, &[&again[..], options].concat(), why);
        assert!(!to.exists());
    }
}

#[test]
fn a_guest_without_a_file_system_to_freeze_is_not_called_quiesced() {
    let folder = Folder::new();
    let guest = Guest::builder().disk(Format::Qcow2, "16M").boot();
    guest.shell_ok("umount /data");
    let target = guest.target();
    let outcome = begin(&target, folder.path(), &[]).run().expect_code(4);
    assert!(
        outcome.stdout.contains("froze no file system"),
        "{outcome:#?}"
    );
    let row = back_up(&target, folder.path(), &["--quiesce", "prefer"]);
    assert_eq!(row["consistency"], "crash-consistent");
    assert_eq!(row["file_systems"], 0);
    let snapshot =
        |how: &str| qmpsh(["run", "freeze-snapshot-thaw", "--quiesce", how, &target]).run();
    snapshot("require").expect_code(4);
    let outcome = snapshot("prefer").expect_code(0);
    assert!(outcome.stdout.contains("crash-consistent"), "{outcome:#?}");
    assert!(!guest.is_frozen());
}

#[test]
fn a_program_that_is_not_allowed_or_not_there_is_known_before_anything_is_made() {
    let folder = Folder::new();
    let to = folder.join("to");
    let qemu = machine("web01", "");
    let script = |run: &str| {
        let text = format!(
            "//! X.\n//! [args]\n//! vm = {{ type = \"vm\", help = \"x\" }}\n//! to = {{ type = \"path\", help = \"x\" }}\n\
             //! [allow]\n//! read = [\"{{to}}\"]\n//! write = [\"{{to}}\"]\n{run}\n\
             import \"std/backup\" as b;\nb::take(vm(args.vm), args.to, #{{ quiesce: \"no\" }})"
        );
        let file = folder.join("own.rhai");
        std::fs::write(&file, text).unwrap();
        qmpsh(["run"]).arg(file).arg(qemu.qmp()).arg(&to)
    };
    let outcome = script("").run().expect_code(6);
    assert!(outcome.stderr.contains("`sha256sum`"), "{outcome:#?}");
    assert!(!to.exists());
    let allowed = "//! run = [\"sha256sum\"]\n";
    // What starts qmpsh here, and nothing else.
    let bin = folder.join("bin");
    std::fs::create_dir(&bin).unwrap();
    for (name, program) in [("sh", "/bin/sh"), ("setpriv", "/usr/bin/setpriv")] {
        symlink(program, bin.join(name)).unwrap();
    }
    let outcome = script(allowed).env("PATH", &bin).run();
    assert!(
        outcome.stderr.contains("`sha256sum` cannot be run"),
        "{outcome:#?}"
    );
    assert!(!to.exists());
    script(allowed).run().expect_code(0);
    assert!(to.exists());
}

#[test]
fn a_vms_own_folder_of_backups_gets_no_other_in_it() {
    let folder = Folder::new();
    let qemu = machine("web01", "");
    let target = qemu.qmp().to_str().unwrap().to_owned();
    back_up(&target, folder.path(), &["--quiesce", "no"]);
    let own = folder.join("web01");
    let before = files(&own, "");
    let outcome = begin(&target, &own, &["--quiesce", "no"])
        .run()
        .expect_code(1);
    let error = &document(&outcome)[0]["error"];
    let hint = format!(
        "{} is one VM's folder of backups itself; name the one that it is in, {}",
        own.display(),
        folder.path().display()
    );
    assert_eq!(error["hint"], hint, "{error}");
    assert_eq!(files(&own, ""), before);
}

//! `migrate`, `migrate-save` and `migrate-load`: a VM goes to another QEMU, to a file and back; and where it cannot, it goes on
//! where it is.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::time::Duration;

use harness::{Folder, Outcome, Proxy, Qemu};
use serde_json::{Value, json};

use super::backup_faults::Mount;
use super::{assert_error, caught, document, eval, qmpsh};

const MACHINE: &str = "-machine pc -accel tcg -m 32";

/// With it a migration waits for a command before its end, and none comes.
const ENDLESS: &str = "pause-before-switchover";

fn source() -> Qemu {
    Qemu::bare().args(MACHINE).start()
}

/// One that waits for what comes.
fn destination() -> Qemu {
    Qemu::bare().args(MACHINE).args("-incoming defer").start()
}

fn monitor(qemu: &Qemu) -> String {
    qemu.qmp().to_str().unwrap().to_owned()
}

fn run(script: &str, words: &[&str]) -> Outcome {
    qmpsh(["--json", "run", script]).args(words).run()
}

fn status(qemu: &Qemu) -> Value {
    eval(&monitor(qemu), "v.status")
}

#[test]
fn a_vm_goes_on_in_another_qemu() {
    let (from, to) = (source(), destination());
    let words: [&str; 4] = [&monitor(&from), &monitor(&to), "--downtime-limit", "250ms"];
    let done = document(&run("migrate", &words).expect_code(0));
    assert_eq!(done["status"], "running", "{done}");
    assert!(done["transferred"].as_u64().unwrap() > 0, "{done}");
    assert_eq!(
        (status(&from), status(&to)),
        (json!("postmigrate"), json!("running"))
    );
}

#[test]
fn a_vm_that_cannot_be_migrated_goes_on_where_it_is_with_its_settings() {
    let (vm, other, to) = (source(), source(), destination());
    let settings = "let all = v.qmp(\"query-migrate-parameters\");
        [all[\"max-bandwidth\"], all[\"downtime-limit\"],
         v.qmp(\"query-migrate-capabilities\").filter(|one| one.state).map(|one| one.capability)]";
    let before = eval(&monitor(&vm), settings);
    for (words, code, message) in [
        (
            [&monitor(&to), "--capability", "auto-converg"],
            1,
            "there is no capability auto-converg",
        ),
        (
            [&monitor(&other), "--capability", "auto-converge"],
            1,
            "takes in no migration: start its QEMU with -incoming defer",
        ),
        (
            [&monitor(&vm), "--capability", "auto-converge"],
            1,
            "cannot be migrated to itself",
        ),
    ] {
        let outcome = qmpsh(["run", "migrate", &monitor(&vm)])
            .args(words)
            .run()
            .expect_code(code);
        assert!(outcome.stderr.contains(message), "{outcome:#?}");
    }
    let error = caught(&monitor(&vm),
        "import \"std/migrate\" as migrate;
         migrate::to(v, \"exec:false\", #{ max_bandwidth: 1_000_000, downtime_limit: 2, capabilities: [\"auto-converge\"] })",
    );
    assert_error(
        &error,
        &json!({ "kind": "qmp", "message": "the migration failed: ", "vm": monitor(&vm) }),
    );
    assert_eq!(status(&vm), "running");
    assert_eq!(eval(&monitor(&vm), settings), before);
}

#[test]
fn an_interrupted_migration_is_cancelled_before_the_script_ends() {
    let (from, to) = (source(), destination());
    let script = format!(
        "import \"std/migrate\" as migrate;
         let to = vm(\"{}\"); let stopped = false;
         try {{
             parallel([true, false], #{{ fail_fast: true }}, |migrates| {{
                 if migrates {{ migrate::between(v, to, #{{ max_bandwidth: 4_000_000, capabilities: [\"{ENDLESS}\"] }}) }}
                 else {{ while v.migration.status?.status != \"pre-switchover\" {{ sleep(\"10ms\"); }} fail(\"stop\") }}
             }});
         }} catch {{ stopped = true }}
         [stopped, v.migration.status.status, v.status, v.qmp(\"query-migrate-parameters\")[\"max-bandwidth\"] != 4_000_000]",
        monitor(&to)
    );
    assert_eq!(
        eval(&monitor(&from), &script),
        json!([true, "cancelled", "running", true])
    );
}

#[test]
fn a_vm_is_saved_to_a_file_and_loaded_by_another_qemu() {
    let (vm, other) = (source(), destination());
    // A name that a shell would take apart.
    let file = vm.folder().join("it's $HOME.state");
    let file = file.to_str().unwrap();

    let refused = run("migrate-load", &[&monitor(&other), file]).expect_code(4);
    assert!(
        refused.stderr.contains("No such file or directory"),
        "{refused:#?}"
    );
    assert_eq!(status(&other), "inmigrate");

    let saved = document(&run("migrate-save", &[&monitor(&vm), file, "--resume"]).expect_code(0));
    assert_eq!(
        (&saved["status"], status(&vm)),
        (&json!("running"), json!("running"))
    );
    let made = std::fs::metadata(file).unwrap();
    assert_eq!(made.permissions().mode() & 0o777, 0o600);
    let length = made.len();
    let refused = run("migrate-save", &[&monitor(&vm), file]).expect_code(4);
    assert!(
        refused.stderr.contains("already? it is not written over"),
        "{refused:#?}"
    );
    assert_eq!(std::fs::metadata(file).unwrap().len(), length);
    assert_eq!(status(&vm), "running");
    // Once it was saved it is not saved again, before it has gone on.
    let other_file = format!("{file}.2");
    run("migrate-save", &[&monitor(&vm), &other_file]).expect_code(0);
    for (script, to) in [("migrate-save", file), ("migrate", &*monitor(&other))] {
        let refused = run(script, &[&monitor(&vm), to]).expect_code(1);
        let told = refused.stderr.contains("has stood still since then");
        assert!(
            told && refused.stderr.contains("qmpsh run resume"),
            "{refused:#?}"
        );
    }
    assert_eq!(status(&vm), "postmigrate");

    // Where it cannot be migrated at all, the file is not to blame.
    let bound = Qemu::bare()
        .args(MACHINE)
        .args("-device ivshmem-plain,memdev=m -object memory-backend-ram,id=m,size=1M")
        .start();
    let refused = run("migrate-save", &[&monitor(&bound), &other_file]).expect_code(4);
    assert!(
        refused.stderr.contains("ivshmem") && !refused.stderr.contains("already?"),
        "{refused:#?}"
    );

    run("migrate-load", &[&monitor(&other), file]).expect_code(0);
    assert_eq!(status(&other), "running");
}

#[test]
fn one_that_takes_too_long_is_cancelled_and_told_so() {
    let (from, to) = (source(), destination());
    let outcome = qmpsh(["run", "migrate", &monitor(&from), &monitor(&to)])
        .args(["--capability", ENDLESS, "--wait", "1s"])
        .run()
        .expect_code(5);
    assert!(
        outcome.stderr.contains("help: it was cancelled"),
        "{outcome:#?}"
    );
    assert!(!outcome.stderr.contains("goes on; "), "{outcome:#?}");
    assert_eq!(
        eval(&monitor(&from), "[v.migration.status.status, v.status]"),
        json!(["cancelled", "running"])
    );
}

#[test]
fn a_full_file_system_is_among_what_may_be_wrong_with_a_file() {
    let folder = Folder::new();
    // Before the QEMU, whose mounts may be its own.
    let small = Mount::of(&folder.join("small"), "64K");
    let vm = source();
    let file = small.path().join("state");
    let failed = run("migrate-save", &[&monitor(&vm), file.to_str().unwrap()]).expect_code(4);
    assert!(failed.stderr.contains("no room left"), "{failed:#?}");
    assert!(!file.exists());
    assert_eq!(status(&vm), "running");
}

#[test]
fn a_file_that_has_room_for_all_but_the_end_is_not_told_to_be_saved() {
    let folder = Folder::new();
    let mount = Mount::of(&folder.join("small"), "64M");
    // Without a processor its memory stays as it is.
    let vm = Qemu::bare().args("-machine none -m 32").start();
    let (whole, file) = (mount.path().join("whole"), mount.path().join("cut"));
    let [whole, file] = [&whole, &file].map(|path| path.to_str().unwrap());
    run("migrate-save", &[&monitor(&vm), whole, "--resume"]).expect_code(0);
    let size = std::fs::metadata(whole).unwrap().len();
    std::fs::remove_file(whole).unwrap();
    // The pipe takes in what the file does not.
    mount.resize(size - 16 * 1024);

    let failed = run("migrate-save", &[&monitor(&vm), file]).expect_code(4);
    assert!(failed.stderr.contains("no room left"), "{failed:#?}");
    assert!(!Path::new(file).exists());
    assert_eq!(status(&vm), "running");
}

#[test]
fn what_is_where_the_destination_listens_stays() {
    let (from, to) = (source(), destination());
    let file = from.folder().join("file");
    std::fs::write(&file, "precious").unwrap();
    let uri = format!("unix:{}", file.display());
    let refused = run(
        "migrate",
        &[&monitor(&from), &monitor(&to), "--listen", &uri],
    );
    let refused = refused.expect_code(1);
    assert!(refused.stderr.contains("is no socket"), "{refused:#?}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "precious");
    assert_eq!(status(&from), "running");
}

#[test]
fn a_guest_that_another_machine_cannot_take_in_goes_on_where_it_was() {
    // What is sent last, so that all was sent before the destination minds.
    for (differing, then) in [
        ("-smp 2", "running"),
        ("-device virtio-rng-pci", "running"),
        ("-smp 2 -S", "postmigrate"),
    ] {
        let from = Qemu::bare().args(MACHINE).args(differing).start();
        let to = destination();
        let failed = run("migrate", &[&monitor(&from), &monitor(&to)]);
        assert!(matches!(failed.code, Some(3 | 4)), "{failed:#?}");
        let log = format!("QEMU's log of {} tells why", monitor(&to));
        assert!(failed.stderr.contains(&log), "{failed:#?}");
        let is_told = failed.stderr.contains("the guest goes on in");
        assert_eq!(is_told, then == "running", "{failed:#?}");
        // The source may learn in time that it failed, and is what it was.
        let now = status(&from);
        assert!(
            now == then || (then != "running" && now != "running"),
            "{now}"
        );
    }
}

#[test]
fn a_destination_has_failed_for_certain_only_where_it_is_seen_itself() {
    let (seen, other) = (destination(), destination());
    let between = Proxy::before(other.qmp());
    let script = "let arrival = v.migration.arrival(); v.qmp(\"quit\"); arrival.has_failed()";
    assert_eq!(eval(&monitor(&seen), script), json!(true));
    assert_eq!(
        eval(between.socket().to_str().unwrap(), script),
        json!(false)
    );
}

#[test]
fn a_guest_that_may_run_in_the_destination_by_now_is_not_taken_back() {
    // All that is sent is in the socket while the destination does not read it.
    let small = "-machine none -m 2";
    let (from, mut to) = (
        Qemu::bare().args(small).start(),
        Qemu::bare().args(small).args("-incoming defer").start(),
    );
    let listens = "import \"std/migrate\" as migrate; migrate::receive(v, \"tcp:127.0.0.1:0\")";
    let listens = eval(&monitor(&to), listens);
    to.process().stop();
    let script = format!(
        "import \"std/migrate\" as migrate;
         migrate::to(vm(args[0]), {listens}, #{{ capabilities: [\"return-path\"], wait: \"1s\" }})"
    );
    let late = qmpsh(["-v", "eval", &script, &monitor(&from)]).spawn();
    // When it is to be cancelled it asks for this, which is the last before it waits for the end.
    let waits = format!(
        "}}]}}\n-> qmp {}: {{\"execute\":\"query-migrate\",",
        monitor(&from)
    );
    late.wait_for_stderr(&waits);
    to.process().cont();
    let late = late.wait().expect_code(5);
    assert!(
        late.stderr.contains("had come to its end by then"),
        "{late:#?}"
    );
    assert_eq!(
        (status(&from), status(&to)),
        (json!("postmigrate"), json!("running"))
    );
}

#[test]
fn a_migration_that_is_under_way_is_not_touched_by_another() {
    let (from, to) = (source(), destination());
    let endless = format!(
        "v.qmp(\"migrate-set-capabilities\", #{{ capabilities: [#{{ capability: \"{ENDLESS}\", state: true }}] }});
         v.qmp(\"migrate\", #{{ uri: \"exec:cat >/dev/null\" }});
         while v.migration.status?.status != \"pre-switchover\" {{ sleep(\"10ms\"); }}
         v.qmp(\"query-migrate-parameters\")"
    );
    let settings = eval(&monitor(&from), &endless);
    let file = from.folder().join("state");
    for words in [
        ["migrate-save", file.to_str().unwrap()],
        ["migrate", &monitor(&to)],
    ] {
        let [script, to] = words;
        let refused = qmpsh(["-v", "run", script, &monitor(&from), to])
            .args(["--max-bandwidth", "1M"])
            .run()
            .expect_code(1);
        let told = "another migration of it is under way (pre-switchover, ";
        assert!(refused.stderr.contains(told), "{refused:#?}");
        assert!(refused.stderr.contains("migrate_cancel"), "{refused:#?}");
    }
    let now = "[v.migration.status.status, v.qmp(\"query-migrate-parameters\")]";
    assert_eq!(
        eval(&monitor(&from), now),
        json!(["pre-switchover", settings])
    );
    // Nor is the destination told to listen.
    assert_eq!(eval(&monitor(&to), "v.migration.status"), Value::Null);
}

#[test]
fn what_is_no_file_of_migrate_save_is_named_when_it_cannot_be_loaded() {
    let (vm, folder) = (source(), Folder::new());
    let whole = folder.join("whole.state");
    run("migrate-save", &[&monitor(&vm), whole.to_str().unwrap()]).expect_code(0);
    let bytes = std::fs::read(&whole).unwrap();
    for content in [&bytes[..bytes.len() / 2], &[7; 4096][..]] {
        let other = destination();
        let file = folder.join("damaged.state");
        std::fs::write(&file, content).unwrap();
        let failed = run("migrate-load", &[&monitor(&other), file.to_str().unwrap()]);
        let failed = failed.expect_code(3);
        let told = format!("it could not load {}, and has ended", file.display());
        assert!(failed.stderr.contains(&told), "{failed:#?}");
        assert!(
            failed.stderr.contains("QEMU's log tells why"),
            "{failed:#?}"
        );
    }
}

#[test]
fn a_guest_that_ran_in_the_destination_does_not_go_on_where_it_was() {
    let (from, mut to) = (source(), destination());
    // It runs there, and ends before it was asked how it is.
    let script = format!(
        "import \"std/migrate\" as migrate;
         let to = vm(\"{}\"); let arrival = to.migration.arrival();
         migrate::to(v, migrate::receive(to, \"tcp:127.0.0.1:0\"), #{{}});
         while to.status != \"running\" {{ sleep(\"10ms\"); }}
         let before = arrival.has_failed();
         to.qmp(\"quit\");
         [before, arrival.has_failed()]",
        monitor(&to)
    );
    assert_eq!(eval(&monitor(&from), &script), json!([false, false]));
    assert!(to.process().wait(Duration::from_secs(30)).is_some());
    assert_eq!(status(&from), "postmigrate");
}

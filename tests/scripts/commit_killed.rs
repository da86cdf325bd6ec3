//! `snapshot-commit` that was killed, so that its job stays in QEMU and its mark on the disk: the next one ends what is left,
//! and takes for merged only what QEMU says was.

use std::path::{Path, PathBuf};

use harness::{Folder, Format, Guest, Outcome, Signal};
use serde_json::{Value, json};

use super::commit::snapshot;
use super::commit_failures::{READ_AGAIN, guest, start};
use super::snapshot::{boot_from, succeeds};
use super::{State, document, eval, files, image_info, nodes, qmpsh};

pub(super) fn mark(guest: &Guest) -> PathBuf {
    guest.folder().join("disk0.qcow2.qmpsh-merging")
}

/// Kills a commit in its midst, and leaves its job behind.
#[track_caller]
pub(super) fn kill(target: &str, options: &[&str]) {
    let running = qmpsh(["-v", "run", "snapshot-commit", target, "--speed", "64K"])
        .args(options)
        .spawn();
    running.wait_for_stderr("\"type\":\"commit\"");
    running.signal(Signal::KILL);
    let outcome = running.wait();
    assert_eq!(outcome.signal, Some(9), "{outcome:#?}");
    let jobs = eval(target, "v.qmp(\"query-jobs\")");
    let id = jobs[0]["id"].as_str().unwrap_or_default();
    assert!(id.starts_with("qmpsh-commit-"), "{jobs}");
}

/// Has the job that is left do all its work, and stay.
fn see_to_its_end(target: &str) {
    eval(
        target,
        "let job = v.qmp(\"query-jobs\")[0].id;
        v.qmp(\"block-job-set-speed\", #{ device: job, speed: 0 });
        let status = || v.qmp(\"query-jobs\")[0].status;
        while ![\"ready\", \"concluded\"].contains(status.call()) { sleep(\"20ms\"); }
        if status.call() == \"ready\" { v.qmp(\"job-complete\", #{ id: job }); }
        while status.call() != \"concluded\" { sleep(\"20ms\"); }",
    );
}

#[track_caller]
pub(super) fn commits(target: &str, options: &[&str]) -> Outcome {
    let outcome = qmpsh(["run", "snapshot-commit", target])
        .args(options)
        .run()
        .expect_code(0);
    assert_eq!(eval(target, "v.qmp(\"query-jobs\")"), json!([]));
    outcome
}

/// Which of the images `snapshot-list` shows as half merged.
#[track_caller]
pub(super) fn half_merged(target: &str) -> Vec<Value> {
    let told = qmpsh(["--json", "run", "snapshot-list", target]).run();
    let told = document(&told.expect_code(0));
    let rows = told[0]["tree"].as_array().unwrap().iter();
    let merging = rows.filter(|row| row["merging"] == true);
    merging.map(|row| row["file"].clone()).collect()
}

#[track_caller]
fn assert_whole(guest: &mut Guest, sum: &str) {
    assert_eq!(guest.shell_ok(READ_AGAIN), sum);
    assert_eq!(nodes(&guest.qmp()), ["disk0", "disk0-file"]);
    assert!(!mark(guest).exists());
    assert_eq!(half_merged(&guest.target()), [] as [Value; 0]);
    guest.process().kill();
    let base = guest.disk(0);
    succeeds("qemu-img", &["check", "-q", base.to_str().unwrap()]);
    assert_eq!(boot_from(&[base]).shell_ok(READ_AGAIN), sum);
}

#[test]
fn a_commit_killed_in_its_midst_is_ended_by_the_next_one_which_does_it_all() {
    let (mut guest, overlay, sum) = guest();
    let target = guest.target();
    let before = State::of_guest(&guest);
    kill(&target, &[]);
    assert!(mark(&guest).exists());
    assert_eq!(half_merged(&target), [json!(guest.disk(0))]);
    let list = qmpsh(["run", "snapshot-list", &target])
        .run()
        .expect_code(0);
    assert!(list.stdout.contains("half merged"), "{list:#?}");
    let checked = qmpsh(["run", "vm-check", &target]).run();
    let told = format!("{}{}", checked.stdout, checked.stderr);
    for part in [
        "is half merged: a commit into it",
        "if that was killed, run it again",
    ] {
        assert!(told.contains(part), "{told}");
    }
    // A dry run changes nothing, and neither does one that only reads.
    for mode in ["--dry-run", "--read-only"] {
        qmpsh([mode, "run", "snapshot-commit", &target]).run();
        let jobs = eval(&target, "v.qmp(\"query-jobs\").len()");
        assert_eq!(jobs, json!(1), "{mode}");
    }
    let dry = qmpsh(["--dry-run", "run", "snapshot-commit", &target])
        .run()
        .expect_code(0);
    for part in [
        "a real run would first end the job",
        overlay.to_str().unwrap(),
    ] {
        assert!(dry.stdout.contains(part), "{dry:#?}");
    }
    // So does what a script does itself, and it goes on as if the job had ended.
    let script = "let v = vm(args[0]);
        let top = v.disks()[0].node;
        with v.commit(#{ node: top, top: top, base: \"disk0\" }) as commit {
            commit.wait();
            commit.remove();
        }
        v.qmp(\"query-jobs\").len()";
    let dry = qmpsh(["--dry-run", "eval", script, &target]).run();
    let dry = dry.expect_code(0);
    for part in ["\"execute\":\"job-cancel\"", "\"execute\":\"block-commit\""] {
        assert!(dry.stderr.contains(part), "{dry:#?}");
    }
    assert_eq!(dry.stdout.trim(), "0", "as it would be");
    assert!(before.files.contains(&overlay) && mark(&guest).exists());
    // So does one that is killed again.
    kill(&target, &[]);
    let jobs = eval(&target, "v.qmp(\"query-jobs\").len()");
    assert_eq!(jobs, json!(1), "the first was ended");

    let outcome = commits(&target, &[]);
    for part in [
        "ended what a run before had left: qmpsh-commit-",
        overlay.to_str().unwrap(),
    ] {
        assert!(outcome.stderr.contains(part), "{outcome:#?}");
    }
    assert!(before.files.contains(&overlay) && !overlay.exists());
    assert_whole(&mut guest, &sum);
}

#[test]
fn a_job_that_had_done_its_work_counts_and_what_it_left_is_cleared_away() {
    let (mut guest, overlay, sum) = guest();
    let target = guest.target();
    kill(&target, &[]);
    see_to_its_end(&target);
    let sum = format!(
        "{}\n{sum}",
        guest.shell_ok("echo later >/data/b; sync; cat /data/b")
    );
    let sum = sum.lines().last().unwrap();
    assert!(overlay.exists() && mark(&guest).exists());
    let folder = Folder::new();
    let recording = folder.join("recording");
    let outcome = commits(&target, &["--record", recording.to_str().unwrap()]);
    let told = format!("{} was merged into", overlay.display());
    for part in [&told as &str, "by a run before; its file is removed"] {
        assert!(outcome.stdout.contains(part), "{outcome:#?}");
    }
    assert!(!overlay.exists());
    let again = qmpsh(["run", "snapshot-commit", &target, "--replay"])
        .arg(&recording)
        .run()
        .expect_code(0);
    assert_eq!(again.stdout, outcome.stdout);
    assert_eq!(guest.shell_ok("cat /data/b"), "later");
    assert_whole(&mut guest, sum);
}

#[test]
fn a_commit_killed_after_its_job_is_over_and_its_base_is_a_state_of_its_own() {
    for keep in [false, true] {
        let (mut guest, overlay, sum) = guest();
        let target = guest.target();
        let base = guest.disk(0).to_owned();
        // A kept file is the last thing that is told: the mark has gone before.
        let script = format!(
            "let v = vm(args[0]);
            let top = v.disks()[0].node;
            with v.commit(#{{ node: top, top: top, base: \"disk0\", keep: {keep} }}) as commit {{
                commit.wait();
                log(\"merged\");
                sleep(\"1h\");
            }}"
        );
        let running = qmpsh(["eval", &script, &target]).spawn();
        running.wait_for_stderr("merged");
        assert_eq!(mark(&guest).exists(), !keep);
        running.signal(Signal::KILL);
        running.wait();
        assert!(overlay.exists());
        assert_eq!(half_merged(&target), [] as [Value; 0], "it is whole");

        let next = snapshot(&target, &[]).remove(0);
        if !keep {
            // Of a mark that says so, the VM's images can be taken back to what it is beside.
            guest.process().kill();
            let reverted =
                qmpsh(["--json", "run", "snapshot-revert", next.to_str().unwrap()]).run();
            let reverted = document(&reverted.expect_code(0));
            std::fs::remove_file(reverted[0]["kept"].as_str().unwrap()).unwrap();
            assert!(mark(&guest).exists());
            let again = boot_from(&[&next]);
            assert_eq!(again.shell_ok(READ_AGAIN), sum);
            let outcome = commits(&again.target(), &["--base", base.to_str().unwrap()]);
            assert!(!overlay.exists(), "{outcome:#?}");
            assert!(!mark(&guest).exists());
            continue;
        }
        std::fs::remove_file(&overlay).unwrap();
        commits(&target, &[]);
        assert_whole(&mut guest, &sum);
    }
}

#[test]
fn a_file_that_is_gone_already_is_not_missed() {
    let guest = Guest::builder().disk(Format::Qcow2, "64M").boot();
    let target = guest.target();
    let [first] = snapshot(&target, &[]).try_into().unwrap();
    let [second] = snapshot(&target, &[]).try_into().unwrap();
    let [third] = snapshot(&target, &[]).try_into().unwrap();
    let remove = format!(
        "let v = vm(args[0]);
        let top = v.disks()[0].node;
        let found = ();
        with v.commit(#{{ node: top, top: top, base: v.block_graph().drives[0].chain[1] }}) as commit {{
            commit.wait();
            host.remove({});
            found = commit.remove();
        }}
        found",
        json!(third)
    );
    let folder = guest.folder().path().to_str().unwrap().to_owned();
    let outcome = qmpsh(["--json", "eval", "--allow-write", &folder, &remove, &target]).run();
    let found = document(&outcome.expect_code(0));
    assert_eq!(found, json!([{ "file": third, "removed": true }]));
    assert_eq!(half_merged(&target), [] as [Value; 0]);

    // One of two, by a run that was killed between them.
    kill(&target, &["--all"]);
    see_to_its_end(&target);
    std::fs::remove_file(&second).unwrap();
    let outcome = commits(&target, &[]);
    let told = "2 images were merged into";
    for part in [told, "by a run before; their files are removed"] {
        assert!(outcome.stdout.contains(part), "{outcome:#?}");
    }
    assert!(!first.exists() && !second.exists() && !mark(&guest).exists());
    let base = guest.disk(0).to_owned();
    assert_eq!(files(guest.folder().path(), ".qcow2"), [base]);
}

#[test]
fn an_image_in_the_middle_that_a_killed_commit_had_merged_is_cleared_away() {
    let guest = Guest::builder().disk(Format::Qcow2, "64M").boot();
    let target = guest.target();
    let base = guest.disk(0).to_owned();
    let [first] = snapshot(&target, &[]).try_into().unwrap();
    let sum = guest.shell_ok("head -c 9000000 /dev/urandom >/data/a; sync; sha256sum /data/a");
    let [second] = snapshot(&target, &[]).try_into().unwrap();
    kill(&target, &["--top", first.to_str().unwrap()]);
    see_to_its_end(&target);
    commits(&target, &["--top", first.to_str().unwrap()]);
    assert!(!first.exists() && !mark(&guest).exists());
    assert_eq!(image_info(&second)["full-backing-filename"], json!(base));
    assert_eq!(guest.shell_ok(READ_AGAIN), sum);
    commits(&target, &[]);
    assert_eq!(guest.shell_ok(READ_AGAIN), sum);
}

#[test]
fn what_was_merged_in_part_is_not_taken_for_whole_without_qemus_word() {
    let (mut guest, overlay, sum) = guest();
    kill(&guest.target(), &[]);
    guest.process().kill();
    let base = guest.disk(0).to_owned();
    // Somebody starts the VM from the image below: no disk has the overlay, and no job runs.
    let wrong = boot_from(&[&base]);
    assert_eq!(half_merged(&wrong.target()), [json!(base)]);
    let outcome = qmpsh(["run", "snapshot-commit", &wrong.target()])
        .run()
        .expect_code(1);
    assert!(
        outcome.stdout.contains("no disk has an overlay"),
        "{outcome:#?}"
    );
    assert!(overlay.exists() && mark(&guest).exists());
    drop(wrong);
    let right = boot_from(&[&overlay]);
    commits(&right.target(), &[]);
    assert_eq!(right.shell_ok(READ_AGAIN), sum);
    assert!(!overlay.exists() && !mark(&guest).exists());
}

#[test]
fn a_mark_names_no_file_that_did_not_stand_on_what_is_merged() {
    let (guest, overlay, _) = guest();
    let target = guest.target();
    kill(&target, &[]);
    see_to_its_end(&target);
    // Another image has the overlay's place in the mark.
    let other = Folder::new();
    let precious = other.join("precious.qcow2");
    let path = precious.to_str().unwrap();
    succeeds("qemu-img", &["create", "-q", "-f", "qcow2", path, "8M"]);
    let data = std::fs::metadata(&precious).unwrap();
    let id = json!([
        std::os::unix::fs::MetadataExt::dev(&data),
        std::os::unix::fs::MetadataExt::ino(&data)
    ]);
    let text = std::fs::read_to_string(mark(&guest)).unwrap();
    let mut note: Value = serde_json::from_str(text.trim()).unwrap();
    let merged = &mut note["merge"]["merged"][0];
    merged["place"] = json!({ "Ok": { "path": path, "id": id } });
    std::fs::write(mark(&guest), format!("{note}\n")).unwrap();
    // A file that is left and was not to be is no success.
    let outcome = qmpsh(["run", "snapshot-commit", &target])
        .run()
        .expect_code(1);
    for part in ["its header does not say", "do not start a VM with it"] {
        assert!(outcome.stdout.contains(part), "{outcome:#?}");
    }
    assert!(precious.exists() && overlay.exists());
}

#[test]
fn a_commit_that_lives_is_left_alone() {
    let folder = Folder::new();
    let second = folder.join("second.qmp");
    let guest = Guest::builder()
        .disk(Format::Qcow2, "64M")
        .arg("-qmp")
        .arg(format!("unix:{},server=on,wait=off", second.display()))
        .boot();
    let target = guest.target();
    let [overlay] = snapshot(&target, &[]).try_into().unwrap();
    guest.shell_ok("head -c 9000000 /dev/urandom >/data/a; sync");
    let running = start(&target);
    let outcome = qmpsh(["run", "snapshot-commit", second.to_str().unwrap()])
        .run()
        .expect_code(1);
    assert!(
        outcome
            .stdout
            .contains("another qmpsh merges into the image now"),
        "{outcome:#?}"
    );
    let jobs = eval(second.to_str().unwrap(), "v.qmp(\"query-jobs\")");
    assert_eq!(jobs[0]["status"], "running", "{jobs}");
    running.signal(Signal::INT);
    running.wait().expect_code(130);
    assert!(overlay.exists());
}

#[test]
fn what_was_to_be_merged_and_was_cut_off_is_merged_too() {
    let guest = Guest::builder().disk(Format::Qcow2, "64M").boot();
    let target = guest.target();
    let base = guest.disk(0).to_str().unwrap().to_owned();
    let [first] = snapshot(&target, &[]).try_into().unwrap();
    let [second] = snapshot(&target, &[]).try_into().unwrap();
    let sum = guest.shell_ok("head -c 9000000 /dev/urandom >/data/a; sync; sha256sum /data/a");
    kill(&target, &["--all"]);
    let first_alone = ["--top", first.to_str().unwrap(), "--base", &base];
    let outcome = qmpsh(["run", "snapshot-commit", &target])
        .args(first_alone)
        .run()
        .expect_code(1);
    let part = format!("a part of `{}` into `{base}`", second.display());
    assert!(outcome.stdout.contains(&part), "{outcome:#?}");
    assert!(mark(&guest).exists() && Path::new(&first).exists());
    // What merges less above it leaves it as it is, and tells so.
    let outcome = commits(&target, &[]);
    let half = format!("{base} is still half merged by a commit that was cut off");
    assert!(outcome.stdout.contains(&half), "{outcome:#?}");
    assert!(mark(&guest).exists() && first.exists() && !second.exists());
    let outcome = commits(&target, &["--all"]);
    assert!(!outcome.stdout.contains("half merged"), "{outcome:#?}");
    assert!(!first.exists() && !mark(&guest).exists());
    assert_eq!(guest.shell_ok(READ_AGAIN), sum);
}

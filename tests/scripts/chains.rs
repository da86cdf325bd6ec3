//! `snapshot-list`: the chain of each disk as a tree, with what is in each image; and a snapshot of chosen mount points.

use harness::{Guest, Qemu};
use serde_json::{Value, json};

use super::commit::snapshot;
use super::{State, document, eval, machine, qmpsh};

#[test]
fn a_tree_shows_each_disks_images_and_what_is_in_them() {
    let qemu = machine();
    let target = qemu.qmp().to_str().unwrap().to_owned();
    // Not by `snapshot-save`, which needs a newer QEMU than a list does.
    eval(
        &target,
        "v.qmp(\"blockdev-snapshot-internal-sync\", #{ device: \"a\", name: \"clean\" })",
    );
    let options = ["--quiesce", "no", "--disk", "disk-a"];
    let first = snapshot(&target, &options);
    let second = snapshot(&target, &options);
    eval(
        &target,
        "v.qmp(\"block-dirty-bitmap-add\", #{ node: \"a\", name: \"b0\" })",
    );
    let outcome = qmpsh(["--json", "run", "snapshot-list", &target])
        .run()
        .expect_code(0);
    let told = document(&outcome);
    let tree = told[0]["tree"].as_array().unwrap();
    let row = |row: &Value| json!([row["disk"], row["depth"], row["kind"], row["file"]]);
    let rows: Vec<Value> = tree.iter().map(row).collect();
    assert_eq!(
        rows[..5],
        [
            json!(["disk-a", 0, "image", second[0]]),
            json!(["disk-a", 1, "image", first[0]]),
            json!(["disk-a", 2, "image", "a.qcow2"]),
            json!(["disk-a", 3, "snapshot", "a.qcow2"]),
            json!(["disk-b", 0, "image", "b.raw"]),
        ],
        "{told}"
    );
    let base = &tree[2];
    assert_eq!(base["bitmaps"], json!(["b0"]));
    assert_eq!(base["format"], "qcow2");
    assert_eq!(base["virtual_size"], json!(16 << 20));
    assert_eq!(
        (&tree[3]["name"], &tree[3]["node"]),
        (&json!("clean"), &json!("a"))
    );
    assert_eq!(tree[0]["writable"], true);

    let outcome = qmpsh(["run", "snapshot-list", &target])
        .run()
        .expect_code(0);
    let lines: Vec<&str> = outcome.stdout.lines().collect();
    for (line, words) in [
        (1, ["  qcow2   16 MiB", "active"]),
        (2, ["  └─ /", ".qcow2"]),
        (3, ["     └─ a.qcow2", "bitmaps: b0"]),
        (4, ["        *  clean", "internal snapshot, 20"]),
        (5, ["  b.raw", "raw     8 MiB"]),
    ] {
        for word in words {
            assert!(lines[line].contains(word), "{word}: {outcome:#?}");
        }
    }
}

#[test]
fn a_file_that_two_disks_have_is_told_with_both() {
    let overlay = |name: &str| {
        format!(
            " -blockdev qcow2,node-name={name},file.driver=file,file.filename={name}.qcow2,backing=base
              -device virtio-blk-pci,id=disk-{name},drive={name}"
        )
    };
    let qemu = Qemu::bare()
        .image("base.qcow2", "8M")
        .image("a.qcow2", "8M")
        .image("b.qcow2", "8M")
        .args("-machine q35 -accel tcg -m 32 -S")
        .args(
            "-blockdev qcow2,node-name=base,file.driver=file,file.filename=base.qcow2,read-only=on",
        )
        .args(&overlay("a"))
        .args(&overlay("b"))
        .start();
    let target = qemu.qmp().to_str().unwrap().to_owned();
    let told = document(
        &qmpsh(["--json", "run", "snapshot-list", &target])
            .run()
            .expect_code(0),
    );
    let shared: Vec<&Value> = told[0]["tree"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|row| row["file"] == "base.qcow2")
        .map(|row| &row["shared"])
        .collect();
    assert_eq!(shared, [&json!(["disk-b"]), &json!(["disk-a"])], "{told}");
    let before = State::of(&qemu.qmp(), qemu.folder().path());
    let commit = [
        "run",
        "snapshot-commit",
        &target,
        "--disk",
        "disk-a",
        "--base",
        "base.qcow2",
    ];
    let outcome = qmpsh(commit).run().expect_code(1);
    assert!(
        outcome.stdout.contains("which the disk `disk-b` needs too"),
        "{outcome:#?}"
    );
    assert_eq!(State::of(&qemu.qmp(), qemu.folder().path()), before);
}

#[test]
fn only_the_chosen_mount_points_are_frozen() {
    let guest = Guest::boot();
    let target = guest.target();
    let line = ["-v", "run", "freeze-snapshot-thaw", &target, "--mountpoint"];
    let before = State::of_guest(&guest);
    for quiesce in ["require", "prefer"] {
        let outcome = qmpsh(line)
            .args(["/data", "--mountpoint", "/nowhere", "--quiesce", quiesce])
            .run()
            .expect_code(1);
        assert!(
            outcome
                .stderr
                .contains("the guest has no file system at /nowhere; it has some at /data"),
            "{outcome:#?}"
        );
        assert!(
            !outcome
                .stderr
                .contains("\"execute\":\"guest-fsfreeze-freeze-list\""),
            "{outcome:#?}"
        );
        assert_eq!(State::of_guest(&guest), before);
    }
    let outcome = qmpsh(line).args(["/data2"]).run().expect_code(0);
    assert!(
        outcome.stderr.contains("{\"mountpoints\":[\"/data2\"]}")
            && outcome.stdout.contains("\n1 file system was frozen for "),
        "{outcome:#?}"
    );
    assert!(!guest.is_frozen());
}

#[test]
fn an_agent_that_freezes_no_chosen_mount_points_says_so() {
    let agent = harness::HostAgent::builder()
        .block("guest-fsfreeze-freeze-list")
        .start();
    let target = format!("qmp=/no/monitor,agent={}", agent.socket().display());
    let script = "import \"std/quiesce\" as quiesce; let told = (); try { quiesce::freeze(v, HOW, \"9s\", \"it\", [\"/\"]); } catch (e) { told = e.message; } told";
    let refused = eval(&target, &script.replace("HOW", "\"require\""));
    let message = refused.as_str().unwrap();
    assert!(
        message.contains("the agent cannot freeze chosen mount points"),
        "{message}"
    );
    assert_eq!(
        eval(&target, &script.replace("HOW", "\"prefer\"")),
        Value::Null
    );
}

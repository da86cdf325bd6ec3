//! Ready-made scripts on a domain of libvirt's, whose QEMU is another user's: what they do on a socket they do over libvirt.

use std::path::Path;
use std::process::Command;

use harness::{Domain, Folder, Libvirt, Outcome, Qmpsh};
use serde_json::Value;

fn run(domain: &Domain, script: &str, words: &[&str]) -> Outcome {
    Qmpsh::new(env!("CARGO_BIN_EXE_qmpsh"))
        .args(["--json", "run", script, &domain.target()])
        .args(words)
        .run()
        .expect_code(0)
}

/// A script's row for its only VM.
fn row(outcome: &Outcome) -> Value {
    let rows: Value = serde_json::from_str(&outcome.stdout).expect("a JSON document");
    rows[0].clone()
}

/// What an image holds in a file of its file system.
fn read(image: &Path, format: &str, file: &str) -> String {
    let raw = image.with_extension("plain");
    let words = ["convert", "-U", "-f", format, "-O", "raw"];
    let converted = Command::new("qemu-img")
        .args(words)
        .arg(image)
        .arg(&raw)
        .status();
    assert!(converted.expect("qemu-img runs").success());
    let output = Command::new("debugfs")
        .args(["-R", &format!("cat {file}")])
        .arg(&raw)
        .output();
    String::from_utf8(output.expect("debugfs runs").stdout).expect("text")
}

#[test]
fn a_domain_is_backed_up_in_full_and_then_in_part_and_restored() {
    let libvirt = Libvirt::start();
    let domain = libvirt.boot("web01");
    let folder = Folder::new();
    let to = folder.join("to");
    let to = to.to_str().unwrap();

    domain.shell_ok("echo first > /data/note; sync");
    let full = row(&run(&domain, "backup", &["--to", to]));
    assert_eq!(
        (&full["level"], &full["consistency"]),
        (&"full".into(), &"guest-quiesced".into())
    );
    domain.shell_ok("echo second > /data/note; sync");
    let part = row(&run(&domain, "backup", &["--to", to, "--level", "inc"]));
    assert_eq!(part["level"], "inc");
    domain.shell_ok("echo third > /data/note; sync");
    assert!(!domain.is_frozen());

    for (until, text) in [(&full["point"], "first\n"), (&part["point"], "second\n")] {
        let point = until.as_str().unwrap();
        let restored = folder.join(format!("restored-{point}"));
        Qmpsh::new(env!("CARGO_BIN_EXE_qmpsh"))
            .args([
                "run",
                "backup-restore",
                &format!("{to}/web01"),
                "--until",
                point,
                "--to",
            ])
            .arg(&restored)
            .run()
            .expect_code(0);
        let images: Vec<_> = std::fs::read_dir(&restored)
            .unwrap()
            .map(|one| one.unwrap().path())
            .collect();
        assert_eq!(images.len(), 1, "{images:?}");
        assert_eq!(read(&images[0], "qcow2", "/note"), text);
    }
}

#[test]
fn a_snapshot_of_a_domain_leaves_the_image_below_as_it_was() {
    let libvirt = Libvirt::start();
    let domain = libvirt.boot("web01");
    domain.shell_ok("echo first > /data/note; sync");
    let taken: Value =
        serde_json::from_str(&run(&domain, "freeze-snapshot-thaw", &[]).stdout).unwrap();
    let overlay = taken["disks"][0]["file"].as_str().unwrap();
    domain.shell_ok("echo second > /data/note; sync");
    assert!(!domain.is_frozen());
    let dumped = libvirt.virsh_ok([
        "qemu-monitor-command",
        "web01",
        r#"{"execute":"query-block"}"#,
    ]);
    assert!(dumped.contains(overlay), "{dumped}");
    let home = Path::new(overlay).parent().unwrap();
    assert_eq!(read(&home.join("disk0.qcow2"), "qcow2", "/note"), "first\n");
}

//! This host in the modes: its files and programs.

use harness::{Folder, Guest};

use super::{qmpsh, text};

#[test]
fn a_dry_run_leaves_this_hosts_files_and_programs_alone() {
    let folder = Folder::new();
    let (made, kept, sub) = (folder.join("made"), folder.join("kept"), folder.join("sub"));
    std::fs::write(&kept, "kept").unwrap();
    let script = format!(
        "host.write_text({made:?}, \"x\"); host.mkdir({sub:?}); host.remove({kept:?});
         let ran = host.run(\"touch\", [{made:?}, \"--password=hunter2\"], #{{ check: true }});
         [host.read_text({kept:?}), ran.exitcode]"
    );
    let outcome = qmpsh([
        "--dry-run",
        "eval",
        "--allow-write",
        text(folder.path()),
        "--allow-read",
    ])
    .arg(folder.path())
    .args(["--allow-run", "touch", &script])
    .run()
    .expect_code(0);
    let value: serde_json::Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(value, serde_json::json!(["kept", 0]));
    for told in [
        format!("would write {} on this host", made.display()),
        format!("would make the folder {} on this host", sub.display()),
        format!("would remove {} on this host", kept.display()),
        format!(
            "would run on this host: touch {} --password=***",
            made.display()
        ),
    ] {
        assert!(outcome.stderr.contains(&told), "{told}: {outcome:#?}");
    }
    assert!(!made.exists() && !sub.exists() && kept.exists());
}

#[test]
fn a_download_is_made_when_read_only_and_only_told_by_a_dry_run() {
    let guest = Guest::boot();
    guest.shell_ok("echo report > /data/report");
    let folder = Folder::new();
    let here = folder.join("report");
    let script = format!("v.agent.download(\"/data/report\", {here:?})");
    let run = |mode: &str| {
        let whole = format!("let v = vm(args[0]); {script}");
        qmpsh([
            mode,
            "eval",
            "--allow-write",
            text(folder.path()),
            &whole,
            &guest.target(),
        ])
        .run()
        .expect_code(0)
    };
    let dry = run("--dry-run");
    assert!(
        dry.stderr
            .contains(&format!("would write {}", here.display())),
        "{dry:#?}"
    );
    assert!(!here.exists());
    run("--read-only");
    assert_eq!(std::fs::read_to_string(&here).unwrap(), "report\n");
}

#[test]
fn a_read_only_run_starts_no_program_here() {
    let outcome = qmpsh([
        "--read-only",
        "eval",
        "--allow-run",
        "true",
        "host.run(\"true\", [])",
    ])
    .run()
    .expect_code(6);
    assert!(outcome.stderr.contains("`true` is not run"), "{outcome:#?}");
}

#[test]
fn a_read_only_run_removes_nothing_here() {
    let folder = Folder::new();
    let kept = folder.join("kept");
    std::fs::write(&kept, "x").unwrap();
    let script = format!("host.remove({kept:?})");
    let words = ["eval", "--allow-write", text(folder.path()), &script];
    let refused = qmpsh(["--read-only"]).args(words).run().expect_code(6);
    assert!(refused.stderr.contains("is read-only"), "{refused:#?}");
    assert!(kept.exists());
    qmpsh(words).run().expect_code(0);
    assert!(!kept.exists());
}

//! A schema is asked for once for each QEMU program, and never believed of another.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;

use harness::{Folder, Proxy, Qemu, Qmpsh};

use super::{QMPSH, qmp};

/// Standard error with `-v` of a command that needs the schema.
fn messages(home: &Arc<Folder>, qemu: &std::path::Path) -> String {
    Qmpsh::at_home(QMPSH, home)
        .args(["-v", "qmp", qemu.to_str().unwrap(), "eject", "id=x"])
        .run()
        .expect_code(4)
        .stderr
}

/// The one schema that is kept in this home.
fn kept(home: &Folder) -> PathBuf {
    let folder = fs::read_dir(home.join("state/schemas")).unwrap();
    let files: Vec<PathBuf> = folder.map(|file| file.unwrap().path()).collect();
    let [file] = files.as_slice() else {
        panic!("one file, not {files:?}");
    };
    file.clone()
}

#[test]
fn the_next_run_on_the_same_program_asks_for_no_schema_whichever_vm_it_is() {
    let home = Arc::new(Folder::new());
    let (one, two) = (Qemu::bare().start(), Qemu::bare().start());
    assert!(messages(&home, &one.qmp()).contains("query-qmp-schema"));
    for qemu in [&one, &two] {
        assert!(!messages(&home, &qemu.qmp()).contains("query-qmp-schema"));
    }
    let folder = home.join("state/schemas");
    assert_eq!(
        fs::metadata(&folder).unwrap().permissions().mode() & 0o777,
        0o700
    );
    let file = kept(&home);
    assert_eq!(
        fs::metadata(&file).unwrap().permissions().mode() & 0o777,
        0o600
    );
    // What was half written or spoilt is asked for again.
    fs::write(&file, "[{").unwrap();
    assert!(messages(&home, &one.qmp()).contains("query-qmp-schema"));
    assert!(!messages(&home, &one.qmp()).contains("query-qmp-schema"));
}

#[test]
fn what_another_qemu_told_makes_nothing_be_refused() {
    let home = Arc::new(Folder::new());
    let qemu = Qemu::bare().start();
    messages(&home, &qemu.qmp());
    let file = kept(&home);
    // One that was broken into could tell that there is no `eject`.
    let told = fs::read_to_string(&file).unwrap();
    fs::write(&file, told.replace("\"eject\"", "\"reject\"")).unwrap();
    let stderr = messages(&home, &qemu.qmp());
    assert!(stderr.contains("Device 'x' not found"), "{stderr}");
    assert!(fs::read_to_string(&file).unwrap().contains("\"eject\""));
}

#[test]
fn a_recording_holds_the_schema_so_that_it_is_played_where_none_was_kept() {
    let home = Arc::new(Folder::new());
    let qemu = Qemu::bare().start();
    messages(&home, &qemu.qmp());
    let (socket, file) = (qemu.qmp(), home.join("recording"));
    let run = |home: &Arc<Folder>, mode: &str| {
        let words = ["qmp", socket.to_str().unwrap(), "eject", "id=5"];
        let mode = [mode, file.to_str().unwrap()];
        let run = Qmpsh::at_home(QMPSH, home).args(mode).args(words).run();
        run.expect_code(4).stderr
    };
    assert!(run(&home, "--record").contains("Device '5' not found"));
    drop(qemu);
    let elsewhere = Arc::new(Folder::new());
    assert!(run(&elsewhere, "--replay").contains("Device '5' not found"));
}

#[test]
fn where_another_program_serves_the_socket_nothing_is_kept() {
    let home = Arc::new(Folder::new());
    let qemu = Qemu::bare().start();
    let proxy = Proxy::before(qemu.qmp());
    for _ in 0..2 {
        assert!(messages(&home, &proxy.socket()).contains("query-qmp-schema"));
    }
    assert!(!home.join("state/schemas").exists());
    // A plain question is put without one, and explained all the same when it was wrong.
    let verbose = |words: &[&str]| {
        let socket = proxy.socket();
        let all = [&["-v"], words].concat();
        qmp(&socket, &all)
    };
    let asked = verbose(&["query-status"]).expect_code(0);
    assert!(!asked.stderr.contains("query-qmp-schema"), "{asked:#?}");
    let wrong = verbose(&["query-stats"]).expect_code(2);
    assert!(
        wrong.stderr.contains("`query-stats` needs `target`"),
        "{wrong:#?}"
    );
    let wrong = verbose(&["query-blok"]).expect_code(2);
    assert!(
        wrong.stderr.contains("did you mean `query-block`?"),
        "{wrong:#?}"
    );
}

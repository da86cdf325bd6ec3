//! A schema is asked for once for each QEMU program, and never believed of another.

use std::fs;
use std::os::unix::fs::PermissionsExt;
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
    let file = fs::read_dir(&folder)
        .unwrap()
        .next()
        .unwrap()
        .unwrap()
        .path();
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

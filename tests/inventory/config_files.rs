//! The configuration's files: which is read, which counts, and which is not believed.

use std::fs::{Permissions, create_dir_all, set_permissions, write};
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;

use harness::{Folder, Outcome, Qmpsh};
use qmpsh::inventory::Config;
use qmpsh::inventory::config::Places;

use super::{fails, qmpsh};

/// `qmpsh config` in that folder.
fn shown_in(folder: &Path, user: &str) -> Outcome {
    qmpsh(user).arg("config").current_dir(folder).run()
}

#[test]
fn the_nearer_file_counts_for_each_key_of_a_vm_and_for_discovery_as_a_whole() {
    let folder = Folder::new();
    let texts = [
        "[vm.web01]\nqmp = \"/near\"\n",
        "[vm.web01]\nqmp = \"/user\"\nagent = \"/user.qga\"\n[vm.web02]\nqmp = \"./web02\"\n[[discover]]\ntype = \"process\"\n",
        "[vm.web01]\nagent = \"/system\"\nlabels = [\"prod\"]\n[[discover]]\ntype = \"libvirt\"\n",
    ];
    let paths = texts.map(|text| {
        let path = folder.join(format!("{}.toml", text.len()));
        write(&path, text).unwrap();
        path
    });
    let mut places = paths.to_vec();
    places.insert(1, folder.join("missing/config.toml"));
    let config = Config::load(&Places::Usual(places)).unwrap();
    let web = &config.vms["web01"];
    let qmp = web.qmp.as_ref().unwrap();
    assert_eq!(
        (qmp.value.to_string().as_str(), qmp.path(), qmp.line()),
        ("/near", &*paths[0], 2)
    );
    let agent = web.agent.as_ref().unwrap();
    assert_eq!(
        (agent.value.to_string().as_str(), agent.path(), agent.line()),
        ("/user.qga", &*paths[1], 3)
    );
    assert_eq!(web.labels.as_ref().unwrap().value, ["prod"]);
    // A relative path begins where its file is.
    let second = config.vms["web02"].qmp.as_ref().unwrap().value.to_string();
    assert_eq!(second, folder.join("web02").to_str().unwrap());
    let kinds: Vec<_> = config
        .discover
        .iter()
        .map(|one| one.discover.kind())
        .collect();
    assert_eq!(kinds, ["process"]);
}

#[test]
fn a_nearer_empty_list_turns_discovery_off() {
    let folder = Folder::new();
    write(folder.join("a"), "discover = []").unwrap();
    write(folder.join("b"), "[[discover]]\ntype = \"process\"").unwrap();
    let places = Places::Usual(vec![folder.join("a"), folder.join("b")]);
    assert!(Config::load(&places).unwrap().discover.is_empty());
    assert!(
        !Config::load(&Places::Usual(Vec::new()))
            .unwrap()
            .discover
            .is_empty()
    );
}

#[test]
fn one_mistake_in_the_farthest_file_and_there_is_no_configuration() {
    let folder = Folder::new();
    write(folder.join("qmpsh.toml"), "[vm.web01]\nqmp = \"/x\"\n").unwrap();
    let outcome = shown_in(folder.path(), "[vm.web02]\nqpm = \"/y\"\n");
    fails(&outcome, 2, &["config.toml:2:1"]);
}

#[test]
fn a_file_in_the_folder_counts_before_the_users_and_config_alone() {
    let folder = Folder::new();
    write(folder.join("qmpsh.toml"), "[vm.web01]\nqmp = \"./near\"\n").unwrap();
    let user = "[vm.web01]\nqmp = \"/user\"\n[vm.web02]\nqmp = \"/user2\"\n";
    let shown = shown_in(folder.path(), user).expect_code(0).stdout.clone();
    let near = format!(
        "qmp = \"{}\" # ./qmpsh.toml:2",
        folder.join("near").display()
    );
    assert!(shown.contains(&near) && shown.contains("/user2"), "{shown}");
    write(folder.join("other.toml"), "[vm.web03]\nqmp = \"/other\"\n").unwrap();
    let only = qmpsh(user)
        .args(["config", "--config", "other.toml"])
        .current_dir(folder.path())
        .run();
    let shown = &only.expect_code(0).stdout;
    assert!(
        shown.contains("web03") && !shown.contains("web01") && !shown.contains("web02"),
        "{shown}"
    );
}

#[test]
fn ones_own_file_that_others_can_change_is_an_error() {
    let folder = Folder::new();
    let file = folder.join("qmpsh.toml");
    write(&file, "[vm.web01]\nqmp = \"/evil\"\n").unwrap();
    set_permissions(&file, Permissions::from_mode(0o666)).unwrap();
    fails(
        &shown_in(folder.path(), ""),
        2,
        &["can be changed by other users", "chmod go-w"],
    );
    set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    shown_in(folder.path(), "").expect_code(0);
    set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
    fails(
        &shown_in(folder.path(), ""),
        2,
        &["can be changed by other users"],
    );
    // As in /tmp, where nobody can take another one's file away.
    set_permissions(folder.path(), Permissions::from_mode(0o1777)).unwrap();
    shown_in(folder.path(), "").expect_code(0);
}

#[test]
fn ones_own_file_that_a_group_can_change_is_an_error_unless_the_group_is_ones_own() {
    if !is_root() {
        // Only root can give a file to a group that it is not in.
        return;
    }
    let folder = Folder::new();
    let file = folder.join("qmpsh.toml");
    write(&file, "[vm.web01]\nqmp = \"/evil\"\n").unwrap();
    let shared = Some(4711);
    let words = [
        "can be changed by the group 4711",
        "not believed",
        "chmod go-w",
    ];

    chown(&file, None, shared).unwrap();
    set_permissions(&file, Permissions::from_mode(0o664)).unwrap();
    fails(&shown_in(folder.path(), ""), 2, &words);
    set_permissions(&file, Permissions::from_mode(0o644)).unwrap();
    shown_in(folder.path(), "").expect_code(0);
    chown(&file, None, Some(0)).unwrap();
    set_permissions(&file, Permissions::from_mode(0o664)).unwrap();
    shown_in(folder.path(), "").expect_code(0);

    chown(folder.path(), None, shared).unwrap();
    set_permissions(folder.path(), Permissions::from_mode(0o775)).unwrap();
    let outcome = shown_in(folder.path(), "");
    fails(&outcome, 2, &[words[0], "who can write to its folder"]);

    // Whoever runs in that group is not alone in it for that.
    let in_group = Qmpsh::new("/usr/bin/setpriv")
        .args([
            "--regid=4711",
            "--clear-groups",
            "--",
            env!("CARGO_BIN_EXE_qmpsh"),
            "config",
        ])
        .current_dir(folder.path())
        .run();
    fails(&in_group, 2, &words[..2]);
}

#[test]
fn ones_own_file_that_an_access_list_opens_is_an_error() {
    let folder = Folder::new();
    let file = folder.join("qmpsh.toml");
    write(&file, "[vm.web01]\nqmp = \"/evil\"\n").unwrap();
    // The owner, the user 4711, the group, the most for those two, and all others.
    let entries = [
        (1, 6, !0),
        (2, 6, 4711),
        (4, 4, !0),
        (16, 6, !0),
        (32, 4, !0),
    ];
    let mut list = 2_u32.to_le_bytes().to_vec();
    for (tag, allowed, id) in entries {
        list.extend(u16::to_le_bytes(tag));
        list.extend(u16::to_le_bytes(allowed));
        list.extend(u32::to_le_bytes(id));
    }
    let name = "system.posix_acl_access";
    if rustix::fs::setxattr(&file, name, &list, rustix::fs::XattrFlags::empty()).is_err() {
        // This file system has no such lists, so nobody can be let in by one.
        return;
    }
    let outcome = shown_in(folder.path(), "");
    fails(
        &outcome,
        2,
        &["those whom its access list names", "chmod go-w"],
    );
}

#[test]
fn a_file_of_somebody_else_says_nothing_and_that_is_said() {
    if !is_root() {
        // Only root can give a file away.
        return;
    }
    let evil = "[vm.web01]\nqmp = \"/evil\"\n";
    let foreign_file = Folder::new();
    write(foreign_file.join("qmpsh.toml"), evil).unwrap();
    chown(foreign_file.join("qmpsh.toml"), Some(1234), None).unwrap();
    let foreign_folder = Folder::new();
    write(foreign_folder.join("qmpsh.toml"), evil).unwrap();
    chown(foreign_folder.path(), Some(1234), None).unwrap();
    // A link of theirs to a file of one's own.
    let foreign_link = Folder::new();
    create_dir_all(foreign_link.join("own")).unwrap();
    write(foreign_link.join("own/qmpsh.toml"), evil).unwrap();
    symlink("own/qmpsh.toml", foreign_link.join("qmpsh.toml")).unwrap();
    std::os::unix::fs::lchown(foreign_link.join("qmpsh.toml"), Some(1234), None).unwrap();
    for folder in [&foreign_file, &foreign_folder, &foreign_link] {
        let outcome = shown_in(folder.path(), "").expect_code(0);
        assert!(!outcome.stdout.contains("/evil"), "{outcome:#?}");
        for words in ["warning: ", "./qmpsh.toml", "another user (uid 1234)"] {
            assert!(outcome.stderr.contains(words), "{outcome:#?}");
        }
        let named = qmpsh("discover = []")
            .args(["qmp", "web01", "query-status"])
            .current_dir(folder.path())
            .run();
        fails(&named, 3, &["no VM is called `web01`", "uid 1234"]);
        // Whoever names it has looked at it.
        let chosen = qmpsh("")
            .args(["config", "--config", "qmpsh.toml"])
            .current_dir(folder.path())
            .run();
        assert!(chosen.expect_code(0).stdout.contains("/evil"));
    }
}

fn is_root() -> bool {
    std::os::unix::fs::MetadataExt::uid(&std::fs::metadata("/proc/self").unwrap()) == 0
}

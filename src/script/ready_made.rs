//! The ready-made scripts in the binary, by name. A new one is a file in `scripts/` and a line here.

use super::header::Header;
use super::table;

/// Name and text, by the alphabet.
const SCRIPTS: &[(&str, &str)] = &[
    ("backup", include_str!("../../scripts/backup.rhai")),
    (
        "backup-export",
        include_str!("../../scripts/backup-export.rhai"),
    ),
    (
        "backup-forget",
        include_str!("../../scripts/backup-forget.rhai"),
    ),
    (
        "backup-list",
        include_str!("../../scripts/backup-list.rhai"),
    ),
    (
        "backup-prune",
        include_str!("../../scripts/backup-prune.rhai"),
    ),
    (
        "backup-restore",
        include_str!("../../scripts/backup-restore.rhai"),
    ),
    (
        "backup-verify",
        include_str!("../../scripts/backup-verify.rhai"),
    ),
    (
        "block-graph",
        include_str!("../../scripts/block-graph.rhai"),
    ),
    (
        "blockdev-add",
        include_str!("../../scripts/blockdev-add.rhai"),
    ),
    (
        "blockdev-del",
        include_str!("../../scripts/blockdev-del.rhai"),
    ),
    (
        "blockdev-snapshot",
        include_str!("../../scripts/blockdev-snapshot.rhai"),
    ),
    ("disk-add", include_str!("../../scripts/disk-add.rhai")),
    (
        "disk-remove",
        include_str!("../../scripts/disk-remove.rhai"),
    ),
    (
        "disk-throttle",
        include_str!("../../scripts/disk-throttle.rhai"),
    ),
    (
        "freeze-snapshot-thaw",
        include_str!("../../scripts/freeze-snapshot-thaw.rhai"),
    ),
    (
        "guest-collect",
        include_str!("../../scripts/guest-collect.rhai"),
    ),
    ("guest-copy", include_str!("../../scripts/guest-copy.rhai")),
    ("guest-exec", include_str!("../../scripts/guest-exec.rhai")),
    (
        "guest-memory",
        include_str!("../../scripts/guest-memory.rhai"),
    ),
    (
        "guest-passwd",
        include_str!("../../scripts/guest-passwd.rhai"),
    ),
    (
        "guest-report",
        include_str!("../../scripts/guest-report.rhai"),
    ),
    (
        "guest-ssh-keys",
        include_str!("../../scripts/guest-ssh-keys.rhai"),
    ),
    ("guest-time", include_str!("../../scripts/guest-time.rhai")),
    ("guest-trim", include_str!("../../scripts/guest-trim.rhai")),
    (
        "guest-vcpus",
        include_str!("../../scripts/guest-vcpus.rhai"),
    ),
    (
        "media-change",
        include_str!("../../scripts/media-change.rhai"),
    ),
    (
        "media-eject",
        include_str!("../../scripts/media-eject.rhai"),
    ),
    ("media-list", include_str!("../../scripts/media-list.rhai")),
    ("memory-add", include_str!("../../scripts/memory-add.rhai")),
    (
        "memory-remove",
        include_str!("../../scripts/memory-remove.rhai"),
    ),
    ("migrate", include_str!("../../scripts/migrate.rhai")),
    (
        "migrate-load",
        include_str!("../../scripts/migrate-load.rhai"),
    ),
    (
        "migrate-save",
        include_str!("../../scripts/migrate-save.rhai"),
    ),
    ("nic-add", include_str!("../../scripts/nic-add.rhai")),
    ("nic-remove", include_str!("../../scripts/nic-remove.rhai")),
    ("pause", include_str!("../../scripts/pause.rhai")),
    ("power-off", include_str!("../../scripts/power-off.rhai")),
    (
        "power-reset",
        include_str!("../../scripts/power-reset.rhai"),
    ),
    ("resume", include_str!("../../scripts/resume.rhai")),
    ("screenshot", include_str!("../../scripts/screenshot.rhai")),
    (
        "snapshot-commit",
        include_str!("../../scripts/snapshot-commit.rhai"),
    ),
    (
        "snapshot-delete",
        include_str!("../../scripts/snapshot-delete.rhai"),
    ),
    (
        "snapshot-list",
        include_str!("../../scripts/snapshot-list.rhai"),
    ),
    (
        "snapshot-load",
        include_str!("../../scripts/snapshot-load.rhai"),
    ),
    (
        "snapshot-revert",
        include_str!("../../scripts/snapshot-revert.rhai"),
    ),
    (
        "snapshot-save",
        include_str!("../../scripts/snapshot-save.rhai"),
    ),
    ("suspend", include_str!("../../scripts/suspend.rhai")),
    ("vcpu-add", include_str!("../../scripts/vcpu-add.rhai")),
    (
        "vcpu-remove",
        include_str!("../../scripts/vcpu-remove.rhai"),
    ),
    ("vm-check", include_str!("../../scripts/vm-check.rhai")),
    ("wake-up", include_str!("../../scripts/wake-up.rhai")),
];

/// The text of the script of that name.
pub fn find(name: &str) -> Option<&'static str> {
    SCRIPTS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, text)| *text)
}

/// The names of all.
pub fn names() -> impl Iterator<Item = &'static str> {
    SCRIPTS.iter().map(|(name, _)| *name)
}

/// The names of all, each with what the script does.
pub fn summaries() -> impl Iterator<Item = (&'static str, String)> {
    SCRIPTS.iter().map(|(name, text)| {
        let header = Header::read(text).unwrap_or_default();
        (*name, header.summary)
    })
}

/// All as lines for people.
pub fn list() -> String {
    let rows: Vec<Vec<String>> = summaries()
        .map(|(name, summary)| vec![name.to_owned(), summary])
        .collect();
    table::lines(&rows).join("\n")
}

#[cfg(test)]
mod tests {
    use super::{find, names};
    use crate::script::header::Header;

    #[test]
    fn every_ready_made_script_says_what_it_does_and_takes() {
        for name in names() {
            let header = Header::read(find(name).unwrap()).unwrap();
            assert!(!header.summary.is_empty(), "{name}");
            assert!(header.arguments.is_some(), "{name}");
        }
    }
}

//! The host's end of a character device, as QEMU calls it (`query-chardev`).

use std::path::{Path, PathBuf};

/// The path in a `filename` of `query-chardev`, as in `disconnected:unix:/run/a.qga,server=on`.
pub(super) fn socket_path(filename: &str) -> Option<PathBuf> {
    let rest = filename.strip_prefix("disconnected:").unwrap_or(filename);
    let rest = rest.strip_prefix("unix:")?;
    // The options behind the path come from QEMU, so the last of their names ends the path.
    let path = rest.rsplit_once(",server").map_or(rest, |(path, _)| path);
    (!path.is_empty()).then(|| Path::new(path).to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_path_is_read_from_what_qemu_calls_the_filename() {
        for (filename, path) in [
            ("disconnected:unix:/run/a.qga,server=on", Some("/run/a.qga")),
            ("unix:/run/a.qga,server", Some("/run/a.qga")),
            ("unix:a,b.qga,server=on", Some("a,b.qga")),
            ("unix:/run/a.qga", Some("/run/a.qga")),
            ("unix:", None),
            ("pty:/dev/pts/1", None),
            ("spicevmc", None),
        ] {
            assert_eq!(socket_path(filename), path.map(PathBuf::from), "{filename}");
        }
    }
}

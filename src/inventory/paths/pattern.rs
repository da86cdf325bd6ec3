//! A path with `{name}` in it, which finds VMs and their names by where their sockets are.

use std::fmt;
use std::path::{Component, Path, PathBuf};

use glob::{MatchOptions, glob_with};

use super::{is_missing, unreadable};

/// The mark that stands for a VM's name.
const NAME: &str = "{name}";

/// What in a pattern stands for more than itself.
const WILDCARDS: [char; 3] = ['*', '?', '['];

/// The path of a VM's socket: `{name}` stands for its name, and `*`, `?` and `[...]` for what a shell lets them stand for
/// within one name of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(String);

impl Pattern {
    /// A pattern that finds monitors. Fails with what is wrong with it.
    pub(in crate::inventory) fn of_monitors(text: &str) -> Result<Self, String> {
        let pattern = Self::with_name(text)?;
        for part in text.split('/') {
            if part.matches(NAME).count() > 1 || (part.contains(NAME) && part.contains(WILDCARDS)) {
                return Err(format!(
                    "beside `{NAME}` in one part of a path, nothing may stand for more than itself"
                ));
            }
            if part.contains("**") {
                return Err("`**` is not possible here".to_owned());
            }
        }
        glob::Pattern::new(&pattern.globbed())
            .map_err(|wrong| format!("{} at its byte {}", wrong.msg, wrong.pos))?;
        Ok(pattern)
    }

    /// A pattern that tells the agent's socket of a VM that was found by its monitor.
    pub(in crate::inventory) fn of_agents(text: &str) -> Result<Self, String> {
        let pattern = Self::with_name(text)?;
        if text.contains(WILDCARDS) {
            return Err(format!("only `{NAME}` can stand for something in it"));
        }
        Ok(pattern)
    }

    fn with_name(text: &str) -> Result<Self, String> {
        if !text.contains(NAME) {
            return Err(format!("it needs `{NAME}`, where the VM's name stands"));
        }
        if text.replace(NAME, "").contains(['{', '}']) {
            return Err(format!("`{NAME}` is all that braces are for"));
        }
        Ok(Self(text.to_owned()))
    }

    fn globbed(&self) -> String {
        self.0.replace(NAME, "*")
    }

    /// The paths that fit, with the names in them. Fails where the folder in which they begin cannot be read, or is
    /// missing and must not be.
    pub(super) fn find(&self, may_be_missing: bool) -> Result<Vec<(String, PathBuf)>, String> {
        let folder = self.folder();
        match folder.read_dir() {
            Ok(_) => {}
            Err(error) if may_be_missing && is_missing(&error) => return Ok(Vec::new()),
            Err(error) => return Err(unreadable(&folder, &error)),
        }
        let options = MatchOptions {
            require_literal_separator: true,
            ..MatchOptions::default()
        };
        let paths = glob_with(&self.globbed(), options).map_err(|wrong| wrong.msg.to_owned())?;
        // A folder below that cannot be read may be any other program's.
        let paths = paths.filter_map(Result::ok);
        Ok(paths
            .filter_map(|path| Some((self.name_in(&path)?, path)))
            .collect())
    }

    /// The folder that all paths begin in.
    fn folder(&self) -> PathBuf {
        let stands_for_itself = |part: &Component| {
            !part
                .as_os_str()
                .to_string_lossy()
                .contains(['{', '*', '?', '['])
        };
        let path = Path::new(&self.0);
        let parent = path.parent().unwrap_or(path);
        parent.components().take_while(stands_for_itself).collect()
    }

    /// The name in a path that fits: the same wherever it stands.
    fn name_in(&self, path: &Path) -> Option<String> {
        let mut name: Option<String> = None;
        for (part, found) in Path::new(&self.0).components().zip(path.components()) {
            let part = part.as_os_str().to_str()?;
            let Some((before, after)) = part.split_once(NAME) else {
                continue;
            };
            let found = found.as_os_str().to_string_lossy();
            let here = found.strip_prefix(before)?.strip_suffix(after)?;
            if here.is_empty() || name.as_deref().is_some_and(|name| name != here) {
                return None;
            }
            name = Some(here.to_owned());
        }
        name
    }

    /// The path for the VM of that name.
    pub(super) fn path_of(&self, name: &str) -> PathBuf {
        self.0.replace(NAME, name).into()
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::Pattern;

    #[test]
    fn a_name_is_read_from_wherever_it_stands() {
        for (pattern, path, name) in [
            ("/run/vms/{name}.qmp", "/run/vms/web01.qmp", Some("web01")),
            ("/run/vms/{name}.qmp", "/run/vms/a.b.qmp", Some("a.b")),
            (
                "/run/{name}/qemu.monitor",
                "/run/web01/qemu.monitor",
                Some("web01"),
            ),
            ("/run/*/vm-{name}", "/run/x/vm-web01", Some("web01")),
            ("/run/{name}/{name}.qmp", "/run/a/a.qmp", Some("a")),
            ("/run/{name}/{name}.qmp", "/run/a/b.qmp", None),
            ("/run/vms/{name}.qmp", "/run/vms/.qmp", None),
        ] {
            let found = Pattern::of_monitors(pattern)
                .unwrap()
                .name_in(Path::new(path));
            assert_eq!(found.as_deref(), name, "{pattern} {path}");
        }
    }

    #[test]
    fn what_is_no_pattern_is_told_why() {
        for (pattern, why) in [
            ("/run/*.qmp", "it needs `{name}`"),
            ("/run/{nmae}.qmp", "it needs `{name}`"),
            ("/run/{name}/{x}", "braces"),
            ("/run/{name}*.qmp", "in one part"),
            ("/run/{name}{name}", "in one part"),
            ("/run/**/{name}", "`**`"),
            ("/run/[/{name}", "at its byte"),
        ] {
            let error = Pattern::of_monitors(pattern).unwrap_err();
            assert!(error.contains(why), "{pattern}: {error}");
        }
        assert!(Pattern::of_agents("/run/*/{name}").is_err());
    }

    #[test]
    fn a_pattern_begins_in_the_folder_before_what_it_leaves_open() {
        for (pattern, folder) in [
            ("/run/vms/{name}.qmp", "/run/vms"),
            ("/run/{name}/qemu.monitor", "/run"),
            ("/run/x*/y/{name}.qmp", "/run"),
            ("/{name}", "/"),
        ] {
            let found = Pattern::of_monitors(pattern).unwrap().folder();
            assert_eq!(found, Path::new(folder), "{pattern}");
        }
    }
}

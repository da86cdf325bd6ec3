//! What of this host a script may touch: files to read and to write, programs to run, variables of the environment. A
//! script has what its header's `[allow]` declares and the command line adds, nothing else. This file decides; it opens
//! no file. Paths are compared after resolving links and `..`, so neither leads out of an allowed folder.

use std::ffi::OsStr;
use std::io;
use std::path::{Component, Path, PathBuf};

use crate::report::{Kind, Report};

/// A way of touching the host, named as in the header and on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Read a file or list a folder.
    Read,
    /// Write, create or remove a file or folder.
    Write,
    /// Run a program.
    Run,
    /// Read a variable of the environment.
    Env,
}

impl Access {
    /// The key in `[allow]`.
    pub fn key(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Run => "run",
            Self::Env => "env",
        }
    }

    fn verb(self) -> &'static str {
        match self {
            Self::Read | Self::Env => "read",
            Self::Write => "write",
            Self::Run => "run",
        }
    }
}

/// What is allowed: lists of paths, programs and names, as declared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permit {
    /// Files, and folders with all below them.
    pub read: Vec<String>,
    /// Files, and folders with all below them.
    pub write: Vec<String>,
    /// Programs: a name that is looked up in `PATH`, or a path.
    pub run: Vec<String>,
    /// Names of variables.
    pub env: Vec<String>,
    /// All of this host: for what somebody types, who could type it into any shell.
    pub whole_host: bool,
}

impl Permit {
    /// Adds what `other` allows.
    pub fn widen(&mut self, other: Self) {
        self.read.extend(other.read);
        self.write.extend(other.write);
        self.run.extend(other.run);
        self.env.extend(other.env);
        self.whole_host |= other.whole_host;
    }

    fn list(&self, access: Access) -> &[String] {
        match access {
            Access::Read => &self.read,
            Access::Write => &self.write,
            Access::Run => &self.run,
            Access::Env => &self.env,
        }
    }

    /// The file behind `path`, links resolved, if it may be read or written. Fails with the line to add to the header.
    pub fn path(&self, access: Access, path: &str) -> Result<PathBuf, Report> {
        let real = resolve(Path::new(path))
            .map_err(|error| Report::usage(format!("`{path}` cannot be resolved: {error}")))?;
        let allowed = self
            .list(access)
            .iter()
            .filter_map(|entry| resolve(Path::new(entry)).ok())
            .any(|entry| real.starts_with(entry));
        if allowed || self.whole_host {
            Ok(real)
        } else {
            Err(self.refusal(access, path))
        }
    }

    /// The same of what is looked at and not opened, which either permission is good for.
    pub fn look(&self, path: &str) -> Result<PathBuf, Report> {
        let written = self.path(Access::Write, path);
        written.or_else(|_| self.path(Access::Read, path).map_err(or_write))
    }

    /// Whether `program` may be run.
    pub fn program(&self, program: &str) -> Result<(), Report> {
        self.name(Access::Run, program)
    }

    /// Whether the variable `name` may be read.
    pub fn variable(&self, name: &str) -> Result<(), Report> {
        self.name(Access::Env, name)
    }

    fn name(&self, access: Access, name: &str) -> Result<(), Report> {
        if self.whole_host || self.list(access).iter().any(|allowed| allowed == name) {
            Ok(())
        } else {
            Err(self.refusal(access, name))
        }
    }

    /// What is not allowed of a call that wants this, or what only the run knows; none where that cannot be told.
    pub(super) fn lacks(&self, access: Access, wanted: Option<&str>) -> Option<Report> {
        // An argument's value may be any name.
        let is_open = || self.list(access).iter().any(|name| name.contains('{'));
        match (access, wanted) {
            (Access::Run | Access::Env, Some(name)) if !is_open() => self.name(access, name).err(),
            _ if !self.list(access).is_empty() => None,
            (_, Some(path)) => Some(self.refusal(access, path)),
            (_, None) => Some(Self::declares_none(access)),
        }
    }

    /// The same of a call that only looks.
    pub(super) fn lacks_look(&self, wanted: Option<&str>) -> Option<Report> {
        let read = self.lacks(Access::Read, wanted);
        read.filter(|_| self.write.is_empty()).map(or_write)
    }

    fn declares_none(access: Access) -> Report {
        let (key, verb) = (access.key(), access.verb());
        let (what, example) = match access {
            Access::Read | Access::Write => ("file", "{dir}"),
            Access::Run => ("program", "qemu-img"),
            Access::Env => ("environment variable", "HOME"),
        };
        let message = format!("the script may not {verb} any {what}: its header declares none");
        Report::new(Kind::Denied, message).with_hint(format!(
            "add to the script's header, below `//! [allow]`, what it needs, as in:\n    //! {key} = [\"{example}\"]"
        ))
    }

    fn refusal(&self, access: Access, wanted: &str) -> Report {
        let key = access.key();
        let list: Vec<String> = self
            .list(access)
            .iter()
            .map(String::as_str)
            .chain([wanted])
            .map(|entry| toml::Value::from(entry).to_string())
            .collect();
        let what = match access {
            Access::Read | Access::Write => format!("`{wanted}`"),
            Access::Run => format!("the program `{wanted}`"),
            Access::Env => format!("the environment variable `{wanted}`"),
        };
        let verb = access.verb();
        Report::new(
            Kind::Denied,
            format!("the script may not {verb} {what}: its header does not declare it"),
        )
        .with_hint(format!(
            "add to the script's header, below `//! [allow]`:\n    //! {key} = [{}]\n\
                 or allow it for this run with --allow-{key} {wanted}",
            list.join(", ")
        ))
    }
}

/// A refusal to read, of a call for which the other permission would do as well.
fn or_write(refusal: Report) -> Report {
    let hint = refusal
        .hint
        .map(|hint| format!("{hint}\nwhere the script writes too, `write` alone will do for this"));
    Report { hint, ..refusal }
}

/// The path with all links resolved. What does not exist yet is what its nearest existing folder and plain names make; a
/// link to nothing, or a `..` below something that does not exist, leads nobody knows where and is an error.
fn resolve(path: &Path) -> io::Result<PathBuf> {
    if path.as_os_str().is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is empty"));
    }
    let absolute = std::path::absolute(path)?;
    let mut missing: Vec<&OsStr> = Vec::new();
    let mut existing = absolute.as_path();
    loop {
        match existing.canonicalize() {
            Ok(real) => {
                return Ok(missing
                    .iter()
                    .rev()
                    .fold(real, |path, name| path.join(name)));
            }
            // Below a plain file there is nothing either.
            Err(error) if is_missing(&error) => {}
            Err(error) => return Err(error),
        }
        if existing.symlink_metadata().is_ok() {
            return Err(io::Error::other("it leads through a link to nothing"));
        }
        let (Some(Component::Normal(name)), Some(parent)) =
            (existing.components().next_back(), existing.parent())
        else {
            return Err(io::Error::other(
                "`..` leads out of a folder that does not exist",
            ));
        };
        missing.push(name);
        existing = parent;
    }
}

/// Whether a path's failure means that there is no such file.
pub(super) fn is_missing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::symlink;
    use std::path::PathBuf;
    use std::process;
    use std::sync::atomic::{AtomicU32, Ordering};

    use super::{Access, Permit};
    use crate::report::{Exit, Kind};

    /// A folder with `in/` (allowed) and `out/` (not), removed when dropped.
    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Self {
            static NEXT: AtomicU32 = AtomicU32::new(0);
            let name = format!(
                "qmpsh-permit-{}-{}",
                process::id(),
                NEXT.fetch_add(1, Ordering::Relaxed)
            );
            let folder = std::env::temp_dir().join(name);
            fs::create_dir_all(folder.join("in/deep")).unwrap();
            fs::create_dir_all(folder.join("out")).unwrap();
            fs::write(folder.join("in/file"), "").unwrap();
            fs::write(folder.join("out/file"), "").unwrap();
            Self(folder.canonicalize().unwrap())
        }

        fn path(&self, below: &str) -> String {
            self.0.join(below).display().to_string()
        }

        fn may(&self, below: &str) -> bool {
            let permit = Permit {
                write: vec![self.path("in")],
                ..Permit::default()
            };
            permit.path(Access::Write, &self.path(below)).is_ok()
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_folder_allows_all_below_it_and_nothing_beside_it() {
        let folder = Folder::new();
        for (below, allowed) in [
            ("in", true),
            ("in/file", true),
            ("in/new", true),
            ("in/deep/new/newer", true),
            ("in/deep/../file", true),
            ("out/file", false),
            ("inside", false),
            ("in/../out/file", false),
            ("in/deep/../../out/new", false),
            ("in/file/none", true),
            ("in/file/../../out/new", false),
            ("in/new/../../out/file", false),
            ("", false),
        ] {
            assert_eq!(folder.may(below), allowed, "{below}");
        }
    }

    #[test]
    fn links_do_not_lead_out() {
        let folder = Folder::new();
        symlink(folder.path("out"), folder.path("in/link")).unwrap();
        symlink(folder.path("out/none"), folder.path("in/dangling")).unwrap();
        symlink(folder.path("in/deep"), folder.path("in/good")).unwrap();
        assert!(!folder.may("in/link/file"));
        assert!(!folder.may("in/link/new"));
        assert!(!folder.may("in/dangling"));
        assert!(!folder.may("in/dangling/below"));
        assert!(folder.may("in/good/new"));
    }

    #[test]
    fn each_access_is_its_own() {
        let folder = Folder::new();
        let permit = Permit {
            write: vec![folder.path("in")],
            ..Permit::default()
        };
        assert!(permit.path(Access::Read, &folder.path("in/file")).is_err());
    }

    #[test]
    fn a_refusal_names_the_line_to_add() {
        let permit = Permit {
            env: vec!["HOME".into()],
            ..Permit::default()
        };
        assert!(permit.variable("HOME").is_ok());
        let report = permit.variable("PATH").unwrap_err();
        assert_eq!((report.kind, report.exit), (Kind::Denied, Exit::Denied));
        let hint = report.hint.unwrap();
        assert!(hint.contains("//! env = [\"HOME\", \"PATH\"]"), "{hint}");
        assert!(hint.contains("--allow-env PATH"), "{hint}");
        let report = Permit::default()
            .path(Access::Read, "/etc/hosts")
            .unwrap_err();
        assert_eq!(
            report.message,
            "the script may not read `/etc/hosts`: its header does not declare it"
        );
        assert!(report.hint.unwrap().contains("//! read = [\"/etc/hosts\"]"));
    }

    #[test]
    fn what_only_looks_is_told_of_both_permissions() {
        let folder = Folder::new();
        let hint = |permit: &Permit| permit.look(&folder.path("out/file")).unwrap_err().hint;
        let none = hint(&Permit::default()).unwrap();
        assert!(none.contains("//! read = [") && none.contains("`write`"));
        for write in [true, false] {
            let paths = vec![folder.path("in")];
            let mut permit = Permit::default();
            *if write {
                &mut permit.write
            } else {
                &mut permit.read
            } = paths;
            assert!(permit.look(&folder.path("in/file")).is_ok());
            assert!(hint(&permit).is_some());
        }
    }

    #[test]
    fn programs_are_allowed_by_the_very_name() {
        let permit = Permit {
            run: vec!["qemu-img".into()],
            ..Permit::default()
        };
        assert!(permit.program("qemu-img").is_ok());
        assert!(permit.program("./qemu-img").is_err());
        assert!(permit.program("qemu-img2").is_err());
    }
}

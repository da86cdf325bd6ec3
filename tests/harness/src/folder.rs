//! Folders of the tests' own, below one root per test process.
//!
//! The root is removed by a janitor, a process that waits for the end of a pipe from us and so runs also after a
//! SIGKILL and for what lives in statics. It ends the daemons that still work below the root, too. Paths are short: a unix socket's may have 107 bytes.

use std::fs::{DirBuilder, remove_dir_all};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

struct Root {
    path: PathBuf,
    /// Holds the pipe whose end wakes the janitor.
    janitor: Child,
}

static ROOT: LazyLock<Root> = LazyLock::new(|| {
    let path = (0..100)
        .map(|attempt| std::env::temp_dir().join(format!("qmpsh-{}-{attempt}", std::process::id())))
        .find(|path| make(path).is_ok())
        .expect("the folder for temporary files takes new folders");
    let janitor = Command::new("sh")
        .args(["-c", JANITOR])
        .arg(&path)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        // Ctrl-C is for the tests, not for the one who cleans up after them.
        .process_group(0)
        .spawn()
        .expect("sh runs");
    Root { path, janitor }
});

const JANITOR: &str = r#"
    read -r never
    for line in /proc/[0-9]*/cmdline; do
        process=${line#/proc/}
        process=${process%/cmdline}
        if tr '\0' ' ' <"$line" | grep -qF "$0/"; then kill -KILL "$process"; fi
    done 2>/dev/null
    rm -rf "$0"
"#;

static COUNT: AtomicU32 = AtomicU32::new(0);

// Others may pass through: the unprivileged agent works below.
fn make(path: &Path) -> std::io::Result<()> {
    DirBuilder::new().mode(0o755).create(path)
}

/// A new folder, removed with all that is in it when this is dropped.
#[derive(Debug)]
pub struct Folder {
    path: PathBuf,
}

impl Folder {
    /// Makes a folder with a short path.
    #[expect(clippy::new_without_default, reason = "a default has no side effects")]
    pub fn new() -> Self {
        let path = ROOT
            .path
            .join(COUNT.fetch_add(1, Ordering::Relaxed).to_string());
        make(&path).expect("the root folder takes new folders");
        Self { path }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The path of something in it.
    pub fn join(&self, name: impl AsRef<Path>) -> PathBuf {
        self.path.join(name)
    }

    /// The folder that holds all folders of this process, and the pid of the process that removes it after our end.
    pub fn root() -> (&'static Path, u32) {
        (&ROOT.path, ROOT.janitor.id())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What stays, the janitor removes.
        let _ = remove_dir_all(&self.path);
    }
}

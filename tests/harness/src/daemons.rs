//! Programs that go on by themselves, which no test is the parent of: they end with the test all the same.

use std::path::{Path, PathBuf};

use rustix::process::{Pid, Signal, kill_process};

/// Kills, when it is dropped, the processes in whose command lines something below a folder is named.
#[derive(Debug)]
pub struct Daemons {
    folder: PathBuf,
}

impl Daemons {
    /// Those that name something below `folder`, whenever they are started.
    pub fn of(folder: &Path) -> Self {
        Self {
            folder: folder.to_owned(),
        }
    }

    /// The processes that there are now.
    pub fn running(&self) -> Vec<Pid> {
        let below = format!("{}/", self.folder.display());
        let mut found = Vec::new();
        for entry in std::fs::read_dir("/proc")
            .expect("there is /proc")
            .flatten()
        {
            let Some(pid) = entry
                .file_name()
                .to_str()
                .and_then(|name| name.parse().ok())
            else {
                continue;
            };
            // One that has ended meanwhile has none.
            let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
            if String::from_utf8_lossy(&line).contains(&below) {
                found.extend(Pid::from_raw(pid));
            }
        }
        found
    }
}

impl Drop for Daemons {
    fn drop(&mut self) {
        for pid in self.running() {
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

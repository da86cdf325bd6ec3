//! VMs that are found as running processes, and `qmpsh ls`, which shows them: real QEMUs in every form, and what no QEMU
//! does on purpose as folders laid out like `/proc`.

mod agents;
mod fleet;
mod forms;
mod listing;
mod places;
mod states;

use std::fs::{self, create_dir_all};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use harness::{Folder, Outcome, Qmpsh};
use serde_json::Value;

/// The built program.
const QMPSH: &str = env!("CARGO_BIN_EXE_qmpsh");

/// The longest that any of these may take, far above what they take.
const BOUND: Duration = Duration::from_secs(60);

/// A host as qmpsh sees it: a `/proc` in which only the processes of one test are.
struct Host(Folder);

impl Host {
    /// A host on which these processes run.
    fn of(pids: &[u32]) -> Self {
        let folder = Folder::new();
        for pid in pids {
            let process = Path::new("/proc").join(pid.to_string());
            symlink(process, folder.join(pid.to_string())).unwrap();
        }
        Self(folder)
    }

    /// Adds a process that is none: a QEMU by its program, with these words behind its name.
    fn pretend(&self, pid: u32, line: &str) -> PathBuf {
        let process = self.0.join(pid.to_string());
        create_dir_all(&process).unwrap();
        symlink("/usr/bin/qemu-system-x86_64", process.join("exe")).unwrap();
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        let line = format!("qemu-system-x86_64\0{}\0", words.join("\0"));
        fs::write(process.join("cmdline"), line).unwrap();
        process
    }

    /// What says where to look.
    fn config(&self) -> String {
        let proc = self.0.path().display();
        format!("[[discover]]\ntype = \"process\"\nproc = \"{proc}\"\n")
    }

    /// `qmpsh ls` there.
    fn ls(&self) -> Qmpsh {
        let qmpsh = Qmpsh::new(QMPSH).deadline(BOUND).config(&self.config());
        qmpsh.arg("ls")
    }

    /// What it lists, as JSON.
    #[track_caller]
    fn list(&self) -> Vec<Value> {
        let outcome = self.ls().arg("--json").run().expect_code(0);
        serde_json::from_str(&outcome.stdout).unwrap()
    }

    /// The only VM that it lists.
    #[track_caller]
    fn one(&self) -> Value {
        let mut list = self.list();
        assert_eq!(list.len(), 1, "{list:#?}");
        list.remove(0)
    }
}

/// The columns of each line.
fn columns(outcome: &Outcome) -> Vec<Vec<&str>> {
    let lines = outcome.stdout.lines();
    lines.map(|line| line.split('\t').collect()).collect()
}

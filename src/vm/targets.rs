//! Images for jobs to write to, as a backup does: made and opened before the jobs begin, all of them or none.
//!
//! All that is made for one purpose, the jobs too, has names that begin with one prefix. Until they are kept, releasing
//! them ends those jobs, closes the nodes and removes the files. What a run that was killed left in the VM, the next one
//! knows by the prefix ([`Vm::sweep`]).

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::blank::Blank;
use super::error::{Error, ErrorKind};
use super::event::Filter;
use super::handed;
use super::job::{JobError, change};
use super::machine::{Arguments, Vm, object};
use super::server::Server;

/// What every prefix begins with, so that nothing is ended or closed that is not ours.
const OURS: &str = "qmpsh-";

/// The longest prefix: a node's name may have 31 bytes, and `-99-file` is added to it.
const LONGEST: usize = 23;

/// How long a job may take to end once it is told to. It waits for what it is writing.
const END: Duration = Duration::from_secs(60);

/// An image to make.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct TargetPlan {
    /// The image, as an absolute path on QEMU's host.
    pub file: String,
    /// The size of the disk in it, in bytes.
    pub size: u64,
    /// The image below it, as its header is to name it; it is not opened.
    pub backing: Option<String>,
    /// The node to open it on top of: what is not in the image shows through.
    pub over: Option<String>,
    /// How compressed data in it are compressed, as QEMU calls it (QEMU 5.1).
    pub compression: Option<String>,
}

/// Images that are made and opened.
pub struct Targets {
    vm: Vm,
    server: Server,
    prefix: String,
    kept: AtomicBool,
    made: Mutex<Vec<Blank>>,
    list: Vec<Opened>,
}

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Opened {
    /// Its node.
    pub node: String,
    /// Its image.
    pub file: String,
}

impl Vm {
    /// Makes and opens the images of `plan`, as nodes `PREFIX-0`, `PREFIX-1` and so on; none is left when one fails.
    pub async fn targets(&self, prefix: &str, plan: &[TargetPlan]) -> Result<Targets, Error> {
        self.check_prefix(prefix)?;
        let mut targets = Targets {
            vm: self.clone(),
            server: Server::of(self).await?,
            prefix: prefix.to_owned(),
            kept: false.into(),
            made: Mutex::default(),
            list: Vec::new(),
        };
        for (number, wanted) in plan.iter().enumerate() {
            if let Err(error) = targets.make(number, wanted).await {
                // The first error is the one to tell; what cannot be cleaned up is told with it.
                return Err(match targets.release().await {
                    Ok(()) => error,
                    Err(left) => self.error(ErrorKind::LeftBehind {
                        error: Box::new(error.kind),
                        left: left.kind.to_string(),
                    }),
                });
            }
        }
        Ok(targets)
    }

    /// Ends the exports and the jobs and closes the nodes whose names begin with `prefix`, and tells which those were.
    ///
    /// Waits up to 60 s for the exports and for each job to end. Fails when one does not, or a node is in use by something else.
    pub async fn sweep(&self, prefix: &str) -> Result<Vec<String>, Error> {
        self.check_prefix(prefix)?;
        let mut swept = self.end_exports(prefix).await?;
        for id in self
            .called("query-jobs", Arguments::new(), "id", prefix)
            .await?
        {
            self.end_job(&id).await?;
            swept.push(format!("job {id}"));
        }
        let flat = object(json!({ "flat": true }));
        let mut nodes = self
            .called("query-named-block-nodes", flat, "node-name", prefix)
            .await?;
        // A node comes before that of its file, which cannot be closed under it.
        nodes.sort();
        for node in nodes {
            self.close_node(&node).await?;
            swept.push(format!("node {node}"));
        }
        Ok(swept)
    }

    async fn end_exports(&self, prefix: &str) -> Result<Vec<String>, Error> {
        let (query, none) = ("query-block-exports", Arguments::new);
        let exports = match self.called(query, none(), "id", prefix).await {
            // Before QEMU 5.2 there are none of this kind.
            Err(error) if error.is_refusal() => return Ok(Vec::new()),
            exports => exports?,
        };
        if exports.is_empty() {
            return Ok(exports);
        }
        let mut ends = self.watch(&[Filter::name("BLOCK_EXPORT_DELETED")]).await?;
        for id in &exports {
            let arguments = object(json!({ "id": id, "mode": "hard" }));
            match self.call("block-export-del", arguments).await {
                // One that is on its way out.
                Err(error) if !error.is_refusal() => return Err(error),
                _ => {}
            }
        }
        // Its clients are told, and it goes a moment later.
        let end = Instant::now() + END;
        while !self.called(query, none(), "id", prefix).await?.is_empty() {
            if self.settings().mode.is_dry_run() || Instant::now() >= end {
                break;
            }
            change(self, &mut ends, Some(end), |_| true).await?;
        }
        Ok(exports.iter().map(|id| format!("export {id}")).collect())
    }

    pub(super) fn check_prefix(&self, prefix: &str) -> Result<(), Error> {
        if prefix.starts_with(OURS) && prefix.len() > OURS.len() && prefix.len() <= LONGEST {
            return Ok(());
        }
        Err(self.error(ErrorKind::Argument(format!(
            "`{prefix}` is no prefix: it begins with `{OURS}`, goes on, and has {LONGEST} bytes at most"
        ))))
    }

    /// What of a query's list is called so that it begins with `prefix`.
    async fn called(
        &self,
        query: &str,
        arguments: Arguments,
        name: &str,
        prefix: &str,
    ) -> Result<Vec<String>, Error> {
        let reply = self.call(query, arguments).await?;
        let list = reply
            .as_array()
            .ok_or_else(|| self.reply_error(query, "list"))?;
        let names = list.iter().filter_map(|one| one[name].as_str());
        Ok(names
            .filter(|name| is_called(name, prefix))
            .map(str::to_owned)
            .collect())
    }

    /// Has a job end, whatever its result, and QEMU forget it.
    async fn end_job(&self, id: &str) -> Result<(), Error> {
        let job = self.job(id);
        match job.cancel().await {
            // One that has ended, or is about to, takes no more orders.
            Err(error) if !error.is_refusal() => return Err(error),
            _ => {}
        }
        match job.wait(Some(END), |_| {}).await {
            Err(error) if !has_ended(&error.kind) => Err(error),
            _ => Ok(()),
        }
    }
}

/// Whether a name is the prefix, or goes on after it with a dash: no other prefix that begins alike is meant.
fn is_called(name: &str, prefix: &str) -> bool {
    name.strip_prefix(prefix)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('-'))
}

/// Whether the error of a wait says that the job is over.
fn has_ended(error: &ErrorKind) -> bool {
    matches!(
        error,
        ErrorKind::Job(JobError::Failed { .. } | JobError::Unknown { .. })
    )
}

impl Targets {
    /// Their nodes and files, in the order of the plan.
    pub fn list(&self) -> &[Opened] {
        &self.list
    }

    /// Closes all nodes, once no job writes to them: what was written is on disk when this returns.
    pub async fn close(&self) -> Result<(), Error> {
        for blank in self.made.lock().await.iter_mut() {
            blank.close(&self.vm).await?;
        }
        Ok(())
    }

    /// Says that the files are to stay.
    pub fn keep(&self) {
        self.kept.store(true, Ordering::Relaxed);
    }

    /// Ends exports and jobs, closes the nodes, and removes the files unless they are kept.
    ///
    /// The files go also where QEMU does not answer: nothing of value is in them. When it has ended, nothing else is left.
    pub async fn release(&self) -> Result<(), Error> {
        let made = std::mem::take(&mut *self.made.lock().await);
        let mut left = Vec::new();
        if let Err(error) = self.vm.sweep(&self.prefix).await {
            if error.is_refusal() || !self.server.has_ended(&self.vm).await? {
                left.push(format!(
                    "jobs and nodes `{}-*`: {}",
                    self.prefix, error.kind
                ));
            }
        }
        if !self.kept.load(Ordering::Relaxed) {
            for blank in &made {
                if let Err(why) = blank.remove(&self.vm) {
                    left.push(format!("`{}`: {why}", blank.path));
                }
            }
        }
        if left.is_empty() {
            return Ok(());
        }
        Err(self.vm.error(ErrorKind::Targets(left.join("; "))))
    }

    async fn make(&mut self, number: usize, wanted: &TargetPlan) -> Result<(), Error> {
        let (vm, prefix, process) = (&self.vm, &self.prefix, self.server.pid());
        let settings = vm.settings();
        let is_real = !settings.recording.is_replay() && !settings.mode.is_dry_run();
        if !wanted.file.starts_with('/') {
            return Err(vm.error(ErrorKind::Argument(format!(
                "the image `{}` is relative, and QEMU runs in a folder of its own; give an absolute path",
                wanted.file
            ))));
        }
        let node = format!("{prefix}-{number}");
        let made = self.made.get_mut();
        made.push(Blank::new(node.clone(), &wanted.file));
        let Some(blank) = made.last_mut() else {
            return Ok(());
        };
        let path = Path::new(&wanted.file);
        if is_real {
            handed::make_file(path, process).map_err(|source| {
                vm.error(ErrorKind::Host {
                    doing: "make",
                    path: path.to_owned(),
                    source: source.to_string(),
                })
            })?;
            blank.image = Some(path.to_owned());
        }
        let job = || Ok(format!("{prefix}-create"));
        blank
            .make(vm, process, options(wanted), wanted.over.as_deref(), job)
            .await?;
        if is_real && blank.image.as_deref() != Some(path) {
            let _ = std::fs::remove_file(path);
            return Err(vm.error(ErrorKind::Argument(format!(
                "QEMU has another `{}` than this host; name a folder that is the same for both",
                wanted.file
            ))));
        }
        self.list.push(Opened {
            node,
            file: wanted.file.clone(),
        });
        Ok(())
    }
}

/// What `blockdev-create` is told beside the format and the file.
fn options(wanted: &TargetPlan) -> Arguments {
    let mut options = object(json!({ "size": wanted.size }));
    if let Some(backing) = &wanted.backing {
        options.insert("backing-file".into(), backing.as_str().into());
        options.insert("backing-fmt".into(), Value::from("qcow2"));
    }
    if let Some(compression) = &wanted.compression {
        options.insert("compression-type".into(), compression.as_str().into());
    }
    options
}

#[cfg(test)]
mod tests {
    use super::is_called;

    #[test]
    fn a_prefix_is_a_whole_word() {
        assert!(is_called("qmpsh-bk-1", "qmpsh-bk-1"));
        assert!(is_called("qmpsh-bk-1-0-file", "qmpsh-bk-1"));
        assert!(!is_called("qmpsh-bk-12-0", "qmpsh-bk-1"));
        assert!(!is_called("disk0", "qmpsh-bk-1"));
    }
}

//! What a dry run answers in place of a VM: as little as lets a script get on, so that its next steps show too.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::effect::Effect;
use super::machine::Arguments;

/// Commands that begin a job under the name of their device, where they give it no other.
const JOBS_OF_DEVICES: [&str; 4] = [
    "drive-mirror",
    "drive-backup",
    "block-stream",
    "block-commit",
];

/// What was pretended to one VM.
#[derive(Debug, Default)]
pub(super) struct Pretence {
    changes: AtomicU64,
    handles: AtomicI64,
    /// Jobs that were only pretended to begin, to go on or to end; without a status, they are over.
    jobs: Mutex<BTreeMap<String, Option<PretendedJob>>>,
    /// What `query-migrate` says of a migration that was only pretended.
    migration: Mutex<Option<Value>>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
struct PretendedJob {
    kind: String,
    status: &'static str,
}

impl Pretence {
    /// How many changes were pretended.
    pub(super) fn changes(&self) -> u64 {
        self.changes.load(Ordering::Relaxed)
    }

    /// Whether a command asks for no more than what became of a file or a program that was only pretended: nobody need be
    /// told of it.
    pub(super) fn is_asked(command: &str, arguments: &Arguments, effect: Effect) -> bool {
        let asks = effect != Effect::Change || command == "guest-exec-status";
        asks && Self::concerns(arguments)
    }

    /// Whether a command is about a file or a program that was only pretended.
    fn concerns(arguments: &Arguments) -> bool {
        ["handle", "pid"].iter().any(|name| {
            let number = arguments.get(*name).and_then(Value::as_i64);
            number.is_some_and(|number| number < 0)
        })
    }

    /// The answer to a command that is not sent.
    pub(super) fn answer(&self, command: &str, arguments: &Arguments) -> Value {
        self.changes.fetch_add(1, Ordering::Relaxed);
        self.keep_jobs(command, arguments);
        self.keep_migration(command);
        let list = |name: &str| arguments.get(name).and_then(Value::as_array);
        match command {
            "human-monitor-command" => json!(""),
            "guest-fsfreeze-freeze" | "guest-fsfreeze-freeze-list" | "guest-fsfreeze-thaw" => {
                json!(0)
            }
            // No agent gives a number below 0.
            "guest-file-open" => json!(self.handles.fetch_sub(1, Ordering::Relaxed) - 1),
            "guest-exec" => json!({ "pid": self.handles.fetch_sub(1, Ordering::Relaxed) - 1 }),
            "guest-exec-status" => json!({ "exited": true, "exitcode": 0 }),
            "guest-file-write" => {
                let text = arguments.get("buf-b64").and_then(Value::as_str);
                let bytes = text.and_then(|text| STANDARD.decode(text).ok());
                json!({ "count": bytes.map_or(0, |bytes| bytes.len()), "eof": false })
            }
            "guest-file-read" => json!({ "count": 0, "buf-b64": "", "eof": true }),
            "guest-file-seek" => json!({ "position": 0, "eof": false }),
            "guest-fstrim" => json!({ "paths": [] }),
            "guest-set-vcpus" => json!(list("vcpus").map_or(0, Vec::len)),
            "guest-set-memory-blocks" => list("mem-blks")
                .into_iter()
                .flatten()
                .map(|block| json!({ "phys-index": block["phys-index"], "response": "success" }))
                .collect(),
            _ => json!({}),
        }
    }

    /// Makes a live answer one that fits what was pretended.
    pub(super) fn amend(&self, command: &str, reply: &mut Value) {
        let (name, old) = match command {
            "query-jobs" => ("id", false),
            "query-block-jobs" => ("device", true),
            "query-migrate" => {
                if let Some(pretended) = &*locked(&self.migration) {
                    reply.clone_from(pretended);
                }
                return;
            }
            _ => return,
        };
        let Some(list) = reply.as_array_mut() else {
            return;
        };
        let jobs = self.jobs();
        list.retain(|job| !job[name].as_str().is_some_and(|id| jobs.contains_key(id)));
        for (id, job) in jobs.iter() {
            match job {
                Some(PretendedJob { kind, status }) if old => list.push(json!({
                    "device": id, "type": kind, "status": status, "ready": *status == "ready",
                    "offset": 0, "len": 0, "speed": 0, "busy": false, "paused": false, "io-status": "ok",
                })),
                Some(PretendedJob { kind, status }) => list.push(json!({
                    "id": id, "type": kind, "status": status, "current-progress": 0, "total-progress": 0,
                })),
                None => {}
            }
        }
    }

    fn keep_jobs(&self, command: &str, arguments: &Arguments) {
        let text =
            |of: &Arguments, name: &str| of.get(name).and_then(Value::as_str).map(str::to_owned);
        if command == "transaction" {
            let actions = arguments.get("actions").and_then(Value::as_array);
            for action in actions.into_iter().flatten() {
                if let (Some(kind), Some(data)) =
                    (action["type"].as_str(), action["data"].as_object())
                {
                    self.keep_jobs(kind, data);
                }
            }
            return;
        }
        let by_device = command.strip_prefix("block-job-");
        if let Some(step) = command.strip_prefix("job-").or(by_device) {
            let id = text(arguments, if by_device.is_some() { "device" } else { "id" });
            let Some(id) = id else { return };
            match step {
                "dismiss" => drop(self.jobs().insert(id, None)),
                "cancel" | "complete" | "finalize" => self.conclude(id),
                _ => {}
            }
            return;
        }
        let of_device = || {
            let begins = JOBS_OF_DEVICES.contains(&command);
            begins.then(|| text(arguments, "device")).flatten()
        };
        if let Some(id) = text(arguments, "job-id").or_else(of_device) {
            let job = PretendedJob {
                kind: kind_of(command).to_owned(),
                status: if waits_for_completion(command, arguments) {
                    "ready"
                } else {
                    "concluded"
                },
            };
            self.jobs().insert(id, Some(job));
        }
    }

    fn conclude(&self, id: String) {
        let mut jobs = self.jobs();
        let before = jobs.get(&id).cloned().flatten();
        let kind = before.map_or_else(|| "backup".to_owned(), |job| job.kind);
        let status = "concluded";
        jobs.insert(id, Some(PretendedJob { kind, status }));
    }

    fn keep_migration(&self, command: &str) {
        let pretended = match command {
            "migrate" => json!({ "status": "completed", "downtime": 0, "total-time": 0 }),
            "migrate_cancel" => json!({ "status": "cancelled" }),
            // Where it would listen; no port has this number.
            "migrate-incoming" => json!({
                "status": "completed",
                "socket-address": [{ "type": "inet", "host": "127.0.0.1", "port": "0" }],
            }),
            _ => return,
        };
        *locked(&self.migration) = Some(pretended);
    }

    fn jobs(&self) -> MutexGuard<'_, BTreeMap<String, Option<PretendedJob>>> {
        locked(&self.jobs)
    }
}

/// Holds plain values only, which no panic leaves half changed.
fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What `query-jobs` calls a job that this command begins.
fn kind_of(command: &str) -> &str {
    let words = ["mirror", "backup", "stream", "commit", "create", "amend"];
    let found = words.into_iter().find(|word| command.contains(word));
    found.unwrap_or(command)
}

/// Whether a job gets `ready` and waits: a mirror does, and a commit of what the guest writes to.
fn waits_for_completion(command: &str, arguments: &Arguments) -> bool {
    let is_top = |name: &str| {
        let top = arguments.get(name);
        top.is_none() || top == arguments.get("device")
    };
    command.contains("mirror") || command == "block-commit" && is_top("top") && is_top("top-node")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vm::machine::object;

    fn pretend(pretence: &Pretence, command: &str, arguments: Value) -> Value {
        pretence.answer(command, &object(arguments))
    }

    fn statuses(pretence: &Pretence, live: Value) -> Vec<(String, String)> {
        let mut jobs = live;
        pretence.amend("query-jobs", &mut jobs);
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let jobs = jobs.as_array().unwrap().iter();
        jobs.map(|job| (text(&job["id"]), text(&job["status"])))
            .collect()
    }

    #[test]
    fn a_pretended_job_ends_at_once_and_is_gone_when_it_was_dismissed() {
        let pretence = Pretence::default();
        pretend(
            &pretence,
            "blockdev-create",
            json!({ "job-id": "c", "options": {} }),
        );
        let job = ("c".to_owned(), "concluded".to_owned());
        assert_eq!(statuses(&pretence, json!([])), [job]);
        pretend(&pretence, "job-dismiss", json!({ "id": "c" }));
        assert!(statuses(&pretence, json!([])).is_empty());
    }

    #[test]
    fn a_pretended_mirror_is_ready_until_it_was_completed() {
        let pretence = Pretence::default();
        let status = || statuses(&pretence, json!([]))[0].1.clone();
        pretend(
            &pretence,
            "blockdev-mirror",
            json!({ "job-id": "m", "device": "a" }),
        );
        assert_eq!(status(), "ready");
        pretend(&pretence, "job-complete", json!({ "id": "m" }));
        assert_eq!(status(), "concluded");
    }

    #[test]
    fn a_job_of_the_vms_shows_what_was_pretended_of_it() {
        let pretence = Pretence::default();
        let live =
            json!([{ "id": "real", "status": "running" }, { "id": "other", "status": "running" }]);
        pretend(&pretence, "job-cancel", json!({ "id": "real" }));
        let shown = statuses(&pretence, live);
        assert_eq!(shown[0], ("other".to_owned(), "running".to_owned()));
        assert_eq!(shown[1], ("real".to_owned(), "concluded".to_owned()));
    }

    #[test]
    fn a_pretended_migration_is_completed_or_cancelled() {
        let pretence = Pretence::default();
        let status = || {
            let mut reply = json!({ "status": "active" });
            pretence.amend("query-migrate", &mut reply);
            reply["status"].clone()
        };
        assert_eq!(status(), "active");
        pretend(&pretence, "migrate", json!({ "uri": "tcp:h:1" }));
        assert_eq!(status(), "completed");
        pretend(&pretence, "migrate_cancel", json!({}));
        assert_eq!(status(), "cancelled");
    }

    #[test]
    fn jobs_of_transactions_and_of_devices_are_known() {
        let pretence = Pretence::default();
        let action = json!({ "type": "blockdev-backup", "data": { "job-id": "b", "device": "x" } });
        pretend(&pretence, "transaction", json!({ "actions": [action] }));
        pretend(&pretence, "block-stream", json!({ "device": "d" }));
        let ids: Vec<String> = statuses(&pretence, json!([]))
            .into_iter()
            .map(|(id, _)| id)
            .collect();
        assert_eq!(ids, ["b", "d"]);
    }

    #[test]
    fn pretended_files_and_programs_have_numbers_that_no_agent_gives() {
        let pretence = Pretence::default();
        let open = json!({ "path": "/a", "mode": "w" });
        let handle = pretend(&pretence, "guest-file-open", open.clone());
        assert!(handle != pretend(&pretence, "guest-file-open", open));
        assert!(Pretence::concerns(&object(json!({ "handle": handle }))));
        assert!(!Pretence::concerns(&object(json!({ "handle": 1000 }))));
        let written = json!({ "handle": handle, "buf-b64": "aGVsbG8=" });
        assert_eq!(pretend(&pretence, "guest-file-write", written)["count"], 5);
    }
}

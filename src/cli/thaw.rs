//! `qmpsh thaw`: thaws a guest, or all that dead runs left frozen; and the guardian, which is this program too.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use serde_json::json;
use tokio::runtime::{Builder, Runtime};

use super::options::Options;
use super::{begin, finish, one_shot};
use crate::report::{Exit, Kind, Report};
use crate::script::error::Ended;
use crate::script::result;
use crate::script::run::Current;
use crate::vm::freeze::guardian;
use crate::vm::freeze::stale::{self, Outcome, Stale};
use crate::vm::{self, Settings};
use crate::wire::escape::escaped;

/// Thaw a guest, whoever froze it; or what a run left frozen that died together with its guardian
#[derive(Debug, Args)]
pub(super) struct Thaw {
    /// The VM: its name, its monitor's socket, or qmp=SOCKET,agent=SOCKET
    #[arg(value_name = "VM", required_unless_present_any = ["stale", "guard"])]
    vm: Option<String>,
    /// Thaw every guest that a dead run left frozen
    #[arg(long, conflicts_with = "vm")]
    stale: bool,
    /// Be the process that thaws the guest of this record when the shell that froze it dies
    #[arg(long, value_name = "RECORD", hide = true, exclusive = true)]
    guard: Option<PathBuf>,
}

impl Thaw {
    /// Whether it asks this host rather than a VM that is named.
    pub(super) fn is_of_this_host(&self) -> bool {
        self.stale
    }

    pub(super) fn execute(self, options: &Options) -> Exit {
        let runtime = match Builder::new_current_thread().enable_all().build() {
            Ok(runtime) => runtime,
            Err(error) => return finish::no_session(&error, options),
        };
        if let Some(record) = self.guard {
            return match runtime.block_on(guardian::guard(&record)) {
                Ok(()) => Exit::Done,
                Err(_) => Exit::Failed,
            };
        }
        match self.vm {
            Some(vm) => one_shot::perform(options, |current| one(current, &vm, options)),
            None => match not_now(options) {
                Some(report) => finish::complain(&report, options),
                None => all_stale(&runtime, begin::vm_settings(options), options),
            },
        }
    }
}

/// Why the guests of dead runs are not thawed in this mode.
fn not_now(options: &Options) -> Option<Report> {
    options.read_only.then(|| {
        Report::new(
            Kind::Denied,
            "a thaw changes a guest, and this run is read-only",
        )
        .with_hint(
            "run it without `--read-only`; without `--stale`, every command tells of such guests",
        )
    })
}

/// Thaws one guest, and forgets the records of dead runs about it.
fn one(current: &Current, target: &str, options: &Options) -> Result<Exit, Ended> {
    let vm = current.vm(target)?;
    let thaw = async {
        let count = vm.agent().fsthaw().await?;
        let status = vm.agent().fsstatus().await?;
        Ok::<_, vm::Error>((count, status, vm.agent().address().await?))
    };
    let (count, status, agent) = current.ask(format_args!("{target} to thaw"), thaw)?;
    let settings = current.run().fleet().settings();
    if settings.mode.is_dry_run() {
        let text = if options.json {
            result::json(&json!({ "vm": target, "thawed": count }), false)
        } else {
            format!("{}: the guest stays {}", escaped(target), escaped(&status))
        };
        return Ok(finish::print(&text, options));
    }
    if status != "thawed" {
        let report = Report::new(
            Kind::Frozen,
            format!("{target}: the agent took the thaw, and still says that the guest is {status}"),
        );
        return Err(report.into());
    }
    if !settings.recording.is_replay() {
        stale::forget(settings, &agent);
    }
    let text = if options.json {
        result::json(&json!({ "vm": target, "thawed": count }), false)
    } else {
        format!("{}: thawed {}", escaped(target), systems(Some(count)))
    };
    Ok(finish::print(&text, options))
}

/// Thaws all side by side, so that one guest that does not answer holds up no other.
fn all_stale(runtime: &Runtime, settings: Settings, options: &Options) -> Exit {
    let settings = Arc::new(settings);
    let survey = match stale::survey(&settings) {
        Ok(survey) => survey,
        Err(error) => return finish::complain(&unreadable(&settings, &error), options),
    };
    let none = survey.stale.is_empty() && survey.unreadable.is_empty();
    let tasks: Vec<_> = survey
        .stale
        .into_iter()
        .map(|record| {
            let settings = Arc::clone(&settings);
            runtime.spawn(async move {
                let outcome = if settings.mode.is_dry_run() {
                    record.would_thaw(&settings)
                } else {
                    record.thaw(&settings).await
                };
                (record, outcome)
            })
        })
        .collect();
    let mut exit = tell_of_others(&survey.unreadable, survey.held, options);
    let mut rows = Vec::new();
    for task in tasks {
        let (record, outcome) = match runtime.block_on(task) {
            Ok(ended) => ended,
            Err(error) => return finish::no_session(&io::Error::other(error), options),
        };
        let vm = &record.frozen().vm;
        let told = match &outcome {
            Outcome::Thawed(count) => format!("thawed {}", systems(*count)),
            Outcome::Left => "its guest is left as it is".to_owned(),
            Outcome::VmGone => "the VM has ended since, so there is nothing to thaw".to_owned(),
            Outcome::Failed(why) => {
                exit = Exit::Unreachable;
                format!(
                    "not thawed: {why}; its record stays: {}",
                    record.path().display()
                )
            }
        };
        let thawed = matches!(outcome, Outcome::Thawed(_));
        rows.push(json!({ "vm": vm, "thawed": thawed, "outcome": told }));
        if !options.json {
            let line = format!("{}: {}", escaped(vm), escaped(&told));
            // Whoever stopped reading has not stopped the thaws.
            exit = worse(exit, finish::print(&line, options));
        }
    }
    match (options.json, none) {
        (true, _) => worse(
            exit,
            finish::print(&result::json(&json!(rows), false), options),
        ),
        (false, true) => finish::print("no dead run has left a guest frozen", options),
        (false, false) => exit,
    }
}

/// Tells of records that cannot be read, and of frozen guests that somebody sees to.
fn tell_of_others(unreadable: &[(PathBuf, String)], held: usize, options: &Options) -> Exit {
    let mut exit = Exit::Done;
    for (path, why) in unreadable {
        let message = format!("the record `{}` cannot be read: {why}", path.display());
        let report = Report::new(Kind::Host, message)
            .with_hint("run this as the user who froze the guest, or as root");
        exit = worse(exit, finish::complain(&report, options));
    }
    if held > 0 {
        let message = format!(
            "{} frozen by runs that live, or thawed by their guardians now",
            match held {
                1 => "1 guest is".to_owned(),
                held => format!("{held} guests are"),
            }
        );
        finish::warn(&Report::new(Kind::Frozen, message), options);
    }
    exit
}

/// The first of two that is no success.
fn worse(first: Exit, second: Exit) -> Exit {
    if first == Exit::Done { second } else { first }
}

fn unreadable(settings: &Settings, error: &io::Error) -> Report {
    Report::new(
        Kind::Host,
        format!(
            "the records in `{}` cannot be read: {error}",
            settings.state_dir.display()
        ),
    )
}

fn systems(count: Option<i64>) -> String {
    match count {
        Some(1) => "1 file system".to_owned(),
        Some(count) => format!("{count} file systems"),
        None => "the guest".to_owned(),
    }
}

/// Tells on standard error of guests that dead runs may have left frozen, and forgets those whose VM has ended.
pub(super) fn warn_of_stale(options: &Options) {
    if options.replay.is_some() {
        return;
    }
    // A state folder that cannot be read holds no record that this user could do anything about.
    let found = stale::find(&begin::vm_settings(options)).unwrap_or_default();
    let told: Vec<Report> = found
        .iter()
        .filter(|record| {
            // A dry run changes nothing on this host either.
            let is_over = if options.dry_run {
                record.is_over()
            } else {
                record.forget_if_over()
            };
            !is_over
        })
        .map(warning)
        .collect();
    // Nobody may be kept from the records by somebody who does not read this.
    drop(found);
    for report in told {
        finish::warn(&report, options);
    }
}

fn warning(record: &Stale) -> Report {
    let frozen = record.frozen();
    let since = std::time::UNIX_EPOCH + std::time::Duration::from_secs(frozen.since);
    Report::new(
        Kind::Frozen,
        format!(
            "{}: a run of qmpsh froze this guest at {} and died; it may still be frozen (agent {})",
            escaped(&frozen.vm),
            humantime::format_rfc3339_seconds(since),
            frozen.agent
        ),
    )
    .with_hint("`qmpsh thaw --stale` thaws it")
}

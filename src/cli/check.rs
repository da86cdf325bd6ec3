//! `qmpsh check`: what is wrong in scripts, told without running them.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::sync::Arc;

use clap::Args;
use clap::builder::PossibleValuesParser;
use serde_json::{Value, json};

use super::options::Options;
use super::{begin, finish, one_shot, qmp};
use crate::report::Exit;
use crate::script::check::Target;
use crate::script::{Fault, Session, Source, result};
use crate::vm::schema::{Bundled, bundled};

/// Tell what is wrong in scripts, without running them
///
/// A fault is what does not compile, a header that does not read, a function, variable, module or option that is not there, a
/// missing `[allow]`, and a command that QEMU would refuse for its form; each with its line and column. What QEMU has marked as
/// deprecated or unstable is a warning. What only a run can know is taken to be right.
#[derive(Debug, Args)]
pub(super) struct Check {
    /// The scripts: files, ready-made ones by their names, or `-` for standard input
    #[arg(value_name = "SCRIPT", required = true)]
    scripts: Vec<OsString>,
    /// Compare commands with what the QEMU of this VM takes
    #[arg(long, value_name = "VM", conflicts_with = "qemu")]
    vm: Option<String>,
    /// Compare commands with what these versions of QEMU take [default: the newest]
    #[arg(
        long,
        value_name = "VERSION",
        value_delimiter = ',',
        value_parser = PossibleValuesParser::new(bundled().map(Bundled::version))
    )]
    qemu: Vec<String>,
}

impl Check {
    pub(super) fn execute(self, options: &Options) -> Exit {
        let targets = match self.targets(options) {
            Ok(targets) => targets,
            Err(exit) => return exit,
        };
        let settings = match begin::settings(options) {
            Ok(settings) => settings,
            Err(exit) => return exit,
        };
        let session = match Session::new(settings) {
            Ok(session) => session,
            Err(error) => return finish::no_session(&error, options),
        };
        let mut faults = Vec::new();
        for script in &self.scripts {
            match Source::find(script) {
                Ok(source) => faults.extend(session.examine(&source, &targets)),
                Err(report) => return finish::complain(&report, options),
            }
        }
        session.leave();
        let faults = without_repetitions(faults);
        let told = tell(&faults, &self.scripts, &targets, options);
        let is_wrong = faults.iter().any(|fault| fault.is_error);
        match told {
            Exit::Done if is_wrong => Exit::Usage,
            told => told,
        }
    }

    /// The QEMUs that the scripts are for.
    fn targets(&self, options: &Options) -> Result<Vec<Target>, Exit> {
        let Some(name) = &self.vm else {
            let newest = bundled().next_back().map(Bundled::version);
            let is_meant = |version: &Bundled| match self.qemu.as_slice() {
                [] => Some(version.version()) == newest,
                given => given.iter().any(|given| given == version.version()),
            };
            let target = |version: Bundled| Target {
                name: format!("QEMU {}", version.version()),
                release: version.version().parse().ok(),
                schema: Arc::new(version.schema()),
            };
            return Ok(bundled().filter(is_meant).map(target).collect());
        };
        let mut targets = Vec::new();
        let exit = one_shot::perform(options, |current| {
            let (vm, schema) = qmp::told(current, name)?;
            // A monitor that serves another client does not tell its version.
            let release = if vm.is_connected() {
                let waiting = format!("{}: its version", vm.label());
                current.ask(waiting, vm.version())?.parse().ok()
            } else {
                None
            };
            let name = vm.label().to_owned();
            targets.push(Target {
                name,
                release,
                schema,
            });
            Ok(Exit::Done)
        });
        match exit {
            Exit::Done => Ok(targets),
            failed => Err(failed),
        }
    }
}

/// What is wrong in a module is found in each script that imports it.
fn without_repetitions(mut faults: Vec<Fault>) -> Vec<Fault> {
    let mut told = BTreeSet::new();
    faults.retain(|fault| {
        let place = &fault.place;
        let message = fault.report.message.clone();
        told.insert((place.source.clone(), place.line, place.column, message))
    });
    faults
}

/// Tells the faults: drawn on standard error, or as a list on standard output.
fn tell(faults: &[Fault], scripts: &[OsString], targets: &[Target], options: &Options) -> Exit {
    if options.json {
        let list: Vec<Value> = faults.iter().map(described).collect();
        return finish::print(&result::json(&json!(list), false), options);
    }
    for fault in faults {
        finish::tell(&fault.drawn);
    }
    let errors = faults.iter().filter(|fault| fault.is_error).count();
    let warnings = faults.len() - errors;
    let names: Vec<&str> = targets.iter().map(|target| target.name.as_str()).collect();
    let checked = format!(
        "{} checked for {}",
        many(scripts.len(), "script"),
        names.join(", ")
    );
    let found = match (errors, warnings) {
        (0, 0) => "nothing wrong was found".to_owned(),
        (0, warnings) => many(warnings, "warning"),
        (errors, 0) => many(errors, "fault"),
        (errors, warnings) => format!("{}, {}", many(errors, "fault"), many(warnings, "warning")),
    };
    finish::print(&format!("{checked}: {found}"), options)
}

fn described(fault: &Fault) -> Value {
    json!({
        "source": fault.place.source,
        "line": fault.place.line,
        "column": fault.place.column,
        "level": if fault.is_error { "error" } else { "warning" },
        "message": fault.report.message,
        "hint": fault.report.hint,
    })
}

fn many(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}

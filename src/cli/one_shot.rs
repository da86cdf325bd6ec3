//! How a command that runs no script does its work on VMs: with signals handled, waits told, and an exit code, as a
//! script's would be.

use super::options::Options;
use super::{begin, finish};
use crate::report::Exit;
use crate::script::called::Called;
use crate::script::error::Ended;
use crate::script::output::Output;
use crate::script::run::Current;
use crate::script::stage::Performed;
use crate::script::{Stage, outcome, signals};

/// Does `work` and tells what went wrong in it.
pub(super) fn perform(
    options: &Options,
    work: impl FnOnce(&Current) -> Result<Exit, Ended> + Send,
) -> Exit {
    let inventory = match begin::inventory(options) {
        Ok(inventory) => inventory,
        Err(exit) => return exit,
    };
    let output = Output::of_process(false);
    let stage = match Stage::new(output, Called::default(), inventory) {
        Ok(stage) => stage,
        Err(error) => return finish::no_session(&error, options),
    };
    if let Err(error) = signals::handle(stage.control()) {
        return finish::complain(&signals::unhandled(&error), options);
    }
    let Performed { run, ended } = match stage.perform(work) {
        Ok(performed) => performed,
        Err(error) => return finish::no_session(&error, options),
    };
    // Work that was done in the very moment of a signal has still been told to stop.
    let ended = match (ended, run.stop().cause()) {
        (Ok(Ok(_)), Some(cause)) => Ok(Err(Ended::Stopped(cause))),
        (ended, _) => ended,
    };
    let exit = match ended {
        Ok(Ok(exit)) => exit,
        Ok(Err(Ended::Failed(report))) => finish::complain(&report, options),
        Ok(Err(Ended::Stopped(cause))) => finish::stopped(&cause, options),
        Err(panic) => finish::complain(&outcome::fault(&*panic).report, options),
    };
    for note in run.take_notes() {
        finish::complain(&note, options);
    }
    exit
}

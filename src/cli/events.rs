//! `qmpsh events`: follows the events of one or many VMs, a line each, until it is interrupted, enough have come, or all
//! VMs are gone.

mod teller;
mod writer;

use clap::Args;

use self::teller::{Over, Teller};
use self::writer::Writer;
use super::options::Options;
use super::{finish, one_shot};
use crate::report::{Exit, Report};
use crate::script::error::Ended;
use crate::script::run::Current;
use crate::vm::Vm;
use crate::vm::event::{Filter, Style};

/// Follow the events of VMs: a line each, with its time
///
/// The VMs' monitors are held meanwhile, and a monitor's socket serves one client at a time. A VM that goes away is
/// followed again when it is back; when all are gone, the command ends.
#[derive(Debug, Args)]
pub(super) struct Events {
    /// The VMs; 'web*' is all that are called so now
    #[arg(value_name = "VM", required = true)]
    vms: Vec<String>,
    /// Show only events of this name, as STOP or 'BLOCK_*'; may be given several times
    #[arg(
        short = 'e',
        long = "event",
        value_name = "NAME",
        value_delimiter = ','
    )]
    filters: Vec<Filter>,
    /// End after so many events
    #[arg(short = 'n', long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    count: Option<u64>,
}

impl Events {
    pub(super) fn execute(self, options: &Options) -> Exit {
        one_shot::perform(options, |current| self.follow(current, options))
    }

    fn follow(self, current: &Current, options: &Options) -> Result<Exit, Ended> {
        let mut vms: Vec<Vm> = Vec::new();
        for name in &self.vms {
            for vm in current.vms(name)? {
                if !vms.iter().any(|known| known.is_same(&vm)) {
                    vms.push(vm);
                }
            }
        }
        let (lines, written) = Writer::start(current.run());
        let style = Style::new(&vms, options.json);
        let teller = Teller::new(vms, style, lines, self.count, options.clone());
        let ended = current.stay("events", async {
            Ok::<_, Report>(teller.tell_all(self.filters).await)
        });
        // What came before the end is written, unless nobody reads it.
        let written = current.ask("the output to be written", writer::in_time(written));
        match (ended?, written?) {
            (_, Err(error)) => Ok(finish::unwritten(&error, options)),
            (Over::ReaderLeft, Ok(())) => Ok(Exit::Signal(finish::SIGPIPE)),
            (Over::AllGone(report) | Over::NoEvent(report), Ok(())) => Err(Ended::Failed(*report)),
            (Over::Enough, Ok(())) => Ok(Exit::Done),
        }
    }
}

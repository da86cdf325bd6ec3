//! A script as it is called: the words of a line, read as its header declares, become what it finds in `args` and what it may
//! touch.

mod allow;
mod command_line;
mod line;
mod prose;

use clap::ArgMatches;
use rhai::Dynamic;

use self::command_line::{to_script, values};
use super::header::Header;
use super::permit::Permit;
use crate::vm::Needed;

pub use allow::Allow;
pub use command_line::{command, secrets, words};
pub use line::{Line, Uncalled, misread};

/// What a script is given with its call.
#[derive(Clone, Debug)]
pub struct Called {
    /// What of this host it may touch.
    pub permit: Permit,
    /// What it finds in `args`.
    pub args: Dynamic,
    /// The QEMU that its VMs must have.
    pub needed: Option<Needed>,
}

impl Default for Called {
    /// Nothing of this host, and no arguments.
    fn default() -> Self {
        Self {
            permit: Permit::default(),
            args: Dynamic::from_array(Vec::new()),
            needed: None,
        }
    }
}

impl Called {
    /// What a script is given, `name` to messages, whose words were read as `matches`, and which may touch this besides what it
    /// declares.
    pub fn of(name: &str, header: &Header, matches: &ArgMatches, allow: Allow) -> Self {
        let values = values(header, matches);
        let mut permit = header.permit(&values);
        permit.widen(allow.permit());
        Self {
            permit,
            args: to_script(header, matches, &values),
            needed: header.qemu.map(|oldest| Needed {
                qemu: oldest.release,
                by: name.to_owned(),
            }),
        }
    }
}

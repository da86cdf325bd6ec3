//! The options that widen, for one run, what a script may touch on this host.

use clap::Args;

use crate::script::permit::Permit;

/// What a script may touch besides what its header declares.
#[derive(Clone, Debug, Default, Args)]
pub struct Allow {
    /// Let the script read this file, or what is below this folder
    #[arg(long = "allow-read", value_name = "PATH")]
    read: Vec<String>,
    /// Let the script write this file, or what is below this folder
    #[arg(long = "allow-write", value_name = "PATH")]
    write: Vec<String>,
    /// Let the script run this program
    #[arg(long = "allow-run", value_name = "PROGRAM")]
    run: Vec<String>,
    /// Let the script read this variable of the environment
    #[arg(long = "allow-env", value_name = "NAME")]
    env: Vec<String>,
}

impl Allow {
    /// What they allow.
    pub fn permit(self) -> Permit {
        Permit {
            read: self.read,
            write: self.write,
            run: self.run,
            env: self.env,
            ..Permit::default()
        }
    }
}

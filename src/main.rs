//! qmpsh: the scripting shell for running QEMU/KVM virtual machines.
//! Parses the command line, runs it, and ends with its exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    qmpsh::cli::main().into()
}

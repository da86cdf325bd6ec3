//! What was found in a command and its arguments before it was sent.

use std::fmt;

use crate::wire::escape::escaped;

/// Something that QEMU would refuse, or has marked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The command.
    pub command: String,
    /// The argument, as `file.filename` or `actions.0.type`; empty where the command itself is meant.
    pub path: String,
    /// What is wrong with it, or notable.
    pub problem: Problem,
}

/// What is wrong with a command or an argument, or notable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Problem {
    /// There is no such command.
    NoCommand {
        /// The one that may be meant.
        nearest: Option<String>,
    },
    /// There is no such argument here.
    NoMember {
        /// The one that may be meant.
        nearest: Option<String>,
        /// Those that are here, in QEMU's order.
        known: Vec<String>,
        /// The values that decided which are here, as `driver=qcow2`.
        decided: Vec<String>,
    },
    /// An argument is missing.
    Missing {
        /// Its type in words.
        kind: String,
        /// The values that it may have, if they are too many for `kind`.
        allowed: Vec<String>,
    },
    /// The value is of another type.
    WrongType {
        /// The type that is wanted, in words.
        wanted: String,
        /// What was given, as it may be shown.
        given: String,
        /// How such a value is written, if that is not plain.
        written: Option<String>,
    },
    /// The text is none of those that are allowed.
    WrongValue {
        /// What was given.
        given: String,
        /// The one that may be meant.
        nearest: Option<String>,
        /// Those that are allowed.
        allowed: Vec<String>,
    },
    /// It is allowed, and will go away.
    Deprecated(Marked),
    /// It is allowed, and may change at any time.
    Unstable(Marked),
}

/// What it is that QEMU has marked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Marked {
    /// The command.
    Command,
    /// The event of the command's name.
    Event,
    /// The argument.
    Member,
    /// The argument's value.
    Value(String),
}

impl Finding {
    /// Whether QEMU would refuse the command for this.
    pub fn is_error(&self) -> bool {
        !matches!(self.problem, Problem::Deprecated(_) | Problem::Unstable(_))
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (command, path) = (escaped(&self.command), escaped(&self.path));
        match &self.problem {
            Problem::NoCommand { .. } => write!(f, "there is no command `{command}`"),
            Problem::NoMember { decided, .. } if decided.is_empty() => {
                write!(f, "`{command}` takes no argument `{path}`")
            }
            Problem::NoMember { decided, .. } => write!(
                f,
                "`{command}` with `{}` takes no argument `{path}`",
                escaped(&decided.join(" "))
            ),
            Problem::Missing { kind, .. } => write!(f, "`{command}` needs `{path}`: {kind}"),
            Problem::WrongType { wanted, given, .. } => {
                write!(f, "`{path}` of `{command}` takes {wanted}, not {given}")
            }
            Problem::WrongValue { given, .. } => {
                write!(f, "`{path}` of `{command}` cannot be `{}`", escaped(given))
            }
            Problem::Deprecated(marked) => {
                self.marked(f, marked)?;
                f.write_str(" is deprecated: a newer QEMU may not have it")
            }
            Problem::Unstable(marked) => {
                self.marked(f, marked)?;
                f.write_str(" is unstable: another QEMU may do it otherwise")
            }
        }
    }
}

impl Finding {
    fn marked(&self, f: &mut fmt::Formatter<'_>, marked: &Marked) -> fmt::Result {
        let (command, path) = (escaped(&self.command), escaped(&self.path));
        match marked {
            Marked::Command => write!(f, "the command `{command}`"),
            Marked::Event => write!(f, "the event `{command}`"),
            Marked::Member => write!(f, "`{path}` of `{command}`"),
            Marked::Value(value) => write!(f, "`{path}={}` of `{command}`", escaped(value)),
        }
    }
}

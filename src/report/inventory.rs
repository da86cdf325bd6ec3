//! How a VM that cannot be found is told, and a configuration that cannot be used.

use super::{Exit, Kind, Report};
use crate::inventory::config::{Looked, State};
use crate::inventory::{ConfigError, Error, is_pattern};
use crate::wire::escape::escaped;

impl From<&Error> for Report {
    fn from(error: &Error) -> Self {
        let gone = || Self::new(Kind::Gone, error.to_string());
        // The name is wrong, and nothing is known of a VM.
        let unnamed = || Self::usage(error.to_string()).with_exit(Exit::Unreachable);
        match error {
            Error::Target(invalid) => invalid.into(),
            Error::Unknown {
                name,
                nearest,
                beginning,
                asked,
                ..
            } => unnamed().with_hint(match beginning {
                Some(digits) => format!("the beginning of a UUID takes four digits: `{digits}`"),
                None if is_pattern(name) => PATTERN.to_owned(),
                None => unknown(nearest.as_deref(), asked),
            }),
            // Which of them is meant, only the user can say.
            Error::Ambiguous { .. } => {
                unnamed().with_hint("name it by its UUID, or by its monitor's address")
            }
            Error::Off { starts, .. } => match starts {
                Some(command) => gone().with_hint(format!("`{command}` starts it")),
                None => gone(),
            },
            Error::NoWay {
                only_through: Some(provider),
                ..
            } => gone().with_hint(format!(
                "`qmpsh config` shows whether {provider} is asked, and {provider} has to run"
            )),
            Error::NoWay { .. } => gone().with_hint(
                "QEMU has one where it is started with `-qmp`; `qmp` in `[vm.NAME]` of the configuration says where",
            ),
        }
    }
}

impl From<Error> for Report {
    fn from(error: Error) -> Self {
        (&error).into()
    }
}

/// Where several VMs can be meant at once.
const PATTERN: &str = "one VM is named here; `qmpsh ls`, `qmpsh events` and scripts that take several VMs, such as `pause`, take patterns too";

/// What to do about a name that nobody knows.
fn unknown(nearest: Option<&str>, asked: &[&str]) -> String {
    match (nearest, asked) {
        (Some(nearest), _) => format!("did you mean `{nearest}`?"),
        (None, []) => {
            "name it by its monitor's socket, as in `/run/web01.qmp` or `tcp:127.0.0.1:4444`".into()
        }
        (None, asked) => format!(
            "looked for with {}; `qmpsh ls` lists what is found, and a socket such as `/run/web01.qmp` always works",
            asked.join(", ")
        ),
    }
}

impl From<&ConfigError> for Report {
    fn from(error: &ConfigError) -> Self {
        let mut report = Self::usage(error.to_string());
        report.hint.clone_from(&error.hint);
        report
    }
}

impl Report {
    /// That a configuration file was passed over, if it was.
    pub fn passed_over(file: &Looked) -> Option<Self> {
        let State::Foreign { owner } = file.state else {
            return None;
        };
        let path = file.path.to_string_lossy();
        let message = format!(
            "the configuration file `{}` says nothing here: it, or its folder, belongs to another user (uid {owner})",
            escaped(&path)
        );
        let hint = "if you trust it, name it with `--config`";
        Some(Self::new(Kind::Usage, message).with_hint(hint))
    }
}

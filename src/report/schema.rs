//! How what was found in a command before it was sent is told.

use super::{Kind, Report};
use crate::vm::event::Missing;
use crate::vm::schema::{Finding, InvalidWords, Problem};

/// The most names that a hint lists.
const MOST: usize = 24;

impl Report {
    /// What was found in a command for `vm`, as an error of usage; one that is only notable is shown as a warning.
    pub fn of_finding(vm: &str, finding: &Finding) -> Self {
        let mut report = Self::usage(format!("{vm}: {finding}"));
        report.vm = Some(vm.to_owned());
        report.command = Some(finding.command.clone());
        report.hint = hint(&finding.problem);
        report
    }

    /// That `vm` has no event that is waited for.
    pub fn of_missing(vm: &str, missing: &Missing) -> Self {
        let mut report = Self::usage(format!("{vm}: {missing}"));
        report.vm = Some(vm.to_owned());
        report.hint = hint_on_event(missing);
        report
    }

    /// That a VM cannot tell what it takes.
    pub fn no_schema(vm: &str) -> Self {
        let message = format!("{vm}: this QEMU is too old to tell what its commands take");
        Self::new(Kind::Qmp, message)
            .with_hint("`query-commands` lists them; `query-qmp-schema` came with QEMU 2.5")
    }
}

impl From<&InvalidWords> for Report {
    fn from(error: &InvalidWords) -> Self {
        let report = Self::usage(error.to_string());
        match error {
            InvalidWords::NoValue(_) | InvalidWords::NoKey(_) => {
                report.with_hint("arguments are written `KEY=VALUE`, as in `id=cd0 force=true`")
            }
            InvalidWords::Gap(_) => report.with_hint("as in `keys.0=a keys.1=b`"),
            _ => report,
        }
    }
}

fn hint(problem: &Problem) -> Option<String> {
    match problem {
        Problem::NoCommand { nearest } => Some(match nearest {
            Some(nearest) => meant(nearest),
            None => "`--help` in place of the command lists those that are there".to_owned(),
        }),
        Problem::NoMember { nearest, known, .. } => {
            let takes = match known.len() {
                0 => "it takes none here".to_owned(),
                _ => format!("it takes {}", listed(known)),
            };
            Some(match nearest {
                Some(nearest) => format!("{} {takes}", meant(nearest)),
                None => takes,
            })
        }
        Problem::WrongValue {
            nearest, allowed, ..
        } => {
            let allowed = format!("it can be {}", listed(allowed));
            Some(match nearest {
                Some(nearest) => format!("{} {allowed}", meant(nearest)),
                None => allowed,
            })
        }
        Problem::Missing { allowed, .. } if !allowed.is_empty() => {
            Some(format!("it can be {}", listed(allowed)))
        }
        Problem::WrongType { written, .. } => written.clone(),
        Problem::Missing { .. } | Problem::Deprecated(_) | Problem::Unstable(_) => None,
    }
}

/// What may be meant by an event that is not there, or who has it.
pub(super) fn hint_on_event(missing: &Missing) -> Option<String> {
    match (missing.versions.as_slice(), &missing.nearest) {
        ([], nearest) => nearest.as_deref().map(meant),
        ([only], _) => Some(format!("QEMU {only} has it")),
        ([others @ .., last], _) => Some(format!("QEMU {} and {last} have it", others.join(", "))),
    }
}

fn meant(nearest: &str) -> String {
    format!("did you mean `{nearest}`?")
}

/// Names in backticks; of very many, the first, since the help lists them all.
fn listed(names: &[String]) -> String {
    let shown: Vec<String> = names
        .iter()
        .take(MOST)
        .map(|name| format!("`{name}`"))
        .collect();
    let shown = shown.join(", ");
    match names.len().saturating_sub(MOST) {
        0 => shown,
        more => format!("{shown} and {more} more, which `--help` lists"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(problem: Problem) -> Report {
        let finding = Finding {
            command: "eject".into(),
            path: "forc".into(),
            problem,
        };
        Report::of_finding("web01", &finding)
    }

    #[test]
    fn an_unknown_argument_is_told_with_the_nearest_and_all_that_there_are() {
        let report = report(Problem::NoMember {
            nearest: Some("force".into()),
            known: vec!["id".into(), "force".into()],
            decided: Vec::new(),
        });
        assert_eq!(report.message, "web01: `eject` takes no argument `forc`");
        assert_eq!(
            report.hint.as_deref(),
            Some("did you mean `force`? it takes `id`, `force`")
        );
        assert_eq!(report.exit.code(), 2);
    }

    #[test]
    fn a_long_list_of_values_is_cut() {
        let allowed = (0..50).map(|number| format!("v{number}")).collect();
        let report = report(Problem::WrongValue {
            given: "x".into(),
            nearest: None,
            allowed,
        });
        let hint = report.hint.unwrap();
        assert!(
            hint.ends_with("`v23` and 26 more, which `--help` lists"),
            "{hint}"
        );
    }
}

//! One VM of the list: what was found, what was asked, and how both are told in a line or as JSON.

use serde_json::{Value, json};

use crate::client::{self, Address, Unreachable};
use crate::inventory::Found;
use crate::report::Report;
use crate::vm::ErrorKind;
use crate::vm::Target;
use crate::vm::probe::{Probed, State};
use crate::wire::escape::escaped;

/// What stands for what is not known.
const UNKNOWN: &str = "-";

/// One VM.
pub(super) struct Row {
    /// What was found.
    pub(super) found: Found,
    /// What it told, once it has.
    pub(super) probed: Option<Probed>,
}

/// The columns, each fit for a terminal.
pub(super) struct Cells {
    pub(super) name: String,
    pub(super) uuid: String,
    pub(super) state: String,
    pub(super) version: String,
    pub(super) agent: String,
    pub(super) provider: String,
    pub(super) note: String,
}

impl Row {
    /// A VM that was found. One that cannot be asked is known already.
    pub(super) fn new(found: Found) -> Self {
        let state = if found.is_off {
            State::Off
        } else {
            State::Unreachable
        };
        let probed = (!found.is_reachable()).then(|| Probed {
            state,
            ..Probed::default()
        });
        Self { found, probed }
    }

    /// How it is asked, unless it is known already.
    pub(super) fn target(&self) -> Option<Target> {
        let is_known = self.probed.is_some();
        self.found.target(self.found.label()).filter(|_| !is_known)
    }

    /// What it is sorted by: `web2` before `web10`, those without a name last.
    pub(super) fn order(&self) -> (bool, Vec<Part>, Option<String>, Option<u32>) {
        let name = self.found.name.as_deref();
        let key = parts(name.unwrap_or_default());
        (name.is_none(), key, self.found.uuid.clone(), self.found.pid)
    }

    fn name(&self) -> String {
        let told = self.probed.as_ref().and_then(|probed| probed.name.clone());
        let name = self.found.name.clone().or(told);
        name.unwrap_or_else(|| UNKNOWN.to_owned())
    }

    fn uuid(&self) -> Option<&str> {
        let told = self
            .probed
            .as_ref()
            .and_then(|probed| probed.uuid.as_deref());
        self.found.uuid.as_deref().or(told)
    }

    /// What the columns hold.
    pub(super) fn cells(&self) -> Cells {
        let probed = self.probed.as_ref();
        let or_unknown = |text: Option<&str>| escaped(text.unwrap_or(UNKNOWN)).into_owned();
        Cells {
            name: escaped(&self.name()).into_owned(),
            uuid: or_unknown(self.uuid()),
            state: or_unknown(probed.map(|probed| probed.state.word())),
            version: or_unknown(probed.and_then(|probed| probed.version.as_deref())),
            agent: or_unknown(probed.and_then(|probed| probed.agent.word())),
            provider: self.found.provider.to_owned(),
            note: or_unknown(self.note().as_deref()),
        }
    }

    /// The line of a pipe: the columns with tabs between them, which no cell holds.
    pub(super) fn line(&self) -> String {
        let cells = self.cells();
        let columns = [
            cells.name,
            cells.uuid,
            cells.state,
            cells.version,
            cells.agent,
            cells.provider,
            cells.note,
        ];
        columns.join("\t")
    }

    /// What there is to say about a VM that tells nothing.
    fn note(&self) -> Option<String> {
        let probed = self.probed.as_ref()?;
        match (&probed.state, &probed.error) {
            (State::Busy(Some(holder)), _) => Some(format!("held by {holder}")),
            (State::Busy(None), _) => Some("held by a process that cannot be seen".to_owned()),
            (_, Some(error)) => Some(match &error.kind {
                ErrorKind::Client(client::Error::Connect {
                    source: Unreachable::Denied { owner: Some(user) },
                    ..
                }) => format!("needs the user {}", escaped(user)),
                kind => kind.to_string(),
            }),
            (State::Unreachable, None) => self.obstacle(),
            _ => None,
        }
    }

    /// Why it could not even be asked.
    fn obstacle(&self) -> Option<String> {
        let through = self.found.only_through;
        let through = through.map(|provider| format!("{provider} holds its monitor"));
        through
            .or_else(|| self.found.obstacle.clone())
            .or_else(|| Some("no monitor of it is known".to_owned()))
    }

    /// All that is known, for programs; what is not is null.
    pub(super) fn json(&self) -> Value {
        let found = &self.found;
        let unknown = Probed::default();
        let probed = self.probed.as_ref().unwrap_or(&unknown);
        let holder = match &probed.state {
            State::Busy(Some(holder)) => json!({ "pid": holder.pid, "program": holder.program }),
            _ => Value::Null,
        };
        let error = match (&probed.error, self.obstacle()) {
            (Some(error), _) => {
                let report = Report::from(error).shown();
                json!({ "kind": report.kind.name(), "message": report.message, "hint": report.hint })
            }
            (None, Some(why)) if probed.state == State::Unreachable => {
                json!({ "kind": "gone", "message": why, "hint": null })
            }
            _ => Value::Null,
        };
        json!({
            "name": found.name.as_ref().or(probed.name.as_ref()),
            "uuid": self.uuid(),
            "state": probed.state.word(),
            "version": probed.version,
            "agent": probed.agent.word(),
            "provider": found.provider,
            "id": found.id,
            "labels": found.labels,
            "pid": found.pid,
            "qmp": found.qmp.as_ref().map(Address::to_string),
            "monitors": monitors(found),
            "agent_address": found.agent.as_ref().map(Address::to_string),
            "holder": holder,
            "error": error,
        })
    }
}

/// All its monitors.
fn monitors(found: &Found) -> Vec<String> {
    let all = if found.monitors.is_empty() {
        found.qmp.as_slice()
    } else {
        &found.monitors
    };
    all.iter().map(Address::to_string).collect()
}

/// A part of a name: digits, which count as a number, or what is between them.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Part {
    /// Of so many digits without the zeros before, which are these: longer is larger.
    Number(usize, String),
    /// Anything else.
    Text(String),
}

fn parts(name: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let is_number = first.is_ascii_digit();
        let end = rest.find(|next: char| next.is_ascii_digit() != is_number);
        let (part, after) = rest.split_at(end.unwrap_or(rest.len()));
        parts.push(if is_number {
            let digits = part.trim_start_matches('0');
            Part::Number(digits.len(), digits.to_owned())
        } else {
            Part::Text(part.to_owned())
        });
        rest = after;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_as_people_count() {
        let mut names = ["web10", "web2", "db", "web2-b", "web02a", "10", "9", "web"];
        names.sort_by_key(|name| parts(name));
        assert_eq!(
            names,
            ["9", "10", "db", "web", "web2", "web2-b", "web02a", "web10"]
        );
    }

    #[test]
    fn a_line_holds_no_tab_but_those_between_its_columns() {
        let found = Found {
            provider: "process",
            name: Some("a\tb\n\x1b[2J".to_owned()),
            obstacle: Some("why\tnot".to_owned()),
            ..Found::default()
        };
        let line = Row::new(found).line();
        assert_eq!(
            line,
            "a\\tb\\n\\x1b[2J\t-\tunreachable\t-\t-\tprocess\twhy\\tnot"
        );
    }
}

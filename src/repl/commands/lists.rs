//! The commands that list what there is: VMs, variables, what is held, the history.

use std::time::{Duration, Instant};

use crate::duration;
use crate::inventory::{Filter, Found};
use crate::repl::session::{Answer, Session};
use crate::repl::show::{Style, show};
use crate::repl::value::Value;
use crate::report::{Kind, Report};
use crate::wire::escape::escaped_lines;

pub(super) fn vms(session: &mut Session, pattern: &str) -> Result<Answer, Report> {
    let filter = match pattern {
        "" => Filter::default(),
        pattern => Filter::called(pattern).map_err(Report::usage)?,
    };
    let scan = match session.find() {
        Ok(scan) => scan,
        Err(answer) => return Ok(answer),
    };
    for trouble in &scan.troubles {
        session.complain(&Report::new(Kind::Host, trouble.to_string()));
    }
    let text = |text: &str| match text {
        "" => Value::Nothing,
        text => Value::Text(cut(text)),
    };
    let row = |vm: &Found| {
        Value::Map(vec![
            ("name".to_owned(), text(&vm.label())),
            (
                "uuid".to_owned(),
                text(vm.uuid.as_deref().unwrap_or_default()),
            ),
            ("labels".to_owned(), text(&vm.labels.join(" "))),
            ("found by".to_owned(), text(vm.provider)),
        ])
    };
    let rows: Vec<Value> = scan
        .found
        .iter()
        .filter(|vm| filter.admits(vm))
        .map(row)
        .collect();
    if rows.is_empty() {
        return Ok(session.tell("no VM is found here"));
    }
    Ok(session.tell_shown(&Value::List(rows)))
}

/// The longest text in a cell of the table of VMs: one long name must not turn it into something else.
const CELL: usize = 36;

/// A text as a cell shows it. A UUID is whole.
fn cut(text: &str) -> String {
    if text.chars().count() <= CELL {
        return text.to_owned();
    }
    let head: String = text.chars().take(CELL - 3).collect();
    format!("{head}...")
}

pub(super) fn variables(session: &mut Session) -> Answer {
    let mut rows: Vec<Value> = session
        .variables()
        .into_iter()
        .map(|(name, kind, value)| {
            let line = Style {
                color: false,
                width: 60,
                lines: 1,
            };
            let shown = match &value {
                Value::List(items) => format!("{} items", items.len()),
                Value::Map(members) => format!("{} keys", members.len()),
                value => show(value, line).unwrap_or_default(),
            };
            let first = shown.lines().next().unwrap_or_default();
            Value::Map(vec![
                ("name".to_owned(), Value::Text(name)),
                ("type".to_owned(), Value::Text(kind)),
                ("value".to_owned(), Value::Other(first.to_owned())),
            ])
        })
        .collect();
    rows.reverse();
    if rows.is_empty() {
        return session.tell("no variables yet");
    }
    session.tell_shown(&Value::List(rows))
}

pub(super) fn held(session: &mut Session) -> Answer {
    let held = session.held();
    let what = held.describe();
    if what.is_empty() {
        return session.tell("nothing is held");
    }
    let mut lines = what;
    for guest in held.frozen() {
        let left = guest.until.saturating_duration_since(Instant::now());
        let left = duration::show(Duration::from_secs(left.as_secs()));
        lines.push(format!("{} is thawed by itself in {left}", guest.vm));
    }
    let list: Vec<Value> = lines.into_iter().map(Value::Other).collect();
    let mut answer = Answer::Done;
    for line in list {
        answer = session.tell_shown(&line);
    }
    answer
}

pub(super) fn tell_history(session: &mut Session, text: &str) -> Answer {
    let lines = session.history();
    let found = lines
        .iter()
        .enumerate()
        .filter(|(_, line)| line.contains(text));
    let shown: Vec<String> = found
        .map(|(number, line)| {
            let line = escaped_lines(line).replace('\n', "\n       ");
            format!("{:5}  {line}", number + 1)
        })
        .collect();
    if shown.is_empty() {
        return Answer::Done;
    }
    session.tell(&shown.join("\n"))
}

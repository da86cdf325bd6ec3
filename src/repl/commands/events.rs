//! `:events`: which VMs' events appear while somebody types.

use super::nothing_after;
use crate::repl::session::{Answer, Session};
use crate::repl::value::Value;
use crate::report::Report;
use crate::vm::event::Filter;

pub(super) fn follow(session: &mut Session, words: &str) -> Result<Answer, Report> {
    let mut words = words.split_whitespace();
    match words.next() {
        None => Ok(list(session)),
        Some("on") => {
            let filters = filters(words)?;
            if session.in_use().is_none() {
                return Err(
                    Report::usage("no VM is in use, so it is not known whose events")
                        .with_hint("`:use web01` takes one into use; `:events web01` names one"),
                );
            }
            Ok(session.follow_in_use(&filters))
        }
        Some("off") => off(session, words.next().unwrap_or_default(), words.next()),
        Some(vms) => {
            let filters = filters(words)?;
            Ok(session.follow(vms, &filters))
        }
    }
}

fn filters<'a>(words: impl Iterator<Item = &'a str>) -> Result<Vec<Filter>, Report> {
    let filter = |word: &str| {
        let wrong = |why| Report::usage(format!("`{word}` names no event: {why}"));
        word.parse().map_err(wrong)
    };
    words.map(filter).collect()
}

fn off(session: &mut Session, vm: &str, more: Option<&str>) -> Result<Answer, Report> {
    nothing_after("events off VM", more.unwrap_or_default())?;
    let ended = session.unfollow(Some(vm).filter(|vm| !vm.is_empty()));
    if ended > 0 {
        return Ok(Answer::Done);
    }
    if vm.is_empty() {
        return Ok(session.tell("no events are followed"));
    }
    Err(Report::usage(format!("events of `{vm}` are not followed"))
        .with_hint("`:events` tells which are"))
}

fn list(session: &mut Session) -> Answer {
    let row = |(vm, filters): (String, Vec<String>)| {
        let filters = match filters.as_slice() {
            [] => "all".to_owned(),
            filters => filters.join(" "),
        };
        Value::Map(vec![
            ("vm".to_owned(), Value::Text(vm)),
            ("events".to_owned(), Value::Text(filters)),
        ])
    };
    let rows: Vec<Value> = session.followed().into_iter().map(row).collect();
    if rows.is_empty() {
        return session.tell("no events are followed: `:events on` follows those of the VM in use");
    }
    session.tell_shown(&Value::List(rows))
}

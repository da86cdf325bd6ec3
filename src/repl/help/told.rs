//! Commands of a VM's QEMU and of its guest's agent, as these tell them: the text that `qmpsh qmp VM COMMAND --help` makes.

use super::entries;
use super::text::bold;
use crate::repl::session::{Answer, Session};
use crate::report::Report;
use crate::script::Named;
use crate::vm::agent::AgentCommands;
use crate::vm::schema::{self, Caller, Finding, Problem, Reader, Schema, Words};
use crate::wire::escape::escaped_lines;

/// The VM in use, as a line calls it.
const IN_USE: &str = "v";

/// What is asked of whom.
struct Question<'a> {
    vm: Named,
    /// The VM as the line calls it.
    called: &'a str,
    /// The command; none asks for all of them.
    command: Option<&'a str>,
    words: &'a [&'a str],
    /// What is to stand below the answer.
    below: Option<&'a str>,
}

/// Tells about a command that a line names behind a VM: `v.qmp.eject`, `v.qmp("eject")`, `v.agent.call("guest-exec")`; and of
/// all commands where it names `v.qmp` alone. None if it is about something else. Fails if there is no such command.
pub(super) fn behind(
    session: &mut Session,
    topic: &str,
    words: &[&str],
) -> Result<Option<Answer>, Report> {
    let Some(behind) = session.vm_behind(topic) else {
        return Ok(None);
    };
    let steps: Vec<(&str, Option<&str>)> = behind
        .members
        .iter()
        .map(|step| (step.name.as_str(), step.literal.as_deref()))
        .collect();
    let (is_agent, command) = match steps[..] {
        [("qmp", literal)] => (false, literal),
        [("qmp", None), (name, None)] => (false, Some(name)),
        [("agent", None), ("call", literal)] => (true, literal),
        [("agent", None), (name, None)] if !has(session, "agent", name) => (true, Some(name)),
        _ => return Ok(None),
    };
    let place = if is_agent { ".agent" } else { ".qmp" };
    let question = Question {
        vm: behind.vm,
        // Behind a variable that holds the agent there is no VM's name.
        called: topic.rfind(place).map_or(IN_USE, |at| &topic[..at]),
        command,
        words,
        below: None,
    };
    if is_agent {
        of_agent(session, &question).map(Some)
    } else {
        of_monitor(session, &question).map(Some)
    }
}

/// Tells about a command of the VM in use, or of its agent, and then what is to stand `below`. None if no VM is in use, or
/// has anything like it.
pub(super) fn in_use(
    session: &mut Session,
    topic: &str,
    words: &[&str],
    below: Option<&str>,
) -> Result<Option<Answer>, Report> {
    let is_name = |next: char| next.is_ascii_alphanumeric() || "-_".contains(next);
    let Ok(vm) = session.vm("") else {
        return Ok(None);
    };
    if !topic.chars().all(is_name) {
        return Ok(None);
    }
    let question = Question {
        vm,
        called: IN_USE,
        command: Some(topic),
        words,
        below,
    };
    if AgentCommands::known().find(topic).is_some() {
        return of_agent(session, &question).map(Some);
    }
    match session.schema_of(&question.vm) {
        Ok(Some(schema)) if is_far(&schema, topic) => Ok(None),
        Ok(Some(schema)) if below.is_some() && schema.named(topic).is_none() => Ok(None),
        Ok(_) => of_monitor(session, &question).map(Some),
        Err(answer) => Ok(Some(answer)),
    }
}

/// Whether it is no command, and none is near.
fn is_far(schema: &Schema, written: &str) -> bool {
    let finding = || schema.no_command(written).problem;
    schema.named(written).is_none() && matches!(finding(), Problem::NoCommand { nearest: None })
}

fn has(session: &mut Session, kind: &str, name: &str) -> bool {
    let mut members = session.reference().members(kind);
    members.any(|entry| entry.name == name)
}

fn of_monitor(session: &mut Session, question: &Question) -> Result<Answer, Report> {
    let schema = match session.schema_of(&question.vm) {
        Ok(schema) => schema.ok_or_else(|| Report::no_schema(question.vm.label()))?,
        Err(answer) => return Ok(answer),
    };
    let function = format!("{}.qmp", question.called);
    let reader = reader(session, question, &function);
    let Some(written) = question.command else {
        let text = schema::list(&schema, reader);
        return Ok(tell_all(session, "vm.qmp", &text));
    };
    let command = schema.named(written).ok_or_else(|| {
        let finding = schema.no_command(written);
        no_command(question, "qmp", &finding)
    })?;
    let text = schema::help(&schema, command, &words(question)?, reader);
    Ok(tell(session, &text, question.below))
}

fn of_agent(session: &mut Session, question: &Question) -> Result<Answer, Report> {
    let commands = match session.agent_commands_of(&question.vm) {
        Ok(commands) => commands,
        Err(answer) => return Ok(answer),
    };
    let function = format!("{}.agent.call", question.called);
    let reader = reader(session, question, &function);
    let Some(written) = question.command else {
        let text = commands.list(reader);
        return Ok(tell_all(session, "agent.call", &text));
    };
    let command = commands.named(written);
    let command = command.map_err(|finding| no_command(question, "agent.call", &finding))?;
    let text = commands.help(command, &words(question)?, reader);
    Ok(tell(session, &text, question.below))
}

fn no_command(question: &Question, place: &str, finding: &Finding) -> Report {
    let report = Report::of_finding(question.vm.label(), finding);
    if matches!(finding.problem, Problem::NoCommand { nearest: None }) {
        let called = question.called;
        return report.with_hint(format!(
            "`:help {called}.{place}` lists those that are there"
        ));
    }
    report
}

fn words(question: &Question) -> Result<Words, Report> {
    Words::parse(question.words.iter().copied()).map_err(|wrong| Report::from(&wrong))
}

fn reader<'a>(session: &Session, question: &Question, function: &'a str) -> Reader<'a> {
    Reader {
        width: session.style().width,
        caller: if question.called == IN_USE {
            Caller::Script(function)
        } else {
            Caller::ScriptOf(function)
        },
    }
}

/// The first line is the command's name.
fn tell(session: &mut Session, text: &str, below: Option<&str>) -> Answer {
    let text = escaped_lines(text);
    let below = below
        .map(|below| format!("\n\n{below}"))
        .unwrap_or_default();
    let (name, rest) = text.split_once('\n').unwrap_or((&text, ""));
    let name = bold(session.style(), name);
    session.tell(&format!("{name}\n{rest}{below}"))
}

/// All commands, behind what is said of the function that takes them.
fn tell_all(session: &mut Session, function: &str, list: &str) -> Answer {
    let style = session.style();
    let about = entries::about(session, function, style);
    let about = about.map(|about| about.text).unwrap_or_default();
    session.tell(&format!("{about}\n\n{}", escaped_lines(list)))
}

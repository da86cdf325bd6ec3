//! `:help` and a `?` behind what is asked about: what there is, and all about one thing.
//!
//! | file | what it owns |
//! | --- | --- |
//! | `asked` | what a `?` at the end of a line asks about |
//! | `entries` | functions, types, modules, variables, colon-commands |
//! | `header` | what a script's header says |
//! | `told` | commands of a VM's QEMU and of its guest's agent, as these tell them |
//! | `text` | documentation in the lines of a terminal |

mod asked;
mod entries;
mod header;
mod text;
mod told;

pub(super) use asked::is_asked;
use entries::About;
use text::{bold, wrapped};

use super::commands::COMMANDS;
use super::session::{Answer, Session};
use super::show::Style;
use crate::nearest::did_you_mean;
use crate::report::Report;
use crate::script::reference::Reference;

/// What is said about the session as a whole.
const WELCOME: &str = "\
Type an expression and see its value; with a `;` at its end it is not shown. The last value is `last`, the last error \
`last_error`. What is open goes on in the next line; Ctrl-C gives it up. A line that begins with a space is not kept in \
the history.

A VM is `vm(\"/run/web01.qmp\")`; `:use /run/web01.qmp` makes it the variable `v`. Then

    v.status                        how it is
    v.qmp(\"query-block\")            any QMP command, also as v.qmp.query_block()
    v.agent.exec(\"uname\", [\"-a\"])   any command of its guest agent

A `?` at the end of a line tells about what stands before it: `v.qmp.blockdev_add?`, `v.agent.exec?`, `retry?`.";

/// How more is told.
const HOW: &str = "`:help TOPIC` tells all about one of these, `:help eject` about a command of the VM in use, and `:help header` \
what a script says of itself.";

/// Tells about `topic`; without one, what there is. Words behind it, `driver=qcow2`, are arguments of a command, which decide
/// what others it takes. Fails if there is no such thing.
pub(super) fn tell(session: &mut Session, topic: &str) -> Result<Answer, Report> {
    let (topic, words) = split(topic);
    about(session, topic, &words)
}

/// Tells about what a line that ends in `?` asks about.
pub(super) fn answer(session: &mut Session, line: &str) -> Result<Answer, Report> {
    let asked = asked::of(line);
    let words: Vec<&str> = asked.words.iter().map(String::as_str).collect();
    about(session, &asked.topic, &words)
}

/// A topic, and the arguments behind it.
fn split(text: &str) -> (&str, Vec<&str>) {
    let mut topic = text.trim();
    let mut words = Vec::new();
    while let Some((before, word)) = topic.rsplit_once(char::is_whitespace) {
        let is_in_text = before.matches('"').count() % 2 == 1;
        let has_key = word
            .split_once('=')
            .is_some_and(|(key, _)| !key.is_empty() && !key.contains(['"', '(', '#']));
        if is_in_text || !has_key {
            break;
        }
        words.insert(0, word);
        topic = before.trim_end();
    }
    (topic, words)
}

fn about(session: &mut Session, topic: &str, words: &[&str]) -> Result<Answer, Report> {
    let style = session.style();
    if topic.is_empty() {
        let text = overview(session, style);
        return Ok(session.tell(&text));
    }
    if let Some(text) = header::about(topic, style.width) {
        return Ok(session.tell(&text));
    }
    if let Some(answer) = told::behind(session, topic, words)? {
        return Ok(answer);
    }
    let about = entries::about(session, topic, style);
    if let Some(About {
        text,
        in_module: false,
    }) = &about
    {
        return Ok(session.tell(text));
    }
    // A command is asked for more often than a function of a module that may not even be imported.
    let behind = about.map(|about| about.text);
    if let Some(answer) = told::in_use(session, topic, words, behind.as_deref())? {
        return Ok(answer);
    }
    if let Some(text) = behind {
        return Ok(session.tell(&text));
    }
    Err(unknown(session, topic))
}

fn unknown(session: &mut Session, topic: &str) -> Report {
    let mut names = topics(session.reference());
    let own = session.own_functions();
    names.extend(own.iter().map(|entry| entry.name.clone()));
    names.extend(COMMANDS.iter().map(|command| format!(":{}", command.name)));
    let hint = did_you_mean(topic, names.iter().map(String::as_str)).unwrap_or_else(|| {
        if session.vm("").is_ok() {
            "`:help` lists what there is, `:help v.qmp` the commands of the VM in use".to_owned()
        } else {
            "`:help` lists what there is; a command of a VM's is asked of the one in use: `:use web01`".to_owned()
        }
    });
    Report::usage(format!("there is no help on `{topic}`")).with_hint(hint)
}

/// The topics that there are, for completion.
pub(super) fn topics(reference: &Reference) -> Vec<String> {
    let mut topics: Vec<String> = reference
        .entries
        .iter()
        .filter(|entry| !entry.of_language)
        .flat_map(|entry| [Some(entry.name.clone()), entry.owner.clone()])
        .flatten()
        .chain(reference.modules.iter().map(|module| module.path.clone()))
        .chain([header::TOPIC.to_owned()])
        .collect();
    topics.sort();
    topics.dedup();
    topics
}

fn overview(session: &mut Session, style: Style) -> String {
    let mut text = welcome(style);
    text.push_str("\n\n");
    for command in COMMANDS {
        let usage = format!(":{} {}", command.name, command.arguments);
        text.push_str(&format!(
            "  {}  {}\n",
            bold(style, &format!("{usage:18}")),
            command.about
        ));
    }
    let reference = session.reference();
    let list = |names: Vec<&str>| wrapped(&names.join(" "), style.width, "    ");
    let mut functions: Vec<&str> = reference
        .functions()
        .map(|entry| entry.name.as_str())
        .collect();
    functions.sort_unstable();
    functions.dedup();
    let mut types: Vec<&str> = reference
        .entries
        .iter()
        .filter(|entry| !entry.of_language)
        .filter_map(|entry| entry.owner.as_deref())
        .collect();
    types.sort_unstable();
    types.dedup();
    let modules = reference.modules.iter().map(|module| module.path.as_str());
    text.push_str(&format!(
        "\n{}\n  {}\n{}\n  {}\n{}\n  {}\n{}",
        wrapped(HOW, style.width, ""),
        bold(style, "functions"),
        list(functions),
        bold(style, "types, with their methods"),
        list(types),
        bold(style, "modules, as in `import \"std/size\" as size;`"),
        list(modules.collect()),
    ));
    text
}

fn welcome(style: Style) -> String {
    let paragraphs = WELCOME.split("\n\n").map(|paragraph| {
        if paragraph.starts_with("    ") {
            paragraph.to_owned()
        } else {
            wrapped(paragraph, style.width, "")
        }
    });
    paragraphs
        .collect::<Vec<_>>()
        .join("\n\n")
        .replacen("Then\n\n", "Then\n", 1)
}

#[cfg(test)]
mod tests {
    use super::split;

    #[test]
    fn arguments_behind_a_topic_are_told_from_it() {
        for (text, topic, words) in [
            ("blockdev-add", "blockdev-add", &[][..]),
            (
                "blockdev-add driver=qcow2  file.driver=file",
                "blockdev-add",
                &["driver=qcow2", "file.driver=file"],
            ),
            (
                "vm(\"a b\").qmp(\"x\") a=b",
                "vm(\"a b\").qmp(\"x\")",
                &["a=b"],
            ),
            ("vm(\"a b=c\").qmp", "vm(\"a b=c\").qmp", &[]),
            ("", "", &[]),
        ] {
            assert_eq!(split(text), (topic, words.to_vec()), "{text}");
        }
    }
}

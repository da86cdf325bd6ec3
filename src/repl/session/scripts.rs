//! Scripts that are run in a session, as `qmpsh run` runs them.

use std::ffi::OsStr;

use super::{Answer, Session};
use crate::report::{Exit, Kind, Report};
use crate::script::called::{Line, Uncalled};
use crate::script::header::Header;
use crate::script::output::Output;
use crate::script::{Ending, Source, diagnostic};

/// What calls a script.
const RUN: &str = ":run";

/// Options of qmpsh itself, which a session has from its start.
const OF_QMPSH: [&str; 7] = [
    "--config",
    "--dry-run",
    "--json",
    "--read-only",
    "--record",
    "--replay",
    "--timeout",
];

impl Session {
    /// Runs a script with the words behind its name. Its value is `last`, and not shown: what is to be seen, it prints.
    pub(in crate::repl) fn run_script(&mut self, words: Vec<String>) -> Result<Answer, Report> {
        if words.iter().any(|word| word == "-") {
            return Err(Report::usage(
                "a session has no script on its standard input: that is what is typed",
            ));
        }
        let line = match Line::read(RUN, words.clone()) {
            Ok(line) => line,
            Err(uncalled) => return self.uncalled(uncalled, RUN, &words),
        };
        let source = Source::find(OsStr::new(&line.script))?;
        let header = match Header::read(&source.text) {
            Ok(header) => header,
            Err(invalid) => {
                let color = self.preferences().color;
                let drawn = diagnostic::draw_at(&invalid.report, &source, invalid.line, color);
                self.write(Output::drawn, &drawn);
                return Ok(Answer::Failed(invalid.report.exit));
            }
        };
        let name = format!("{RUN} {}", source.name);
        let called = match line.call(&name, &source.name, &header) {
            Ok(called) => called,
            Err(uncalled) => return self.uncalled(uncalled, &name, &words),
        };
        self.script.set_asks(self.preferences().confirm);
        let mut outcome = self.script.call(&source, called);
        let Ending::Exit(code, _) = outcome.ending else {
            return Ok(self.ended(outcome));
        };
        // It is the script's end, and not the session's.
        outcome.ending = Ending::Value(().into());
        match self.ended(outcome) {
            Answer::Done if code != 0 => {
                let message = format!("`{}` ended with exit code {code}", source.name);
                Err(Report::new(Kind::Script, message).with_exit(Exit::Script(code)))
            }
            answer => Ok(answer),
        }
    }

    /// Tells the help that a line asks for, or what is wrong with it.
    fn uncalled(
        &mut self,
        uncalled: Uncalled,
        name: &str,
        words: &[String],
    ) -> Result<Answer, Report> {
        match uncalled {
            Uncalled::Help(text) => Ok(self.tell(&text)),
            Uncalled::Wrong(report) => {
                let is_own = |word: &&str| OF_QMPSH.contains(word) && report.message.contains(word);
                let mut options = words.iter().filter_map(|word| word.split('=').next());
                Err(match (options.find(is_own), &report.hint) {
                    (Some(option), _) => report.with_hint(format!(
                        "`{option}` is for all of a session, from its start: `qmpsh {option}`"
                    )),
                    (None, None) => {
                        report.with_hint(format!("`{name} --help` tells what it takes"))
                    }
                    (None, Some(_)) => report,
                })
            }
        }
    }
}

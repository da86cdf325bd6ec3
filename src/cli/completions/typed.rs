//! The line that is being typed, up to the word that is to be completed.

use std::env;
use std::ffi::OsString;

use clap::{Arg, Command};

/// The words before the one that is to be completed, without the program's own name.
pub(super) struct Typed(Vec<String>);

impl Typed {
    /// The words of `line`, which begins with the program's name. The shell says in the environment which is being
    /// completed; one that does not, completes the last.
    pub(super) fn of(line: &[OsString]) -> Self {
        let index = env::var("_CLAP_COMPLETE_INDEX")
            .ok()
            .and_then(|index| index.parse().ok())
            .unwrap_or(line.len().saturating_sub(1));
        let before = line.iter().take(index).skip(1);
        Self(
            before
                .map(|word| word.to_string_lossy().into_owned())
                .collect(),
        )
    }

    /// The value of an option, `--option VALUE` or `--option=VALUE`.
    pub(super) fn value_of(&self, option: &str) -> Option<&str> {
        let at = self.0.iter().position(|word| word == option);
        let next = at.and_then(|at| self.0.get(at + 1)).map(String::as_str);
        let mut joined = self
            .0
            .iter()
            .filter_map(|word| word.strip_prefix(option)?.strip_prefix('='));
        next.or_else(|| joined.next())
    }

    /// The words that are no options and no values of options: the subcommand and what stands after it.
    pub(super) fn places(&self, command: &Command) -> Vec<String> {
        let mut places: Vec<String> = Vec::new();
        let mut words = self.0.iter();
        let mut only_places = false;
        while let Some(word) = words.next() {
            let name = places.first();
            let subcommand = name.and_then(|name| command.find_subcommand(name));
            if word == "--" && !only_places {
                only_places = true;
            } else if only_places || !word.starts_with('-') || word == "-" {
                places.push(word.clone());
            } else if takes_next(subcommand.unwrap_or(command), word) {
                words.next();
            }
        }
        places
    }
}

/// Whether the value of the option `word` is the next word.
fn takes_next(command: &Command, word: &str) -> bool {
    let takes = |wanted: &dyn Fn(&Arg) -> bool| {
        command
            .get_arguments()
            .find(|arg| wanted(arg))
            .is_some_and(|arg| arg.get_action().takes_values())
    };
    match word.strip_prefix("--") {
        Some(long) => !long.contains('=') && takes(&|arg| arg.get_long() == Some(long)),
        None => word
            .chars()
            .last()
            .is_some_and(|short| takes(&|arg| arg.get_short() == Some(short))),
    }
}

#[cfg(test)]
mod tests {
    use clap::{Arg, ArgAction, Command};

    use super::Typed;

    #[test]
    fn places_are_the_words_that_are_no_options_and_no_values_of_options() {
        let time = Arg::new("timeout").long("timeout").short('t').global(true);
        let flag = Arg::new("json").long("json").short('j').global(true);
        let mut command = Command::new("qmpsh")
            .arg(time)
            .arg(flag.action(ArgAction::SetTrue))
            .subcommand(Command::new("qmp").arg(Arg::new("args").long("args")));
        command.build();
        for (line, places) in [
            ("qmp web01 eject", &["qmp", "web01", "eject"][..]),
            ("--timeout 5s qmp web01", &["qmp", "web01"]),
            ("--timeout=5s qmp web01", &["qmp", "web01"]),
            ("-jt 5s qmp --json web01", &["qmp", "web01"]),
            ("qmp --args {} web01 -j", &["qmp", "web01"]),
            ("qmp -- --args x", &["qmp", "--args", "x"]),
            ("qmp -", &["qmp", "-"]),
            ("", &[]),
        ] {
            let words = line.split_whitespace().map(str::to_owned).collect();
            assert_eq!(Typed(words).places(&command), places, "{line}");
        }
    }
}

//! The command line that clap makes of a script's header, and what a line that was read becomes.

use std::collections::BTreeMap;
use std::ffi::OsString;

use clap::{Arg, ArgAction, ArgMatches, Command};
use rhai::{Array, Dynamic, Map};

use super::prose;
use crate::script::argument::{Argument, Kind, Value};
use crate::script::header::Header;
use crate::wire::secret::is_secret;

/// The id under which words are kept that no header declares.
const WORDS: &str = "words";

/// The command line of a script that `name` runs.
pub fn command(name: &str, header: &Header) -> Command {
    let mut command = Command::new(name.to_owned())
        .no_binary_name(true)
        .bin_name(name.to_owned())
        .about(header.summary.clone());
    if !header.about.is_empty() {
        let about = prose::flowing(&header.about);
        command = command.long_about(format!("{}\n\n{about}", header.summary));
    }
    if let Some(oldest) = header.qemu {
        command = command.after_help(format!("Needs QEMU {} or newer.", oldest.release));
    }
    match &header.arguments {
        Some(arguments) => command.args(arguments.iter().map(argument)),
        None => command.arg(
            Arg::new(WORDS)
                .value_name("WORD")
                .num_args(0..)
                .trailing_var_arg(true)
                .allow_hyphen_values(true)
                .help("what the script finds in `args`"),
        ),
    }
}

fn argument(declared: &Argument) -> Arg {
    let kind = declared.kind.clone();
    let mut arg = Arg::new(declared.name.clone())
        .help(help(declared))
        .required(declared.required)
        .value_name(if declared.flag {
            declared.kind.placeholder().to_owned()
        } else {
            declared.option().to_uppercase()
        })
        .default_values(&declared.default);
    if declared.flag {
        arg = arg.long(declared.option());
    }
    if declared.is_switch() {
        return arg.action(ArgAction::SetTrue);
    }
    arg = arg
        .value_parser(move |word: &str| kind.parse(word))
        .allow_negative_numbers(true);
    match (declared.many, declared.flag) {
        (true, true) => arg.action(ArgAction::Append),
        (true, false) => arg
            .action(ArgAction::Append)
            .num_args(usize::from(declared.required)..),
        (false, _) => arg,
    }
}

fn help(declared: &Argument) -> String {
    match &declared.kind {
        Kind::Choice(values) => format!("{} [one of: {}]", declared.help, values.join(", "))
            .trim_start()
            .to_owned(),
        _ => declared.help.clone(),
    }
}

/// What was given, by name; an argument that was not is absent.
pub(super) fn values(header: &Header, matches: &ArgMatches) -> BTreeMap<String, Vec<Value>> {
    let mut values = BTreeMap::new();
    for declared in header.arguments.iter().flatten() {
        let name = declared.name.as_str();
        if let Ok(Some(given)) = matches.try_get_many::<Value>(name) {
            values.insert(name.to_owned(), given.cloned().collect());
        } else if let Ok(Some(switch)) = matches.try_get_one::<bool>(name) {
            values.insert(name.to_owned(), vec![Value::Bool(*switch)]);
        }
    }
    values
}

/// The value of `args` in a script that declares nothing.
pub fn words(words: impl IntoIterator<Item = String>) -> Dynamic {
    Dynamic::from_array(words.into_iter().map(Dynamic::from).collect())
}

/// The words that were given for arguments whose name is a secret's.
pub fn secrets(header: &Header, matches: &ArgMatches) -> Vec<OsString> {
    let declared = header.arguments.iter().flatten();
    let secret = declared.filter(|declared| is_secret(&declared.name));
    let given = secret.filter_map(|declared| matches.try_get_raw(&declared.name).ok().flatten());
    given.flatten().map(OsString::from).collect()
}

/// The value of `args` in the script: a map of what was given, or the array of words where nothing is declared.
pub(super) fn to_script(
    header: &Header,
    matches: &ArgMatches,
    values: &BTreeMap<String, Vec<Value>>,
) -> Dynamic {
    let Some(arguments) = &header.arguments else {
        let given = matches.try_get_many::<String>(WORDS).ok().flatten();
        return words(given.into_iter().flatten().cloned());
    };
    let mut args = Map::new();
    for declared in arguments {
        let given = values
            .get(&declared.name)
            .map(Vec::as_slice)
            .unwrap_or_default();
        let value = if declared.many {
            Some(given.iter().map(Value::to_script).collect::<Array>().into())
        } else {
            given.first().map(Value::to_script)
        };
        args.extend(value.map(|value| (declared.name.as_str().into(), value)));
    }
    args.into()
}

#[cfg(test)]
mod tests {
    use rhai::Dynamic;

    use super::{command, to_script, values};
    use crate::script::convert::to_json;
    use crate::script::header::Header;

    const HEADER: &str = r#"//! Does it.
//! [args]
//! vm = { type = "vm" }
//! dir = { type = "path", flag = true }
//! dry_run = { type = "bool", flag = true }
//! wait = { type = "duration", flag = true, default = "1m" }
//! size = { type = "size", flag = true }
//! mode = { type = "choice", values = ["a", "b"], flag = true, help = "how" }
//! tag = { flag = true, many = true }
//! numbers = { type = "int", many = true, required = false }
"#;

    fn parse(header: &str, line: &str) -> Result<String, String> {
        let header = Header::read(header).unwrap();
        let matches = command("qmpsh run x", &header)
            .try_get_matches_from(line.split_whitespace())
            .map_err(|error| error.to_string())?;
        let args: Dynamic = to_script(&header, &matches, &values(&header, &matches));
        Ok(to_json(&args).unwrap().to_string())
    }

    #[test]
    fn arguments_arrive_with_their_types() {
        assert_eq!(
            parse(
                HEADER,
                "web01 -3 4 --dir /x --dry-run --wait 1.5s --size 1.5K --mode b --tag p --tag q"
            )
            .unwrap(),
            r#"{"dir":"/x","dry_run":true,"mode":"b","numbers":[-3,4],"size":1536,"tag":["p","q"],"vm":"web01","wait":1.5}"#
        );
    }

    #[test]
    fn several_vms_are_one_or_more_words() {
        let header = "//! X.\n//! [args]\n//! file = {}\n//! vms = { type = \"vms\" }\n";
        assert_eq!(
            parse(header, "x web01 db*").unwrap(),
            r#"{"file":"x","vms":["web01","db*"]}"#
        );
        let shown = parse(header, "x").unwrap_err();
        assert!(shown.contains("<VMS>..."), "{shown}");
    }

    #[test]
    fn what_is_not_given_is_its_default_or_absent() {
        assert_eq!(
            parse(HEADER, "web01").unwrap(),
            r#"{"dry_run":false,"numbers":[],"tag":[],"vm":"web01","wait":60}"#
        );
    }

    #[test]
    fn wrong_words_are_refused_with_what_is_wanted() {
        for (line, wanted) in [
            ("", "<VM>"),
            ("web01 x", "`x` is no integer"),
            ("web01 --mode c", "`c` is not one of a, b"),
            ("web01 --wait soon", "`soon` is no length of time"),
            ("web01 --size big", "`big` is no size"),
            ("web01 --dirr /x", "--dir"),
        ] {
            let shown = parse(HEADER, line).unwrap_err();
            assert!(shown.contains(wanted), "{line}: {shown}");
        }
    }

    #[test]
    fn help_shows_the_scripts_own_arguments() {
        let shown = parse(HEADER, "--help").unwrap_err();
        for part in [
            "Does it.",
            "qmpsh run x [OPTIONS] <VM> [NUMBERS]...",
            "--dir <PATH>",
            "--dry-run",
            "how [one of: a, b]",
            "[default: 1m]",
        ] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
    }

    #[test]
    fn help_shows_which_qemu_is_needed() {
        let header = format!("{HEADER}//! [needs]\n//! qemu = \"6.0\"\n");
        for word in ["-h", "--help"] {
            let shown = parse(&header, word).unwrap_err();
            assert!(shown.ends_with("\nNeeds QEMU 6.0 or newer.\n"), "{shown}");
        }
    }

    #[test]
    fn a_script_that_declares_nothing_gets_the_words() {
        assert_eq!(
            parse("let x = 1;", "a --b -c d").unwrap(),
            r#"["a","--b","-c","d"]"#
        );
        assert_eq!(parse("let x = 1;", "").unwrap(), "[]");
        assert!(parse("//! X.\n//! [args]\n", "a").is_err());
    }
}

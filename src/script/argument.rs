//! The arguments that a script's header declares: their types, the command line that clap makes of them, and the values
//! that the script finds in `args`.

mod allow;
mod called;
mod prose;

use std::collections::BTreeMap;
use std::ffi::OsString;

use clap::{Arg, ArgAction, ArgMatches, Command};
use rhai::{Array, Dynamic, Map};

use super::header::Header;
use crate::duration;
use crate::vm::size;
use crate::wire::secret::is_secret;

pub use allow::Allow;
pub use called::{Called, Line, Uncalled, misread};

/// The id under which words are kept that no header declares.
const WORDS: &str = "words";

/// One declared argument.
#[derive(Clone, Debug, PartialEq)]
pub struct Argument {
    /// Its key in `args`; as an option its `_` are written `-`.
    pub name: String,
    /// What its values are.
    pub kind: Kind,
    /// What it means.
    pub help: String,
    /// Whether it is an option (`--dir`) rather than a place in the line.
    pub flag: bool,
    /// Whether it takes several values.
    pub many: bool,
    /// Whether it must be given.
    pub required: bool,
    /// What it is when not given, as words.
    pub default: Vec<String>,
}

impl Argument {
    /// How it is written as an option, without the dashes.
    pub fn option(&self) -> String {
        self.name.replace('_', "-")
    }

    /// Whether it is an option without a value.
    pub fn is_switch(&self) -> bool {
        self.flag && self.kind == Kind::Bool && !self.many && self.default.is_empty()
    }
}

/// The type of an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kind {
    /// What `vm(...)` takes; a text in the script.
    Vm,
    /// Several of those, which `std/fleet` takes; always `many`.
    Vms,
    /// A path on this host; a text in the script.
    Path,
    /// Any text.
    Text,
    /// A signed integer.
    Int,
    /// A number.
    Float,
    /// True or false; as an option, a switch.
    Bool,
    /// A length of time; seconds in the script.
    Duration,
    /// A size such as `10G`; bytes in the script.
    Size,
    /// One of these texts.
    Choice(Vec<String>),
}

/// A value given on the command line.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A text, path, VM or choice.
    Text(String),
    /// An integer or a size.
    Int(i64),
    /// A number or seconds.
    Float(f64),
    /// A switch.
    Bool(bool),
}

impl Value {
    /// The value as a word.
    pub fn word(&self) -> String {
        match self {
            Self::Text(text) => text.clone(),
            Self::Int(integer) => integer.to_string(),
            Self::Float(float) => float.to_string(),
            Self::Bool(boolean) => boolean.to_string(),
        }
    }

    fn to_script(&self) -> Dynamic {
        match self {
            Self::Text(text) => text.as_str().into(),
            Self::Int(integer) => (*integer).into(),
            Self::Float(float) => (*float).into(),
            Self::Bool(boolean) => (*boolean).into(),
        }
    }
}

impl Kind {
    /// The names of all types, as headers write them.
    pub const NAMES: [&'static str; 10] = [
        "vm", "vms", "path", "string", "int", "float", "bool", "duration", "size", "choice",
    ];

    /// The type of that name; a choice has values besides its name, so is not found here.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        Some(match name {
            "vm" => Self::Vm,
            "vms" => Self::Vms,
            "path" => Self::Path,
            "string" => Self::Text,
            "int" => Self::Int,
            "float" => Self::Float,
            "bool" => Self::Bool,
            "duration" => Self::Duration,
            "size" => Self::Size,
            _ => return None,
        })
    }

    /// What stands for its values in help.
    pub fn placeholder(&self) -> &'static str {
        match self {
            Self::Vm | Self::Vms => "VM",
            Self::Path => "PATH",
            Self::Text => "TEXT",
            Self::Int | Self::Float => "NUMBER",
            Self::Bool => "BOOL",
            Self::Duration => "TIME",
            Self::Size => "SIZE",
            Self::Choice(_) => "CHOICE",
        }
    }

    /// The value that `word` means; an error says what is wanted.
    pub fn parse(&self, word: &str) -> Result<Value, String> {
        match self {
            Self::Vm | Self::Vms | Self::Path if word.is_empty() => Err("it is empty".to_owned()),
            Self::Vm | Self::Vms | Self::Path | Self::Text => Ok(Value::Text(word.to_owned())),
            Self::Int => word
                .parse()
                .map(Value::Int)
                .map_err(|_| format!("`{word}` is no integer")),
            Self::Float => match word.parse::<f64>() {
                Ok(float) if float.is_finite() => Ok(Value::Float(float)),
                _ => Err(format!("`{word}` is no number")),
            },
            Self::Bool => word
                .parse()
                .map(Value::Bool)
                .map_err(|_| format!("`{word}` is not true or false")),
            Self::Duration => duration::parse(word)
                .map(seconds)
                .map_err(|wrong| wrong.to_string()),
            Self::Size => size::parse(word).map(Value::Int).ok_or_else(|| {
                format!("`{word}` is no size; write bytes, or a number with K, M, G or T")
            }),
            Self::Choice(values) if values.iter().any(|value| value == word) => {
                Ok(Value::Text(word.to_owned()))
            }
            Self::Choice(values) => Err(format!("`{word}` is not one of {}", values.join(", "))),
        }
    }
}

fn seconds(length: std::time::Duration) -> Value {
    match i64::try_from(length.as_secs()) {
        Ok(whole) if length.subsec_nanos() == 0 => Value::Int(whole),
        _ => Value::Float(length.as_secs_f64()),
    }
}

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
pub fn values(header: &Header, matches: &ArgMatches) -> BTreeMap<String, Vec<Value>> {
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
pub fn to_script(
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

    use super::{Kind, Value, command, to_script, values};
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

    #[test]
    fn every_type_that_a_header_may_name_exists() {
        for name in Kind::NAMES {
            assert!(
                name == "choice" || Kind::from_name(name).is_some(),
                "{name}"
            );
        }
        assert_eq!(Kind::Bool.parse("true"), Ok(Value::Bool(true)));
        assert!(Kind::Float.parse("nan").is_err());
        assert!(Kind::Vm.parse("").is_err());
    }
}

//! What scripts can call, as a table: made from the descriptions beside the functions of `api`, from Rhai's own, and from the
//! documentation of modules. Help and completion read it.

use std::any::TypeId;
use std::collections::{BTreeMap, HashSet};

use rhai::{
    AST, Array, Blob, Dynamic, Engine, FnAccess, FnPtr, FuncMetadata, ImmutableString, Map, Module,
};

use super::api::output;
use super::library;
use super::names::is_closure;
use super::with;

/// One form of a function, a method or a property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// What it is called.
    pub name: String,
    /// The type that it is a method or property of, or the module that it is in; none for a plain function.
    pub owner: Option<String>,
    /// Its parameters as they are written, `path: string`; none for a property.
    pub parameters: Option<Vec<String>>,
    /// The type of its value; empty if it is not known.
    pub gives: String,
    /// What it does, in Markdown, with an example.
    pub about: String,
    /// Whether it is a part of Rhai rather than of qmpsh.
    pub of_language: bool,
}

/// A module, as one in the binary.
#[derive(Clone, Debug)]
pub struct StandardModule {
    /// What `import` calls it.
    pub path: String,
    /// What it is for.
    pub about: String,
    /// Its functions.
    pub functions: Vec<Entry>,
}

/// All that scripts can call.
#[derive(Clone, Debug)]
pub struct Reference {
    /// Functions, methods and properties.
    pub entries: Vec<Entry>,
    /// The modules in the binary.
    pub modules: Vec<StandardModule>,
}

impl Entry {
    /// As it is written: `exec(program: string, arguments: array) -> map`.
    pub fn signature(&self) -> String {
        let parameters = self
            .parameters
            .as_ref()
            .map(|parameters| format!("({})", parameters.join(", ")))
            .unwrap_or_default();
        let gives = match self.gives.as_str() {
            "" | "()" => String::new(),
            kind => format!(" -> {kind}"),
        };
        format!("{}{parameters}{gives}", self.name)
    }

    /// The first sentence on what it does.
    pub fn summary(&self) -> String {
        let paragraph: Vec<&str> = self
            .about
            .lines()
            .map(str::trim)
            .take_while(|line| !line.is_empty() && !line.starts_with('#'))
            .collect();
        let paragraph = paragraph.join(" ");
        match paragraph.find(". ") {
            Some(end) => paragraph[..=end].to_owned(),
            None => paragraph,
        }
    }
}

impl Reference {
    /// The table of what `engine` knows.
    pub fn of(engine: &Engine) -> Self {
        let rhai = Engine::new();
        let of_language = rhai.collect_fn_metadata(None, |info| Some(info.metadata.hash), true);
        let of_language: HashSet<u64> = of_language.into_iter().collect();
        let all = engine.collect_fn_metadata(None, |info| Some(info.metadata.clone()), true);
        let is_ours = |function: &&FuncMetadata| !of_language.contains(&function.hash);
        let types = types(all.iter().filter(is_ours));
        let functions = all
            .iter()
            .filter_map(|function| entry(function, is_ours(&function), &types));
        let entries = functions.chain([syntax(), printing()]).collect();
        Self {
            entries,
            modules: modules(engine),
        }
    }

    /// The methods and properties of a type.
    pub fn members<'a>(&'a self, kind: &'a str) -> impl Iterator<Item = &'a Entry> {
        self.entries
            .iter()
            .filter(move |entry| entry.owner.as_deref() == Some(kind))
    }

    /// The functions that are called by their name alone.
    pub fn functions(&self) -> impl Iterator<Item = &Entry> {
        self.entries.iter().filter(|entry| entry.owner.is_none())
    }
}

/// What a value's type is called in the table.
pub(super) fn type_name(engine: &Engine, value: &Dynamic) -> String {
    match engine.map_type_name(value.type_name()) {
        "i64" => "int".to_owned(),
        "f64" => "float".to_owned(),
        name => name.to_owned(),
    }
}

/// The functions of a module that can be called from outside.
pub(super) fn of_module(module: &Module, owner: Option<&str>) -> Vec<Entry> {
    module
        .iter_script_fn_info()
        .filter(|(_, access, name, ..)| *access == FnAccess::Public && !is_closure(name))
        .map(|(_, _, name, _, function)| Entry {
            name: name.to_owned(),
            owner: owner.map(str::to_owned),
            parameters: Some(function.params.iter().map(ToString::to_string).collect()),
            gives: String::new(),
            about: text(function.comments.iter().map(AsRef::as_ref)),
            of_language: false,
        })
        .collect()
}

/// A module that is compiled, known by `path`.
pub(super) fn described(module: &AST, path: &str) -> StandardModule {
    StandardModule {
        about: text(module.doc().lines()),
        functions: of_module(module.shared_lib(), Some(path)),
        path: path.to_owned(),
    }
}

fn modules(engine: &Engine) -> Vec<StandardModule> {
    let module = |(path, source): (String, &str)| {
        // What is in the binary compiles: a test runs the examples of it.
        let script = engine.compile(source).ok()?;
        Some(described(&script, &path))
    };
    library::standard().filter_map(module).collect()
}

/// The types that have members, by the word that our descriptions use.
fn types<'a>(ours: impl Iterator<Item = &'a FuncMetadata>) -> BTreeMap<TypeId, String> {
    let mut types: BTreeMap<TypeId, String> = [
        (TypeId::of::<ImmutableString>(), "string"),
        (TypeId::of::<Array>(), "array"),
        (TypeId::of::<Map>(), "map"),
        (TypeId::of::<Blob>(), "blob"),
        (TypeId::of::<i64>(), "int"),
        (TypeId::of::<f64>(), "float"),
        (TypeId::of::<char>(), "char"),
        (TypeId::of::<FnPtr>(), "Fn"),
        (TypeId::of::<rhai::Instant>(), "timestamp"),
    ]
    .map(|(id, name)| (id, name.to_owned()))
    .into();
    for function in ours.filter(|function| !function.comments.is_empty()) {
        let is_method =
            |word: &&str| !word.contains(':') && !matches!(*word, "handle" | "value" | "()");
        let first = function
            .params_info
            .first()
            .map(AsRef::as_ref)
            .filter(is_method);
        // The types beside the words are those of the parameters, so the last word may be the result's. Any value is no type.
        let id = function.param_types.first();
        let id = id.filter(|id| **id != TypeId::of::<Dynamic>());
        if let (Some(word), Some(id)) = (first, id) {
            types.entry(*id).or_insert_with(|| word.to_owned());
        }
    }
    types
}

/// The one piece of syntax that is ours.
fn syntax() -> Entry {
    Entry {
        name: "with".to_owned(),
        owner: None,
        parameters: None,
        gives: String::new(),
        about: with::ABOUT.trim().to_owned(),
        of_language: false,
    }
}

/// `print`, which is Rhai's to call and ours to carry out.
fn printing() -> Entry {
    Entry {
        name: "print".to_owned(),
        owner: None,
        parameters: Some(vec!["value".to_owned()]),
        gives: String::new(),
        about: output::PRINT.trim().to_owned(),
        of_language: false,
    }
}

fn entry(
    function: &FuncMetadata,
    is_ours: bool,
    types: &BTreeMap<TypeId, String>,
) -> Option<Entry> {
    if function.comments.is_empty() {
        return None;
    }
    let (name, is_property) = match function.name.strip_prefix("get$") {
        Some(name) => (name, true),
        None => (function.name.as_str(), false),
    };
    let is_word = name.starts_with(|first: char| first.is_ascii_alphabetic());
    if !is_word || name.contains('$') {
        return None;
    }
    // What these give is for `print(x)` and `debug(x)` to write, which call them.
    if !is_ours && matches!(name, "print" | "debug") {
        return None;
    }
    let words: Vec<&str> = function.params_info.iter().map(AsRef::as_ref).collect();
    let owner = function.param_types.first().and_then(|id| types.get(id));
    let is_method = !words.first().is_some_and(|word| word.contains(": "));
    let is_member = !is_ours || is_property || is_method;
    let owner = owner.filter(|_| is_member && !function.param_types.is_empty());
    // Rhai's own that belong to no type of ours are its operators' kin, and of no use by themselves.
    if !is_ours && owner.is_none() {
        return None;
    }
    let skipped = usize::from(owner.is_some());
    let parameters = words.iter().take(function.num_params).skip(skipped);
    Some(Entry {
        name: name.to_owned(),
        owner: owner.cloned(),
        parameters: (!is_property).then(|| parameters.map(|word| plain(word)).collect()),
        gives: plain_type(&function.return_type),
        about: text(function.comments.iter().map(AsRef::as_ref)),
        of_language: !is_ours,
    })
}

/// A parameter in the words that our descriptions use.
fn plain(parameter: &str) -> String {
    match parameter.split_once(": ") {
        Some((name, kind)) => format!("{name}: {}", plain_type(kind)),
        None => parameter.to_owned(),
    }
}

fn plain_type(kind: &str) -> String {
    let kind = kind.trim_start_matches("&mut ").trim_start_matches('&');
    let kind = kind
        .strip_prefix("RhaiResultOf<")
        .map_or(kind, |inner| inner.trim_end_matches([' ', '>']));
    match kind {
        "INT" => "int",
        "FLOAT" => "float",
        "Array" => "array",
        "Map" => "map",
        "Blob" => "blob",
        "FnPtr" => "Fn",
        "ImmutableString" | "str" => "string",
        "Dynamic" | "RhaiResult" => "value",
        kind => kind,
    }
    .to_owned()
}

/// Documentation without the marks of a comment, and without the margin of the code in which it stands.
fn text<'a>(lines: impl Iterator<Item = &'a str>) -> String {
    let lines: Vec<&str> = lines.flat_map(str::lines).collect();
    let indent = |line: &str| line.len() - line.trim_start().len();
    let inner = lines.iter().skip(1).filter(|line| !line.trim().is_empty());
    let margin = inner.map(|line| indent(line)).min().unwrap_or(0);
    let without_marks = |line: &&str| {
        let line = &line[margin.min(indent(line))..];
        let mark = line
            .strip_prefix("///")
            .or_else(|| line.strip_prefix("//!"));
        let text = mark.map_or(line, |text| text.strip_prefix(' ').unwrap_or(text));
        text.trim_end().to_owned()
    };
    let text: Vec<String> = lines.iter().map(without_marks).collect();
    text.join("\n").trim().to_owned()
}

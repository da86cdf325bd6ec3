//! Holds the layers of the crate: who may import whom, and which library is known where; and that each file says what it
//! is about, and is there if ARCHITECTURE.md names it.
//!
//! It reads the sources as text, with comments and literals blanked out, and looks for paths that begin with `crate::`,
//! `qmpsh::` or enough `super::` to reach the root, and for the names of the guarded libraries.

use std::fmt::Write as _;
use std::fs::{read_dir, read_to_string};
use std::path::Path;

/// The layers from low to high: each may import those before it.
const LAYERS: &[&str] = &[
    "nearest",
    "duration",
    "wire",
    "client",
    "vm",
    "inventory",
    "report",
    "script",
    "repl",
    "cli",
    // The crate's map and the program's start, which see everything.
    "lib",
    "main",
];

/// Each guarded library, and the beginnings of the paths below `src/` that may import it.
const LIBRARIES: &[(&str, &[&str])] = &[
    ("rhai", &["script/", "repl/session"]),
    ("clap", &["cli/", "cli.rs", "script/called"]),
    (
        "tokio",
        &[
            "client/",
            "vm/",
            "inventory/",
            "script/bridge",
            "cli/",
            "cli.rs",
            "main.rs",
            "lib.rs",
        ],
    ),
];

#[test]
fn imports_go_only_downwards() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut found = Vec::new();
    for_each_source(&root, &mut |path| {
        let below = path.strip_prefix(&root).expect("it is below the root");
        let source = read_to_string(path).expect("a source is text");
        found.extend(breaches(below.to_str().expect("a plain name"), &source));
    });
    let mut list = String::new();
    for breach in &found {
        let _ = write!(list, "\n  {breach}");
    }
    assert!(found.is_empty(), "the layers are broken:{list}");
}

#[test]
fn every_file_says_first_what_it_is_about() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    for folder in ["src", "tests", "benches"] {
        for_each_source(&root.join(folder), &mut |path| {
            let source = read_to_string(path).expect("a source is text");
            let path = path.display();
            assert!(source.starts_with("//! "), "{path} has no `//!` at its top");
        });
    }
}

/// A file is named by the end of its path that tells it apart: `record.rs` in a section on `vm/freeze/`.
#[test]
fn every_file_that_the_architecture_names_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = read_to_string(root.join("ARCHITECTURE.md")).expect("it is text");
    let mut there = ["/stdlib/", "/scripts/", "/target/"]
        .map(str::to_owned)
        .to_vec();
    for folder in ["src", "tests", "docs"] {
        collect_paths(&root.join(folder), &format!("/{folder}/"), &mut there);
    }
    let missing: Vec<&str> = text
        .split('`')
        .skip(1)
        .step_by(2)
        .filter(|name| !name.starts_with(['.', '/', '~']) && !name.contains(' '))
        .filter(|name| {
            name.ends_with('/') || Path::new(name).extension().is_some_and(|end| end == "rs")
        })
        .filter(|name| !there.iter().any(|path| path.ends_with(&format!("/{name}"))))
        .collect();
    assert!(missing.is_empty(), "ARCHITECTURE.md names {missing:?}");
}

/// The folder and all that is below it, folders with a `/` at their end; `path` is what they are called by.
fn collect_paths(folder: &Path, path: &str, found: &mut Vec<String>) {
    found.push(path.to_owned());
    for entry in read_dir(folder).expect("the folder can be read") {
        let entry = entry.expect("the folder can be read").path();
        let name = entry.file_name().expect("it has a name").to_string_lossy();
        if entry.is_dir() {
            collect_paths(&entry, &format!("{path}{name}/"), found);
        } else {
            found.push(format!("{path}{name}"));
        }
    }
}

fn for_each_source(folder: &Path, look: &mut impl FnMut(&Path)) {
    for entry in read_dir(folder).expect("the folder can be read") {
        let path = entry.expect("the folder can be read").path();
        if path.is_dir() {
            for_each_source(&path, look);
        } else if path.extension().is_some_and(|ending| ending == "rs") {
            look(&path);
        }
    }
}

/// What in the source at `path`, relative to `src/`, breaks the layers: `src/PATH:LINE: what`.
fn breaches(path: &str, source: &str) -> Vec<String> {
    let layer = path
        .split('/')
        .next()
        .and_then(|first| first.split('.').next())
        .unwrap_or_default();
    let height = |name: &str| LAYERS.iter().position(|layer| *layer == name);
    let Some(own_height) = height(layer) else {
        return vec![format!("src/{path}:1: belongs to no layer")];
    };
    let code = without_comments_and_literals(source);
    let mut found = Vec::new();
    let mut report = |at: usize, what: String| {
        let line = code[..at].matches('\n').count() + 1;
        found.push(format!("src/{path}:{line}: {what}"));
    };

    for (at, name) in names_below_root(&code, module_depth(path)) {
        if height(name).is_some_and(|height| height > own_height) {
            report(at, format!("`{layer}` imports `{name}`"));
        }
    }
    for (library, places) in LIBRARIES {
        if places.iter().any(|place| path.starts_with(place)) {
            continue;
        }
        for at in library_uses(&code, library) {
            report(at, format!("`{library}` is not to be known here"));
        }
    }
    found
}

/// How many modules lie between the crate's root and the inside of this file.
fn module_depth(path: &str) -> usize {
    let own = match path {
        "lib.rs" | "main.rs" => return 0,
        path => path.trim_end_matches(".rs").trim_end_matches("/mod"),
    };
    own.split('/').count()
}

/// The first names of all paths that start at the crate's root, with their places; groups in braces are opened.
fn names_below_root(code: &str, depth: usize) -> Vec<(usize, &str)> {
    let climbs = "super::".repeat(depth.max(1));
    let mut names = Vec::new();
    for prefix in ["crate::", "qmpsh::", &climbs] {
        for (at, _) in code.match_indices(prefix) {
            if !is_preceded_by_path(code, at) {
                let after = at + prefix.len();
                if code[after..].trim_start().starts_with('{') {
                    names.extend(group_names(
                        code,
                        after + code[after..].find('{').unwrap_or(0),
                    ));
                } else {
                    names.push((after, name_at(code, after)));
                }
            }
        }
    }
    names
}

/// The first name of each element of a group like `{a::b, c::{d, e}}` that opens at `open`.
fn group_names(code: &str, open: usize) -> Vec<(usize, &str)> {
    let mut names = Vec::new();
    let mut depth = 0;
    let mut element_begins = false;
    for (offset, byte) in code[open..].bytes().enumerate() {
        match byte {
            b'{' => {
                depth += 1;
                element_begins = depth == 1;
            }
            b'}' => depth -= 1,
            b',' => element_begins = depth == 1,
            _ if element_begins && is_name_byte(byte) => {
                names.push((open + offset, name_at(code, open + offset)));
                element_begins = false;
            }
            _ => {}
        }
        if depth == 0 {
            break;
        }
    }
    names
}

/// The places where the library's name begins a path or is imported.
fn library_uses(code: &str, library: &str) -> Vec<usize> {
    code.match_indices(library)
        .map(|(at, _)| at)
        .filter(|&at| {
            let before = code[..at].trim_end();
            let after = &code[at + library.len()..];
            let is_imported = before.ends_with("use") && !after.starts_with(is_name_char);
            !is_preceded_by_path(code, at) && (after.starts_with("::") || is_imported)
        })
        .collect()
}

/// Whether what begins at `at` is only the rest of a longer name or path.
fn is_preceded_by_path(code: &str, at: usize) -> bool {
    let before = &code[..at];
    match before.strip_suffix("::") {
        Some(parent) => parent.ends_with(is_name_char),
        None => before.ends_with(is_name_char),
    }
}

fn name_at(code: &str, at: usize) -> &str {
    let rest = &code[at..];
    let end = rest.find(|c| !is_name_char(c)).unwrap_or(rest.len());
    &rest[..end]
}

fn is_name_char(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

fn is_name_byte(byte: u8) -> bool {
    is_name_char(char::from(byte))
}

/// The source with everything that is no code replaced by blanks; lines stay where they are.
fn without_comments_and_literals(source: &str) -> String {
    let mut code = String::with_capacity(source.len());
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let ends_name = code.ends_with(is_name_char);
        let length = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => block_comment_length(rest),
            '"' => string_length(rest),
            'r' if !ends_name => raw_string_length(rest),
            'b' | 'c' if !ends_name && rest[1..].starts_with('r') => {
                match raw_string_length(&rest[1..]) {
                    0 => 0,
                    length => length + 1,
                }
            }
            '\'' => char_length(rest),
            _ => 0,
        };
        if length == 0 {
            code.push(first);
            rest = &rest[first.len_utf8()..];
        } else {
            let (blanked, following) = rest.split_at(length);
            code.extend(blanked.chars().map(|c| if c == '\n' { c } else { ' ' }));
            rest = following;
        }
    }
    code
}

fn block_comment_length(text: &str) -> usize {
    let mut depth = 0;
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

fn string_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// The length of `r"..."`, `r#"..."#` and so on; 0 when the text begins otherwise.
fn raw_string_length(text: &str) -> usize {
    let hashes = text[1..].chars().take_while(|&c| c == '#').count();
    let open = 1 + hashes;
    if !text[open..].starts_with('"') {
        return 0;
    }
    let close = format!("\"{}", "#".repeat(hashes));
    match text[open + 1..].find(&close) {
        Some(at) => open + 1 + at + close.len(),
        None => text.len(),
    }
}

/// The length of a character literal; 0 for a lifetime.
fn char_length(text: &str) -> usize {
    let mut chars = text.char_indices().skip(1);
    match chars.next() {
        Some((_, '\\')) => chars
            .skip(1)
            .find(|&(_, c)| c == '\'')
            .map_or(0, |(at, _)| at + 1),
        Some(_) => match chars.next() {
            Some((at, '\'')) => at + 1,
            _ => 0,
        },
        None => 0,
    }
}

#[test]
fn an_upward_import_is_found_with_its_line() {
    let source = "//! About.\n\nuse crate::wire::Frame;\nuse crate::vm::Vm;\n";
    assert_eq!(
        breaches("client/qmp.rs", source),
        ["src/client/qmp.rs:4: `client` imports `vm`"]
    );
}

#[test]
fn an_upward_import_is_found_in_a_group_a_path_and_a_climb() {
    let group = "use crate::{\n    wire::{vm, Frame},\n    script::Engine,\n};";
    assert_eq!(
        breaches("client/qmp.rs", group),
        ["src/client/qmp.rs:3: `client` imports `script`"]
    );
    let path = "fn f() { crate::client::connect(); }";
    assert_eq!(
        breaches("wire/mod.rs", path),
        ["src/wire/mod.rs:1: `wire` imports `client`"]
    );
    let climb = "use super::super::script::Engine;";
    assert_eq!(
        breaches("vm/agent.rs", climb),
        ["src/vm/agent.rs:1: `vm` imports `script`"]
    );
    let neighbour = "use super::script::Thing;";
    assert!(breaches("vm/agent.rs", neighbour).is_empty());
}

#[test]
fn a_library_is_found_where_it_is_not_to_be_known() {
    let import = "use rhai::Engine;\n#[tokio::main]\nfn main() {}";
    assert_eq!(
        breaches("report/vm.rs", import),
        [
            "src/report/vm.rs:1: `rhai` is not to be known here",
            "src/report/vm.rs:2: `tokio` is not to be known here",
        ]
    );
    assert!(breaches("script/engine.rs", "use rhai::Engine;").is_empty());
    assert!(breaches("script/bridge.rs", "use tokio::runtime::Handle;").is_empty());
    assert!(breaches("vm/mod.rs", "fn f() { std::clap::x(); my_rhai::y(); }").is_empty());
}

#[test]
fn comments_and_literals_are_no_imports() {
    let source = r##"
        //! See crate::script and [`crate::cli`].
        /* crate::vm /* nested */ crate::repl */
        /// [`crate::vm::Vm`]
        fn f<'a>(x: &'a str) -> char {
            let _ = ("crate::vm \" crate::cli", r#"crate::vm " "#, b"crate::vm", br"crate::vm");
            let _ = ('"', '\'', '\u{22}', x);
            'c'
        }
        use crate::client::Client;
    "##;
    assert_eq!(
        breaches("wire/frame.rs", source),
        ["src/wire/frame.rs:10: `wire` imports `client`"]
    );
}

#[test]
fn a_file_outside_the_layers_is_found() {
    assert_eq!(
        breaches("util.rs", ""),
        ["src/util.rs:1: belongs to no layer"]
    );
}

//! The reference in `docs/reference/` is what would be made now, and tells about all that scripts can call, with an example
//! of each that a test runs. With `QMPSH_WRITE_DOCS` set, as by `make docs`, it is written.

use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fs;
use std::path::{Path, PathBuf};

use qmpsh::script::library;
use rhai::Engine;

use crate::documented::{code, examples, own};
use crate::{Stage, pages};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference")
}

/// The pages that are there, by their paths below the folder.
fn present(folder: &Path) -> BTreeMap<String, String> {
    let pattern = format!("{}/**/*.md", folder.display());
    let paths = glob::glob(&pattern).unwrap().map(Result::unwrap);
    let page = |path: PathBuf| {
        let name = path.strip_prefix(folder).unwrap().to_str().unwrap();
        (name.to_owned(), fs::read_to_string(&path).unwrap())
    };
    paths.map(page).collect()
}

fn write(folder: &Path, made: &BTreeMap<String, String>) {
    for (name, text) in made {
        let path = folder.join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    for name in present(folder)
        .keys()
        .filter(|name| !made.contains_key(*name))
    {
        fs::remove_file(folder.join(name)).unwrap();
    }
}

#[test]
fn the_pages_are_those_that_are_made_now() {
    let made = pages::all(&Stage::new().session.reference());
    let folder = folder();
    if std::env::var_os("QMPSH_WRITE_DOCS").is_some() {
        write(&folder, &made);
    }
    let present = present(&folder);
    let names = made.keys().chain(present.keys());
    let stale: BTreeSet<&String> = names
        .filter(|name| made.get(*name) != present.get(*name))
        .collect();
    assert!(stale.is_empty(), "run `make docs`: it changes {stale:?}");
}

#[test]
fn all_that_scripts_can_call_says_what_it_does_and_has_an_example() {
    let stage = Stage::new();
    let reference = stage.session.reference();
    for entry in own(&reference) {
        let name = format!("{:?} {}", entry.owner, entry.signature());
        assert!(!entry.summary().is_empty(), "{name} says nothing");
        assert!(
            !code(&entry.about, "rhai").is_empty(),
            "{name} has no example"
        );
    }
    assert_eq!(reference.modules.len(), library::standard().count());
    for module in &reference.modules {
        assert!(!module.about.is_empty(), "{} says nothing", module.path);
    }
}

/// What goes by a name of Rhai's own is a form of that for a type of ours: `==`, `to_string`, `max` of large numbers.
#[test]
fn nothing_that_scripts_can_call_is_missing_in_the_table() {
    let stage = Stage::new();
    let reference = stage.session.reference();
    let told: HashSet<&str> = own(&reference).map(|entry| entry.name.as_str()).collect();
    let names = |engine: &Engine| -> BTreeSet<String> {
        engine
            .collect_fn_metadata(None, |info| Some(info.metadata.name.to_string()), true)
            .into_iter()
            .collect()
    };
    let engine = stage.session.engine();
    let of_language = names(&Engine::new());
    for name in names(engine).difference(&of_language) {
        let name = name.strip_prefix("get$").unwrap_or(name);
        // What has a space in its name is for qmpsh itself.
        let callable = name
            .chars()
            .all(|next| next.is_ascii_alphanumeric() || next == '_');
        assert!(!callable || told.contains(name), "`{name}` is not told");
    }
}

#[test]
fn the_examples_in_the_pages_are_those_that_are_run() {
    let reference = Stage::new().session.reference();
    let shown = pages::all(&reference).into_values();
    let shown: BTreeSet<String> = shown.flat_map(|page| code(&page, "rhai")).collect();
    let run: BTreeSet<String> = examples(&reference)
        .into_iter()
        .map(|(_, code)| code)
        .collect();
    assert_eq!(shown, run);
}

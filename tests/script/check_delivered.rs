//! `qmpsh check` finds nothing in what comes with it: scripts, modules, lessons, and the examples of its documentation.

use std::fs;
use std::path::Path;

use qmpsh::script::header::Header;
use qmpsh::script::{Session, Settings, Source};
use qmpsh::vm::schema::{Bundled, bundled};

use super::check::{target, told};
use super::documented::examples;

#[test]
fn all_that_is_delivered_is_right_for_every_version() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let session = Session::new(Settings::default()).unwrap();
    for version in bundled().map(Bundled::version) {
        let targets = [target(version)];
        let release = targets[0].release.unwrap();
        let mut count = 0;
        for folder in ["scripts", "stdlib", "examples"] {
            for entry in fs::read_dir(root.join(folder)).unwrap() {
                let path = entry.unwrap().path();
                let text = fs::read_to_string(&path).unwrap();
                let source = Source::new(path.display().to_string(), text);
                let needed = Header::read(&source.text).unwrap().qemu;
                let mut faults = session.examine(&source, &targets);
                if let Some(needed) = needed.filter(|needed| release < needed.release) {
                    let [fault] = faults.as_slice() else {
                        panic!("{version}: {faults:#?}");
                    };
                    assert_eq!(fault.place.line, needed.line);
                    assert!(fault.report.message.contains("the script needs QEMU"));
                    faults.clear();
                }
                // The lesson on errors ends with one.
                faults.retain(|fault| !fault.report.message.contains("`no-such-command`"));
                let drawn: Vec<&str> = faults.iter().map(|fault| fault.drawn.as_str()).collect();
                assert!(faults.is_empty(), "{version}: {}", drawn.join("\n"));
                count += 1;
            }
        }
        assert!(count > 40, "{count}");
    }
}

#[test]
fn the_documentations_examples_are_right() {
    let session = Session::new(Settings::default()).unwrap();
    let examples = examples(&session.reference());
    assert!(examples.len() > 250, "{}", examples.len());
    for (name, example) in examples {
        // What the names stand for that it does not declare.
        let names = ["f", "w", "plan", "overlays"].map(|name| format!("let {name} = args[0];"));
        let script = format!("{} let v = vm(\"web01\");\n{example}", names.concat());
        let mut told = told(&script);
        // They have no header.
        told.retain(|fault| !fault.contains(" header decl") && !fault.contains(" header does not"));
        assert!(told.is_empty(), "{name}: {told:#?}\n{example}");
    }
}

//! Every function that scripts can call has an example in its documentation, and the example works.

use qmpsh::report::Exit;
use qmpsh::script::{Ending, Outcome, library};

use crate::Stage;

/// The `rhai` block of a documentation.
fn example(comments: &str) -> Option<String> {
    let lines = comments
        .lines()
        .map(|line| line.trim_start().trim_start_matches("///"));
    let mut block = lines
        .skip_while(|line| line.trim() != "```rhai")
        .skip(1)
        .peekable();
    block.peek()?;
    Some(
        block
            .take_while(|line| line.trim() != "```")
            .collect::<Vec<_>>()
            .join("\n"),
    )
}

/// Whether the example speaks of a machine, by the names that the documentation gives to a VM, an open file, a watch and
/// overlays: such are run against one, elsewhere.
fn needs_machine(example: &str) -> bool {
    let words = example.split(|next: char| !next.is_alphanumeric() && next != '_');
    words
        .into_iter()
        .any(|word| matches!(word, "v" | "vm" | "f" | "w" | "overlays"))
}

/// An example works if it comes to its end, and if that is not `false`.
#[track_caller]
fn assert_works(name: &str, example: &str, outcome: &Outcome) {
    match &outcome.ending {
        Ending::Value(value) => assert_ne!(value.as_bool(), Ok(false), "{name}: {example}"),
        other => panic!("{name}: {other:?}"),
    }
    assert_eq!(outcome.exit(), Exit::Done);
}

#[test]
fn the_examples_of_all_functions_work() {
    let mut stage = Stage::new();
    let documented: Vec<(String, String)> = stage.session.engine().collect_fn_metadata(
        None,
        |info| {
            let comments = info.metadata.comments.join("\n");
            (!comments.is_empty()).then(|| (info.metadata.name.to_string(), comments))
        },
        false,
    );
    assert!(documented.len() > 10, "{documented:?}");
    for (name, comments) in documented {
        // A property is shown in the examples of the methods around it.
        if name.starts_with("get$") {
            continue;
        }
        let example = example(&comments).unwrap_or_else(|| panic!("`{name}` has no example"));
        if !needs_machine(&example) {
            assert_works(&name, &example, &stage.run(&example));
        }
    }
}

#[test]
fn the_examples_of_the_standard_modules_work() {
    let mut stage = Stage::new();
    for (path, text) in library::standard() {
        let module = stage.session.engine().compile(text).unwrap();
        assert!(
            text.starts_with("//! "),
            "{path} does not say what it is for"
        );
        for function in module
            .iter_functions()
            .filter(|function| function.access == rhai::FnAccess::Public)
            // Closures are functions too, which nobody can name.
            .filter(|function| !function.name.starts_with("anon$"))
        {
            let name = format!("{path}: {}", function.name);
            let example = example(&function.comments.join("\n"));
            let example = example.unwrap_or_else(|| panic!("`{name}` has no example"));
            if !needs_machine(&example) {
                assert_works(&name, &example, &stage.run(&example));
            }
        }
    }
}

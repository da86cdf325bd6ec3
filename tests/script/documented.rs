//! The examples in the documentation of what scripts can call. Those that need no machine are run beside this file, the
//! others against a real guest, by another test program that shares it.

use qmpsh::script::{Session, library};
use rhai::FnAccess;

/// The `rhai` block of a documentation.
fn example(comments: &str) -> Option<String> {
    let lines = comments
        .lines()
        .map(|line| line.trim_start().trim_start_matches("///"))
        .map(|line| line.strip_prefix(' ').unwrap_or(line));
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
pub(crate) fn needs_machine(example: &str) -> bool {
    let words = example.split(|next: char| !next.is_alphanumeric() && next != '_');
    words
        .into_iter()
        .any(|word| matches!(word, "v" | "vm" | "f" | "w" | "overlays"))
}

/// Every function that has documentation, and its example. Panics for one that has none.
pub(crate) fn of_functions(session: &Session) -> Vec<(String, String)> {
    let documented: Vec<(String, String)> = session.engine().collect_fn_metadata(
        None,
        |info| {
            let comments = info.metadata.comments.join("\n");
            (!comments.is_empty()).then(|| (info.metadata.name.to_string(), comments))
        },
        false,
    );
    assert!(documented.len() > 10, "{documented:?}");
    documented
        .into_iter()
        // A property is shown in the examples of the methods around it.
        .filter(|(name, _)| !name.starts_with("get$"))
        .map(|(name, comments)| {
            let example = example(&comments);
            let example = example.unwrap_or_else(|| panic!("`{name}` has no example"));
            (name, example)
        })
        .collect()
}

/// The same for the functions of the standard modules, called `std/module: function`.
pub(crate) fn of_modules(session: &Session) -> Vec<(String, String)> {
    let mut examples = Vec::new();
    for (path, text) in library::standard() {
        let module = session.engine().compile(text).unwrap();
        assert!(
            text.starts_with("//! "),
            "{path} does not say what it is for"
        );
        for function in module
            .iter_functions()
            .filter(|function| function.access == FnAccess::Public)
            // Closures are functions too, which nobody can name.
            .filter(|function| !function.name.starts_with("anon$"))
        {
            let name = format!("{path}: {}", function.name);
            let example = example(&function.comments.join("\n"));
            let example = example.unwrap_or_else(|| panic!("`{name}` has no example"));
            examples.push((name, example));
        }
    }
    examples
}

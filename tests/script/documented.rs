//! The examples in the documentation of what scripts can call. Those that need no machine are run beside this file, the
//! others against a real guest, by another test program that shares it.

use pulldown_cmark::{CodeBlockKind, Event, Parser, Tag, TagEnd};
use qmpsh::script::reference::{Entry, Reference};

/// The code of a Markdown text that is marked as of `language`, block by block.
pub(crate) fn code(markdown: &str, language: &str) -> Vec<String> {
    let mut blocks = Vec::new();
    let mut open: Option<String> = None;
    for event in Parser::new(markdown) {
        match event {
            Event::Start(Tag::CodeBlock(CodeBlockKind::Fenced(of))) if &*of == language => {
                open = Some(String::new());
            }
            Event::Text(text) => {
                if let Some(block) = &mut open {
                    block.push_str(&text);
                }
            }
            Event::End(TagEnd::CodeBlock) => blocks.extend(open.take()),
            _ => {}
        }
    }
    blocks
}

/// What is qmpsh's own of all that scripts can call: functions, methods, properties, and the functions of modules.
pub(crate) fn own(reference: &Reference) -> impl Iterator<Item = &Entry> {
    let in_modules = reference
        .modules
        .iter()
        .flat_map(|module| &module.functions);
    let own = reference.entries.iter().filter(|entry| !entry.of_language);
    own.chain(in_modules)
}

/// The examples of all that is qmpsh's own, each behind the name of what it is the example of.
pub(crate) fn examples(reference: &Reference) -> Vec<(String, String)> {
    let examples = own(reference).flat_map(|entry| {
        let owner = entry.owner.as_deref().unwrap_or_default();
        let name = format!("{owner} {}", entry.signature());
        let named = move |example| (name.clone(), example);
        code(&entry.about, "rhai").into_iter().map(named)
    });
    examples.collect()
}

/// Whether the example speaks of a machine, by the names that the documentation gives to a VM, an open file, a watch and
/// overlays: such are run against one, elsewhere.
pub(crate) fn needs_machine(example: &str) -> bool {
    let words = example.split(|next: char| !next.is_alphanumeric() && next != '_');
    words
        .into_iter()
        .any(|word| matches!(word, "v" | "vm" | "f" | "w" | "overlays"))
}

//! `join`: one text out of several values.

use rhai::{Array, Dynamic, Engine};

use super::method;

pub(super) fn register(engine: &mut Engine) {
    method(
        "join",
        &["array", "separator: string", "string"],
        r#"
        The values as one text, with the separator between each two.

        ```rhai
        ["root", "data"].join(", ") == "root, data"
        ```"#,
    )
    .register_into_engine(engine, |words: &mut Array, separator: &str| {
        let words: Vec<String> = words.iter().map(Dynamic::to_string).collect();
        words.join(separator)
    });
}

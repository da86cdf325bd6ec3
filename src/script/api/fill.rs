//! Rhai's functions that make a value as long as they are told (`pad`, `blob`), each with a limit: nothing can interrupt
//! them, and a slip of the pen would take all of this host's memory.

use rhai::{Array, Blob, Dynamic, Engine, ImmutableString};

use super::Outcome;
use crate::script::error;

/// The most bytes of a text or blob that is filled: as many as a file that is read whole.
const BYTES: usize = 256 << 20;

/// The most items of an array that is filled.
const ITEMS: usize = 16 << 20;

pub(super) fn register(engine: &mut Engine) {
    engine
        .register_fn("pad", pad_text)
        .register_fn(
            "pad",
            |text: &mut ImmutableString, length: i64, with: char| {
                pad_text(text, length, with.encode_utf8(&mut [0; 4]))
            },
        )
        .register_fn("pad", |array: &mut Array, length: i64, item: Dynamic| {
            let length = within("pad", length, ITEMS)?.max(array.len());
            array.resize(length, item);
            Outcome::<()>::Ok(())
        })
        .register_fn("pad", |blob: &mut Blob, length: i64, byte: i64| {
            let length = within("pad", length, BYTES)?.max(blob.len());
            blob.resize(length, low(byte));
            Outcome::<()>::Ok(())
        })
        .register_fn("blob", |length: i64| blob(length, 0))
        .register_fn("blob", blob);
}

/// Adds whole copies of `with` until there are at least so many characters.
fn pad_text(text: &mut ImmutableString, length: i64, with: &str) -> Outcome<()> {
    let length = within("pad", length, BYTES)?;
    let missing = length.saturating_sub(text.chars().count());
    if missing > 0 && !with.is_empty() {
        let copies = missing.div_ceil(with.chars().count());
        *text = format!("{text}{}", with.repeat(copies)).into();
    }
    Ok(())
}

fn blob(length: i64, byte: i64) -> Outcome<Blob> {
    Ok(vec![low(byte); within("blob", length, BYTES)?])
}

/// The lowest byte, as Rhai takes it.
fn low(byte: i64) -> u8 {
    byte.to_le_bytes()[0]
}

/// A length within the limit; a negative one is none.
fn within(function: &str, length: i64, limit: usize) -> Outcome<usize> {
    let wanted = usize::try_from(length.max(0)).unwrap_or(usize::MAX);
    if wanted > limit {
        return Err(error::usage(format!(
            "{function}: {length} is too long; the limit is {limit}"
        )));
    }
    Ok(wanted)
}

#[cfg(test)]
mod tests {
    use rhai::Engine;

    fn eval(script: &str) -> String {
        let mut engine = Engine::new();
        super::register(&mut engine);
        match engine.eval::<rhai::Dynamic>(script) {
            Ok(value) => value.to_string(),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn values_are_filled_as_rhai_fills_them() {
        for (script, filled) in [
            ("let s = \"ab\"; s.pad(5, \"(!)\"); s", "ab(!)"),
            ("let s = \"ab\"; s.pad(6, \"(!)\"); s", "ab(!)(!)"),
            ("let s = \"äb\"; s.pad(4, 'ö'); s", "äböö"),
            (
                "let s = \"ab\"; s.pad(1, 'x'); s.pad(-1, 'x'); s.pad(9, \"\"); s",
                "ab",
            ),
            ("let a = [1]; a.pad(3, 7); a.pad(2, 8); a", "[1, 7, 7]"),
            (
                "let b = blob(2, 257); b.pad(3, 2); b.pad(-5, 2); b",
                "[010102]",
            ),
            ("blob(3) + blob(-1)", "[000000]"),
        ] {
            assert_eq!(eval(script), filled, "{script}");
        }
    }

    #[test]
    fn a_slip_of_the_pen_is_an_error_at_once() {
        for script in [
            "let s = \"\"; s.pad(9223372036854775807, 'x')",
            "let s = \"\"; s.pad(268435457, \"long\")",
            "let a = []; a.pad(9223372036854775807, 0)",
            "let b = blob(); b.pad(9223372036854775807, 0)",
            "blob(9223372036854775807)",
            "blob(9223372036854775807, 1)",
        ] {
            assert!(eval(script).contains("is too long"), "{script}");
        }
    }
}

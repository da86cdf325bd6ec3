//! A mistake that the script engine itself finds, in our words: what it calls a value, a function or an operator is
//! not what people call it.

use rhai::{EvalAltResult, ParseErrorType};

use super::names;

/// A mistake in the script that the engine found while running it, and what to do where that is not plain.
pub(super) fn found(error: &EvalAltResult) -> (String, Option<&'static str>) {
    use EvalAltResult as E;
    match error {
        E::ErrorVariableNotFound(name, _) => (format!("there is no variable `{name}`"), None),
        E::ErrorFunctionNotFound(signature, _) => (no_function(signature), None),
        E::ErrorDotExpr(..) => match missing_property(error) {
            Some((name, "()")) => (
                format!("there is no `{name}` in nothing, `()`"),
                Some(
                    "there is no value before it: a map gives `()` for a key that it does not have",
                ),
            ),
            Some((name, kind)) => (
                format!("there is no `{name}` in a value of type {kind}"),
                None,
            ),
            None => (sentence(error), None),
        },
        E::ErrorModuleNotFound(name, _) => (
            format!("there is no module `{name}` here"),
            Some("a module is known in the file that imports it, and after the import"),
        ),
        E::ErrorDataRace(name, _) => (
            match name.as_str() {
                "" => "a value is used while a method of it runs".to_owned(),
                name => format!("`{name}` is used while a method of it runs"),
            },
            Some(
                "the closure captured it: copy it to another variable first, and use the copy in the closure",
            ),
        ),
        E::ErrorMismatchDataType(wanted, given, _) if wanted == "Fn" => (
            format!("a function is needed here, not a value of type {given}"),
            Some(
                "an agent in a variable of another name is called with `command`: a.command(\"guest-ping\")",
            ),
        ),
        E::ErrorMismatchDataType(wanted, given, _) if wanted == "bool" => (
            format!("`true` or `false` is needed here, not a value of type {given}"),
            Some(
                "what gives nothing throws where it fails: ask with `try { ... } catch { ... }`; a value that may be missing is \
                 compared with `()`",
            ),
        ),
        E::ErrorStackOverflow(_) => (
            "functions call each other too deeply".to_owned(),
            Some("a function that calls itself must end at some point"),
        ),
        E::ErrorNonPureMethodCallOnConstant(..) | E::ErrorAssignmentToConstant(..) => (
            sentence(error),
            Some("a constant cannot change: copy it to a variable with `let`"),
        ),
        _ => (sentence(error), None),
    }
}

/// That no function has this name and takes these types; an operator is no function to people.
fn no_function(signature: &str) -> String {
    let shown = signature.replace("&str | ImmutableString | String", "string");
    let (name, types) = shown.split_once(" (").unwrap_or((&shown, ""));
    if names::is_operator(name) {
        let types = types.trim_end_matches(')').replacen(", ", " and ", 1);
        return format!("`{name}` is not possible with {types}");
    }
    format!("there is no function `{}`", shown.replace(" (", "("))
}

/// The property that was read where there is none, and the type of the value that it was read from.
pub(super) fn missing_property(error: &EvalAltResult) -> Option<(&str, &str)> {
    let EvalAltResult::ErrorDotExpr(words, _) = error else {
        return None;
    };
    // Rhai tells both in its sentence only.
    let rest = words.strip_prefix("Unknown property '")?;
    let (name, rest) = rest.split_once('\'')?;
    let kind = rest.strip_prefix(" - a getter is not registered for type '")?;
    Some((name, kind.strip_suffix('\'')?))
}

/// What a script that does not compile did wrong.
pub(super) fn parsing(problem: &ParseErrorType) -> String {
    decapitalized(&problem.to_string())
}

/// Rhai's own words, without the position, begun like all our sentences.
pub(super) fn sentence(error: &EvalAltResult) -> String {
    let shown = error.to_string();
    let position = format!(" ({})", error.position());
    decapitalized(shown.strip_suffix(&position).unwrap_or(&shown))
}

pub(super) fn decapitalized(text: &str) -> String {
    let mut characters = text.chars();
    match (characters.next(), characters.clone().next()) {
        // An acronym or a lone letter stays as it is.
        (Some(first), Some(second)) if second.is_lowercase() => {
            first.to_lowercase().chain(characters).collect()
        }
        _ => text.to_owned(),
    }
}

//! The names that a script could have meant by one that does not exist: functions of the engine, the script and its
//! modules, and the variables that its text declares.

use std::collections::BTreeSet;

use rhai::{AST, Engine, EvalAltResult, ImmutableString, Module, Scope, Token};

use super::library::Library;
use super::mistake;
use crate::nearest::{did_you_mean, nearest};

/// Where names are looked for.
pub(super) struct Names<'a> {
    pub(super) engine: &'a Engine,
    pub(super) library: &'a Library,
    /// Name and shape of the functions of the script, and of those that earlier lines of the session left.
    pub(super) own: Vec<(String, String)>,
    /// The variables that there are.
    pub(super) scope: &'a Scope<'a>,
}

impl Names<'_> {
    /// What the names tell about a mistake that was made in `text`.
    pub(super) fn near(&self, mistake: &EvalAltResult, text: Option<&str>) -> Option<String> {
        match mistake {
            EvalAltResult::ErrorFunctionNotFound(signature, _) => self.near_function(signature),
            EvalAltResult::ErrorVariableNotFound(name, _) => self.near_variable(name, text?),
            missing => mistake::missing_property(missing)
                .and_then(|(name, kind)| self.near_property(name, kind)),
        }
    }

    /// For a call that found no function: the other forms of that name, or the nearest name.
    fn near_function(&self, signature: &str) -> Option<String> {
        let called = signature.split(" (").next().unwrap_or(signature);
        if is_operator(called) {
            return None;
        }
        let (prefix, name) = match called.rsplit_once("::") {
            Some((module, name)) => (format!("{module}::"), name),
            None => (String::new(), called),
        };
        let known = self.functions(!prefix.is_empty());
        let overloads: BTreeSet<&str> = known
            .iter()
            .filter(|(known, _)| known == name)
            .map(|(_, shape)| shape.as_str())
            .collect();
        if overloads.is_empty() {
            return did_you_mean(name, known.iter().map(|(name, _)| name.as_str()));
        }
        let list: Vec<String> = overloads
            .into_iter()
            .map(|shape| format!("{prefix}{shape}"))
            .collect();
        Some(format!(
            "`{called}` is written with other arguments:\n    {}",
            list.join("\n    ")
        ))
    }

    /// For a property that a value of type `kind` does not have: its method or the nearest name, or all its properties.
    fn near_property(&self, name: &str, kind: &str) -> Option<String> {
        let of_kind = self.engine.collect_fn_metadata(
            None,
            |info| {
                let of_kind = info
                    .metadata
                    .params_info
                    .first()
                    .is_some_and(|first| first == kind);
                of_kind.then(|| info.metadata.name.to_string())
            },
            true,
        );
        let getters: BTreeSet<&str> = of_kind
            .iter()
            .filter_map(|name| name.strip_prefix("get$"))
            .collect();
        let methods: BTreeSet<&str> = of_kind
            .iter()
            .map(String::as_str)
            .filter(|name| name.starts_with(|first: char| first.is_alphabetic()))
            .filter(|name| !name.contains('$'))
            .collect();
        if methods.contains(name) {
            return Some(format!("it is a method: `{name}(...)`"));
        }
        let near = nearest(name, getters.iter().chain(&methods).copied());
        match near {
            Some(near) if getters.contains(near) => Some(format!("did you mean `{near}`?")),
            Some(near) => Some(format!("did you mean `{near}(...)`?")),
            None if getters.is_empty() => None,
            None => {
                let getters: Vec<&str> = getters.into_iter().collect();
                Some(format!("it has `{}`", getters.join("`, `")))
            }
        }
    }

    /// Name and shape of the functions: of the imported modules, or of the engine and the script.
    fn functions(&self, of_modules: bool) -> Vec<(String, String)> {
        if of_modules {
            return self.library.functions();
        }
        let engine = self.engine;
        let mut known = engine.collect_fn_metadata(
            None,
            |info| {
                let name = info.metadata.name.as_str();
                let signature = info
                    .metadata
                    .gen_signature(|type_name| engine.map_type_name(type_name).into());
                let word = name.starts_with(|first: char| first.is_alphabetic());
                word.then(|| (name.to_owned(), signature))
            },
            true,
        );
        known.extend(self.own.iter().cloned());
        known
    }

    /// For a variable that is not there: the nearest name in the text where it is missing.
    fn near_variable(&self, name: &str, text: &str) -> Option<String> {
        let names = names_in(self.engine, text);
        let kept = self.scope.iter_raw().map(|(name, ..)| name);
        let known = names
            .iter()
            .map(String::as_str)
            .chain(kept)
            .chain(["args", "host", "null"]);
        did_you_mean(name, known.filter(|known| *known != name))
    }
}

/// Every name that the text declares: after `let`, `const`, `for`, `as`, `catch (`, and parameters.
fn names_in(engine: &Engine, text: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut before = Token::EOF;
    let mut in_parameters = false;
    for (token, _) in engine.lex([&text]).0 {
        if let Token::Identifier(name) = &token {
            let declared = matches!(before, Token::Let | Token::Const | Token::For | Token::As)
                || in_parameters
                || matches!(before, Token::Pipe | Token::LeftParen | Token::Comma);
            if declared {
                names.insert(name.to_string());
            }
        }
        match token {
            Token::Fn => in_parameters = true,
            Token::RightParen => in_parameters = false,
            Token::EOF => break,
            _ => {}
        }
        before = token;
    }
    names
}

/// Name and shape of each function of a script that can be named.
pub(super) fn of_script(script: &AST) -> Vec<(String, String)> {
    let own = script.iter_functions();
    own.filter(|function| !is_closure(function.name))
        .map(|function| shape(function.name, &function.params))
        .collect()
}

/// Whether a function is written between its arguments.
pub(super) fn is_operator(name: &str) -> bool {
    !name.contains(|next: char| next.is_alphanumeric() || next == '_')
}

/// Name and shape of a script's function.
fn shape(name: &str, parameters: &[&str]) -> (String, String) {
    (
        name.to_owned(),
        format!("{name}({})", parameters.join(", ")),
    )
}

/// Name and shape of each function of a module that can be named.
pub(super) fn shapes(module: &Module) -> Vec<(String, String)> {
    module
        .iter_script_fn_info()
        .filter(|(_, _, name, ..)| !is_closure(name))
        .map(|(_, _, name, _, function)| {
            let parameters: Vec<&str> = function
                .params
                .iter()
                .map(ImmutableString::as_str)
                .collect();
            shape(name, &parameters)
        })
        .collect()
}

/// Whether this is Rhai's own name for a closure.
pub(super) fn is_closure(name: &str) -> bool {
    name.starts_with("anon$")
}

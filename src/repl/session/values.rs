//! Script values as plain data.

use rhai::{Array, Blob, Dynamic, Engine, FnPtr, ImmutableString, Map};

use crate::repl::value::Value;

/// How deep lists and maps are followed: deeper than any reply, less deep than the stack.
const DEPTH: usize = 128;

/// The value; what is no data (a VM, a function) as its name.
pub(super) fn plain(engine: &Engine, value: &Dynamic) -> Value {
    at_depth(engine, value, DEPTH)
}

fn at_depth(engine: &Engine, value: &Dynamic, depth: usize) -> Value {
    let Some(depth) = depth.checked_sub(1) else {
        return Value::Other("...".to_owned());
    };
    if value.is_unit() {
        return Value::Nothing;
    }
    if let Ok(boolean) = value.as_bool() {
        return Value::Bool(boolean);
    }
    if value.is_int() || value.is_float() || value.is::<u64>() {
        return Value::Number(value.to_string());
    }
    if let Some(text) = value.read_lock::<ImmutableString>() {
        return Value::Text(text.to_string());
    }
    if let Ok(character) = value.as_char() {
        return Value::Text(character.to_string());
    }
    if let Some(bytes) = value.read_lock::<Blob>() {
        return Value::Bytes(bytes.clone());
    }
    if let Some(items) = value.read_lock::<Array>() {
        let items = items.iter().map(|item| at_depth(engine, item, depth));
        return Value::List(items.collect());
    }
    if let Some(map) = value.read_lock::<Map>() {
        let member = |(key, member): (&rhai::Identifier, &Dynamic)| {
            (key.to_string(), at_depth(engine, member, depth))
        };
        return Value::Map(map.iter().map(member).collect());
    }
    Value::Other(name(engine, value))
}

/// What is no data, as it tells itself, or by its type.
fn name(engine: &Engine, value: &Dynamic) -> String {
    if let Some(function) = value.read_lock::<FnPtr>() {
        return match function.fn_name() {
            name if name.starts_with("anon$") => "<function>".to_owned(),
            name => format!("<function {name}>"),
        };
    }
    let told = engine.eval_fn_call::<ImmutableString>("to_debug", None, (value.clone(),));
    match told {
        Ok(told) if !told.contains("::") => told.to_string(),
        _ => format!("<{}>", engine.map_type_name(value.type_name())),
    }
}

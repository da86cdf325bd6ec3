//! `v.qmp(...)`: any QMP command, by its name or as a method.

use rhai::{
    Array, Dynamic, Engine, EvalAltResult, ImmutableString, Map, NativeCallContext, Position,
};
use serde_json::Value;

use super::{Outcome, arguments, method, property, wait};
use crate::report::Report;
use crate::script::convert::{Null, from_arguments, from_json};
use crate::script::error;
use crate::vm::schema::{Finding, InvalidWords, Properties, Schema, Words, strict_json};
use crate::vm::{Arguments, Vm};

/// `v.qmp` without a call: its methods are the commands of this very QEMU. It has no methods of its own, because a
/// name that is looked up as a command must never be one that means something else.
#[derive(Clone)]
struct Commands {
    vm: Vm,
    place: Place,
}

/// Where a script wrote `v.qmp`. Rhai tells a function that stands in for missing ones nothing of its place, and the
/// command is as a rule written right behind this.
#[derive(Clone, PartialEq, Eq)]
struct Place {
    source: Option<String>,
    depth: usize,
    position: Position,
}

pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Commands>("qmp");
    method(
        "qmp",
        &["vm", "command: string", "value"],
        r#"
        Runs a QMP command and gives its reply. Waits up to 30 s, for changes of blocks and devices 60 s. After a lost
        connection a query is sent again, a change never.

        ```rhai
        let status = v.qmp("query-status");
        print(status.running);
        ```"#,
    )
    .register_into_engine(engine, |vm: &mut Vm, command: &str| call(vm, command, Arguments::new()));
    method(
        "qmp",
        &["vm", "command: string", "arguments: map", "value"],
        r#"
        The same with arguments, named as QMP names them. A key whose value is `()` is left out; `null` is JSON's own, as
        in `backing: null`.

        ```rhai
        v.qmp("human-monitor-command", #{ "command-line": "info version" });
        ```"#,
    )
    .register_into_engine(engine, |vm: &mut Vm, command: &str, map: Map| {
        let arguments = arguments(command, &map)?;
        call(vm, command, arguments)
    });
    method(
        "arguments",
        &["vm", "command: string", "words: array", "map"],
        r#"
        The arguments of a QMP command from words as people type them, `KEY=VALUE`: dots lead into objects, numbers into
        lists, and a value becomes what this very QEMU takes there, as `qmpsh qmp` does it. What QEMU would refuse for its
        form is an error of kind `usage`. Of `device_add` the schema tells only `driver`, `id` and `bus`; all else is text.

        ```rhai
        let node = v.arguments("blockdev-add", ["driver=null-co", "node-name=n0", "size=1M"]);
        node == #{ driver: "null-co", "node-name": "n0", size: 1048576 }
        ```"#,
    )
    .register_into_engine(engine, |vm: &mut Vm, command: &str, words: Array| {
        let words: Vec<_> = words.iter().map(word).collect::<Outcome<_>>()?;
        let words = words.iter().map(ImmutableString::as_str);
        let words = Words::parse(words).map_err(|error| told(&error))?;
        checked(vm, command, &words, &Arguments::new())
    });
    method(
        "arguments",
        &["vm", "command: string", "json: string", "map"],
        r#"
        The same from the text of a JSON object.

        ```rhai
        v.arguments("eject", `{"id": "cd0", "force": true}`).force
        ```"#,
    )
    .register_into_engine(
        engine,
        |vm: &mut Vm, command: &str, json: &str| match strict_json(json) {
            Ok(Value::Object(given)) => checked(vm, command, &Words::default(), &given),
            Ok(_) => Err(error::usage("arguments: the text is no JSON object")),
            Err(wrong) => Err(error::usage(format!(
                "arguments: the text is no JSON: {wrong}"
            ))),
        },
    );
    engine.register_type_with_name::<Null>("null");
    engine.register_fn("to_string", |_: Null| "null");
    engine.register_fn("to_debug", |_: Null| "null");
    engine.register_fn("==", |_: Null, _: Null| true);
    engine.register_fn("!=", |_: Null, _: Null| false);
    property("vm", "qmp",
        "qmp",
        r#"
        The commands of this QEMU as methods, with `_` for `-`: `v.qmp.query_status()`, `v.qmp.eject(#{ id: "cd0" })`.

        ```rhai
        print(v.qmp.query_status().status);
        ```"#,
    )
    .register_into_engine(engine, |context: NativeCallContext, vm: &mut Vm| Commands {
        vm: vm.clone(),
        place: Place {
            source: context.call_source().map(str::to_owned),
            // The command is called one deeper than the property is read.
            depth: context.call_level() + 1,
            position: context.call_position(),
        },
    });
    #[expect(
        deprecated,
        reason = "Rhai marks it so because it may change, and its version is pinned"
    )]
    engine.on_missing_function(|name, values, is_method, context| {
        if !is_method {
            return Ok(None);
        }
        let Some((this, rest)) = values.split_first() else {
            return Ok(None);
        };
        let Some(commands) = this
            .read_lock::<Commands>()
            .map(|commands| commands.clone())
        else {
            return Ok(None);
        };
        let called = method_call(&commands.vm, name, rest);
        called.map(Some).map_err(|mut error| {
            // A value of `v.qmp` that was passed on says nothing of where it is used.
            let Place {
                source,
                depth,
                position,
            } = commands.place;
            if source.as_deref() == context.source() && depth == context.call_level() {
                error.set_position(position);
            }
            error
        })
    });
}

fn method_call(vm: &Vm, name: &str, rest: &[&mut Dynamic]) -> Outcome {
    let command = wait(
        format_args!("{}: query-commands", vm.label()),
        vm.command_for(name),
    )?;
    let arguments = match rest {
        [] => Arguments::new(),
        [only] => match only.read_lock::<Map>() {
            Some(map) => arguments(&command, &map)?,
            None => return Err(not_a_map(name)),
        },
        _ => return Err(not_a_map(name)),
    };
    call(vm, &command, arguments)
}

fn word(word: &Dynamic) -> Outcome<ImmutableString> {
    let text = word.clone().into_immutable_string();
    text.map_err(|kind| error::usage(format!("arguments: a word is text, not {kind}")))
}

/// The arguments that words add to those that are given, if this QEMU takes them.
fn checked(vm: &Vm, command: &str, words: &Words, given: &Arguments) -> Outcome<Map> {
    let waiting = || format!("{}: query-qmp-schema", vm.label());
    let arguments = match wait(waiting(), vm.schema())? {
        None => words.untyped(given.clone()).map_err(|error| told(&error)),
        Some(schema) => typed(vm, &schema, command, words, given).or_else(|wrong| {
            // Nothing is refused for what an earlier run was told.
            match wait(waiting(), vm.own_schema())? {
                Some(own) => typed(vm, &own, command, words, given),
                None => Err(wrong),
            }
        }),
    };
    arguments.map(from_arguments)
}

fn typed(
    vm: &Vm,
    schema: &Schema,
    command: &str,
    words: &Words,
    given: &Arguments,
) -> Outcome<Arguments> {
    let refused = |finding: &Finding| error::thrown(&Report::of_finding(vm.label(), finding));
    let known = schema
        .named(command)
        .ok_or_else(|| refused(&schema.no_command(command)))?;
    let arguments = words
        .typed(schema, known, &Properties::default(), given.clone())
        .map_err(|error| told(&error))?;
    let findings = schema.check(&known.name, &arguments);
    match findings.iter().find(|finding| finding.is_error()) {
        Some(finding) => Err(refused(finding)),
        None => Ok(arguments),
    }
}

fn told(error: &InvalidWords) -> Box<EvalAltResult> {
    error::thrown(&Report::from(error))
}

fn not_a_map(name: &str) -> Box<EvalAltResult> {
    error::usage(format!(
        "a QMP command takes its arguments as one map, as in `v.qmp.{name}(#{{ id: \"cd0\" }})`"
    ))
}

fn call(vm: &Vm, command: &str, arguments: Arguments) -> Outcome {
    wait(
        format_args!("{}: {command}", vm.label()),
        vm.call(command, arguments),
    )
    .map(from_json)
}

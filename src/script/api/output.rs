//! What a script says: `print` and `table` to standard output, `log` to standard error; `json` and `from_json`.

use std::io;

use rhai::{Array, Dynamic, Engine, EvalAltResult, ImmutableString, Map};
use serde_json::Value;

use super::function;
use crate::report::{Kind, Report};
use crate::script::convert::{from_json, to_json};
use crate::script::error;
use crate::script::run::{Current, current};
use crate::script::stop::Cause;
use crate::script::table;

type Outcome<T = ()> = Result<T, Box<EvalAltResult>>;

/// The signal by which the kernel ends a program whose reader went away; we end as if by it.
const SIGPIPE: u8 = 13;

/// What `print` does; Rhai itself has no words for it.
pub(in crate::script) const PRINT: &str = r#"
Writes the value to standard output and ends the line: text as it is, all else as Rhai writes it. With `--json` standard output is
kept for the result, and it goes to standard error. On a terminal no character of it acts.

```rhai
print("web01 is backed up");
```"#;

pub(super) fn register(engine: &mut Engine) {
    // `print(x)` itself is Rhai's, which turns any value to text for us.
    engine.on_print(|text| {
        if let Ok(current) = current() {
            // The stop that a failed write causes ends the script at its next step.
            let _ = print(&current, text);
        }
    });
    engine.on_debug(|text, source, position| {
        if let Ok(current) = current() {
            let place = source
                .map(|source| format!("{source}:{position:?}: "))
                .unwrap_or_default();
            let _ = log(&current, &format!("{place}{text}"));
        }
    });

    function(
        "log",
        &["value", "()"],
        r#"
        Writes the value to standard error, so that it does not mix with the results.

        ```rhai
        log("freezing");
        ```"#,
    )
    .register_into_engine(engine, |value: Dynamic| {
        log(&current()?, &value.to_string())
    });
    // Rhai's own logarithm of a float comes first otherwise, and says nothing.
    engine.register_fn("log", |value: f64| {
        log(&current()?, &Dynamic::from(value).to_string())
    });

    function(
        "table",
        &["rows: array", "()"],
        r#"
        Prints maps as a table, a column for each key.

        ```rhai
        table([#{ name: "web01", state: "running" }, #{ name: "db01", state: "paused" }]);
        ```"#,
    )
    .register_into_engine(engine, |rows: Array| table(&rows, None));
    function(
        "table",
        &["rows: array", "columns: array", "()"],
        r#"
        Prints maps as a table with these columns, in this order.

        ```rhai
        table([#{ name: "web01", state: "running" }], ["state", "name"]);
        ```"#,
    )
    .register_into_engine(engine, |rows: Array, columns: Array| {
        table(&rows, Some(columns))
    });

    function(
        "for_programs",
        &["bool"],
        r#"
        Whether the run's output is for programs, as `--json` says: what people read beside the result is better left out then.

        ```rhai
        if !for_programs() { log("1 of 3 VMs failed") }
        ```"#,
    )
    .register_into_engine(engine, || -> Outcome<bool> {
        Ok(current()?.run().output().is_for_programs())
    });
    function(
        "json",
        &["value", "string"],
        r#"
        The value as JSON text. Bytes become base64; a key whose value is `()` is left out.

        ```rhai
        json(#{ a: [1, 2.5, ()], b: () }) == `{"a":[1,2.5,null]}`
        ```"#,
    )
    .register_into_engine(engine, |value: Dynamic| {
        to_json(&value)
            .map(|json| json.to_string())
            .map_err(|unfit| error::usage(unfit.message("")))
    });

    function(
        "from_json",
        &["text: string", "value"],
        r#"
        The value that JSON text means. Integers are exact up to 18446744073709551615.

        ```rhai
        from_json(`{"size": 10}`).size == 10
        ```"#,
    )
    .register_into_engine(engine, |text: &str| {
        serde_json::from_str::<Value>(text)
            .map(from_json)
            .map_err(|wrong| error::usage(format!("from_json: {wrong}")))
    });
}

fn print(current: &Current, text: &str) -> Outcome {
    let run = current.run();
    written(current, run.output().print(text, run.stop()))
}

pub(super) fn log(current: &Current, text: &str) -> Outcome {
    let run = current.run();
    written(current, run.output().log(text, run.stop()))
}

/// What cannot be written ends the run, once guards are released: quietly if the reader went away, else with an error.
fn written(current: &Current, result: io::Result<()>) -> Outcome {
    let Err(failure) = result else {
        return Ok(());
    };
    let stop = current.run().stop();
    if failure.kind() == io::ErrorKind::BrokenPipe {
        stop.trip(Cause::Signal(SIGPIPE));
    } else {
        stop.end(Report::new(
            Kind::Host,
            format!("the output cannot be written: {failure}"),
        ));
    }
    stop.cause()
        .map_or(Ok(()), |cause| Err(error::stopped(cause)))
}

fn table(rows: &Array, columns: Option<Array>) -> Outcome {
    let rows: Vec<Map> = rows
        .iter()
        .enumerate()
        .map(|(index, row)| {
            row.clone()
                .try_cast::<Map>()
                .ok_or_else(|| error::usage(format!("table: row {index} is no map")))
        })
        .collect::<Result<_, _>>()?;
    let columns = match columns {
        Some(columns) => columns.iter().map(ToString::to_string).collect(),
        None => columns_of(&rows),
    };
    let current = current()?;
    for line in lines(&rows, &columns) {
        print(&current, &line)?;
    }
    Ok(())
}

fn columns_of(rows: &[Map]) -> Vec<String> {
    table::columns(rows.iter().flat_map(Map::keys).map(AsRef::as_ref))
}

fn lines(rows: &[Map], columns: &[String]) -> Vec<String> {
    let head = columns.iter().map(|column| column.to_uppercase()).collect();
    let body = rows.iter().map(|row| {
        columns
            .iter()
            .map(|column| cell(row.get(column.as_str())))
            .collect()
    });
    let cells: Vec<Vec<String>> = std::iter::once(head).chain(body).collect();
    table::lines(&cells)
}

/// A value in one line: text bare, all else as JSON where it has such a form.
fn cell(value: Option<&Dynamic>) -> String {
    let Some(value) = value.filter(|value| !value.is_unit()) else {
        return String::new();
    };
    if let Some(text) = value.read_lock::<ImmutableString>() {
        return text.replace(['\n', '\t'], " ");
    }
    to_json(value).map_or_else(|_| value.to_string(), |json| json.to_string())
}

#[cfg(test)]
mod tests {
    use rhai::{Dynamic, Engine, Map};

    use super::{columns_of, lines};

    #[test]
    fn a_table_lines_its_columns_up_with_the_name_first() {
        let rows = Engine::new()
            .eval::<rhai::Array>("[#{a: 1, name: \"web01\"}, #{name: \"x\", b: [1, 2], a: ()}]")
            .unwrap();
        let rows: Vec<Map> = rows.into_iter().map(Dynamic::cast).collect();
        let columns = columns_of(&rows);
        assert_eq!(
            lines(&rows, &columns),
            ["NAME   A  B", "web01  1", "x         [1,2]"]
        );
    }

    #[test]
    fn a_table_of_nothing_is_an_empty_line() {
        assert_eq!(lines(&[], &[]), [""]);
    }
}

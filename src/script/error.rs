//! Errors between Rhai and [`Report`]: a report as the map that `catch` sees, an error that ended a script as a report,
//! and the two ways of ending a script (an error that can be caught, a stop that cannot). How an error is drawn with its
//! source lines is in `diagnostic.rs`, how Rhai's own mistakes are worded in `mistake.rs`.

use rhai::{Dynamic, EvalAltResult, ImmutableString, Map, Position};

use super::convert::to_json;
use super::mistake;
use super::stop::{Cause, Stop};
use crate::report::{Exit, Kind, Report};

/// What ended work that was waited for.
#[derive(Clone, Debug)]
pub enum Ended {
    /// It failed.
    Failed(Report),
    /// The run was told to stop.
    Stopped(Cause),
}

impl<E: Into<Report>> From<E> for Ended {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// The error that a script sees as a map.
pub fn thrown(report: &Report) -> Box<EvalAltResult> {
    EvalAltResult::ErrorRuntime(to_map(report).into(), Position::NONE).into()
}

/// What ended a wait, as the script sees it.
pub(super) fn ended(ended: Ended) -> Box<EvalAltResult> {
    match ended {
        Ended::Failed(report) => thrown(&report),
        Ended::Stopped(cause) => stopped(cause),
    }
}

/// A value that a function cannot take, as the script sees it.
pub fn usage(message: impl Into<String>) -> Box<EvalAltResult> {
    thrown(&Report::usage(message))
}

/// The end of a script that `catch` cannot swallow.
pub(super) fn stopped(cause: Cause) -> Box<EvalAltResult> {
    EvalAltResult::ErrorTerminated(Dynamic::from(cause), Position::NONE).into()
}

/// Why the script was stopped, if this is a stop.
pub(super) fn cause_of(error: &EvalAltResult) -> Option<Cause> {
    match error.unwrap_inner() {
        EvalAltResult::ErrorTerminated(cause, _) => cause.clone().try_cast(),
        _ => None,
    }
}

/// For who opened `scope`: if the scope's own end stopped the work, that is an error which the script may catch.
pub(super) fn settle<T>(
    scope: &Stop,
    result: Result<T, Box<EvalAltResult>>,
) -> Result<T, Box<EvalAltResult>> {
    result.map_err(|error| match cause_of(&error) {
        Some(Cause::Ended(id, report)) if id == scope.id() => thrown(&report),
        _ => error,
    })
}

/// The map that `catch` gives to a script. What is not known is left out, so reads as `()`; `exit` is there when the
/// process is to end otherwise than its kind says.
pub fn to_map(report: &Report) -> Map {
    let mut map = Map::new();
    map.insert("kind".into(), report.kind.name().into());
    map.insert("message".into(), report.message.as_str().into());
    for (key, member) in report.details() {
        if let Some(text) = member {
            map.insert(key.into(), text.into());
        }
    }
    if report.exit != report.kind.exit() {
        map.insert("exit".into(), i64::from(report.exit.code()).into());
    }
    map
}

/// An error that ended a script, in people's words. Says nothing about names that come near to a wrong one: that needs
/// the script's text and is added by `diagnostic.rs`.
pub(super) fn to_report(error: &EvalAltResult) -> Report {
    let inner = error.unwrap_inner();
    match inner {
        EvalAltResult::ErrorRuntime(value, _) => from_thrown(value),
        EvalAltResult::ErrorTerminated(..) => match cause_of(inner) {
            Some(Cause::Ended(_, report)) => (*report).clone(),
            Some(cause) => Report::new(Kind::Interrupted, cause.to_string()),
            None => Report::new(Kind::Interrupted, "the script was stopped"),
        },
        EvalAltResult::ErrorParsing(problem, _) => Report::usage(mistake::parsing(problem)),
        EvalAltResult::ErrorSystem(..) => Report::new(Kind::Fault, mistake::sentence(inner)),
        _ => {
            let (message, hint) = mistake::found(inner);
            let report = Report::new(Kind::Script, message);
            match hint {
                Some(hint) => report.with_hint(hint),
                None => report,
            }
        }
    }
}

/// What a script threw: one of our maps, maybe passed on, or anything of its own.
pub(super) fn from_thrown(value: &Dynamic) -> Report {
    let Some(map) = value.read_lock::<Map>() else {
        let message = text_of(value).unwrap_or_else(|| what_was_thrown(value));
        return Report::new(Kind::Script, message);
    };
    let member = |key: &str| {
        map.get(key)
            .filter(|member| !member.is_unit())
            .and_then(text_of)
    };
    let kind = member("kind")
        .and_then(|name| Kind::from_name(&name))
        .unwrap_or(Kind::Script);
    let message = member("message").unwrap_or_else(|| value.to_string());
    Report {
        class: member("class"),
        desc: member("desc"),
        command: member("command"),
        vm: member("vm"),
        hint: member("hint"),
        exit: exit_of(kind, map.get("exit")),
        ..Report::new(kind, message)
    }
}

/// How an error that was thrown in a script ends the process: in the way of its kind, unless it says otherwise.
fn exit_of(kind: Kind, said: Option<&Dynamic>) -> Exit {
    let said = said.and_then(|code| code.as_int().ok());
    let known = [
        Exit::Failed,
        Exit::Unreachable,
        Exit::Refused,
        Exit::Deadline,
        Exit::Denied,
        Exit::Fault,
    ];
    let said = known
        .into_iter()
        .find(|exit| said == Some(i64::from(exit.code())));
    // Exit code 2 says that nothing was run; this script did run.
    said.unwrap_or(match kind {
        Kind::Usage => Exit::Failed,
        kind => kind.exit(),
    })
}

/// A thrown value that is neither text nor a map, for people.
fn what_was_thrown(value: &Dynamic) -> String {
    if value.is_unit() {
        return "the script threw an error without saying why".to_owned();
    }
    match to_json(value) {
        Ok(_) => value.to_string(),
        Err(unfit) => format!("the script threw what is no error: {unfit}"),
    }
}

pub(super) fn text_of(value: &Dynamic) -> Option<String> {
    value
        .read_lock::<ImmutableString>()
        .map(|text| text.to_string())
}

#[cfg(test)]
mod tests {
    use rhai::Engine;

    use super::{settle, stopped, thrown, to_report};
    use crate::report::{Exit, Kind, Report};
    use crate::script::stop::{Cause, Stop};

    fn refusal() -> Report {
        Report {
            class: Some("DeviceNotFound".into()),
            desc: Some("Device 'x' not found".into()),
            command: Some("eject".into()),
            vm: Some("web01".into()),
            hint: Some("see `query-block`".into()),
            ..Report::new(Kind::Qmp, "`eject` failed on web01")
        }
    }

    fn engine() -> Engine {
        let mut engine = Engine::new();
        engine.register_fn("refuse", || Err::<(), _>(thrown(&refusal())));
        engine
    }

    #[test]
    fn a_script_catches_every_part_of_a_report() {
        let caught = engine().eval::<String>(
            "let r; try { refuse() } catch (e) { r = `${e.kind} ${e.class} ${e.desc} ${e.command} ${e.vm} ${e.hint}` } r",
        );
        assert_eq!(
            caught.unwrap(),
            "qmp DeviceNotFound Device 'x' not found eject web01 see `query-block`"
        );
    }

    #[test]
    fn a_report_that_a_script_throws_on_stays_the_same() {
        let error = engine()
            .eval::<()>("fn f() { try { refuse() } catch (e) { throw e } } f()")
            .unwrap_err();
        assert_eq!(to_report(&error), refusal());
    }

    #[test]
    fn what_a_script_throws_itself_is_the_scripts_error() {
        for (script, message) in [
            ("throw \"no disk\"", "no disk"),
            ("throw 5", "5"),
            ("throw #{message: \"no disk\", kind: \"mine\"}", "no disk"),
        ] {
            let report = to_report(&engine().eval::<()>(script).unwrap_err());
            assert_eq!(
                (report.kind, report.message.as_str()),
                (Kind::Script, message)
            );
            assert_eq!(report.exit, Exit::Failed);
        }
    }

    #[test]
    fn wrong_usage_inside_a_running_script_is_a_failed_script() {
        let error = engine()
            .eval::<()>("throw #{kind: \"usage\", message: \"x\"}")
            .unwrap_err();
        assert_eq!(to_report(&error).exit, Exit::Failed);
    }

    #[test]
    fn an_error_that_ends_the_process_in_a_way_of_its_own_still_does_so_thrown_or_caught_and_thrown_again()
     {
        let report = Report::new(Kind::Frozen, "still frozen").with_exit(Exit::Deadline);
        assert_eq!(to_report(&thrown(&report)), report);
        let mut engine = Engine::new();
        engine.register_fn("thaw", move || Err::<(), _>(thrown(&report)));
        let again = engine
            .run("try { thaw() } catch (e) { throw e }")
            .unwrap_err();
        assert_eq!(to_report(&again).exit, Exit::Deadline);
    }

    #[test]
    fn only_the_owner_of_a_scope_turns_its_end_into_an_error() {
        let (scope, other) = (Stop::root(), Stop::root());
        scope.end(Report::new(Kind::Timeout, "too late"));
        let ended = || Err::<(), _>(stopped(scope.cause().unwrap()));
        let kept = settle(&other, ended()).unwrap_err();
        assert!(matches!(super::cause_of(&kept), Some(Cause::Ended(..))));
        assert_eq!(
            to_report(&settle(&scope, ended()).unwrap_err()).kind,
            Kind::Timeout
        );
    }

    #[test]
    fn catch_cannot_swallow_a_stop() {
        let mut engine = Engine::new();
        engine.register_fn("stop", || Err::<(), _>(stopped(Cause::Exit(3))));
        let error = engine.eval::<()>("try { stop() } catch { }").unwrap_err();
        assert!(matches!(super::cause_of(&error), Some(Cause::Exit(3))));
    }
}

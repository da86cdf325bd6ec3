//! What reads the options of which function, so that `qmpsh check` can have those read that are written out in a script: one
//! text decides in a run and in a check, and says what is wrong in the same words.

use std::path::PathBuf;

use rhai::Map;

use super::Outcome;
use super::exec::with_options;
use super::flow::retry_options;
use super::freeze::freeze_options;
use super::host::lock::lock_options;
use super::host::program::How;
use super::job::wait_options;
use super::parallel::parallel_options;
use super::screen::shot;

/// Reads the options of a function; gives what is wrong with them.
pub(in crate::script) type Reader = fn(&Map) -> Outcome<()>;

/// The handle that has the method (none for a function of its own), its name, and who reads its options.
const READERS: &[(&str, &str, Reader)] = &[
    ("", "parallel", |map| parallel_options(map).map(drop)),
    ("", "retry", |map| retry_options(map).map(drop)),
    ("agent", "exec", |map| with_options("exec", map).map(drop)),
    ("agent", "fsfreeze", |map| freeze_options(map).map(drop)),
    ("agent", "shell", |map| with_options("shell", map).map(drop)),
    ("host", "lock", |map| lock_options(map).map(drop)),
    ("host", "run", |map| How::from_map(map).map(drop)),
    ("job", "wait", |map| wait_options(map).map(drop)),
    ("migration", "wait", |map| wait_options(map).map(drop)),
    ("vm", "screenshot", |map| {
        shot(PathBuf::new(), map).map(drop)
    }),
];

/// Who reads the options of a function, or of a method of `handle`.
pub(in crate::script) fn reader(handle: &str, function: &str) -> Option<Reader> {
    let is_it = |(of, name, _): &&(&str, &str, Reader)| (*of, *name) == (handle, function);
    READERS.iter().find(is_it).map(|(_, _, reader)| *reader)
}

#[cfg(test)]
mod tests {
    use rhai::{Engine, Map};

    use super::{READERS, reader};

    #[test]
    fn whoever_takes_options_has_a_reader_that_knows_them() {
        let mut engine = Engine::new();
        crate::script::api::register(&mut engine);
        let options = |info: rhai::FuncInfo| {
            let parameters: Vec<String> = info
                .metadata
                .params_info
                .iter()
                .map(ToString::to_string)
                .collect();
            let takes = parameters.iter().any(|name| name == "options: map");
            let first = parameters.into_iter().next().filter(|_| takes)?;
            let handle = if first.contains(':') {
                String::new()
            } else {
                first
            };
            Some((handle, info.metadata.name.to_string()))
        };
        let taking = engine.collect_fn_metadata(None, options, true);
        assert_eq!(taking.len(), READERS.len(), "{taking:?}");
        for (handle, name) in taking {
            let reader = reader(&handle, &name).unwrap_or_else(|| panic!("{handle}.{name}"));
            assert!(reader(&Map::new()).is_ok(), "{handle}.{name}");
            let unknown = Map::from([("no_such_option".into(), 1.into())]);
            let refused = reader(&unknown).unwrap_err().to_string();
            assert!(
                refused.contains(&name) && refused.contains("no_such_option"),
                "{handle}.{name}: {refused}"
            );
        }
    }
}

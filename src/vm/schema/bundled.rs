//! What some versions of QEMU take, for when none of them is there to be asked: their commands with the arguments, as their
//! own `query-qmp-schema` told them, and the names of their events, without what those hold and without replies.
//!
//! `bundled/versions.txt` is made by `bundled/make.py`: the versions in its first line; then an entry of the reply in each,
//! behind the bits of the versions that have it, with its frequent parts as control characters.

use std::fmt;

use super::model::Schema;

const TEXT: &str = include_str!("bundled/versions.txt");

/// What the control characters stand for. The later ones stand for parts with earlier ones in them.
const SHORT: [(char, &str); 15] = [
    ('\u{1}', "{\"name\":\""),
    ('\u{2}', "\",\"type\":\""),
    ('\u{3}', "\",\"default\":null}"),
    ('\u{4}', "\"},"),
    ('\u{5}', "{\"case\":\""),
    ('\u{6}', "\"meta-type\":\""),
    ('\u{7}', "\"members\":["),
    ('\u{8}', "\"features\":[\""),
    ('\u{b}', "\"variants\":["),
    ('\u{c}', "\"arg-type\":\""),
    ('\u{e}', "\",\"ret-type\":\"0\"}"),
    ('\u{f}', "\"element-type\":\""),
    ('\u{10}', "\"meta-type\":\"command\""),
    ('\u{11}', "\"meta-type\":\"object\""),
    ('\u{12}', "\"meta-type\":\"enum\""),
];

/// What every event has in it, and nothing else.
const EVENT: &str = "\u{6}event\"";

/// A version of QEMU that is bundled.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Bundled {
    number: usize,
    version: &'static str,
}

impl fmt::Debug for Bundled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.version)
    }
}

/// All that are bundled, oldest first.
pub fn bundled() -> impl DoubleEndedIterator<Item = Bundled> {
    let versions = TEXT.lines().next().unwrap_or_default();
    let versions: Vec<&str> = versions.split(' ').collect();
    let bundled = versions.into_iter().enumerate();
    bundled.map(|(number, version)| Bundled { number, version })
}

/// All events that are bundled, each with the versions that have it, oldest first.
pub fn bundled_events() -> impl Iterator<Item = (&'static str, Vec<Bundled>)> {
    let entries = TEXT.lines().skip(1).filter(|line| line.contains(EVENT));
    entries.filter_map(|line| {
        let (bits, entry) = line.split_once('\u{1}')?;
        let bits = u32::from_str_radix(bits, 16).ok()?;
        let versions = bundled().filter(|one| bits >> one.number & 1 == 1);
        Some((entry.split('"').next()?, versions.collect()))
    })
}

impl Bundled {
    /// Its place among all, from the oldest.
    pub fn number(self) -> usize {
        self.number
    }

    /// The version: `7.2`.
    pub fn version(self) -> &'static str {
        self.version
    }

    /// What it takes.
    pub fn schema(self) -> Schema {
        let mut json = String::with_capacity(TEXT.len() * 3);
        for line in TEXT.lines().skip(1) {
            let (bits, entry) = line.split_at(line.find('\u{1}').unwrap_or(0));
            let bits = u32::from_str_radix(bits, 16).unwrap_or(0);
            if bits >> self.number & 1 == 0 {
                continue;
            }
            json.push(if json.is_empty() { '[' } else { ',' });
            for next in entry.chars() {
                match SHORT.iter().find(|(short, _)| *short == next) {
                    Some((_, long)) => json.push_str(long),
                    None => json.push(next),
                }
            }
        }
        json.push(']');
        // A test reads each of them.
        Schema::from_json(&json).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::super::Finding;
    use super::{Bundled, bundled, bundled_events};

    fn of(version: &str) -> Bundled {
        bundled().find(|one| one.version() == version).unwrap()
    }

    #[test]
    fn each_version_has_the_commands_that_it_had() {
        let counts: Vec<_> = bundled()
            .map(|one| (one.version(), one.schema().commands().len()))
            .collect();
        // As many as `query-commands` of that QEMU.
        let told = [("5.2", 192), ("7.2", 216), ("10.0", 233), ("11.1", 242)];
        assert_eq!(counts, told);
    }

    #[test]
    fn each_version_has_the_events_that_it_had() {
        let counts: Vec<_> = bundled()
            .map(|one| (one.version(), one.schema().events().len()))
            .collect();
        let told = [("5.2", 48), ("7.2", 52), ("10.0", 55), ("11.1", 57)];
        assert_eq!(counts, told);
        for one in bundled() {
            let listed = bundled_events().filter(|(_, versions)| versions.contains(&one));
            let mut listed: Vec<_> = listed.map(|(name, _)| name).collect();
            listed.sort_unstable();
            let schema = one.schema();
            let events: Vec<_> = schema.events().map(|event| event.name.as_str()).collect();
            // A name stands there once more where a version has marked it.
            listed.dedup();
            assert_eq!(listed, events);
        }
        let marked = of("7.2").schema();
        assert!(
            marked
                .event("MEM_UNPLUG_ERROR")
                .unwrap()
                .features
                .deprecated
        );
    }

    #[test]
    fn what_a_version_takes_is_checked_as_that_of_a_live_one() {
        let found = |version: &str, command: &str, arguments: Value| {
            let arguments = arguments.as_object().cloned().unwrap_or_default();
            let found = of(version).schema().check(command, &arguments);
            found.iter().map(Finding::to_string).collect::<Vec<_>>()
        };
        let nothing: [&str; 0] = [];
        let node = json!({"driver": "qcow2", "file": {"driver": "file", "filename": "/a"}});
        for one in bundled() {
            assert_eq!(found(one.version(), "blockdev-add", node.clone()), nothing);
        }
        assert_eq!(
            found(
                "5.2",
                "blockdev-add",
                json!({"driver": "qcow2", "fiel": "x"})
            ),
            [
                "`blockdev-add` needs `file`: an object or text",
                "`blockdev-add` with `driver=qcow2` takes no argument `fiel`"
            ]
        );
        assert_eq!(
            found("11.1", "eject", json!({"device": "a"})),
            ["`device` of `eject` is deprecated: a newer QEMU may not have it"]
        );
    }
}

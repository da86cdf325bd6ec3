//! What some versions of QEMU take, for when none of them is there to be asked: their commands with the arguments, as their
//! own `query-qmp-schema` told them, without events and replies.
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

impl Bundled {
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
    use super::{Bundled, bundled};

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

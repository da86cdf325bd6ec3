//! Whether a QEMU has the events that somebody waits for: who mistypes one would wait for ever.

use std::fmt;

use super::filter::Filter;
use crate::nearest::nearest;
use crate::vm::schema::{Bundled, Schema, bundled_events};
use crate::wire::escape::escaped;

/// A filter that no event of a QEMU's passes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// Its place among the filters.
    pub place: usize,
    /// The filter.
    pub filter: String,
    /// The event that may be meant.
    pub nearest: Option<String>,
    /// The versions of QEMU that are known to have such an event.
    pub versions: Vec<&'static str>,
}

impl fmt::Display for Missing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "this QEMU has no event `{}`", escaped(&self.filter))
    }
}

/// The filters that wait for nothing with a QEMU of this schema. One that waits for an event of other versions is right where
/// another one of the filters has an event here: together they are for all those versions.
pub fn missing(filters: &[Filter], schema: &Schema) -> Vec<Missing> {
    let here = || schema.events().map(|event| event.name.as_str());
    let is_idle = |filter: &Filter| !here().any(|name| filter.passes(name));
    let some_come = !filters.iter().all(is_idle);
    filters
        .iter()
        .enumerate()
        .filter(|(_, filter)| is_idle(filter))
        .map(|(place, filter)| {
            let filter_text = filter.to_string();
            Missing {
                place,
                nearest: nearest(&filter_text, here()).map(str::to_owned),
                filter: filter_text,
                versions: versions(filter),
            }
        })
        .filter(|missing| missing.versions.is_empty() || !some_come)
        .collect()
}

/// Whether some QEMU is known to have an event that passes.
pub fn is_known(filter: &Filter) -> bool {
    bundled_events().any(|(name, _)| filter.passes(name))
}

fn versions(filter: &Filter) -> Vec<&'static str> {
    let mut versions: Vec<_> = bundled_events()
        .filter(|(name, _)| filter.passes(name))
        .flat_map(|(_, versions)| versions)
        .collect();
    versions.sort_by_key(|one| one.number());
    versions.dedup();
    versions.into_iter().map(Bundled::version).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Filter;
    use super::missing;
    use crate::vm::schema::bundled;

    /// What is missing in a version: the place among the filters, the event that may be meant, the versions that have it.
    fn told(version: &str, texts: &[&str]) -> Vec<(usize, Option<String>, String)> {
        let filters: Vec<Filter> = texts.iter().map(|text| text.parse().unwrap()).collect();
        let bundled = bundled().find(|one| one.version() == version).unwrap();
        missing(&filters, &bundled.schema())
            .into_iter()
            .map(|one| (one.place, one.nearest, one.versions.join(" ")))
            .collect()
    }

    #[test]
    fn a_name_or_pattern_that_no_event_has_is_missing_with_the_nearest() {
        assert_eq!(
            told("7.2", &["stop", "RESUM", "BLOCK_*", "X*"]),
            [
                (1, Some("RESUME".to_owned()), String::new()),
                (3, None, String::new())
            ]
        );
    }

    #[test]
    fn an_event_of_other_versions_is_missing_where_nothing_else_is_waited_for() {
        let newer = "DEVICE_UNPLUG_GUEST_ERROR";
        let have = "7.2 10.0 11.1".to_owned();
        assert_eq!(told("5.2", &[newer]), [(0, None, have)]);
        assert_eq!(told("5.2", &["DEVICE_DELETED", newer]), []);
        assert_eq!(told("7.2", &[newer]), []);
        let older = ("5.2 7.2".to_owned(), "RDMA_GID_STATUS_CHANGED");
        assert_eq!(told("11.1", &[older.1]), [(0, None, older.0)]);
    }
}

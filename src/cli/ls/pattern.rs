//! Which VMs a pattern on the command line means.

use crate::inventory::Found;
use crate::report::Report;

/// A pattern, as typed.
pub(super) struct Pattern {
    text: String,
    glob: glob::Pattern,
}

impl Pattern {
    /// Fails on what is no pattern, such as `[`.
    pub(super) fn new(text: &str) -> Result<Self, Report> {
        let glob = glob::Pattern::new(text)
            .map_err(|error| Report::usage(format!("`{text}` is no pattern: {}", error.msg)))?;
        Ok(Self {
            text: text.to_ascii_lowercase(),
            glob,
        })
    }

    /// Whether it fits one of the VM's names, its id, or its UUID from the beginning.
    pub(super) fn fits(&self, found: &Found) -> bool {
        let names = found.name.iter().chain(&found.aliases).chain(&found.id);
        let is_of_uuid = |uuid: &String| !self.text.is_empty() && uuid.starts_with(&self.text);
        names.into_iter().any(|name| self.glob.matches(name))
            || found.uuid.as_ref().is_some_and(is_of_uuid)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fits(pattern: &str) -> bool {
        let found = Found {
            name: Some("web01".into()),
            id: Some("104".into()),
            uuid: Some("0a1b2c3d-0001-0002-0003-00000000000f".into()),
            ..Found::default()
        };
        Pattern::new(pattern).is_ok_and(|pattern| pattern.fits(&found))
    }

    #[test]
    fn names_ids_and_the_beginnings_of_uuids_fit() {
        for pattern in [
            "web01",
            "web*",
            "*01",
            "w?b[0-9]1",
            "104",
            "0A1B",
            "0a1b2c3d-0001",
            "*",
        ] {
            assert!(fits(pattern), "{pattern}");
        }
        for pattern in ["web", "web02", "1b2c", "10", "", "[", "0002"] {
            assert!(!fits(pattern), "{pattern}");
        }
    }
}

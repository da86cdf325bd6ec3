//! The files that `-readconfig` names: sections `[group "id"]` of `key = "value"` lines.

use super::options::Options;

/// One section.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Section {
    /// The kind of things that it describes: `chardev`, `mon`, `device`.
    pub(super) group: String,
    /// What it says, its id among it.
    pub(super) options: Options,
}

/// Reads a file; a line that is neither is passed over.
pub(super) fn read(text: &[u8]) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    for line in text.split(|byte| *byte == b'\n') {
        let line = line.trim_ascii();
        if let Some(section) = heading(line) {
            sections.push(section);
        } else if let (Some((key, value)), Some(section)) = (entry(line), sections.last_mut()) {
            section.options.set(&key, value);
        }
    }
    sections
}

/// `[group]` or `[group "id"]`.
fn heading(line: &[u8]) -> Option<Section> {
    let inner = line.strip_prefix(b"[")?.strip_suffix(b"]")?;
    let quote = inner.iter().position(|byte| *byte == b'"');
    let (group, id) = inner.split_at(quote.unwrap_or(inner.len()));
    let mut options = Options::default();
    if let Some(id) = quoted(id) {
        options.set("id", id);
    }
    Some(Section {
        group: String::from_utf8_lossy(group.trim_ascii()).into_owned(),
        options,
    })
}

/// `key = "value"`. There is no way to write a quote within the value.
fn entry(line: &[u8]) -> Option<(String, Vec<u8>)> {
    let equals = line.iter().position(|byte| *byte == b'=')?;
    let key = line[..equals].trim_ascii();
    if key.is_empty() || key.starts_with(b"#") {
        return None;
    }
    let value = quoted(line[equals + 1..].trim_ascii())?;
    Some((String::from_utf8_lossy(key).into_owned(), value))
}

/// What stands between the first two quotes of a text that begins with one.
fn quoted(text: &[u8]) -> Option<Vec<u8>> {
    let rest = text.strip_prefix(b"\"")?;
    let end = rest.iter().position(|byte| *byte == b'"')?;
    Some(rest[..end].to_vec())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sections_are_read_with_their_ids() {
        let file = b"# QEMU\n\n[chardev \"mon0\"]\n  backend = \"socket\"\n  path = \"/run/a b.qmp\"\n\n[mon]\nchardev=\"mon0\"\r\n mode = \"control\"\n";
        let sections = read(file);
        assert_eq!(sections.len(), 2);
        assert_eq!(sections[0].group, "chardev");
        assert_eq!(sections[0].options.get("id"), Some(&b"mon0"[..]));
        assert_eq!(sections[0].options.get("path"), Some(&b"/run/a b.qmp"[..]));
        assert_eq!(sections[1].group, "mon");
        assert_eq!(sections[1].options.get("mode"), Some(&b"control"[..]));
    }

    #[test]
    fn lines_that_are_no_config_are_passed_over() {
        let file = b"a = \"before any section\"\n[chardev \"c\"\n[mon]\nno quotes = x\n# mode = \"control\"\n= \"x\"\nmode = \"\"\n\xff\xfe\n[";
        let sections = read(file);
        assert_eq!(sections.len(), 1);
        assert_eq!(sections[0].options.get("mode"), Some(&b""[..]));
        assert_eq!(sections[0].options.get("no quotes"), None);
    }
}

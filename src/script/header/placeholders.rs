//! `{name}` in a header's `[allow]`: that it names an argument, and the values that stand for it in a run.

use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use super::comment::Comment;
use super::{Header, Invalid};
use crate::nearest::did_you_mean;
use crate::script::argument::Value;
use crate::script::permit::Permit;

impl Header {
    /// What the script may touch when it is run with `values`.
    pub fn permit(&self, values: &BTreeMap<String, Vec<Value>>) -> Permit {
        let fill = |entries: &Vec<String>| {
            entries
                .iter()
                .flat_map(|entry| filled(entry, values))
                .collect::<Vec<_>>()
        };
        Permit {
            read: fill(&self.allow.read),
            write: fill(&self.allow.write),
            run: fill(&self.allow.run),
            env: fill(&self.allow.env),
            ..Permit::default()
        }
    }
}

impl Comment {
    /// A `{name}` in `[allow]` that names no argument would silently allow nothing.
    pub(super) fn check_placeholders(&self, header: &Header) -> Result<(), Invalid> {
        let names: Vec<&str> = header
            .arguments
            .iter()
            .flatten()
            .map(|argument| argument.name.as_str())
            .collect();
        let allow = &header.allow;
        for entry in allow
            .read
            .iter()
            .chain(&allow.write)
            .chain(&allow.run)
            .chain(&allow.env)
        {
            for (_, name) in placeholders(entry) {
                if !names.contains(&name) {
                    let at = self.toml.find(entry.as_str()).unwrap_or(0);
                    let mut invalid = self.invalid(
                        at,
                        format!("`{entry}` names no argument: there is no `{name}`"),
                    );
                    invalid.report.hint = did_you_mean(name, names.iter().copied());
                    return Err(invalid);
                }
            }
        }
        Ok(())
    }
}

/// The `{name}`s of an entry, with where they are.
fn placeholders(entry: &str) -> Vec<(Range<usize>, &str)> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(start) = entry[from..].find('{').map(|at| from + at) {
        let Some(end) = entry[start..].find('}').map(|at| start + at) else {
            break;
        };
        found.push((start..end + 1, &entry[start + 1..end]));
        from = end + 1;
    }
    found
}

/// The entry with its placeholders filled, once for each value of an argument; an absent or empty one allows nothing. `{file}/..`
/// is the folder that a file lies in by its name, where `..` would lead nowhere.
fn filled(entry: &str, values: &BTreeMap<String, Vec<Value>>) -> Vec<String> {
    let Some((range, name)) = placeholders(entry).into_iter().next_back() else {
        return vec![entry.to_owned()];
    };
    let texts = values
        .get(name)
        .into_iter()
        .flatten()
        .map(Value::word)
        .filter(|text| !text.is_empty());
    // From the back, so that what a value holds is never taken for a placeholder of the entry.
    texts
        .flat_map(|text| {
            let (before, mut after) = (&entry[..range.start], &entry[range.end..]);
            let mut text = text;
            if before.is_empty() && after == "/.." {
                (text, after) = (folder_of(&text), "");
            }
            filled(before, values)
                .into_iter()
                .map(move |before| format!("{before}{text}{after}"))
        })
        .collect()
}

fn folder_of(file: &str) -> String {
    match Path::new(file).parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder.display().to_string(),
        _ => ".".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use crate::script::argument::Value;
    use crate::script::header::Header;

    const HEADER: &str = r#"//! Does it.
//! [args]
//! vm  = { type = "vm" }
//! dir = { type = "path", flag = true }
//! [allow]
//! write = ["{dir}", "/var/{vm}/{dir}"]
"#;

    #[test]
    fn placeholders_are_filled_with_every_value_and_nothing_else() {
        let header = Header::read(HEADER).unwrap();
        let text = |text: &str| Value::Text(text.to_owned());
        let values = BTreeMap::from([
            ("vm".to_owned(), vec![text("{dir}")]),
            ("dir".to_owned(), vec![text("/a"), text("/b")]),
        ]);
        assert_eq!(
            header.permit(&values).write,
            ["/a", "/b", "/var/{dir}//a", "/var/{dir}//b"]
        );
        let values = BTreeMap::from([
            ("vm".to_owned(), vec![text("x")]),
            ("dir".to_owned(), vec![text("")]),
        ]);
        assert!(header.permit(&values).write.is_empty());
        assert!(header.permit(&BTreeMap::new()).write.is_empty());
    }

    #[test]
    fn the_folder_of_a_file_can_be_allowed() {
        let header =
            "//! A\n//!\n//! [args]\n//! file = {}\n//! [allow]\n//! write = [\"{file}/..\"]\n";
        let header = Header::read(header).unwrap();
        for (file, folder) in [("/srv/a.qcow2", "/srv"), ("a.qcow2", "."), ("/a", "/")] {
            let values = vec![Value::Text(file.to_owned())];
            let values = BTreeMap::from([("file".to_owned(), values)]);
            assert_eq!(header.permit(&values).write, [folder], "{file}");
        }
    }
}

//! QEMU's `key=value,key=value`: an option's argument, taken apart. A comma is written twice to stand for itself, the
//! first key may be left out, a key alone is a switch; some options take JSON instead.

use serde_json::Value;

/// The parts of one option's argument. Values are bytes, because paths are.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Options(Vec<(String, Vec<u8>)>);

impl Options {
    /// Reads an argument; `first` is the key that the first part has when it names none.
    pub(super) fn read(text: &[u8], first: Option<&str>) -> Self {
        if text.starts_with(b"{") {
            return Self::read_json(text);
        }
        let mut parts = Self::default();
        let mut first = first;
        let mut rest = text;
        while !rest.is_empty() {
            let end = rest.iter().position(|byte| matches!(byte, b'=' | b','));
            let end = end.unwrap_or(rest.len());
            let is_named = rest.get(end) == Some(&b'=');
            match first.take() {
                Some(key) if !is_named => {
                    let (value, after) = value(rest);
                    parts.set(key, value);
                    rest = after;
                }
                _ if is_named => {
                    let (value, after) = value(&rest[end + 1..]);
                    parts.set(&String::from_utf8_lossy(&rest[..end]), value);
                    rest = after;
                }
                _ => {
                    let switch = String::from_utf8_lossy(&rest[..end]);
                    match switch.strip_prefix("no") {
                        Some(switch) => parts.set(switch, b"off".to_vec()),
                        None => parts.set(&switch, b"on".to_vec()),
                    }
                    rest = rest.get(end + 1..).unwrap_or_default();
                }
            }
        }
        parts
    }

    /// Reads the members of a JSON object; nothing where it is none.
    fn read_json(text: &[u8]) -> Self {
        let mut parts = Self::default();
        if let Ok(Value::Object(members)) = serde_json::from_slice(text) {
            for (key, value) in members {
                let value = match value {
                    Value::String(text) => text,
                    Value::Bool(switch) => if switch { "on" } else { "off" }.to_owned(),
                    other => other.to_string(),
                };
                parts.set(&key, value.into_bytes());
            }
        }
        parts
    }

    /// Sets a value; the one before it no longer counts.
    pub(super) fn set(&mut self, key: &str, value: Vec<u8>) {
        self.0.push((key.to_owned(), value));
    }

    /// The value of a key, which is the last that was given.
    pub(super) fn get(&self, key: &str) -> Option<&[u8]> {
        let mut parts = self.0.iter().rev();
        parts
            .find(|(name, _)| name == key)
            .map(|(_, value)| &**value)
    }

    /// Whether a switch is on; as QEMU has it, off unless said.
    pub(super) fn is_on(&self, key: &str) -> bool {
        matches!(self.get(key), Some(b"on" | b"yes" | b"true" | b"y"))
    }
}

/// The value at the beginning of `text` and what follows the comma behind it.
fn value(text: &[u8]) -> (Vec<u8>, &[u8]) {
    let mut value = Vec::new();
    let mut at = 0;
    while let Some(byte) = text.get(at) {
        if *byte == b',' {
            if text.get(at + 1) != Some(&b',') {
                return (value, &text[at + 1..]);
            }
            at += 1;
        }
        value.push(*byte);
        at += 1;
    }
    (value, &[])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, first: Option<&str>) -> Vec<(String, String)> {
        let Options(parts) = Options::read(text.as_bytes(), first);
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        parts
            .into_iter()
            .map(|(key, value)| (key, text(value)))
            .collect()
    }

    fn parts(parts: &[(&str, &str)]) -> Vec<(String, String)> {
        let own = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        parts.iter().map(own).collect()
    }

    #[test]
    fn keys_values_and_switches_are_told_apart() {
        assert_eq!(
            read("socket,id=c,path=/a=b,server,nowait", Some("backend")),
            parts(&[
                ("backend", "socket"),
                ("id", "c"),
                ("path", "/a=b"),
                ("server", "on"),
                ("wait", "off")
            ])
        );
        assert_eq!(read("guest=x", Some("guest")), parts(&[("guest", "x")]));
        assert_eq!(read("x", None), parts(&[("x", "on")]));
    }

    #[test]
    fn a_comma_that_is_written_twice_is_part_of_the_value() {
        assert_eq!(read("a,,b", Some("guest")), parts(&[("guest", "a,b")]));
        assert_eq!(
            read("path=,,,,a,,,id=x", None),
            parts(&[("path", ",,a,"), ("id", "x")])
        );
        assert_eq!(read("path=a,", None), parts(&[("path", "a")]));
    }

    #[test]
    fn odd_texts_are_read_to_their_end() {
        assert_eq!(read("", Some("guest")), []);
        assert_eq!(read(",", Some("guest")), parts(&[("guest", "")]));
        assert_eq!(read(",,", None), parts(&[("", "on"), ("", "on")]));
        assert_eq!(read("=", None), parts(&[("", "")]));
        assert_eq!(
            read("id=x,id=y,,", None),
            parts(&[("id", "x"), ("id", "y,")])
        );
    }

    #[test]
    fn the_last_value_of_a_key_counts() {
        let options = Options::read(b"server=on,server=off,path=a,path=b", None);
        assert_eq!(options.get("path"), Some(&b"b"[..]));
        assert!(!options.is_on("server") && !options.is_on("wait"));
        assert!(Options::read(b"server", None).is_on("server"));
    }

    #[test]
    fn an_object_of_json_is_read_by_its_members() {
        let options = Options::read(br#"{"driver":"virtserialport","nr":1,"on":true}"#, None);
        assert_eq!(options.get("driver"), Some(&b"virtserialport"[..]));
        assert_eq!(options.get("nr"), Some(&b"1"[..]));
        assert!(options.is_on("on"));
        assert_eq!(Options::read(b"{\"driver\":", None), Options::default());
    }

    #[test]
    fn bytes_that_are_no_text_stay_as_they_are_in_a_value() {
        let options = Options::read(b"path=/\xff,\xfe=1", None);
        assert_eq!(options.get("path"), Some(&b"/\xff"[..]));
    }
}

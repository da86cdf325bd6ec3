//! Large commands to an agent, in pieces: libvirt's agent connection hangs over a command that does not fit into its
//! socket's buffer, some 200 KB by Linux's default (seen with libvirt 9.0), and with it all others to that agent.

use serde_json::{Map, Value, json};

/// The most bytes of text of a `guest-file-write` that go at once. Whole groups of base64, so each piece is whole bytes.
const PIECE: usize = 96 << 10;

/// The most bytes of any other command.
pub(super) const LONGEST: usize = 128 << 10;

/// What a `guest-file-write` is cut into.
pub(super) struct Write<'a> {
    /// Without the text.
    arguments: Map<String, Value>,
    text: &'a str,
}

impl<'a> Write<'a> {
    /// A request that is too large to go at once, and can go in pieces.
    pub(super) fn of(request: &'a Value) -> Option<Self> {
        if request["execute"] != "guest-file-write" {
            return None;
        }
        let arguments = request["arguments"].as_object()?;
        let text = arguments.get("buf-b64")?.as_str()?;
        let is_cut = text.len() > PIECE && text.is_ascii() && !arguments.contains_key("count");
        let others = arguments.iter().filter(|(name, _)| *name != "buf-b64");
        is_cut.then(|| Self {
            arguments: others
                .map(|(name, value)| (name.clone(), value.clone()))
                .collect(),
            text,
        })
    }

    /// The requests, one after the other, and how many bytes each writes.
    pub(super) fn pieces(&self) -> impl Iterator<Item = (Value, u64)> {
        self.text.as_bytes().chunks(PIECE).map(|piece| {
            let padding = piece.iter().rev().take_while(|byte| **byte == b'=').count();
            let bytes = (piece.len() / 4 * 3).saturating_sub(padding);
            let mut arguments = self.arguments.clone();
            arguments.insert("buf-b64".to_owned(), String::from_utf8_lossy(piece).into());
            let request = json!({ "execute": "guest-file-write", "arguments": arguments });
            (request, bytes as u64)
        })
    }
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    fn request(text: &str) -> Value {
        json!({ "execute": "guest-file-write", "arguments": { "handle": 7, "buf-b64": text } })
    }

    #[test]
    fn a_large_write_is_the_same_bytes_in_pieces() {
        let bytes: Vec<u8> = (0..300_001_u32).map(|n| (n % 251) as u8).collect();
        let request = request(&STANDARD.encode(&bytes));
        let mut written = Vec::new();
        for (piece, count) in Write::of(&request).unwrap().pieces() {
            assert_eq!(piece["arguments"]["handle"], 7);
            assert!(piece.to_string().len() < LONGEST);
            let part = STANDARD.decode(piece["arguments"]["buf-b64"].as_str().unwrap());
            assert_eq!(part.as_ref().unwrap().len() as u64, count);
            written.extend(part.unwrap());
        }
        assert!(written == bytes);
    }

    #[test]
    fn what_is_small_or_no_write_goes_as_it_is() {
        assert!(Write::of(&request("YQ==")).is_none());
        let mut other = request(&"A".repeat(PIECE * 2));
        other["execute"] = "guest-exec".into();
        assert!(Write::of(&other).is_none());
    }
}

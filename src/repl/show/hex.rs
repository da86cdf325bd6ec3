//! Bytes as hex, sixteen a line, with what of them is text.

use std::fmt::Write;

use super::Style;

/// How many bytes a line has.
pub(super) const IN_LINE: usize = 16;

/// The lines.
pub(super) fn lines(bytes: &[u8], style: Style) -> Vec<String> {
    if bytes.is_empty() {
        return vec!["no bytes".to_owned()];
    }
    bytes
        .chunks(IN_LINE)
        .enumerate()
        .map(|(number, chunk)| line(number * IN_LINE, chunk, style))
        .collect()
}

fn line(at: usize, chunk: &[u8], style: Style) -> String {
    let mut hex = String::new();
    for (index, byte) in chunk.iter().enumerate() {
        if index == IN_LINE / 2 {
            hex.push(' ');
        }
        // Writing to a String cannot fail.
        let _ = write!(hex, "{byte:02x} ");
    }
    let text: String = chunk
        .iter()
        .map(|&byte| match byte {
            b' '..=b'~' => char::from(byte),
            _ => '.',
        })
        .collect();
    let at = style.paint(nu_ansi_term::Style::new().dimmed(), &format!("{at:08x}"));
    format!("{at}  {hex:49} |{text}|")
}

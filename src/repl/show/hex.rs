//! Bytes as hex, as many a line as fit, with what of them is text.

use std::fmt::Write;

use super::Style;

/// How many bytes a line of that width has.
pub(super) fn in_line(width: usize) -> usize {
    match width {
        0..44 => 4,
        44..78 => 8,
        _ => 16,
    }
}

/// The lines.
pub(super) fn lines(bytes: &[u8], style: Style) -> Vec<String> {
    if bytes.is_empty() {
        return vec!["no bytes".to_owned()];
    }
    let count = in_line(style.width);
    bytes
        .chunks(count)
        .enumerate()
        .map(|(number, chunk)| line(number * count, chunk, count, style))
        .collect()
}

fn line(at: usize, chunk: &[u8], count: usize, style: Style) -> String {
    let mut hex = String::new();
    for (index, byte) in chunk.iter().enumerate() {
        if index == count / 2 {
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
    let width = count * 3 + 1;
    format!("{at}  {hex:width$} |{text}|")
}

//! The text of a script's header as the help of its command line.

/// Text whose paragraphs are one line each, to be broken where the terminal ends and not where the script's lines do. Lines
/// that are set in, and those of a list or a table, stay lines.
pub(super) fn flowing(text: &str) -> String {
    let stays = |line: &str| line.is_empty() || line.starts_with([' ', '\t', '-', '*', '|']);
    let mut flowing = String::new();
    let mut before = "";
    for line in text.lines() {
        if !flowing.is_empty() {
            flowing.push(if stays(line) || stays(before) {
                '\n'
            } else {
                ' '
            });
        }
        flowing.push_str(line);
        before = line;
    }
    flowing
}

#[cfg(test)]
mod tests {
    use crate::script::called::command;
    use crate::script::header::Header;

    #[test]
    fn help_is_broken_where_the_terminal_ends_and_not_where_the_scripts_lines_do() {
        let text = format!(
            "//! Does it.\n//!\n//! {0}\n//! {0}\n//! - a list\n//! - of two\n//!\n//! Another.\n",
            "some words ".repeat(9)
        );
        let header = Header::read(&text).unwrap();
        let help = command("x", &header)
            .term_width(80)
            .render_long_help()
            .to_string();
        let lines: Vec<&str> = help.lines().skip(2).take(7).collect();
        assert!(lines[..2].iter().all(|line| line.len() > 70), "{help}");
        assert_eq!(
            lines[3..],
            ["- a list", "- of two", "", "Another."],
            "{help}"
        );
    }
}

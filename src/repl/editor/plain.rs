//! Lines as the terminal itself has them edited: where a cursor cannot be moved, or where what is shown goes on to a file.

use std::io::{self, BufRead, Write};

use super::{Editor, Input};
use crate::repl::preferences::Preferences;
use crate::repl::prompt::Prompt;
use crate::repl::whole;

/// What stands before a line that goes on.
const GOES_ON: &str = "... ";

/// An editor that needs of a terminal only that somebody is there.
pub struct PlainEditor<R, W> {
    input: R,
    prompts: W,
}

impl<R: BufRead, W: Write> PlainEditor<R, W> {
    /// An editor that reads from `input` and prompts on `prompts`.
    pub fn new(input: R, prompts: W) -> Self {
        Self { input, prompts }
    }

    /// The next line with its end; none at the end of the input.
    fn line(&mut self, prompt: &str) -> io::Result<Option<String>> {
        self.prompts.write_all(prompt.as_bytes())?;
        self.prompts.flush()?;
        let mut line = String::new();
        let read = self.input.read_line(&mut line)?;
        if read == 0 {
            // Nobody has ended the line of the prompt.
            self.prompts.write_all(b"\n")?;
        }
        Ok((read > 0).then_some(line))
    }
}

impl<R: BufRead, W: Write> Editor for PlainEditor<R, W> {
    fn read(&mut self, prompt: &Prompt, _: Preferences) -> Input {
        let mut text = String::new();
        loop {
            let prompt = if text.is_empty() {
                prompt.plain()
            } else {
                GOES_ON.to_owned()
            };
            match self.line(&prompt) {
                Ok(Some(line)) => text.push_str(&line),
                // The end of the input (Ctrl-D) gives up what is open.
                Ok(None) if !text.is_empty() => return Input::GivenUp,
                Err(error) if error.kind() == io::ErrorKind::InvalidData => return Input::GivenUp,
                Ok(None) | Err(_) => return Input::End,
            }
            let whole = text.trim_end_matches('\n');
            if whole::is_whole(whole) {
                return Input::Text(whole.to_owned());
            }
        }
    }

    fn ask(&mut self, question: &Prompt, _: Preferences) -> bool {
        let answer = self.line(&question.plain()).ok().flatten();
        super::is_yes(&answer.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::PlainEditor;
    use crate::repl::editor::{Editor, Input};
    use crate::repl::preferences::Preferences;
    use crate::repl::prompt::Prompt;
    use crate::script::kept::Held;

    #[test]
    fn a_line_goes_on_while_it_is_open_and_the_end_gives_it_up_first() {
        let mut prompts = Vec::new();
        let mut editor = PlainEditor::new(&b"1 + 1\nlet a = [\n1];\nlet b = [\n"[..], &mut prompts);
        let prompt = Prompt::new(Some("web01"), [], Held::default(), true);
        let mut read = || editor.read(&prompt, Preferences::new(false));
        assert_eq!(read(), Input::Text("1 + 1".into()));
        assert_eq!(read(), Input::Text("let a = [\n1];".into()));
        assert_eq!(read(), Input::GivenUp);
        assert_eq!(read(), Input::End);
        assert_eq!(
            String::from_utf8(prompts).unwrap(),
            "web01> web01> ... web01> ... \nweb01> \n"
        );
    }

    #[test]
    fn only_a_yes_is_one() {
        for (answer, is_yes) in [
            ("y\n", true),
            ("YES\n", true),
            ("\n", false),
            ("", false),
            ("yo\n", false),
        ] {
            let mut editor = PlainEditor::new(answer.as_bytes(), Vec::new());
            let question = Prompt::asking("quit? [y/N] ", false);
            assert_eq!(
                editor.ask(&question, Preferences::new(false)),
                is_yes,
                "{answer:?}"
            );
        }
    }
}

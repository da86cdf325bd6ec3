//! A script's header: what it says about itself before it runs. The `//!` lines at its top: a sentence on what it does,
//! maybe more text, then TOML with `[args]`, `[allow]` and `[needs]`. This file reads and checks that, with the line of what is
//! wrong; `called.rs` turns it into a command line, `permit.rs` holds what is allowed.

mod comment;
mod declaration;
mod placeholders;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use self::comment::{Comment, in_order};
use super::argument::Argument;
use super::permit::Permit;
use crate::report::Report;
use crate::vm::Release;

/// What a script says about itself.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Header {
    /// The first line: what the script does.
    pub summary: String,
    /// The text after it.
    pub about: String,
    /// The declared arguments in their order; none if there is no `[args]`, and the script takes any words.
    pub arguments: Option<Vec<Argument>>,
    /// What of the host it may touch; `{name}` stands for an argument's value.
    pub allow: Permit,
    /// The oldest QEMU that it is for; none where any will do.
    pub qemu: Option<Oldest>,
}

/// The oldest QEMU that a script is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Oldest {
    /// The release.
    pub release: Release,
    /// The line in the script, from 1.
    pub line: usize,
}

/// What is wrong in a header, and where.
#[derive(Clone, Debug, PartialEq)]
pub struct Invalid {
    /// The line in the script, from 1.
    pub line: usize,
    /// What is wrong there.
    pub report: Report,
}

impl Header {
    /// Reads the header at the top of `script`. A script without one has an empty header.
    pub fn read(script: &str) -> Result<Self, Invalid> {
        let comment = Comment::of(script);
        let mut text = comment.text.iter();
        let summary = text
            .next()
            .map(|line| line.trim().to_owned())
            .unwrap_or_default();
        let rest: Vec<&str> = text.map(|line| line.trim_end()).collect();
        let about = rest.join("\n").trim().to_owned();
        let mut header = Self {
            summary,
            about,
            ..Self::default()
        };
        let table = DeTable::parse(&comment.toml).map_err(|wrong| {
            comment.invalid(wrong.span().map_or(0, |span| span.start), wrong.message())
        })?;
        for (key, value) in in_order(table.get_ref()) {
            match key.get_ref().as_ref() {
                "args" => header.arguments = Some(comment.arguments(value)?),
                "allow" => header.allow = comment.allow(value)?,
                "needs" => header.qemu = comment.needs(value)?,
                other => {
                    return Err(comment.unknown(
                        key.span().start,
                        "the header",
                        other,
                        &["args", "allow", "needs"],
                    ));
                }
            }
        }
        comment.check_placeholders(&header)?;
        Ok(header)
    }
}

impl Comment {
    fn allow(&self, value: &Spanned<DeValue>) -> Result<Permit, Invalid> {
        let mut permit = Permit::default();
        for (key, value) in in_order(self.table(value, "`[allow]`")?) {
            let list = match key.get_ref().as_ref() {
                "read" => &mut permit.read,
                "write" => &mut permit.write,
                "run" => &mut permit.run,
                "env" => &mut permit.env,
                other => {
                    let known = ["read", "write", "run", "env"];
                    return Err(self.unknown(key.span().start, "`[allow]`", other, &known));
                }
            };
            *list = self.texts(value, key.get_ref())?;
        }
        Ok(permit)
    }

    fn needs(&self, value: &Spanned<DeValue>) -> Result<Option<Oldest>, Invalid> {
        let mut oldest = None;
        for (key, value) in in_order(self.table(value, "`[needs]`")?) {
            let at = value.span().start;
            match key.get_ref().as_ref() {
                "qemu" => {
                    let text = value.get_ref().as_str();
                    let release = text.and_then(|text| text.parse().ok()).ok_or_else(|| {
                        self.invalid(
                            at,
                            "`qemu` is the oldest version that will do, as in \"6.0\"",
                        )
                    })?;
                    let line = self.line(at);
                    oldest = Some(Oldest { release, line });
                }
                other => {
                    return Err(self.unknown(key.span().start, "`[needs]`", other, &["qemu"]));
                }
            }
        }
        Ok(oldest)
    }
}

#[cfg(test)]
mod tests {
    use super::{Header, Invalid};
    use crate::script::argument::Kind;

    const SNAPSHOT: &str = r#"#!/usr/bin/env -S qmpsh run

//! Freeze the guest, snapshot every writable disk, thaw.
//!
//! The overlays stay.
//!
//! [args]
//! vm   = { type = "vm", help = "the VM to snapshot" }
//! dir  = { type = "path", flag = true, help = "where the overlays go" }
//! mode = { type = "choice", values = ["a", "b"], default = "a", flag = true }
//! disks = { many = true, required = false }
//! [allow]
//! write = ["{dir}", "/var/{vm}/{dir}"]
//! env = ["HOME"]
//! [needs]
//! qemu = "6.0"

let x = 1;
"#;

    fn wrong(header: &str) -> Invalid {
        Header::read(header).unwrap_err()
    }

    #[test]
    fn a_header_says_what_the_script_does_takes_and_touches() {
        let header = Header::read(SNAPSHOT).unwrap();
        assert_eq!(
            header.summary,
            "Freeze the guest, snapshot every writable disk, thaw."
        );
        assert_eq!(header.about, "The overlays stay.");
        let arguments = header.arguments.unwrap();
        let names: Vec<&str> = arguments
            .iter()
            .map(|argument| argument.name.as_str())
            .collect();
        assert_eq!(names, ["vm", "dir", "mode", "disks"]);
        assert_eq!(arguments[0].kind, Kind::Vm);
        assert!(arguments[0].required && !arguments[1].required && !arguments[3].required);
        assert!(arguments[1].flag && arguments[3].many);
        assert_eq!(arguments[2].default, ["a"]);
        assert_eq!(header.allow.env, ["HOME"]);
        let needed = header.qemu.unwrap();
        assert_eq!(
            (needed.release.to_string().as_str(), needed.line),
            ("6.0", 16)
        );
    }

    #[test]
    fn a_script_without_a_header_takes_any_words_and_touches_nothing() {
        for script in [
            "",
            "let x = 1;",
            "// not a header\nlet x = 1;",
            "let x = 1;\n//! too late\n//! [args]",
        ] {
            assert_eq!(Header::read(script).unwrap(), Header::default(), "{script}");
        }
        let header = Header::read("//! Does it.\n1").unwrap();
        assert_eq!(
            (header.summary.as_str(), header.arguments),
            ("Does it.", None)
        );
    }

    #[test]
    fn what_is_wrong_is_told_with_its_line_and_the_nearest_key() {
        for (header, line, message, hint) in [
            (
                "//! X.\n//! [argz]\n",
                2,
                "there is no key `argz` in the header",
                "did you mean `args`?",
            ),
            (
                "//! X.\n//!\n//! [args]\n//! a = { tpye = \"int\" }",
                4,
                "there is no key `tpye` in `a`",
                "did you mean `type`?",
            ),
            (
                "//! [args]\n//! a = {}\n//! b = { type = \"in\" }",
                3,
                "there is no type `in`",
                "did you mean `int`?",
            ),
            (
                "//! [allow]\n//! wirte = []",
                2,
                "there is no key `wirte` in `[allow]`",
                "did you mean `write`?",
            ),
            (
                "//! [needs]\n//! qmeu = \"6.0\"",
                2,
                "there is no key `qmeu` in `[needs]`",
                "did you mean `qemu`?",
            ),
            (
                "//! [args]\n//! dir = {}\n//! [allow]\n//! write = [\"{dri}\"]",
                4,
                "`{dri}` names no argument: there is no `dri`",
                "did you mean `dir`?",
            ),
        ] {
            let invalid = wrong(header);
            assert_eq!(
                (invalid.line, invalid.report.message),
                (line, format!("the header is wrong: {message}"))
            );
            assert_eq!(invalid.report.hint.as_deref(), Some(hint), "{header}");
        }
    }

    #[test]
    fn values_that_cannot_be_are_refused_with_their_line() {
        for (header, line) in [
            ("//! [args\n", 1),
            ("//! X.\n//! [args]\n//! a = 5", 3),
            ("//! [args]\n//! a = { type = 5 }", 2),
            ("//! [args]\n//! a = { flag = \"yes\" }", 2),
            ("//! [args]\n//! a = { type = \"choice\" }", 2),
            ("//! [args]\n//! a = { values = [\"x\"] }", 2),
            ("//! [args]\n//! a = { type = \"int\", default = \"x\" }", 2),
            (
                "//! [args]\n//! a = { type = \"choice\", values = [\"x\"], default = \"y\" }",
                2,
            ),
            (
                "//! [args]\n//! a = { default = \"x\", required = true }",
                2,
            ),
            ("//! [args]\n//! a = { many = true }\n//! b = {}", 3),
            ("//! [args]\n//! a = { required = false }\n//! b = {}", 3),
            ("//! [args]\n//! help = {}", 2),
            ("//! [args]\n//! Ab = {}", 2),
            ("//! [allow]\n//! read = \"/\"", 2),
            ("//! [allow]\n//! read = [5]", 2),
            ("//! [needs]\n//! qemu = 6.0", 2),
            ("//! [needs]\n//! qemu = \">= 6.0\"", 2),
            ("//! [needs]\n//! qemu = \"6\"", 2),
        ] {
            assert_eq!(wrong(header).line, line, "{header}");
        }
    }
}

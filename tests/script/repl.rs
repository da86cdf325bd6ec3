//! The REPL's session, with no terminal: lines in, text out.

use std::os::unix::fs::PermissionsExt;

use harness::Folder;
use qmpsh::repl::complete::complete;
use qmpsh::repl::preferences::{Lines, Preferences};
use qmpsh::repl::session::Surroundings;
use qmpsh::repl::size::Size;
use qmpsh::repl::{Answer, Session};
use qmpsh::report::Exit;
use qmpsh::script::output::Output;
use qmpsh::script::{self, Settings, Source};

use super::Kept;

/// The screen that the session shows its values on.
const SIZE: Size = Size {
    columns: 60,
    rows: 20,
};

struct Talk {
    session: Session,
    shown: Kept,
    told: Kept,
    seen: usize,
}

impl Talk {
    fn new() -> Self {
        let (shown, told) = (Kept::default(), Kept::default());
        let output = Output::to_terminal(Box::new(shown.clone()), Box::new(told.clone()));
        let script = script::Session::new(Settings {
            output,
            ..Settings::default()
        });
        let surroundings = Surroundings {
            history: None,
            size: || Some(SIZE),
            pager: None,
            views: None,
            log: None,
            preferences: Preferences::new(false),
            for_people: true,
            json: false,
        };
        Self {
            session: Session::new(script.unwrap(), surroundings),
            shown,
            told,
            seen: 0,
        }
    }

    /// What a line shows.
    fn shows(&mut self, line: &str) -> String {
        self.session.take(line);
        let all = self.shown.text();
        let new = all[self.seen..].to_owned();
        self.seen = all.len();
        new
    }

    #[track_caller]
    fn expect(&mut self, lines: &[(&str, &str)]) {
        for (line, shown) in lines {
            assert_eq!(self.shows(line), *shown, "{line}\n{}", self.told.text());
        }
    }

    /// The error that a line is answered with.
    fn error(&mut self, line: &str) -> String {
        let before = self.told.text().len();
        assert!(
            matches!(self.session.take(line), Answer::Failed(_)),
            "{line}"
        );
        self.told.text()[before..].to_owned()
    }

    fn words(&mut self, line: &str) -> Vec<String> {
        let (_, candidates) = complete(&mut self.session, line, line.len());
        candidates.into_iter().map(|one| one.text).collect()
    }
}

#[test]
fn values_are_shown_unless_a_semicolon_ends_the_line() {
    Talk::new().expect(&[
        ("1 + 1", "2\n"),
        ("1 + 1;", ""),
        ("let x = #{ a: [1, 2] }", ""),
        ("x", "a: [1, 2]\n"),
        ("()", ""),
        ("|x| x", "<function>\n"),
        ("vm(\"/run/web01.qmp\")", "vm(\"/run/web01.qmp\")\n"),
        ("", ""),
    ]);
}

#[test]
fn what_a_line_leaves_to_the_process_is_its_answer() {
    let mut talk = Talk::new();
    assert_eq!(talk.session.take("1"), Answer::Done);
    assert_eq!(
        talk.session.take("fail(\"no\")"),
        Answer::Failed(Exit::Failed)
    );
    assert_eq!(talk.session.take("let = "), Answer::Failed(Exit::Usage));
    assert_eq!(talk.session.take("exit(3)"), Answer::Leave(Exit::Script(3)));
    assert_eq!(talk.session.take(":quit"), Answer::Leave(Exit::Done));
}

#[test]
fn the_raw_value_and_all_of_a_long_one_can_be_seen() {
    let mut talk = Talk::new();
    talk.expect(&[
        ("[1, \"a\"]", "[1, a]\n"),
        (":json", "[\n  1,\n  \"a\"\n]\n"),
        (":json #{ a: 1 }", "{\n  \"a\": 1\n}\n"),
        (":json ()", "null\n"),
        (":set lines 2", ""),
        (
            "\"1\\n2\\n3\\n4\"",
            "1\n2\n... 2 more lines: `:show` shows all, `:json` the raw value\n",
        ),
        (":show", "1\n2\n3\n4\n"),
    ]);
}

#[test]
fn the_time_of_a_line_is_told_with_its_value() {
    let mut talk = Talk::new();
    let shown = talk.shows(":time 6 * 7");
    assert!(
        shown.starts_with("42\ntook ") && shown.ends_with("s\n"),
        "{shown}"
    );
}

#[test]
fn commands_tell_what_is_wrong_with_them() {
    let mut talk = Talk::new();
    for (line, message, hint) in [
        (
            ":hlep",
            "there is no command `:hlep`",
            "did you mean `:help`?",
        ),
        (
            ":set mod vi",
            "there is no setting `mod`",
            "did you mean `mode`?",
        ),
        (":quit now", "`:quit` takes nothing", ""),
        (":use", "`:use` needs something", "as in `:use "),
        (":save", "`:save` needs something", "as in `:save "),
        (":save x", "no line has succeeded yet", ""),
        (
            ":help nonesuch",
            "there is no help on `nonesuch`",
            "`:help` lists",
        ),
        (
            ":help fsfreez",
            "there is no help on `fsfreez`",
            "did you mean `fsfreeze`?",
        ),
        (":shell exit 3", "the line ended with exit code 3", ""),
        (":run nonesuch", "there is no ready-made script and no", ""),
        (":run 'x", "a quote that nothing closes", ""),
        (":run -", "no script on its standard input", ""),
        (
            ":run guest-report",
            "<VM>",
            "`:run guest-report --help` tells",
        ),
        (
            ":run pause a --dry-run",
            "--dry-run",
            "from its start: `qmpsh --dry-run`",
        ),
        (":run pause a --jbos 3", "'--jbos'", "--jobs"),
    ] {
        let error = talk.error(line);
        assert!(
            error.contains(message) && error.contains(hint),
            "{line}: {error}"
        );
    }
}

#[test]
fn help_tells_of_functions_types_modules_and_what_was_defined_here() {
    let mut talk = Talk::new();
    for (topic, told) in [
        ("", "`:help TOPIC` tells all about one of these"),
        ("", ":history [TEXT]"),
        ("retry", "retry(options: map, work: Fn) -> value"),
        ("retry", "    Does the work until it succeeds"),
        ("agent.exec", "agent.exec(program: string"),
        ("v.agent.exec", "agent.exec(program: string"),
        ("job", "what a value of type job has"),
        ("std/size", "human(bytes)"),
        ("size::human", "std/size::human(bytes)"),
        (":time", "how long it takes"),
        ("header", "type = \"vms\""),
        ("[allow]", "//! write = ["),
        ("frozen_ms", "freeze.frozen_ms -> int"),
    ] {
        let shown = talk.shows(&format!(":help {topic}"));
        assert!(
            shown.contains(told),
            "{topic}: {shown}\n{}",
            talk.told.text()
        );
        // Examples stay as they are.
        let too_long = |line: &&str| line.chars().count() > 80 && !line.starts_with("        ");
        assert_eq!(shown.lines().find(too_long), None, "{topic}");
    }
    talk.shows("/// Twice as much.\n///\n/// More of it.\nfn twice(x) { x * 2 }");
    assert_eq!(
        talk.shows(":help twice"),
        "twice(x)\n    Twice as much.\n\n    More of it.\n"
    );
}

#[test]
fn a_question_mark_tells_about_what_stands_before_it() {
    let mut talk = Talk::new();
    for (line, told) in [
        ("retry?", "retry(options: map, work: Fn) -> value"),
        ("let x = v.agent.exec?", "agent.exec(program: string"),
        ("size::human(1024)?", "std/size::human(bytes)"),
        ("print(timeout(\"1s\", || ?", "timeout(time"),
        (":time?", "how long it takes"),
        ("?", "`:help TOPIC` tells all about one of these"),
    ] {
        let shown = talk.shows(line);
        assert!(
            shown.contains(told),
            "{line}: {shown}\n{}",
            talk.told.text()
        );
    }
    // Nothing of it was run, and no text that ends so asks.
    assert!(talk.error("x").contains("there is no variable `x`"));
    talk.expect(&[("\"why?\"", "why?\n")]);
    talk.shows("let list = [1]; import \"std/size\" as mine;");
    assert!(talk.shows("list?").starts_with("list: array\n"));
    assert!(talk.shows("mine?").starts_with("mine\n    human(bytes)\n"));
    let error = talk.error("blockdev-add?");
    assert!(
        error.contains("there is no help on `blockdev-add`") && error.contains("`:use web01`"),
        "{error}"
    );
}

#[test]
fn the_functions_of_a_module_that_could_be_imported_are_told_with_their_examples() {
    let folder = Folder::new();
    let text = "//! Mine.\n\n/// Twice as much.\n///\n/// ```rhai\n/// twice(2)\n/// ```\nfn twice(x) { x * 2 }\n";
    std::fs::write(folder.join("mine.rhai"), text).unwrap();
    let path = folder.join("mine").display().to_string();
    let mut talk = Talk::new();
    let shown = talk.shows(&format!(":help {path}"));
    assert!(
        shown.ends_with("\n    Mine.\n    twice(x)\n        Twice as much.\n"),
        "{shown}"
    );
    let shown = talk.shows(&format!(":help {path}::twice"));
    assert!(
        shown.contains("    Twice as much.\n\n        twice(2)\n"),
        "{shown}"
    );
}

#[test]
fn a_vm_is_taken_into_use_as_v() {
    let mut talk = Talk::new();
    talk.expect(&[
        (":use /run/web01.qmp", ""),
        ("v", "vm(\"/run/web01.qmp\")\n"),
    ]);
    assert_eq!(talk.session.in_use(), Some("/run/web01.qmp"));
    talk.error(":use tcp:");
    assert_eq!(talk.session.in_use(), Some("/run/web01.qmp"));
}

#[test]
fn the_vms_that_are_found_are_listed() {
    let mut talk = Talk::new();
    talk.expect(&[(":vms", "no VM is found here\n")]);
    assert!(talk.error(":vms [").contains('['));
}

#[test]
fn variables_are_listed_with_their_types() {
    let mut talk = Talk::new();
    talk.shows("let x = 1; let list = [1, 2]; const NAME = \"a\\nb\";");
    assert_eq!(
        talk.shows(":vars"),
        "NAME  TYPE    VALUE\nx     int     1\nlist  array   2 items\nNAME  string  a\n"
    );
}

#[test]
fn a_start_file_counts_its_lines_and_goes_on_behind_a_mistake() {
    let mut talk = Talk::new();
    let text =
        "// Mine.\nfn mine() {\n    42\n}\n\n:set lines 7\nnobody();\nlet x = mine();\n1 + 1\n";
    talk.session.take_start(&Source::new("rc.rhai", text));
    assert_eq!(talk.shown.text(), "");
    let told = talk.told.text();
    assert!(
        told.contains("there is no function `nobody()`") && told.contains("rc.rhai:7:1\n"),
        "{told}"
    );
    talk.expect(&[("x", "42\n")]);
    assert_eq!(talk.session.preferences().lines, Lines::Some(7));
}

#[test]
fn words_are_completed_by_where_they_stand() {
    let mut talk = Talk::new();
    talk.shows("let machines = #{ first: #{ size: 1 }, \"a-b\": 2 }; let v = vm(\"/x\");");
    talk.shows("import \"std/size\" as sizes; fn my_own(x) { x }");
    for (line, words) in [
        ("mach", &["machines"][..]),
        ("my_", &["my_own("]),
        ("x + my_o", &["my_own("]),
        ("siz", &["sizes::"]),
        ("sizes::", &["human("]),
        ("machines.first.", &["size"]),
        ("machines.firs", &["first"]),
        ("v.stat", &["status"]),
        ("v.agent.fsfr", &["fsfreeze("]),
        ("vm(\"x\").agent.fsst", &["fsstatus()"]),
        ("v.agent.fsfreeze(#{ max: \"1s\" }).fro", &["frozen_ms"]),
        ("\"text v.stat", &[]),
        ("0..v", &["v"]),
        ("import \"std/t", &["std/time\""]),
        (":hel", &["help"]),
        (":help fsfr", &["fsfreeze"]),
        (":help :ti", &[":time"]),
        (":set mode v", &["vi"]),
        (":time mach", &["machines"]),
        (":run guest-rep", &["guest-report"]),
        (":run --allow-w", &["--allow-write"]),
        (":run --allow-env HOME guest-rep", &["guest-report"]),
        (":run guest-exec --jo", &["--jobs"]),
        (":run guest-exec --jobs 3 --jo", &[]),
        (":run guest-exec --jobs ", &[]),
        (":run nonesuch --jo", &[]),
        ("nonesuch.", &[]),
    ] {
        let found = talk.words(line);
        let is_there = |word: &&str| found.iter().any(|one| one == word);
        let all = words.iter().all(is_there) && (found.is_empty() == words.is_empty());
        assert!(all, "{line}: {found:?}");
    }
    assert!(talk.words("machines.first.").contains(&"keys()".to_owned()));
}

#[test]
fn lines_are_saved_as_a_script_that_is_not_written_over_another() {
    let folder = Folder::new();
    let path = folder.join("mine.rhai").display().to_string();
    let mut talk = Talk::new();
    talk.shows("fn twice(x) { x * 2 }");
    talk.error("nobody()");
    talk.shows("let x = twice(21)");
    let shown = talk.shows(&format!(":save {path}"));
    assert!(shown.starts_with("wrote 2 lines to "), "{shown}");
    let script = std::fs::read_to_string(&path).unwrap();
    assert!(
        script.ends_with("\n\nfn twice(x) { x * 2 }\nlet x = twice(21);\n"),
        "{script}"
    );
    assert!(
        talk.error(&format!(":save {path}"))
            .contains("is there already")
    );
    // A function that was defined anew is there once, and a map is no block.
    talk.shows("fn twice(x) { x * 20 }");
    talk.shows("let m = #{ a: twice(2) }");
    talk.shows("let password = \"hunter2\";");
    let shown = talk.shows(&format!(":save {path}2"));
    assert!(
        shown.contains("does it again\nit may hold a secret"),
        "{shown}"
    );
    let mode = std::fs::metadata(format!("{path}2"))
        .unwrap()
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let outcome = harness::Qmpsh::new(env!("CARGO_BIN_EXE_qmpsh"))
        .args(["run", &format!("{path}2")])
        .run();
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
    talk.shows("1");
    talk.shows("let y = last");
    let error = talk.error(&format!(":save {path}3"));
    assert!(error.contains("there is no variable `last`"), "{error}");
}

#[test]
fn lines_are_recorded_from_here_to_there_with_the_vm_that_they_are_about() {
    let folder = Folder::new();
    let path = |name: &str| folder.join(name).display().to_string();
    let mut talk = Talk::new();
    assert!(talk.error(":record off").contains("nothing is being"));
    let error = talk.error(":record x.rhai");
    assert!(error.contains("`:save x.rhai` writes"), "{error}");
    talk.shows("let x = 1");
    talk.shows(":use /run/web01.qmp");
    talk.expect(&[
        (":record", ""),
        ("let name = v.name", ""),
        ("let name = \"a\"", ""),
        (":record off", "1 line recorded, for `:save FILE`\n"),
    ]);
    talk.shows("let y = 2");
    let shown = talk.shows(&format!(":save {}", path("mine.rhai")));
    assert!(shown.starts_with("wrote 1 line to "), "{shown}");
    let script = std::fs::read_to_string(folder.join("mine.rhai")).unwrap();
    assert!(script.ends_with(".\n\nlet name = \"a\";\n"), "{script}");
    // What the lines want from before is there, or told.
    talk.shows(":record");
    let nothing = talk.error(&format!(":save {}", path("none.rhai")));
    assert!(
        nothing.contains("no line has succeeded since `:record`"),
        "{nothing}"
    );
    talk.shows("let z = [v, y];");
    let error = talk.error(&format!(":save {}", path("more.rhai")));
    assert!(
        error.contains("in line 4, there is no variable `y`"),
        "{error}"
    );
    let script = std::fs::read_to_string(folder.join("more.rhai")).unwrap();
    let lines = "\n\nlet v = vm(\"/run/web01.qmp\");\nlet z = [v, y];\n";
    assert!(script.ends_with(lines), "{script}");
}

#[test]
fn lines_that_are_pasted_together_are_what_they_would_be_one_by_one() {
    let mut talk = Talk::new();
    talk.expect(&[
        ("1 + 1\n:json last\nlast + 1", "2\n2\n3\n"),
        ("let b = 40\nlet c = 2\nb + c", "42\n"),
        ("let b = [\n 1,\n 2,\n]\nb.len()", "2\n"),
        ("let d = b\n  .len();\nd", "2\n"),
    ]);
    // The first that fails ends them.
    assert!(
        talk.error("let e = 1\nfail(\"no\")\n:vars\ne")
            .contains("no")
    );
    talk.expect(&[("e", "1\n")]);
}

#[test]
fn a_function_that_wants_a_variable_is_told_that_it_sees_none() {
    let mut talk = Talk::new();
    talk.shows("let x = 1; fn f(a) { a + x }");
    let error = talk.error("f(1)");
    assert!(
        error.contains("functions see only their own variables: hand them `x`"),
        "{error}"
    );
}

#[test]
fn what_a_program_printed_is_shown_as_it_printed_it() {
    Talk::new().expect(&[(
        "#{ out: \"a\\tb\\n  c\\x1b[2J\\n\", n: 1, err: \"x\\n\" }",
        "err: \"x\\n\"\nn: 1\nout: |\n  a\\tb\n    c\\x1b[2J\n",
    )]);
}

#[test]
fn a_script_is_run_as_qmpsh_run_does_beside_what_lines_have() {
    let folder = Folder::new();
    let script = |name: &str, text: &str| {
        let path = folder.join(name);
        std::fs::write(&path, text).unwrap();
        path.display().to_string()
    };
    let sum = script(
        "sum.rhai",
        "//! Adds.\n//! [args]\n//! numbers = { type = \"int\", many = true }\n//! twice = { type = \"bool\", flag = true }\n\
         fn all(n) { n.reduce(|a, b| a + b, 0) }\nlet x = all(args.numbers);\nif args.twice { x *= 2 }\nprint(x); guard(\"g\", || print(\"undone\")); x",
    );
    let mut talk = Talk::new();
    talk.expect(&[
        ("let x = 1; fn all(n) { 0 }", ""),
        ("let g = guard(\"held\", || print(\"released\"));", ""),
        (&format!(":run {sum} 3 4 --twice"), "14\nundone\n"),
        ("[last, x, all(5)]", "[14, 1, 0]\n"),
        (":held", "held\n"),
    ]);
    let help = talk.shows(&format!(":run {sum} --help"));
    assert!(
        help.starts_with("Adds.\n\nUsage: :run ") && help.contains("--twice"),
        "{help}"
    );
    assert!(
        talk.error(&format!(":run {sum} a"))
            .contains("`a` is no integer")
    );
    // It sees nothing of the session, and its end is not the session's.
    let blind = script("blind.rhai", "x");
    assert!(
        talk.error(&format!(":run {blind}"))
            .contains("there is no variable `x`")
    );
    talk.expect(&[("last_error.kind", "script\n")]);
    let ends = script(
        "ends.rhai",
        "exit(if args.len() > 1 { 3 } else { 0 }, args)",
    );
    talk.expect(&[(&format!(":run {ends} 'a b'"), ""), ("last", "[a b]\n")]);
    let line = format!(":run {ends} c d");
    assert_eq!(talk.session.take(&line), Answer::Failed(Exit::Script(3)));
    talk.expect(&[("last", "[c, d]\n")]);
    // It touches what it declares, or what the line allows.
    let reads = script("reads.rhai", "host.read_text(args[0]).len() > 0");
    let denied = talk.error(&format!(":run {reads} {reads}"));
    assert!(
        denied.contains("with --allow-read") && denied.contains("reads.rhai"),
        "{denied}"
    );
    talk.expect(&[
        (&format!(":run --allow-read {reads} {reads} {reads}"), ""),
        ("last", "true\n"),
    ]);
    let wrong = script("wrong.rhai", "//! W.\n//! [args]\n//! a = { kind = 1 }\n");
    assert!(
        talk.error(&format!(":run {wrong}"))
            .contains("wrong.rhai:3")
    );
    assert!(talk.shows(":run").contains("\nguest-report  "));
}

#[test]
fn a_text_is_changed_in_the_editor_that_the_user_has() {
    // The program is run with an environment of its own elsewhere; here the one of the tests says which editor.
    let outcome = harness::Qmpsh::new(env!("CARGO_BIN_EXE_qmpsh"))
        .env("EDITOR", "sed -i s/1/41/")
        .stdin("1 + 1\n:edit\n")
        .run();
    assert_eq!(outcome.stdout, "2\n41 + 1\n42\n", "{outcome:#?}");
    let outcome = harness::Qmpsh::new(env!("CARGO_BIN_EXE_qmpsh"))
        .env("EDITOR", "false")
        .stdin("1 + 1\n:edit\n")
        .run();
    assert_eq!(outcome.code, Some(1), "{outcome:#?}");
    assert!(
        outcome
            .stderr
            .contains("the editor ended with exit code 1, so nothing is run")
    );
}

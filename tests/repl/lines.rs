//! Lines, their values, the history and the file for the start.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use harness::{Folder, Qmpsh};

use super::{BOUND, PROMPT, QMPSH, line, terminal, terminal_at};

#[test]
fn a_statement_shows_its_value_and_the_next_one_knows_it() {
    let terminal = terminal();
    line(&terminal, "1 + 1", "2\n");
    line(&terminal, "let x = last * 21;", "");
    line(&terminal, "x", "42\n");
    line(&terminal, "[#{ name: \"a\", n: 1 }]", "NAME  N\na     1\n");
    terminal.types("nobody\r");
    terminal.wait_for("error: there is no variable `nobody`");
    line(&terminal, "last_error.kind", "script\n");
}

#[test]
fn a_guests_text_does_not_act_on_the_terminal() {
    let terminal = terminal();
    line(&terminal, "\"a\\x1b[2Jb\"", "a\\x1b[2Jb\n");
    line(&terminal, "print(\"a\\x1b]0;x\\x07\")", "a\\x1b]0;x\\x07\n");
    line(&terminal, "#{ a: \"\\x1b[2J\" }", "a: \"\\x1b[2J\"\n");
}

#[test]
fn an_open_line_goes_on_until_it_is_closed() {
    let terminal = terminal();
    terminal.types("fn twice(x) {\rx * 2\r}\r");
    terminal.wait_for_end(&format!("fn twice(x) {{\nx * 2\n}}\n{PROMPT}"));
    line(&terminal, "twice(4)", "8\n");
    terminal.types("1 +\r");
    terminal.types("2\r");
    terminal.wait_for_end(&format!("1 +\n2\n3\n{PROMPT}"));
}

#[test]
fn a_paste_of_several_lines_waits_for_enter() {
    let terminal = terminal();
    terminal.types("\x1b[200~let a = 20;\nlet b = 22;\na + b\x1b[201~");
    terminal.wait_for_end("a + b");
    terminal.types("\r");
    terminal.wait_for_end(&format!("a + b\n42\n{PROMPT}"));
}

#[test]
fn what_is_typed_while_a_line_runs_is_not_lost() {
    let terminal = terminal();
    terminal.types("let x = 1;\rx + 1\rx + 2\rx + 40 + 1\r");
    terminal.wait_for_end(&format!("x + 40 + 1\n42\n{PROMPT}"));
}

#[test]
fn the_history_is_shared_by_sessions_without_secrets_and_for_nobody_elses_eyes() {
    let home = Arc::new(Folder::new());
    let first = terminal_at(&home);
    line(&first, "\"of the first\"", "of the first\n");
    line(&first, " \"behind a space\"", "behind a space\n");
    line(&first, "let password = \"geheim\";", "");
    let second = terminal_at(&home);
    line(&second, "\"of the second\"", "of the second\n");
    first.types("\x04");
    assert_eq!(first.wait(), Some(0));
    // Up twice: over its own line to that of the other.
    second.types("\x1b[A\x1b[A");
    second.wait_for_end("qmpsh> \"of the first\"");
    second.types("\x03");
    let third = terminal_at(&home);
    third.types(":history of the\r");
    third.wait_for("2  \"of the second\"");
    let file = home.join("state/history");
    let kept = fs::read_to_string(&file).unwrap();
    assert!(
        !kept.contains("geheim") && !kept.contains("behind"),
        "{kept}"
    );
    let mode = fs::metadata(&file).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn the_file_for_the_start_is_run_and_a_mistake_in_it_does_no_harm() {
    let home = Arc::new(Folder::new());
    let folder = home.join("config/qmpsh");
    fs::create_dir_all(&folder).unwrap();
    let text = "// Mine.\nfn mine() {\n    42\n}\n:set lines 3\nnobody();\nlet after = 1;\n";
    fs::write(folder.join("rc.rhai"), text).unwrap();
    let terminal = Qmpsh::at_home(QMPSH, &home).deadline(BOUND).on_terminal();
    terminal.wait_for_end(PROMPT);
    terminal.wait_for("there is no function `nobody()`");
    terminal.wait_for("rc.rhai:6");
    line(&terminal, "mine() + after", "43\n");
    terminal.types("\"1\\n2\\n3\\n4\"\r");
    terminal.wait_for("... 1 more lines");
}

#[test]
fn a_file_for_the_start_that_others_can_change_is_not_run() {
    let home = Arc::new(Folder::new());
    let folder = home.join("config/qmpsh");
    fs::create_dir_all(&folder).unwrap();
    let file = folder.join("rc.rhai");
    fs::write(&file, "print(\"mine\");\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o666)).unwrap();
    let terminal = Qmpsh::at_home(QMPSH, &home).deadline(BOUND).on_terminal();
    terminal.wait_for("is not run: it can be changed by other users");
    terminal.wait_for_end(PROMPT);
    assert!(!terminal.written().contains("mine"));
}

#[test]
fn words_are_completed_from_what_the_session_knows() {
    let terminal = terminal();
    line(&terminal, "let machines = #{ first: #{ size: 1 } };", "");
    for (typed, completed) in [
        ("mach\t", "machines"),
        ("machines.fir\t", "machines.first"),
        ("machines.first.si\t", "machines.first.size"),
        ("timeo\t", "timeout("),
        ("paral\t", "parallel("),
        ("import \"std/si\t", "import \"std/size\""),
        (":hist\t", ":history"),
        (":set mo\t", ":set mode"),
        (":help fsfr\t", ":help fsfreeze"),
        ("vm(\"x\").agent.fsfr\t", "vm(\"x\").agent.fsfreeze("),
    ] {
        terminal.types(typed);
        terminal.wait_for_end(&format!("{PROMPT} {completed}"));
        // Clears the line.
        terminal.types("\x15");
        terminal.wait_for_end(PROMPT);
    }
}

#[test]
fn a_session_is_saved_as_a_script_that_runs() {
    let home = Arc::new(Folder::new());
    let terminal = terminal_at(&home);
    line(&terminal, "fn twice(x) { x * 2 }", "");
    line(&terminal, "let x = twice(21)", "");
    terminal.types("nobody\r");
    terminal.wait_for("error:");
    line(&terminal, "print(x)", "42\n");
    terminal.types(":save mine.rhai\r");
    terminal.wait_for("wrote 3 lines to mine.rhai");
    let outcome = Qmpsh::at_home(QMPSH, &home)
        .args(["run", "./mine.rhai"])
        .run();
    assert_eq!(
        (outcome.code, outcome.stdout.as_str()),
        (Some(0), "42\n"),
        "{outcome:#?}"
    );
}

#[test]
fn the_prompt_tells_that_lines_are_recorded_and_they_are_saved() {
    let home = Arc::new(Folder::new());
    let terminal = terminal_at(&home);
    line(&terminal, "let x = 1;", "");
    terminal.types(":record\r");
    terminal.wait_for_end("qmpsh rec>");
    terminal.types("let y = 2;\r");
    terminal.wait_for_end("let y = 2;\nqmpsh rec>");
    terminal.types(":record off\r");
    terminal.wait_for_end(&format!("\n1 line recorded, for `:save FILE`\n{PROMPT}"));
    let path = home.join("saved.rhai");
    terminal.types(&format!(":save {}\r", path.display()));
    terminal.wait_for("does it again");
    let saved = fs::read_to_string(path).unwrap();
    assert!(saved.ends_with(".\n\nlet y = 2;\n"), "{saved}");
}

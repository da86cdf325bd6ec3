//! The program itself, as a user or a playbook runs it, with no VM.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::PathBuf;
use std::process::{self, Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

use rustix::process::{Pid, Signal, kill_process};

/// A working directory of its own, removed when dropped.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder =
            std::env::temp_dir().join(format!("qmpsh-commands-{}-{number}", process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn with(files: &[(&str, &str)]) -> Self {
        let folder = Self::new();
        for (name, text) in files {
            fs::write(folder.0.join(name), text).unwrap();
        }
        folder
    }

    fn qmpsh(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_qmpsh"));
        command
            .args(arguments)
            .current_dir(&self.0)
            .stdin(Stdio::null())
            .env("XDG_CONFIG_HOME", &self.0)
            .env("QMPSH_STATE_DIR", self.0.join("state"));
        command.env_remove("NO_COLOR");
        command
    }

    fn run(&self, arguments: &[&str]) -> Ended {
        Ended::from(self.qmpsh(arguments).output().unwrap())
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// How a process ended.
#[derive(Debug)]
struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

impl From<Output> for Ended {
    fn from(output: Output) -> Self {
        Self {
            code: output.status.code(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ended {
    #[track_caller]
    fn assert(&self, code: i32, out: &str, err: &str) {
        assert_eq!(self.code, Some(code), "{self:?}");
        assert_eq!(self.out, out, "{self:?}");
        assert!(
            if err.is_empty() {
                self.err.is_empty()
            } else {
                self.err.contains(err)
            },
            "no `{err}` in {}",
            self.err
        );
    }
}

fn qmpsh(arguments: &[&str]) -> Ended {
    Folder::new().run(arguments)
}

#[test]
fn eval_prints_text_bare_and_all_else_as_json() {
    qmpsh(&["eval", "\"two\\nlines\""]).assert(0, "two\nlines\n", "");
    qmpsh(&["eval", "#{ b: [1, 2.5, ()], a: \"x\" }"]).assert(
        0,
        "{\"a\":\"x\",\"b\":[1,2.5,null]}\n",
        "",
    );
    qmpsh(&["eval", "let x = 1;"]).assert(0, "", "");
    qmpsh(&["eval", "--json", "\"text\""]).assert(0, "\"text\"\n", "");
    qmpsh(&["--json", "eval", "()"]).assert(0, "null\n", "");
    qmpsh(&["eval", "args[1] + args.len()", "a", "b"]).assert(0, "b2\n", "");
    qmpsh(&["eval", "-5 + 1"]).assert(0, "-4\n", "");
    qmpsh(&["eval", "|x| x"]).assert(1, "", "is a function, which has no JSON form");
}

#[test]
fn exit_codes_say_what_happened() {
    qmpsh(&["eval", "fail(\"no\")"]).assert(1, "", "error: no");
    qmpsh(&["eval", "let = 5"]).assert(2, "", "<eval>:1:5");
    qmpsh(&["eval", "timeout(\"1ms\", || loop { })"]).assert(5, "", "it took longer than 1 ms");
    qmpsh(&["eval", "host.env(\"HOME\")"]).assert(6, "", "//! env = [\"HOME\"]");
    qmpsh(&["eval", "exit(42)"]).assert(42, "", "");
    qmpsh(&["eval", "--json", "exit(42, [1])"]).assert(42, "[1]\n", "");
    qmpsh(&["eval"]).assert(2, "", "Usage");
    qmpsh(&["nonesuch"]).assert(2, "", "nonesuch");
    qmpsh(&["eval", "1", "--timeout", "soon"]).assert(2, "", "`soon` is no length of time");
    let help = qmpsh(&["--help"]);
    assert_eq!((help.code, help.err.as_str()), (Some(0), ""));
    assert!(
        help.out.contains("run") && help.out.contains("eval"),
        "{}",
        help.out
    );
}

#[test]
fn run_takes_a_file_and_its_declared_arguments() {
    let script = "#!/usr/bin/env -S qmpsh run
//! Say how many.
//! [args]
//! name = {}
//! times = { type = \"int\", flag = true, default = 1 }
print(`${args.name} ${args.times}`);
log(\"done\");
args.times";
    let folder = Folder::with(&[("say.rhai", script)]);
    folder
        .run(&["run", "say.rhai", "web01", "--times", "3"])
        .assert(0, "web01 3\n", "done\n");
    folder
        .run(&["run", "--json", "say.rhai", "web01"])
        .assert(0, "1\n", "web01 1\ndone\n");
    folder.run(&["run", "say.rhai"]).assert(2, "", "<NAME>");
    folder
        .run(&["run", "say.rhai", "web01", "--times", "x"])
        .assert(2, "", "`x` is no integer");
    let help = folder.run(&["run", "say.rhai", "--help"]);
    assert_eq!(help.code, Some(0));
    assert!(
        help.out.contains("Say how many.") && help.out.contains("--times <NUMBER>"),
        "{}",
        help.out
    );
    folder.run(&["run", "./say.rhai", "-h"]).assert(
        0,
        &help.out.replace("run say", "run ./say"),
        "",
    );
}

#[test]
fn general_options_stand_among_a_scripts_own_unless_it_declares_one_of_them() {
    let header = |name: &str| {
        format!("//! T\n//!\n//! [args]\n//! {name} = {{ type = \"string\", flag = true }}\nargs")
    };
    let (plain, own) = (header("word"), header("timeout"));
    let folder = Folder::with(&[("plain.rhai", &plain), ("own.rhai", &own)]);
    let ended = folder.run(&["run", "plain.rhai", "--word", "a", "--json"]);
    assert_eq!(
        (ended.code, ended.out.as_str()),
        (Some(0), "{\"word\":\"a\"}\n")
    );
    let ended = folder.run(&["run", "--json", "own.rhai", "--timeout", "no time"]);
    assert_eq!(
        (ended.code, ended.out.as_str()),
        (Some(0), "{\"timeout\":\"no time\"}\n")
    );
    let ended = folder.run(&["run", "own.rhai", "--json"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
}

#[test]
fn run_without_a_header_passes_the_words_on() {
    let folder = Folder::with(&[("words.rhai", "print(json(args))")]);
    folder
        .run(&["run", "words.rhai", "a", "--json", "-v"])
        .assert(0, "[\"a\",\"--json\",\"-v\"]\n", "");
}

#[test]
fn run_reads_standard_input() {
    let folder = Folder::new();
    let mut child = folder
        .qmpsh(&["run", "-", "x"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(b"print(args[0])")
        .unwrap();
    Ended::from(child.wait_with_output().unwrap()).assert(0, "x\n", "");
}

#[test]
fn a_script_that_cannot_be_read_is_named() {
    let folder = Folder::with(&[("empty.rhai", " \n")]);
    fs::write(folder.0.join("latin.rhai"), b"let a = 1;\n// \xe4\n").unwrap();
    folder
        .run(&["run", "none.rhai"])
        .assert(2, "", "there is no file `none.rhai`");
    folder.run(&["run", "nonesuch"]).assert(
        2,
        "",
        "there is no ready-made script and no file `nonesuch`",
    );
    folder
        .run(&["run", "empty.rhai"])
        .assert(2, "", "`empty.rhai` is empty");
    folder
        .run(&["run", "latin.rhai"])
        .assert(2, "", "`latin.rhai` is not UTF-8 text: see line 2");
    folder.run(&["run", "."]).assert(2, "", "cannot be read");
}

#[test]
fn a_wrong_header_is_shown_with_its_line() {
    let folder = Folder::with(&[("x.rhai", "//! X.\n//! [args]\n//! a = { tpye = \"int\" }\n")]);
    let ended = folder.run(&["run", "x.rhai"]);
    ended.assert(2, "", "x.rhai:3:1");
    ended.assert(2, "", "did you mean `type`?");
}

#[test]
fn the_header_and_the_command_line_open_the_host() {
    let script = "//! X.\n//! [args]\n//! dir = { type = \"path\" }\n//! [allow]\n//! write = [\"{dir}\"]\nhost.write_text(args.dir + \"/out\", \"x\"); host.read_text(args.dir + \"/out\")";
    let folder = Folder::with(&[("x.rhai", script)]);
    folder
        .run(&["run", "x.rhai", "."])
        .assert(6, "", "//! read = [\"./out\"]");
    folder
        .run(&["run", "--json", "--allow-read", "out", "x.rhai", "."])
        .assert(0, "\"x\"\n", "");
}

#[test]
fn modules_are_found_in_the_users_folder() {
    let folder = Folder::with(&[("main.rhai", "import \"mine\" as mine; print(mine::f())")]);
    fs::create_dir_all(folder.0.join("qmpsh/lib")).unwrap();
    fs::write(folder.0.join("qmpsh/lib/mine.rhai"), "fn f() { 42 }").unwrap();
    folder.run(&["run", "main.rhai"]).assert(0, "42\n", "");
}

#[test]
fn colour_is_for_those_who_ask() {
    let folder = Folder::new();
    assert!(!folder.run(&["eval", "nope"]).err.contains('\x1b'));
    assert!(
        folder
            .run(&["eval", "nope", "--color", "always"])
            .err
            .contains('\x1b')
    );
    let output = folder
        .qmpsh(&["eval", "nope", "--color", "never"])
        .env("CLICOLOR_FORCE", "1")
        .output()
        .unwrap();
    assert!(!output.stderr.contains(&0x1b));
}

#[test]
fn a_reader_that_goes_away_ends_the_program_quietly() {
    let folder = Folder::new();
    let mut child = folder
        .qmpsh(&["eval", "for i in 0..1000000 { print(i) }"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut first = String::new();
    BufReader::new(child.stdout.take().unwrap())
        .read_line(&mut first)
        .unwrap();
    assert_eq!(first, "0\n");
    Ended::from(child.wait_with_output().unwrap()).assert(141, "", "");
}

/// Starts a script and waits until it printed `ready`.
fn started(folder: &Folder, script: &str) -> Child {
    let mut child = folder
        .qmpsh(&["eval", script])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut line = [0; 6];
    child
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut line)
        .unwrap();
    assert_eq!(&line, b"ready\n");
    child
}

#[test]
fn a_signal_ends_the_program_with_its_number() {
    let folder = Folder::new();
    for (signal, code) in [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)] {
        for script in [
            "print(\"ready\"); sleep(3600)",
            "print(\"ready\"); try { loop { } } catch { loop { } }",
        ] {
            let child = started(&folder, script);
            kill_process(Pid::from_child(&child), signal).unwrap();
            let ended = Ended::from(child.wait_with_output().unwrap());
            assert_eq!(ended.code, Some(code), "{script}: {ended:?}");
        }
    }
}

#[test]
fn the_second_signal_tells_what_is_cleaned_up_and_the_third_ends_at_once() {
    let folder = Folder::new();
    let script = "with guard(\"the thing\", || { print(\"undoing\"); loop { } }) as g { print(\"ready\"); sleep(3600) }";
    let mut child = started(&folder, script);
    let pid = Pid::from_child(&child);
    kill_process(pid, Signal::INT).unwrap();
    let mut line = [0; 8];
    child
        .stdout
        .as_mut()
        .unwrap()
        .read_exact(&mut line)
        .unwrap();
    assert_eq!(&line, b"undoing\n");
    kill_process(pid, Signal::INT).unwrap();
    let mut told = String::new();
    BufReader::new(child.stderr.take().unwrap())
        .read_line(&mut told)
        .unwrap();
    assert!(
        told.starts_with("qmpsh: still busy: releasing the thing"),
        "{told}"
    );
    kill_process(pid, Signal::INT).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130));
}

#[test]
fn output_that_cannot_be_written_is_an_error() {
    let folder = Folder::new();
    for script in ["print(1); loop { }", "table([#{a: 1}])", "1"] {
        let full = fs::OpenOptions::new()
            .write(true)
            .open("/dev/full")
            .unwrap();
        let output = folder
            .qmpsh(&["eval", script])
            .stdout(full)
            .output()
            .unwrap();
        Ended::from(output).assert(1, "", "the output cannot be written: No space left");
    }
}

#[test]
fn scripts_lists_and_shows() {
    let folder = Folder::new();
    let list = folder.run(&["scripts", "--json"]);
    assert_eq!(list.code, Some(0));
    let names: serde_json::Value = serde_json::from_str(&list.out).unwrap();
    for name in names
        .as_array()
        .unwrap()
        .iter()
        .map(|script| script["name"].as_str().unwrap())
    {
        let shown = folder.run(&["scripts", name]);
        assert!(
            shown.code == Some(0) && shown.out.starts_with("//! "),
            "{name}"
        );
        let help = folder.run(&["run", name, "--help"]);
        assert!(
            help.code == Some(0) && help.out.contains("Usage: "),
            "{name}"
        );
    }
    folder
        .run(&["scripts", "nonesuch"])
        .assert(2, "", "there is no ready-made script `nonesuch`");
}

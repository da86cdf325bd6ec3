//! `qmpsh man`: a page for every command, that renders.

use harness::{Folder, Qmpsh};

use super::{BOUND, fails, qmpsh};

/// The names of all commands, as the help lists them.
fn commands() -> Vec<String> {
    let help = qmpsh().arg("-h").run().expect_code(0).stdout;
    let list = help.split("Commands:").nth(1).unwrap();
    let lines = list.lines().skip(1).take_while(|line| !line.is_empty());
    // What goes on from the line above stands further in.
    lines
        .filter(|line| !line.starts_with("   "))
        .map(|line| line.split_whitespace().next().unwrap().to_owned())
        .collect()
}

#[test]
fn every_command_has_a_page_that_renders_without_a_warning() {
    let folder = Folder::new();
    let mut names = commands();
    assert!(names.len() >= 7, "{names:?}");
    names.insert(0, String::new());
    for name in names {
        let page = qmpsh()
            .arg("man")
            .args([&name].into_iter().filter(|name| !name.is_empty()))
            .run()
            .expect_code(0);
        let file = folder.join("page.1");
        std::fs::write(&file, &page.stdout).unwrap();
        let check = Qmpsh::new("/usr/bin/mandoc")
            .args(["-W", "warning,stop", "-T", "utf8"])
            .arg(&file)
            .deadline(BOUND)
            .run();
        assert_eq!(
            (check.code, check.stderr.as_str()),
            (Some(0), ""),
            "{name}: {check:#?}"
        );
        let title = format!("qmpsh-{name}").trim_end_matches('-').to_uppercase();
        for part in [&*title, "SYNOPSIS", "EXIT STATUS", "SEE ALSO"] {
            assert!(
                page.stdout.contains(part),
                "no {part} on the page of `{name}`"
            );
        }
    }
}

#[test]
fn help_and_pages_tell_the_same_examples_and_exit_codes() {
    let example = "qmpsh events web01 -e 'BLOCK_JOB_*' -n 1 --json";
    let help = qmpsh().args(["events", "--help"]).run().expect_code(0);
    assert!(help.stdout.contains(example), "{help:#?}");
    let page = qmpsh().args(["man", "events"]).run().expect_code(0);
    let plain = page.stdout.replace("\\-", "-").replace("\\*(Aq", "'");
    assert!(plain.contains(example), "{plain}");
    let help = qmpsh().arg("--help").run().expect_code(0);
    for text in [&help.stdout, &plain] {
        assert!(
            text.contains("the VM or its agent refused the command"),
            "{text}"
        );
    }
}

#[test]
fn a_page_of_no_command_is_refused_with_the_nearest() {
    let outcome = qmpsh().args(["man", "evnts"]).run();
    fails(
        &outcome,
        2,
        &["no command `evnts`", "did you mean `events`?"],
    );
}

#[test]
fn a_synopsis_tells_what_is_repeated() {
    for (command, usage) in [
        ("ls", "[OPTIONS] [PATTERN]..."),
        ("events", "[OPTIONS] <VM>..."),
        ("run", "[OPTIONS] SCRIPT [ARGS]..."),
    ] {
        let page = qmpsh().args(["man", command]).run().expect_code(0).stdout;
        let line = format!("\\fBqmpsh {command}\\fR {usage}");
        assert!(page.lines().any(|shown| shown == line), "{page}");
    }
    let page = qmpsh().arg("man").run().expect_code(0).stdout;
    assert!(!page.contains("see a summary"), "{page}");
}

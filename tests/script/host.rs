//! `host`: files, programs and the environment, as far as the run may touch them.

use std::fs;
use std::os::unix::fs::FileTypeExt;
use std::thread;

use qmpsh::report::Exit;
use qmpsh::script::called::Called;
use qmpsh::script::permit::Permit;
use qmpsh::script::{Ending, Settings};
use rhai::Dynamic;

use crate::Stage;
use crate::imports::Folder;
use crate::stops::stop_at_ready;

fn stage(folder: &Folder, permit: Permit) -> Stage {
    let args = Dynamic::from(folder.path("").display().to_string());
    Stage::with(Settings {
        called: Called {
            permit,
            args,
            needed: None,
        },
        ..Settings::default()
    })
}

/// A stage that may do everything in the folder, which scripts know as `args`.
fn free(folder: &Folder) -> Stage {
    let all = vec![folder.path("").display().to_string()];
    let programs = ["sh", "cat", "sleep", "true", "nonesuch"]
        .map(str::to_owned)
        .to_vec();
    stage(
        folder,
        Permit {
            read: all.clone(),
            write: all,
            run: programs,
            env: vec!["PATH".into(), "QMPSH_NONE".into()],
            ..Permit::default()
        },
    )
}

#[test]
fn files_are_written_read_listed_and_removed() {
    let folder = Folder::new();
    let mut stage = free(&folder);
    assert_eq!(
        stage.value(
            "host.mkdir(args + \"a/b\"); host.mkdir(args + \"a/b\");
             host.write_text(args + \"a/b/t\", \"long text\"); host.write_text(args + \"a/b/t\", \"tëxt\");
             host.write_blob(args + \"a/b/b\", blob(3, 255));
             let seen = [host.read_text(args + \"a/b/t\"), host.read_blob(args + \"a/b/b\").len(), host.list(args + \"a/b\"), host.exists(args + \"a/x\"), host.exists(args + \"a/b/t/x\")];
             host.remove(args + \"a/b/t\"); host.remove(args + \"a/b/b\"); host.remove(args + \"a/b\");
             seen.push(host.exists(args + \"a/b\"));
             json(seen)"
        ),
        "[\"tëxt\",3,[\"b\",\"t\"],false,false,false]"
    );
}

#[test]
fn a_locks_file_stays_or_goes_with_it_as_is_said_and_nobody_elses_does() {
    let folder = Folder::new();
    let mut stage = free(&folder);
    let seen = stage.value(
        "let file = args + \"lock\"; let seen = [];
         with host.lock(file, #{ remove: true }) as lock { seen.push(host.exists(file)); }
         seen.push(host.exists(file));
         with host.lock(file) as lock {}
         seen.push(host.exists(file));
         with host.lock(file, #{ remove: true }) as lock {
             try { host.lock(file); } catch (e) { seen.push(e.kind); }
             // It has its name no more, and another one does.
             host.remove(file); host.write_text(file, \"mine\");
         }
         seen.push(host.read_text(file));
         try { host.lock(file, #{ removed: true }); } catch (e) { seen.push(e.kind); }
         json(seen)",
    );
    assert_eq!(seen, "[true,false,true,\"busy\",\"mine\",\"usage\"]");
}

#[test]
fn without_a_permit_everything_is_refused() {
    let folder = Folder::new();
    fs::write(folder.path("f"), "x").unwrap();
    for (call, line) in [
        ("host.read_text(args + \"f\")", "//! read = ["),
        ("host.read_blob(args + \"f\")", "//! read = ["),
        ("host.list(args)", "//! read = ["),
        ("host.exists(args + \"f\")", "//! read = ["),
        ("host.write_text(args + \"f\", \"\")", "//! write = ["),
        ("host.write_blob(args + \"f\", blob())", "//! write = ["),
        ("host.mkdir(args + \"d\")", "//! write = ["),
        ("host.remove(args + \"f\")", "//! write = ["),
        ("host.run(\"true\", [])", "//! run = [\"true\"]"),
        ("host.run(\"true\", [], #{})", "//! run = [\"true\"]"),
        ("host.env(\"PATH\")", "//! env = [\"PATH\"]"),
    ] {
        let outcome = stage(&folder, Permit::default()).run(call);
        assert_eq!(outcome.exit(), Exit::Denied, "{call}");
        let Ending::Failed(failure) = outcome.ending else {
            panic!()
        };
        assert!(failure.drawn.contains(line), "{call}: {}", failure.drawn);
    }
    assert_eq!(fs::read(folder.path("f")).unwrap(), b"x");
}

#[test]
fn what_is_no_plain_file_or_no_text_is_an_error_and_no_wait() {
    let folder = Folder::new();
    fs::write(folder.path("latin"), b"\xe4").unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        folder.path("pipe"),
        rustix::fs::FileType::Fifo,
        0o600.into(),
        0,
    )
    .unwrap();
    let mut stage = free(&folder);
    assert!(
        stage
            .failure("host.read_blob(args + \"pipe\")")
            .contains("it is no plain file")
    );
    assert!(
        stage
            .failure("host.write_text(args + \"pipe\", \"x\")")
            .contains("pipe` cannot be written")
    );
    for call in [
        "host.replace_text(args + \"pipe\", \"x\")",
        "host.rename(args + \"latin\", args + \"pipe\")",
    ] {
        let failure = stage.failure(call);
        assert!(failure.contains("no regular file"), "{call}: {failure}");
    }
    let there = fs::metadata(folder.path("pipe")).unwrap();
    assert!(there.file_type().is_fifo() && fs::exists(folder.path("latin")).unwrap());
    assert!(
        stage
            .failure("host.read_blob(args)")
            .contains("it is no plain file")
    );
    assert!(
        stage
            .failure("host.read_text(args + \"none\")")
            .contains("none` cannot be read: No such file")
    );
    assert!(
        stage
            .failure("host.read_text(args + \"latin\")")
            .contains("host.read_blob")
    );
}

#[test]
fn programs_give_their_output_and_their_end() {
    let folder = Folder::new();
    let mut stage = free(&folder);
    assert_eq!(
        stage.value("let r = host.run(\"sh\", [\"-c\", \"cat; echo $X >&2; exit 3\"], #{ input: \"in\", env: #{ X: \"x\" } }); json([r.stdout, r.stderr, r.exitcode, r.signal, r.stdout_blob.len()])"),
        "[\"in\",\"x\\n\",3,null,2]"
    );
    assert_eq!(
        stage.value("host.run(\"sh\", [\"-c\", \"kill -9 $$\"]).signal"),
        "9"
    );
    assert_eq!(
        stage.value("host.run(\"cat\", [], #{ input: blob(300000, 97) }).stdout.len()"),
        "300000"
    );
    assert!(
        stage
            .failure("host.run(\"sh\", [\"-c\", \"echo why >&2; exit 3\"], #{ check: true })")
            .contains("`sh` failed (exit status: 3): why")
    );
    assert!(
        stage
            .failure("host.run(\"nonesuch\", [])")
            .contains("`nonesuch` cannot be run: No such file")
    );
    assert!(
        stage
            .failure("host.run(\"sh\", [], #{ chekc: true })")
            .contains("there is no option `chekc`")
    );
}

#[test]
fn a_program_that_is_given_up_is_ended() {
    let folder = Folder::new();
    let mut stage = free(&folder);
    let script = "let r; try { timeout(\"50ms\", || host.run(\"sh\", [\"-c\", `echo $$ > ${args}pid; exec sleep 3600`])) } catch (e) { r = e.kind } r";
    assert_eq!(stage.value(script), "timeout");
    let pid = fs::read_to_string(folder.path("pid")).unwrap_or_default();
    // Gone, or a zombie that its thread is about to collect.
    let status = || fs::read_to_string(format!("/proc/{}/stat", pid.trim())).unwrap_or_default();
    while status().contains("(sleep) S") {
        thread::yield_now();
    }
}

#[test]
fn a_signal_ends_the_wait_for_a_program() {
    let folder = Folder::new();
    let script = "ready(); host.run(\"sleep\", [\"3600\"])";
    assert!(matches!(
        stop_at_ready(free(&folder), script),
        Ending::Signal(2)
    ));
}

#[test]
fn the_environment_is_read_by_name() {
    let folder = Folder::new();
    let mut stage = free(&folder);
    assert_eq!(
        stage.value("host.env(\"PATH\").len() > 0 && host.env(\"QMPSH_NONE\") == ()"),
        "true"
    );
}

#[test]
fn a_script_may_have_a_host_of_its_own() {
    assert_eq!(
        crate::value(
            "fn f(host) { host } let host = \"h\"; let g = || host; host + f(1) + g.call()"
        ),
        "h1h"
    );
}

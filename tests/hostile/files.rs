//! Guest files that are awkward, and host files that a script may not touch or that are none.

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::Path;
use std::process::Command;

use harness::{Folder, HostAgent, Outcome};

use super::{agent_at, ask_within, fails, prints, qmpsh};

/// As much as is sent or asked for at once.
const CHUNK: usize = 512 * 1024;

/// A run of a script with the agent in `args.vm` and the folder in `args.dir`, which it may read and write.
fn with_files(agent: &HostAgent, folder: &Folder, script: &str) -> Outcome {
    let header = "//! Test.\n//! [args]\n//! vm = { type = \"vm\" }\n//! dir = { type = \"path\" }\n//! [allow]\n//! read = [\"{dir}\"]\n//! write = [\"{dir}\"]\n";
    let file = folder.join("test.rhai");
    fs::write(
        &file,
        format!("{header}let a = vm(args.vm).agent;\n{script}"),
    )
    .unwrap();
    qmpsh()
        // Twenty megabytes through an agent that reads byte by byte, on a machine that has other work.
        .deadline(4 * super::BOUND)
        .args(["--timeout", "10s", "run"])
        .arg(file)
        .arg(agent_at(&agent.socket()))
        .arg(folder.path())
        .run()
}

fn sha256(path: &Path) -> String {
    let output = Command::new("sha256sum").arg(path).output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    text.split(' ').next().unwrap().to_owned()
}

/// A path where the agent may write.
fn guest_path(agent: &HostAgent, name: &str) -> String {
    agent.folder().join(name).display().to_string()
}

#[test]
fn twenty_megabytes_and_awkward_sizes_travel_both_ways_unchanged() {
    let agent = HostAgent::start();
    let folder = Folder::new();
    let sizes = [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 20_000_000];
    let mut script = String::new();
    for size in sizes {
        let bytes: Vec<u8> = (0..size)
            .map(|at| (((at * 31) >> 3) ^ (at >> 11)).to_le_bytes()[0])
            .collect();
        fs::write(folder.join(format!("{size}.sent")), bytes).unwrap();
        let guest = guest_path(&agent, &format!("{size}"));
        let transfer = format!(
            "print(a.upload(args.dir + \"/{size}.sent\", \"{guest}\"));\n\
             print(a.download(\"{guest}\", args.dir + \"/{size}.back\"));\n"
        );
        script.push_str(&transfer);
    }
    let outcome = with_files(&agent, &folder, &script);
    let counts = sizes.map(|size| format!("{size}\n{size}\n")).concat();
    prints(&outcome, &counts);
    for size in sizes {
        let sent = sha256(&folder.join(format!("{size}.sent")));
        assert_eq!(
            sent,
            sha256(&folder.join(format!("{size}.back"))),
            "{size} bytes"
        );
        let there = agent.folder().join(size.to_string());
        assert_eq!(sent, sha256(&there), "{size} bytes in the guest");
    }
    super::is_modest(&outcome);
}

#[test]
fn text_that_is_none_names_the_byte_and_the_other_function() {
    let agent = HostAgent::start();
    fs::write(agent.folder().join("f"), b"abc\xff").unwrap();
    let path = guest_path(&agent, "f");
    let script = format!("vm(args[0]).agent.file_read(\"{path}\")");
    let outcome = ask_within("10s", agent_at(&agent.socket()), &script);
    fails(
        &outcome,
        1,
        &[&path, "no UTF-8 text (byte 3", "`file_read_blob`"],
    );
    let script = format!("vm(args[0]).agent.file_read_blob(\"{path}\")");
    let outcome = ask_within("10s", agent_at(&agent.socket()), &script);
    prints(&outcome, "\"YWJj/w==\"\n");
}

#[test]
fn a_file_that_is_missing_locked_or_a_folder_is_refused_in_the_agents_words() {
    let agent = HostAgent::start();
    let folder = agent.folder();
    fs::write(folder.join("locked"), "").unwrap();
    fs::set_permissions(folder.join("locked"), fs::Permissions::from_mode(0o000)).unwrap();
    for (path, words) in [
        (guest_path(&agent, "none"), "No such file or directory"),
        (guest_path(&agent, "locked"), "Permission denied"),
        (folder.path().display().to_string(), "Is a directory"),
        (String::new(), "No such file or directory"),
        ("x".repeat(2000), "File name too long"),
    ] {
        let script = format!("vm(args[0]).agent.file_read(\"{path}\")");
        let outcome = ask_within("10s", agent_at(&agent.socket()), &script);
        fails(&outcome, 4, &["was refused: ", words]);
    }
}

#[test]
fn files_without_a_size_are_read_to_their_end() {
    let agent = HostAgent::start();
    let target = agent_at(&agent.socket());
    let outcome = ask_within(
        "10s",
        &target,
        "vm(args[0]).agent.file_read(\"/proc/version\").starts_with(\"Linux\")",
    );
    prints(&outcome, "true\n");
    prints(
        &ask_within("10s", &target, "vm(args[0]).agent.file_read(\"/dev/null\")"),
        "\n",
    );
}

#[test]
fn a_file_without_an_end_can_be_given_up_and_read_in_part() {
    let agent = HostAgent::start();
    let script = "let a = vm(args[0]).agent;
        try { timeout(\"300ms\", || a.file_read(\"/dev/zero\")) } catch (e) { print(e.kind) }
        with a.file_open(\"/dev/zero\", \"r\") as f { print(f.read(100000).len()) }";
    let outcome = ask_within("10s", agent_at(&agent.socket()), script);
    prints(&outcome, "timeout\n100000\n");
    super::is_modest(&outcome);
}

#[test]
fn a_pipe_in_the_guest_stalls_nobody() {
    let agent = HostAgent::start();
    let pipe = guest_path(&agent, "pipe");
    make_pipe(Path::new(&pipe));
    let script = format!("vm(args[0]).agent.file_read(\"{pipe}\")");
    let outcome = ask_within("500ms", agent_at(&agent.socket()), &script);
    // This agent finds it empty; one that waits for a writer is given up.
    assert!(matches!(outcome.code, Some(0 | 4 | 5)), "{outcome:#?}");
    assert_eq!(outcome.stdout.trim(), "");
    super::is_fit_for_people(&outcome);
}

/// Makes a pipe that everybody may use.
fn make_pipe(path: &Path) {
    let made = Command::new("mkfifo")
        .args(["-m", "666"])
        .arg(path)
        .status();
    assert!(made.unwrap().success());
}

#[test]
fn the_host_is_closed_where_the_header_does_not_open_it() {
    let agent = HostAgent::start();
    let target = agent_at(&agent.socket());
    for (script, words) in [
        (
            "download(\"/proc/version\", \"/tmp/x\")",
            ["may not write `/tmp/x`", "//! write = [\"/tmp/x\"]"],
        ),
        (
            "upload(\"/etc/hostname\", \"/tmp/x\")",
            ["may not read `/etc/hostname`", "--allow-read /etc/hostname"],
        ),
        (
            "upload(\"/etc/../etc/shadow\", \"/tmp/x\")",
            ["may not read", "//! read ="],
        ),
    ] {
        let outcome = ask_within("10s", &target, &format!("vm(args[0]).agent.{script}"));
        fails(&outcome, 6, &words);
    }
}

#[test]
fn links_and_dots_do_not_lead_out_of_what_is_allowed() {
    let agent = HostAgent::start();
    let (folder, other) = (Folder::new(), Folder::new());
    std::os::unix::fs::symlink(other.path(), folder.join("link")).unwrap();
    for path in ["/link/x", "/../x", "/link/../x", "/none/../../x"] {
        let script = format!("a.download(\"/proc/version\", args.dir + \"{path}\")");
        let outcome = with_files(&agent, &folder, &script);
        assert!(matches!(outcome.code, Some(1 | 6)), "{path}: {outcome:#?}");
    }
    assert_eq!(fs::read_dir(other.path()).unwrap().count(), 0);
}

#[test]
fn a_download_takes_the_place_of_files_only() {
    let agent = HostAgent::start();
    let folder = Folder::new();
    let pipe = folder.join("pipe");
    make_pipe(&pipe);
    let outcome = with_files(
        &agent,
        &folder,
        "a.download(\"/proc/version\", args.dir + \"/pipe\")",
    );
    fails(&outcome, 1, &["pipe", "no regular file"]);
    assert!(fs::symlink_metadata(&pipe).unwrap().file_type().is_fifo());
    let outcome = with_files(&agent, &folder, "a.download(\"/proc/version\", args.dir)");
    fails(&outcome, 1, &["no regular file"]);
    let outcome = with_files(
        &agent,
        &folder,
        "a.download(\"/proc/version\", args.dir + \"/none/x\")",
    );
    fails(&outcome, 1, &["No such file or directory"]);
}

#[test]
fn an_upload_of_what_is_no_file_says_so() {
    let agent = HostAgent::start();
    let folder = Folder::new();
    let to = guest_path(&agent, "to");
    let script = |name: &str| format!("a.upload(args.dir + \"{name}\", \"{to}\")");
    fails(&with_files(&agent, &folder, &script("")), 1, &["directory"]);
    fails(
        &with_files(&agent, &folder, &script("/none")),
        1,
        &["/none", "No such file"],
    );
}

#[test]
fn a_guest_disk_that_is_full_is_never_a_success() {
    let agent = HostAgent::start();
    let folder = Folder::new();
    fs::write(folder.join("f"), vec![b'x'; 2 * CHUNK]).unwrap();
    for script in [
        "a.file_write(\"/dev/full\", \"x\")",
        "a.file_append(\"/dev/full\", \"x\")",
        "a.upload(args.dir + \"/f\", \"/dev/full\")",
        "with a.file_open(\"/dev/full\", \"w\") as f { f.write(\"x\"); f.flush() }",
        "with a.file_open(\"/dev/full\", \"w\") as f { f.write(\"x\") }",
    ] {
        fails(&with_files(&agent, &folder, script), 4, &["No space left"]);
    }
}

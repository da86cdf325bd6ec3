//! Files of the guest's from scripts: whole, streamed as far as `[allow]` goes, and as handles that never leak.

use harness::{Folder, Guest};
use serde_json::{Value, json};

use super::lent::lent;
use super::{assert_error, caught, eval, qmpsh};

/// How many files the agent has open.
fn open_files(guest: &Guest) -> String {
    guest.shell_ok("ls /proc/$(cat /run/agent.pid)/fd | wc -l")
}

#[test]
fn a_file_is_written_appended_to_and_read() {
    let guest = lent();
    let value = eval(
        &guest.target(),
        "let a = v.agent; let path = \"/tmp/surface\";
         [a.file_write(path, \"grüße\\n\"), a.file_append(path, blob(2, 65)), a.file_read(path), a.file_read_blob(path).len(),
          a.file_write(path, \"\"), a.file_read(path), a.file_read_blob(path).len()]",
    );
    assert_eq!(value, json!([8, 2, "grüße\nAA", 10, 0, "", 0]));
    let value = eval(
        &guest.target(),
        "v.agent.file_read(\"/proc/version\").starts_with(\"Linux version\")",
    );
    assert_eq!(value, true);
}

#[test]
fn what_is_no_text_or_not_there_is_told() {
    let guest = lent();
    let target = guest.target();
    let error = caught(
        &target,
        "v.agent.file_write(\"/tmp/latin1\", blob(1, 0xfc)); v.agent.file_read(\"/tmp/latin1\")",
    );
    assert_error(
        &error,
        &json!({ "kind": "usage", "message": "is no UTF-8 text", "hint": "`file_read_blob`" }),
    );
    assert_eq!(
        eval(&target, "v.agent.file_read_blob(\"/tmp/latin1\")"),
        "/A=="
    );
    let error = caught(&target, "v.agent.file_read(\"/nope\")");
    assert_error(
        &error,
        &json!({ "kind": "agent", "command": "guest-file-open", "message": "No such file or directory", "class": "GenericError" }),
    );
    let error = caught(&target, "v.agent.file_write(\"/nope/x\", \"\")");
    assert_error(
        &error,
        &json!({ "kind": "agent", "message": "No such file or directory" }),
    );
    let error = caught(&target, "v.agent.file_write(\"/tmp/x\", #{})");
    assert_error(
        &error,
        &json!({ "kind": "usage", "message": "`json(x)` makes text of it" }),
    );
    // A full disk: the agent says so, at the latest when it closes.
    let error = caught(
        &target,
        "v.agent.file_write(\"/dev/full\", blob(100000, 1))",
    );
    assert_error(
        &error,
        &json!({ "kind": "agent", "message": "No space left on device" }),
    );
}

#[test]
fn files_are_streamed_as_far_as_the_header_allows() {
    let guest = lent();
    let folder = Folder::new();
    let large: Vec<u8> = (0..1_500_001_u32)
        .map(|number| (number % 251).to_le_bytes()[0])
        .collect();
    std::fs::write(folder.join("up"), &large).unwrap();
    let script = folder.join("stream.rhai");
    let text = "//! Streams.\n//! [args]\n//! vm = { type = \"vm\" }\n//! dir = { type = \"path\" }\n//! [allow]\n//! read = [\"{dir}\"]\n//! write = [\"{dir}\"]\n
let a = vm(args.vm).agent;
print(a.upload(args.dir + \"/up\", \"/data/streamed\"));
print(a.download(\"/data/streamed\", args.dir + \"/down\"));
print(a.download(\"/proc/version\", args.dir + \"/version\") > 0);
";
    std::fs::write(&script, text).unwrap();
    let dir = folder.path().to_str().unwrap();
    let run = |script: &str| qmpsh(["run", script, &guest.target(), dir]).run();
    let outcome = run(script.to_str().unwrap()).expect_code(0);
    assert_eq!(outcome.stdout, "1500001\n1500001\ntrue\n");
    assert_eq!(std::fs::read(folder.join("down")).unwrap(), large);
    guest.shell_ok("rm /data/streamed");

    std::fs::write(&script, text.replace("//! write = [\"{dir}\"]\n", "")).unwrap();
    let outcome = run(script.to_str().unwrap()).expect_code(6);
    assert!(outcome.stderr.contains("//! write = ["), "{outcome:#?}");
    let up = format!("vm(args[0]).agent.upload(\"{dir}/up\", \"/tmp/up\")");
    qmpsh(["eval", &up, &guest.target()]).run().expect_code(6);
    qmpsh(["eval", "--allow-read", dir, &up, &guest.target()])
        .run()
        .expect_code(0);
    guest.shell_ok("rm /tmp/up");
}

#[test]
fn a_download_that_fails_leaves_no_file() {
    let guest = lent();
    let folder = Folder::new();
    let dir = folder.path().to_str().unwrap();
    let download = format!("vm(args[0]).agent.download(\"/nope\", \"{dir}/down\")");
    qmpsh(["eval", "--allow-write", dir, &download, &guest.target()])
        .run()
        .expect_code(4);
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

#[test]
fn a_handle_opens_reads_writes_seeks_flushes_and_closes() {
    let guest = lent();
    let value = eval(
        &guest.target(),
        "let f = v.agent.file_open(\"/tmp/handle\", \"w+\");
         let seen = [type_of(f), f.handle > 0, f.write(\"hello \"), f.write(blob(3, 33))];
         f.flush();
         seen += [v.agent.shell(\"cat /tmp/handle\").stdout, f.seek(-3, \"end\"), f.read(100).as_string(), f.seek(0, \"set\"),
             f.read(5).as_string(), f.seek(1, \"cur\"), f.read(100).len(), f.read(100).len()];
         f.close(); f.close();
         seen",
    );
    assert_eq!(
        value,
        json!([
            "file",
            true,
            6,
            3,
            "hello !!!",
            6,
            "!!!",
            0,
            "hello",
            6,
            3,
            0
        ])
    );
    let open = |rest: &str| {
        caught(
            &guest.target(),
            &format!("let f = v.agent.file_open(\"/tmp/handle\", \"r\"); {rest}"),
        )
    };
    assert_error(
        &open("f.close(); f.read(1)"),
        &json!({ "kind": "usage", "message": "`/tmp/handle` was closed" }),
    );
    assert_error(
        &open("f.seek(0, \"top\")"),
        &json!({ "kind": "usage", "message": "`set`, `cur` and `end`" }),
    );
    assert_error(
        &open("f.read(-1)"),
        &json!({ "kind": "usage", "message": "no number of bytes" }),
    );
    assert_error(&open("f.write(\"x\")"), &json!({ "kind": "agent" }));
}

#[test]
fn handles_are_closed_whatever_ends_the_script() {
    let guest = lent();
    let before = open_files(&guest);
    let open = "v.agent.file_open(\"/tmp/leak\", \"w\")";
    for (script, code) in [
        (format!("{open}; {open}; 1"), 0),
        (format!("with {open} as f {{ f.write(\"x\") }}"), 0),
        (format!("with {open} as f {{ fail(\"no\") }}"), 1),
        (format!("let f = {open}; exit(7)"), 7),
        (format!("timeout(\"50ms\", || {{ let f = {open}; sleep(60) }})"), 5),
        ("parallel([1, 2, 3], |n| { let f = v.agent.file_open(`/tmp/leak${n}`, \"w\"); if n == 2 { fail(\"no\") } 1 })".to_owned(), 0),
    ] {
        let script = format!("let v = vm(args[0]); {script}");
        qmpsh(["eval", &script, &guest.target()]).run().expect_code(code);
        assert_eq!(open_files(&guest), before, "{script}");
    }
}

#[test]
fn a_file_of_any_bytes_comes_back_as_it_went() {
    let guest = lent();
    for size in [0, 1, 524_287, 524_288, 524_289] {
        let script = format!(
            "let bytes = blob({size}, 7); v.agent.file_write(\"/tmp/sized\", bytes);
             [v.agent.file_read_blob(\"/tmp/sized\") == bytes, v.agent.exec(\"stat\", [\"-c\", \"%s\", \"/tmp/sized\"]).stdout]"
        );
        let value: Value = eval(&guest.target(), &script);
        assert_eq!(value, json!([true, format!("{size}\n")]));
    }
}

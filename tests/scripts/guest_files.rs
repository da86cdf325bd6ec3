//! `guest-copy` and `guest-collect`: files both ways, whole, and never where a guest wants them.

use harness::{Folder, HostAgent, Qemu};

use super::backup_faults::Mount;
use super::lent::lent;
use super::{document, files, qmpsh};

fn text(path: &std::path::Path) -> String {
    std::fs::read_to_string(path).unwrap()
}

#[test]
fn a_file_goes_into_the_guest_and_comes_out_the_same() {
    let guest = lent();
    let (target, folder) = (guest.target(), Folder::new());
    let (out, back) = (folder.join("out"), folder.join("back"));
    let content: String = (0..40_000).map(|number| format!("{number}\n")).collect();
    std::fs::write(&out, &content).unwrap();
    let copy = |words: &[&str]| qmpsh(["--json", "run", "guest-copy"]).args(words).run();
    let (out, back) = (out.to_str().unwrap(), back.to_str().unwrap());
    let rows = document(&copy(&["put", out, "/tmp/copied", &target]).expect_code(0));
    assert_eq!(rows[0]["bytes"], content.len());
    assert_eq!(
        guest.shell_ok("wc -c </tmp/copied").trim(),
        content.len().to_string()
    );
    copy(&["get", "/tmp/copied", back, &target]).expect_code(0);
    assert_eq!(text(back.as_ref()), content);

    guest.shell_ok("echo new >/tmp/copied");
    let outcome = copy(&["get", "/tmp/copied", back, &target]).expect_code(1);
    assert!(
        outcome
            .stderr
            .contains("is there already; --force replaces it"),
        "{outcome:#?}"
    );
    copy(&["get", "/tmp/copied", back, &target, "--force"]).expect_code(0);
    assert_eq!(text(back.as_ref()), "new\n");

    let none = folder.join("none");
    copy(&["get", "/no/such", none.to_str().unwrap(), &target]).expect_code(4);
    assert!(!none.exists());
    let outcome = copy(&[
        "get",
        "/tmp/copied",
        none.to_str().unwrap(),
        &target,
        "other",
    ]);
    assert!(outcome.expect_code(1).stderr.contains("guest-collect"));
    guest.shell_ok("rm /tmp/copied");
}

#[test]
fn files_are_collected_into_a_folder_of_the_vms_name() {
    let guest = lent();
    let (target, folder) = (guest.target(), Folder::new());
    let dir = folder.join("collected");
    let collect = |words: &[&str]| {
        qmpsh([
            "--json",
            "run",
            "guest-collect",
            "--to",
            dir.to_str().unwrap(),
        ])
        .args(words)
        .arg(&target)
        .run()
    };
    guest.shell_ok("mkdir -p /tmp/deep/er; echo one >/tmp/deep/er/file");
    let rows = document(
        &collect(&["--path", "/etc/hostname", "--path", "/tmp/deep/er/file"]).expect_code(0),
    );
    assert_eq!(rows[0]["result"], "2 files, 16 B");
    assert_eq!(text(&dir.join("web01/etc/hostname")), "qmpsh-guest\n");
    assert_eq!(text(&dir.join("web01/tmp/deep/er/file")), "one\n");

    // Again, with what has changed; one that is not there is told, and the others are copied.
    guest.shell_ok("echo two >/tmp/deep/er/file");
    let rows =
        document(&collect(&["--path", "/no/such", "--path", "/tmp/deep/er/file"]).expect_code(1));
    assert!(
        rows[0]["result"]
            .as_str()
            .unwrap()
            .starts_with("1 of 2 not copied: /no/such: "),
        "{rows}"
    );
    assert_eq!(text(&dir.join("web01/tmp/deep/er/file")), "two\n");
    assert!(rows[0]["files"][0]["error"].is_string());
    guest.shell_ok("rm -r /tmp/deep");
}

#[test]
fn two_files_of_a_guest_are_never_one_here() {
    let guest = lent();
    let (target, folder) = (guest.target(), Folder::new());
    let dir = folder.join("collected");
    let collect = |paths: &[&str]| {
        let mut run = qmpsh(["--json", "run", "guest-collect", &target, "--to"]).arg(&dir);
        for path in paths {
            run = run.args(["--path", path]);
        }
        run.run()
    };
    guest.shell_ok("mkdir -p '/tmp/of/a'; cd /tmp/of; echo 1 >a:b; echo 2 >ab; echo 3 >'a\\b'; echo 4 >a/b; echo 5 >c:");
    let names = ["a:b", "ab", "a\\b", "a/b", "c:"];
    let paths = names.map(|name| format!("/tmp/of/{name}"));
    collect(&paths.each_ref().map(String::as_str)).expect_code(0);
    for (number, name) in names.iter().enumerate() {
        let file = dir.join("web01/tmp/of").join(name);
        assert_eq!(text(&file), format!("{}\n", number + 1), "{name}");
    }

    // What is the same by name alone is not: where a path without a beginning leads, only the agent knows.
    let rows = document(
        &collect(&[
            "/tmp/of/ab",
            "tmp/of/ab",
            "/no/one",
            "/no/two",
            "/tmp/of/ab",
        ])
        .expect_code(1),
    );
    let result = rows[0]["result"].as_str().unwrap();
    for part in [
        "3 of 5 not copied: ",
        "the same file here as /tmp/of/ab",
        "/no/one: ",
        "/no/two: ",
    ] {
        assert!(result.contains(part), "{part}: {result}");
    }
    guest.shell_ok("rm -r /tmp/of");
}

#[test]
fn no_path_leads_out_of_the_folder() {
    let guest = lent();
    let (target, folder) = (guest.target(), Folder::new());
    let dir = folder.join("collected");
    for (path, place) in [
        ("/tmp/../etc/hostname", Err("has .. in it")),
        ("..", Err("has .. in it")),
        ("/", Err("names no file")),
        ("//etc/./hostname", Ok("web01/etc/hostname")),
    ] {
        let words = [
            "--json",
            "run",
            "guest-collect",
            &target,
            "--to",
            dir.to_str().unwrap(),
            "--path",
            path,
        ];
        let outcome = qmpsh(words).run();
        match place {
            Ok(place) => {
                outcome.expect_code(0);
                assert!(dir.join(place).exists(), "{path}");
            }
            Err(message) => {
                let outcome = outcome.expect_code(1);
                assert!(outcome.stdout.contains(message), "{path}: {outcome:#?}");
            }
        }
    }
    assert_eq!(files(folder.path(), ""), [dir]);
}

#[test]
fn no_name_of_a_vm_leads_out_of_the_folder() {
    for (name, folder) in [
        ("../../x", "x"),
        (".hidden/..", "hidden_.."),
        ("web 01\u{1b}[2J", "web_01__2J"),
        ("...", "vm"),
    ] {
        let qemu = Qemu::bare().arg("-name").arg(name).start();
        let script = "import \"std/guest\" as guest; guest::folder(vm(args[0]))";
        let outcome = qmpsh(["eval", script, qemu.qmp().to_str().unwrap()]).run();
        assert_eq!(outcome.expect_code(0).stdout.trim_end(), folder, "{name}");
    }
}

#[test]
fn what_has_no_end_or_no_room_fills_no_disk() {
    let guest = lent();
    let (target, folder) = (guest.target(), Folder::new());
    let small = Mount::of(&folder.join("small"), "8M");
    let free = || rustix::fs::statvfs(small.path()).unwrap().f_bavail;
    let before = free();
    guest.shell_ok("dd if=/dev/zero of=/tmp/holes bs=1 count=1 seek=1000000000");
    for (path, told) in [
        // As good as: a number for each page of all memory that there could be.
        ("/proc/self/pagemap", "has no end: 4"),
        (
            "/tmp/holes",
            "has 1000000001 bytes, and there is room for 8388608",
        ),
    ] {
        let to = small.path().join("got");
        let outcome = qmpsh(["run", "guest-copy", "get", path])
            .arg(&to)
            .arg(&target)
            .run()
            .expect_code(1);
        assert!(outcome.stdout.contains(told), "{outcome:#?}");
        let left = std::fs::read_dir(small.path()).unwrap().count();
        assert_eq!((left, free()), (0, before), "{path}");
    }
    guest.shell_ok("rm /tmp/holes");
}

#[test]
fn what_is_no_file_is_told_for_what_it_is_and_not_copied() {
    let guest = lent();
    let (target, folder) = (guest.target(), Folder::new());
    guest.shell_ok("mkdir /tmp/of; mkfifo /tmp/of/pipe; : >/tmp/of/empty");
    let to = folder.join("got");
    let to = to.to_str().unwrap();
    for (path, told, hint) in [
        // Agents tell the one's size as 9223372036854775807 bytes, and none of the others.
        ("/data", "is a folder", "tar -cf FILE FOLDER"),
        ("/tmp/of", "is a folder", "tar -cf FILE FOLDER"),
        ("/proc", "is a folder", "tar -cf FILE FOLDER"),
        ("/tmp/of/pipe", "is a pipe or a terminal", "head -c SIZE"),
        ("/dev/ttyS0", "is a pipe or a terminal", "head -c SIZE"),
        ("/dev/zero", "is a device", "head -c SIZE"),
        ("/dev/urandom", "is a device", "head -c SIZE"),
        ("/dev/null", "is a device", "head -c SIZE"),
    ] {
        for mode in [&[][..], &["--dry-run"]] {
            // A dry run opens no device.
            if path.starts_with("/dev") && !mode.is_empty() {
                continue;
            }
            let words = ["run", "guest-copy", "get", path, to, &target];
            let outcome = qmpsh(words).args(mode).run().expect_code(1);
            let told = format!("`{path}` in the guest {told}, and no file");
            assert!(outcome.stdout.contains(&told), "{outcome:#?}");
            assert!(outcome.stderr.contains(hint), "{outcome:#?}");
            assert_eq!(files(folder.path(), ""), [] as [std::path::PathBuf; 0]);
        }
    }
    // What is empty, or tells no size, is a file all the same.
    for (path, bytes) in [
        ("/tmp/of/empty", 0),
        ("/proc/sys/kernel/hostname", "qmpsh-guest\n".len()),
    ] {
        let outcome = qmpsh(["--json", "run", "guest-copy", "get", path, to, &target]);
        let rows = document(&outcome.arg("--force").run().expect_code(0));
        assert_eq!(rows[0]["bytes"], bytes, "{path}");
    }
    guest.shell_ok("rm -r /tmp/of");
}

#[test]
fn a_file_that_is_put_is_writable_for_its_owner_alone() {
    let guest = lent();
    let (target, folder) = (guest.target(), Folder::new());
    let out = folder.join("out");
    std::fs::write(&out, "content\n").unwrap();
    let put = |path: &str, options: &[&str]| {
        let out = out.to_str().unwrap();
        qmpsh(["run", "guest-copy", "put", out, path, &target])
            .args(options)
            .run()
    };
    guest.shell_ok("rm -rf /tmp/put; mkdir /tmp/put; cd /tmp/put; echo old >old; chmod 604 old; echo old >other; ln -s /tmp/put/far link");
    let quoted = |name: &str| format!("\"/tmp/put/{}\"", name.replace('$', "\\$"));
    let mode = |name: &str| {
        let told = guest.shell_ok(&format!("stat -c %a {}", quoted(name)));
        told.trim().to_owned()
    };
    for (name, options, expected) in [
        ("new", &[][..], "644"),
        ("it's $HOME", &[], "644"),
        ("secret", &["--mode", "600"], "600"),
        ("old", &[], "604"),
        ("other", &["--mode", "0640"], "640"),
    ] {
        let outcome = put(&format!("/tmp/put/{name}"), options).expect_code(0);
        assert_eq!(outcome.stderr, "", "{name}");
        assert_eq!(mode(name), expected, "{name}");
        let there = guest.shell_ok(&format!("cat {}", quoted(name)));
        assert_eq!(there.trim(), "content", "{name}");
    }
    for wrong in ["rw", "9", "99999", "800", ""] {
        let outcome = put("/tmp/put/none", &["--mode", wrong]).expect_code(1);
        assert!(outcome.stdout.contains("is no mode"), "{outcome:#?}");
    }
    // What cannot be, the agent says; and nothing is written with a mode that cannot be set.
    let outcome = put("/no/such/file", &[]).expect_code(4);
    assert!(!outcome.stderr.contains("mode of"), "{outcome:#?}");
    let outcome = put("/no/such/file", &["--mode", "600"]).expect_code(1);
    assert!(
        outcome
            .stdout
            .contains("is not written, as it cannot be made"),
        "{outcome:#?}"
    );
    guest.shell_ok("rm -r /tmp/put");
}

#[test]
fn where_the_agent_starts_no_program_a_mode_that_is_not_seen_to_is_told() {
    let agent = HostAgent::builder().block("guest-exec").start();
    let (folder, target) = (Folder::new(), format!("agent={}", agent.socket().display()));
    let (out, there) = (folder.join("out"), agent.socket().with_file_name("put"));
    std::fs::write(&out, "content\n").unwrap();
    let there = there.to_str().unwrap();
    let put = |options: &[&str]| {
        qmpsh([
            "run",
            "guest-copy",
            "put",
            out.to_str().unwrap(),
            there,
            &target,
        ])
        .args(options)
        .run()
    };
    let outcome = put(&["--mode", "600"]).expect_code(1);
    assert!(
        outcome.stdout.contains("its mode cannot be set"),
        "{outcome:#?}"
    );
    assert!(!std::path::Path::new(there).exists());
    let outcome = put(&[]).expect_code(0);
    assert!(outcome.stderr.contains("is not seen to"), "{outcome:#?}");
    assert_eq!(text(there.as_ref()), "content\n");
}

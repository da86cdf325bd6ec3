//! `guest-passwd` and `guest-ssh-keys`: no secret is seen, and keys are told and set.

use harness::Folder;
use serde_json::{Value, json};

use super::lent::lent;
use super::{document, qmpsh};

#[test]
fn a_password_comes_from_standard_input_or_a_file_and_is_not_shown() {
    let guest = lent();
    let target = guest.target();
    let run = || qmpsh(["-v", "run", "guest-passwd", "root", &target]);
    let outcome = run().stdin("correct horse\n").run().expect_code(0);
    assert_eq!(
        guest.shell_ok("cat /run/chpasswd.input"),
        "root:correct horse"
    );
    assert!(
        outcome.stdout.contains("the password of root was set"),
        "{outcome:#?}"
    );
    for stream in [&outcome.stdout, &outcome.stderr] {
        assert!(
            !stream.contains("correct") && !stream.contains("Y29ycmVjdCBob3JzZQ"),
            "{outcome:#?}"
        );
    }
    let folder = Folder::new();
    let file = folder.join("password");
    std::fs::write(&file, "battery staple\r\n").unwrap();
    run()
        .args(["--file", file.to_str().unwrap()])
        .run()
        .expect_code(0);
    assert_eq!(
        guest.shell_ok("cat /run/chpasswd.input"),
        "root:battery staple"
    );

    guest.shell_ok("rm /run/chpasswd.input");
    for (input, message) in [
        ("", "the input is empty"),
        ("\n", "the input is empty"),
        ("a\nb\n", "one line"),
    ] {
        let outcome = run().stdin(input).run().expect_code(1);
        assert!(outcome.stderr.contains(message), "{outcome:#?}");
    }
    guest.shell_ok("! test -e /run/chpasswd.input");
}

#[test]
fn keys_are_listed_added_once_and_removed() {
    let guest = lent();
    let target = guest.target();
    guest.shell_ok("mkdir -p /root/.ssh; echo 'ssh-ed25519 AAAA old' >/root/.ssh/authorized_keys");
    let folder = Folder::new();
    let file = folder.join("key.pub");
    std::fs::write(
        &file,
        "# mine\nssh-ed25519 AAAAB new\n\nssh-ed25519 AAAA old\n",
    )
    .unwrap();
    let file = file.to_str().unwrap();
    let run = |words: &[&str]| {
        qmpsh(["--json", "run", "guest-ssh-keys", "root", &target])
            .args(words)
            .run()
    };
    let rows = document(&run(&["--add", file]).expect_code(0));
    assert_eq!(rows[0]["result"], "1 added, 0 removed");
    assert_eq!(
        guest.shell_ok("grep . /root/.ssh/authorized_keys"),
        "ssh-ed25519 AAAA old\nssh-ed25519 AAAAB new"
    );
    assert_eq!(
        document(&run(&["--add", file]).expect_code(0))[0]["added"],
        0
    );
    // The agent tells them in an order of its own.
    let listed = document(&run(&[]).expect_code(0));
    let mut keys: Vec<&str> = listed[0]["keys"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["key"].as_str().unwrap())
        .collect();
    keys.sort_unstable();
    assert_eq!(keys, ["ssh-ed25519 AAAA old", "ssh-ed25519 AAAAB new"]);
    assert_eq!(
        document(&run(&["--remove", file]).expect_code(0))[0]["removed"],
        2
    );
    let table = qmpsh(["run", "guest-ssh-keys", "root", &target])
        .run()
        .expect_code(0);
    assert!(table.stdout.contains("root has no keys"), "{table:#?}");
    let outcome = qmpsh(["run", "guest-ssh-keys", "nobody9", &target])
        .run()
        .expect_code(4);
    assert!(outcome.stdout.contains("failed: "), "{outcome:#?}");

    // A user who never had a key has no file, which is the agent's error, and gets one with the first.
    guest.shell_ok("rm -r /root/.ssh");
    let rows = document(&run(&[]).expect_code(0));
    assert_eq!(
        (&rows[0]["keys"], &rows[0]["error"]),
        (&json!([]), &Value::Null)
    );
    run(&["--remove", file]).expect_code(0);
    guest.shell_ok("! test -e /root/.ssh");
    let rows = document(&run(&["--add", file]).expect_code(0));
    assert_eq!(rows[0]["added"], 2);
    // One that cannot be read is still an error.
    guest.shell_ok("rm /root/.ssh/authorized_keys; mkdir /root/.ssh/authorized_keys");
    run(&[]).expect_code(4);
    guest.shell_ok("rm -r /root/.ssh");
}

#[test]
fn what_is_no_public_key_is_not_added() {
    let guest = lent();
    let target = guest.target();
    let there = "rm -rf /root/.ssh; mkdir /root/.ssh; echo 'ssh-ed25519 AAAA old' >/root/.ssh/authorized_keys";
    guest.shell_ok(there);
    let folder = Folder::new();
    let file = folder.join("key");
    let run = |option: &str, text: &str| {
        std::fs::write(&file, text).unwrap();
        let words = ["run", "guest-ssh-keys", "root", &target, option];
        qmpsh(words).arg(&file).run()
    };
    let private =
        "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNz\n-----END OPENSSH PRIVATE KEY-----\n";
    for (text, told) in [
        (private.to_owned(), "has a private key"),
        (
            format!("ssh-ed25519 AAAA me\n{private}"),
            "has a private key",
        ),
        ("hello\n".to_owned(), "line 1 is no public key"),
        (
            "# mine\n\nssh-ed25519 AAAA me\nb3BlbnNz\n".to_owned(),
            "line 4 is no public key",
        ),
        ("ssh-ed25519\n".to_owned(), "line 1 is no public key"),
        (
            "ssh-ed25519 b3BlbnNz\n".to_owned(),
            "line 1 is no public key",
        ),
    ] {
        let outcome = run("--add", &text).expect_code(1);
        assert!(outcome.stderr.contains(told), "{text}: {outcome:#?}");
        for shown in ["b3Blbn", "hello"] {
            assert!(
                !format!("{outcome:?}").contains(shown),
                "{text}: {outcome:#?}"
            );
        }
    }
    let keys = "grep . /root/.ssh/authorized_keys";
    assert_eq!(guest.shell_ok(keys), "ssh-ed25519 AAAA old");
    // All that sshd takes is a key; and what was no key can be taken out again.
    let all = "no-pty,command=\"a b\" ssh-rsa AAAAB3 me\r\necdsa-sha2-nistp256 AAAAE2\n\
        sk-ssh-ed25519@openssh.com AAAAGn\tme\nssh-ed25519-cert-v01@openssh.com AAAAIH";
    run("--add", all).expect_code(0);
    assert_eq!(guest.shell_ok(keys).lines().count(), 5);
    guest.shell_ok("echo hello >>/root/.ssh/authorized_keys");
    run("--remove", "hello\n").expect_code(0);
    assert_eq!(guest.shell_ok(keys).lines().count(), 5);
    guest.shell_ok("rm -r /root/.ssh");
}

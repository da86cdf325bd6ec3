//! A libvirt on another host, reached by `qemu+ssh`: libvirt's own ssh transport, with a program in place of `ssh` that runs
//! here what it would run there, or fails as it does.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;

use harness::{Folder, Libvirt, Outcome, Qmpsh};

use super::{eval, until};

/// What is told where libvirt swallows the words of an ssh that ends at once (seen with libvirt 9.0, now and then).
const UNTOLD: &str = "libvirt does not tell why";

/// A program that is started as `ssh HOST COMMAND`.
struct Ssh(Folder);

impl Ssh {
    /// One that does this, in the words of a shell.
    fn doing(what: &str) -> Self {
        let folder = Folder::new();
        let program = folder.join("ssh");
        let pids = folder.join("pids");
        let text = format!("#!/bin/sh\necho $$ >> {}\n{what}\n", pids.display());
        fs::write(&program, text).unwrap();
        fs::set_permissions(&program, Permissions::from_mode(0o755)).unwrap();
        Self(folder)
    }

    /// One that leads to this libvirt.
    fn to(libvirt: &Libvirt) -> Self {
        // What stands behind the host is a line for the shell there, which finds its libvirt by itself.
        let home = libvirt.folder().path().display();
        // Root has no session.
        let user = if rustix::process::geteuid().is_root() {
            "setpriv --reuid=65534 --regid=65534 --clear-groups"
        } else {
            ""
        };
        Self::doing(&format!(
            "while [ \"$1\" != far.example ]; do shift; done\nshift\nXDG_RUNTIME_DIR={home} exec {user} sh -c \"$*\""
        ))
    }

    fn uri(&self) -> String {
        let program = self.0.join("ssh");
        format!(
            "qemu+ssh://far.example/session?command={}",
            program.display()
        )
    }

    fn target(&self, domain: &str) -> String {
        format!("libvirt:{domain}@{}", self.uri())
    }

    /// Those that run.
    fn running(&self) -> Vec<i32> {
        let pids = fs::read_to_string(self.0.join("pids")).unwrap_or_default();
        let pids = pids.lines().map(|pid| pid.parse().unwrap());
        pids.filter(|pid: &i32| {
            // One that has ended has no command line any more.
            let line = PathBuf::from(format!("/proc/{pid}/cmdline"));
            fs::read(line).is_ok_and(|line| !line.is_empty())
        })
        .collect()
    }

    #[track_caller]
    fn assert_none_runs(&self) {
        until("an ssh is left", || self.running().is_empty());
    }
}

/// Asks for the status of a VM behind that ssh, which fails.
fn fails(ssh: &Ssh, code: i32) -> Outcome {
    let outcome = eval(&ssh.target("web01"), "v.status").args(["--timeout", "2s"]);
    let outcome = outcome.run().expect_code(code);
    assert_eq!(outcome.stdout, "", "{outcome:#?}");
    ssh.assert_none_runs();
    outcome
}

#[test]
fn a_domain_of_another_host_is_reached_by_ssh() {
    let libvirt = Libvirt::start();
    let _domain = libvirt.bare("web01");
    let ssh = Ssh::to(&libvirt);
    let events = r#"let w = v.watch("STOP"); v.qmp.stop(); print(w.wait("30s").event); v.qmp.cont(); v.status"#;
    let outcome = eval(&ssh.target("web01"), events).run().expect_code(0);
    assert_eq!(outcome.stdout, "STOP\nrunning\n");
    ssh.assert_none_runs();

    let config = format!(
        "[[discover]]\ntype = \"libvirt\"\nuri = \"{}\"\n",
        ssh.uri()
    );
    let list = Qmpsh::new(env!("CARGO_BIN_EXE_qmpsh")).config(&config);
    let list = list.arg("ls").run().expect_code(0);
    assert!(list.stdout.starts_with("web01\t"), "{list:#?}");
    assert!(list.stdout.contains("\trunning\t"), "{list:#?}");
    ssh.assert_none_runs();
}

#[test]
fn an_ssh_that_would_ask_for_a_password_is_refused_and_asks_nobody() {
    // As ssh does: it asks at the terminal, and where there is none it fails.
    let asks = Ssh::doing(
        "if { printf 'password: ' > /dev/tty; } 2>/dev/null; then read -r word < /dev/tty; fi\n\
         echo 'Permission denied (publickey,password).' >&2\nexit 255",
    );
    let told = fails(&asks, 3).stderr;
    for words in [
        "libvirt refuses this user",
        "Permission denied (publickey,password)",
        "a remote libvirt needs a key",
    ] {
        assert!(told.contains(words) || told.contains(UNTOLD), "{told}");
    }
    // Nor where qmpsh has a terminal.
    let terminal = eval(&asks.target("web01"), "v.status").on_terminal();
    terminal.wait_for("help: ");
    assert!(
        !terminal.screen().contains("password: "),
        "{}",
        terminal.screen()
    );
}

#[test]
fn a_host_that_is_unknown_is_told_in_the_words_of_ssh() {
    let ssh = Ssh::doing(
        "echo 'ssh: Could not resolve hostname far.example: Name or service not known' >&2\nexit 255",
    );
    let told = fails(&ssh, 3).stderr;
    for words in ["libvirt cannot be reached", "Could not resolve hostname"] {
        assert!(told.contains(words) || told.contains(UNTOLD), "{told}");
    }
    let ssh = Ssh::doing("echo 'Host key verification failed.' >&2\nexit 255");
    let told = fails(&ssh, 3).stderr;
    let words = "Host key verification failed";
    assert!(told.contains(words) || told.contains(UNTOLD), "{told}");
}

#[test]
fn an_ssh_that_gets_no_answer_is_given_up_in_time_and_not_left_behind() {
    let ssh = Ssh::doing("exec sleep 1000");
    let told = fails(&ssh, 3);
    assert!(told.stderr.contains("within 2 s"), "{told:#?}");
    assert!(told.took < Duration::from_secs(30), "{told:#?}");
}

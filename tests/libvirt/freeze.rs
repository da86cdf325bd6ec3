//! The thaw guarantee through libvirt.

use std::fs;
use std::process::Command;
use std::sync::Arc;

use harness::{Domain, Folder, Libvirt, Qmpsh, Running, Signal};

use super::{assert_no_virsh, eval_at, until};

const FROZEN: &str = r#"with v.agent.fsfreeze(#{ max: "120s" }) as f { print(`frozen ${f.count}`); sleep("100s"); }"#;

fn records(home: &Folder) -> usize {
    fs::read_dir(home.join("state/frozen")).map_or(0, Iterator::count)
}

#[test]
fn a_guest_is_frozen_in_the_block_and_thawed_after_it() {
    let libvirt = Libvirt::start();
    let domain = libvirt.boot("web01");
    let home = Arc::new(Folder::new());
    let mut running = eval_at(
        &home,
        &domain.target(),
        r#"with v.agent.fsfreeze() as f { print(f.count); sleep("2s"); }"#,
    )
    .spawn();
    running.wait_for_stdout("1\n");
    assert!(domain.is_frozen());
    assert_eq!(records(&home), 1);
    running.wait_for_exit();
    assert!(!domain.is_frozen());
    running.wait().expect_code(0);
    assert_eq!(records(&home), 0);
    assert_no_virsh(&libvirt);
}

/// A shell that holds the guest frozen.
fn frozen(home: &Arc<Folder>, domain: &Domain) -> Running {
    let running = eval_at(home, &domain.target(), FROZEN).spawn();
    running.wait_for_stdout("frozen 1");
    assert!(domain.is_frozen());
    running
}

#[test]
fn a_guest_that_another_shell_froze_is_told_as_that_shells() {
    let libvirt = Libvirt::start();
    let domain = libvirt.boot("web01");
    let home = Arc::new(Folder::new());
    let first = frozen(&home, &domain);
    let told = eval_at(&home, &domain.target(), "v.agent.fsfreeze()")
        .run()
        .expect_code(4);
    let by = format!("already frozen by another qmpsh (pid {})", first.id());
    assert!(told.stderr.contains(&by), "{told:#?}");
    assert!(domain.is_frozen());
}

#[test]
fn a_shell_that_is_killed_or_ended_while_the_guest_is_frozen_leaves_it_thawed() {
    let libvirt = Libvirt::start();
    let domain = libvirt.boot("web01");
    for signal in [Signal::KILL, Signal::TERM, Signal::INT] {
        let home = Arc::new(Folder::new());
        let mut running = frozen(&home, &domain);
        running.signal_group(signal);
        running.wait_for_exit();
        until("the guest stays frozen", || !domain.is_frozen());
        drop(running.wait());
        until("a record is left", || records(&home) == 0);
        assert_no_virsh(&libvirt);
    }
}

#[test]
fn a_shell_that_is_killed_while_the_freeze_is_under_way_leaves_the_guest_thawed() {
    let libvirt = Libvirt::start();
    let domain = libvirt.boot("web01");
    domain.freeze_hook("touch /run/$1; [ $1 = thaw ] || sleep 2");
    let home = Arc::new(Folder::new());
    let mut running = eval_at(&home, &domain.target(), FROZEN).spawn();
    until("the freeze does not begin", || {
        domain.shell("test -e /run/freeze").code == 0
    });
    running.signal_group(Signal::KILL);
    running.wait_for_exit();
    // It comes yet: libvirt has passed it on.
    until("the guest is not thawed", || {
        domain.shell("test -e /run/thaw").code == 0
    });
    until("the guest stays frozen", || !domain.is_frozen());
    until("a record is left", || records(&home) == 0);
    assert_no_virsh(&libvirt);
}

#[test]
fn a_freeze_is_thawed_when_libvirt_is_killed_in_the_middle() {
    let libvirt = Libvirt::start();
    let domain = libvirt.boot("web01");
    let home = Arc::new(Folder::new());
    let mut running = frozen(&home, &domain);
    libvirt.kill_daemon();
    running.signal(Signal::TERM);
    running.wait_for_exit();
    until("the guest stays frozen", || !domain.is_frozen());
    drop(running);
    until("a record is left", || records(&home) == 0);
    assert_no_virsh(&libvirt);
}

#[test]
fn what_a_run_left_that_died_with_its_guardian_is_thawed_as_stale() {
    let libvirt = Libvirt::start();
    let domain = libvirt.boot("web01");
    let home = Arc::new(Folder::new());
    kill_with_its_guardian(frozen(&home, &domain), &home);
    assert!(domain.is_frozen());
    let thaw = || Qmpsh::at_home(env!("CARGO_BIN_EXE_qmpsh"), &home).args(["thaw", "--stale"]);
    let told = thaw().run().expect_code(0);
    assert!(
        told.stdout.contains("thawed 1 file system"),
        "{}",
        told.stdout
    );
    assert!(!domain.is_frozen());
    assert_eq!(records(&home), 0);
}

#[test]
fn a_record_of_a_domain_that_was_started_anew_thaws_nothing() {
    let libvirt = Libvirt::start();
    let domain = libvirt.boot("web01");
    let home = Arc::new(Folder::new());
    kill_with_its_guardian(frozen(&home, &domain), &home);
    libvirt.virsh_ok(["destroy", "web01"]);
    let again = libvirt.boot("web01");
    let freeze = r#"{"execute":"guest-fsfreeze-freeze"}"#;
    libvirt.virsh_ok(["qemu-agent-command", "web01", freeze]);
    let told = Qmpsh::at_home(env!("CARGO_BIN_EXE_qmpsh"), &home)
        .args(["thaw", "--stale"])
        .run()
        .expect_code(0);
    assert!(told.stdout.contains("has ended since"), "{}", told.stdout);
    assert!(again.is_frozen());
    assert_eq!(records(&home), 0);
}

#[test]
fn a_domain_that_is_destroyed_while_frozen_ends_the_freeze() {
    let libvirt = Libvirt::start();
    let domain = libvirt.boot("web01");
    let home = Arc::new(Folder::new());
    let mut running = frozen(&home, &domain);
    libvirt.virsh_ok(["destroy", "web01"]);
    running.signal_group(Signal::KILL);
    running.wait_for_exit();
    drop(running);
    until("a record is left", || records(&home) == 0);
    assert_no_virsh(&libvirt);
}

/// Kills a shell that holds a guest frozen, and before it the guardian that would thaw: the guest stays frozen.
fn kill_with_its_guardian(mut running: Running, home: &Folder) {
    let guardian = guardian(home).to_string();
    let killed = Command::new("kill").args(["-KILL", &guardian]).status();
    assert!(killed.unwrap().success());
    running.signal(Signal::KILL);
    running.wait_for_exit();
}

/// The guardian of the freeze in this home.
fn guardian(home: &Folder) -> u32 {
    let state = home.join("state");
    let state = state.to_str().unwrap();
    let processes = fs::read_dir("/proc").unwrap();
    let mut numbers = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    numbers
        .find(|pid: &u32| {
            let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line);
            line.contains("--guard") && line.contains(state)
        })
        .expect("a guardian runs")
}

//! The guest's agent through libvirt.

use std::fs;
use std::sync::Arc;

use harness::{Folder, Libvirt};

use super::{assert_no_virsh, eval, eval_at};

#[test]
fn the_agent_works_files_and_programs_come_and_go() {
    let libvirt = Libvirt::start();
    let domain = libvirt.boot("web01");
    let home = Arc::new(Folder::new());
    let bytes: Vec<u8> = (0..200_000_u32).map(|n| (n * 7 % 251) as u8).collect();
    fs::write(home.join("up"), &bytes).unwrap();
    let told = eval_at(
        &home,
        &domain.target(),
        r#"
        v.agent.ping();
        v.agent.file_write("/data/note", "it's \"grün\" 🖥\n");
        v.agent.upload("up", "/data/up");
        v.agent.download("/data/up", "down");
        let x = v.agent.exec("/bin/sh", ["-c", "cat; echo \"it's\" >&2; exit 3"], #{ input: "in'put" });
        [v.agent.file_read("/data/note"), x.exitcode, x.stdout, x.stderr, v.agent.hostname()]
        "#,
    )
    .args(["--allow-read", "up", "--allow-write", "down"])
    .run()
    .expect_code(0);
    assert_eq!(
        told.stdout.trim(),
        r#"["it's \"grün\" 🖥\n",3,"in'put","it's\n","qmpsh-guest"]"#
    );
    assert!(fs::read(home.join("down")).unwrap() == bytes);
    assert_eq!(domain.shell_ok("cat /data/note"), "it's \"grün\" 🖥");
    assert_no_virsh(&libvirt);
}

#[test]
fn the_agents_own_refusals_are_told_apart() {
    let libvirt = Libvirt::start();
    let domain = libvirt.boot("web01");
    let told = eval(
        &domain.target(),
        r#"
        let said = [];
        try { v.agent.file_read("/no/such") } catch (e) { said.push(e.kind); said.push(e.desc.contains("No such file")); }
        try { v.agent.call("guest-nonsense") } catch (e) { said.push(e.kind); said.push(e.class); }
        with v.agent.fsfreeze() as f { try { v.agent.file_read("/data/x") } catch (e) { said.push(e.kind); } }
        said
        "#,
    )
    .run()
    .expect_code(0);
    assert_eq!(
        told.stdout.trim(),
        r#"["agent",true,"agent","CommandNotFound","frozen"]"#
    );
}

#[test]
fn a_stopped_agent_does_not_answer_and_one_that_ended_is_known_not_to_run() {
    let libvirt = Libvirt::start();
    let domain = libvirt.boot("web01");
    domain.stop_agent();
    let told = eval(&domain.target(), "v.agent.ping()")
        .run()
        .expect_code(3);
    assert!(told.stderr.contains("did not answer"), "{}", told.stderr);
    domain.cont_agent();
    eval(&domain.target(), "v.agent.ping()")
        .run()
        .expect_code(0);
    domain.agent_down();
    let told = eval(&domain.target(), "v.agent.ping()")
        .run()
        .expect_code(3);
    assert!(told.stderr.contains("qemu-guest-agent"), "{}", told.stderr);
    domain.agent_up();
    eval(&domain.target(), "v.agent.ping()")
        .run()
        .expect_code(0);
}

#[test]
fn a_shutdown_of_the_guest_is_no_error() {
    let libvirt = Libvirt::start();
    let domain = libvirt.boot("web01");
    eval(&domain.target(), r#"v.agent.shutdown("powerdown")"#)
        .run()
        .expect_code(0);
}

#[test]
fn a_secret_is_on_no_command_line_and_in_no_history() {
    let libvirt = Libvirt::start();
    let domain = libvirt.boot("web01");
    let home = Arc::new(Folder::new());
    let secret = "s3cret-of-the-guest";
    let running = eval_at(
        &home,
        &domain.target(),
        &format!(
            r#"v.agent.set_user_password("root", "{secret}"); print("set"); v.agent.exec("/bin/sleep", ["3"])"#
        ),
    )
    .spawn();
    running.wait_for_stdout("set");
    for pid in super::virsh_processes(&libvirt) {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        assert!(!String::from_utf8_lossy(&line).contains(secret));
    }
    running.wait().expect_code(0);
    assert_no_virsh(&libvirt);
    assert!(!holds(home.path(), secret.as_bytes()));
}

/// Whether any file below a folder holds these bytes.
fn holds(folder: &std::path::Path, bytes: &[u8]) -> bool {
    fs::read_dir(folder).unwrap().any(|entry| {
        let path = entry.unwrap().path();
        if path.is_dir() {
            return holds(&path, bytes);
        }
        fs::read(&path).is_ok_and(|text| text.windows(bytes.len()).any(|part| part == bytes))
    })
}

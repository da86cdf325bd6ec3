//! The examples in the documentation of what scripts can call, those that need a machine: each is run as it stands, on a
//! machine that has what it speaks of.

use harness::{Daemons, Folder, Format, Guest, Qemu};
use qmpsh::script::{Session, Settings};

use super::qmpsh;
use crate::documented;

/// What has to be there before an example, and what is done behind it, by a part of the example; the first counts.
const AROUND: [(&str, &str, &str); 20] = [
    ("v.job(\"backup0\").cancel()", SLOW_BACKUP, ""),
    ("v.job(\"backup0\").wait", BACKUP, ""),
    (
        "e.data.id == \"backup0\"",
        MEANWHILE_BACKUPS,
        END_OF_MEANWHILE,
    ),
    (
        "job.wait() == \"ready\"",
        MIRROR,
        "v.disks()[0].node == \"sink\" || v.disks()[1].node == \"sink\"",
    ),
    (
        "v.job(\"mirror0\").complete()",
        READY_MIRROR,
        "v.job(\"mirror0\").wait() == \"concluded\"",
    ),
    ("v.job(\"mirror0\").cancel()", MIRROR, ""),
    (
        "v.job(\"mirror0\").dismiss()",
        ENDED_MIRROR,
        "v.job(\"mirror0\").status == ()",
    ),
    ("v.job(\"mirror0\").pause()", SLOW_MIRROR, ""),
    ("v.job(\"mirror0\").resume()", PAUSED_MIRROR, ""),
    ("overlay: \"snap0\"", SNAP0, ""),
    ("v.wait_for_jobs", BACKUP, ""),
    ("with v.commit(#{ node: top", "", ""),
    ("commit.wait()", PLAN, "v.disks()[0].node == \"disk0\""),
    (
        "with v.commit(plan)",
        PLAN,
        "v.disks()[0].node != \"disk0\"",
    ),
    ("with v.targets", "", "v.qmp(\"query-jobs\").len() == 0"),
    (
        "for event in w.drain()",
        "let w = v.watch(); v.qmp(\"stop\");",
        "",
    ),
    (
        "overlays.keep();\n}",
        "",
        "v.disks().some(|disk| disk.backing_depth == 1)",
    ),
    ("v.overlays", "", ""),
    (
        "power::on",
        "",
        "vm(\"/srv/vm/web02.qmp\").status == \"running\"",
    ),
    ("vm(\"/run/web01.qmp\")", "", "v.status == \"running\""),
];

const SINK: &str =
    "v.qmp.blockdev_add(#{ driver: \"null-co\", \"node-name\": \"sink\", size: 16777216 });";
const SLOW_BACKUP: &str = "{SINK} {DATA} v.qmp.blockdev_backup(#{ \"job-id\": \"backup0\", device: \"disk0\", target: \"sink\",
    sync: \"full\", speed: 65536 });";
const BACKUP: &str =
    "{SINK} v.qmp.blockdev_backup(#{ \"job-id\": \"backup0\", device: \"disk0\", target: \"sink\",
    sync: \"full\", \"auto-dismiss\": false });";
const MEANWHILE_BACKUPS: &str = "{SINK} try { parallel([false, true], #{ fail_fast: true }, |example| {
    while !example {
        v.qmp.blockdev_backup(#{ \"job-id\": \"backup0\", device: \"disk0\", target: \"sink\", sync: \"full\", \"auto-dismiss\": false });
        v.job(\"backup0\").wait();
    }";
const END_OF_MEANWHILE: &str = "throw \"done\" }) } catch (e) { if e != \"done\" { throw e } }";
const MIRROR: &str = "{SINK} v.qmp.blockdev_mirror(#{ \"job-id\": \"mirror0\", device: \"disk0\", target: \"sink\", sync: \"full\",
    \"auto-dismiss\": false });";
const SLOW_MIRROR: &str = "{SINK} {DATA} v.qmp.blockdev_mirror(#{ \"job-id\": \"mirror0\", device: \"disk0\", target: \"sink\",
    sync: \"full\", speed: 65536 });";
const READY_MIRROR: &str = "{MIRROR} v.job(\"mirror0\").wait();";
const ENDED_MIRROR: &str =
    "{READY_MIRROR} let ends = v.watch(\"JOB_STATUS_CHANGE\"); v.job(\"mirror0\").complete();
    ends.wait(\"1m\", |e| e.data.status == \"concluded\");";
const PAUSED_MIRROR: &str = "{SLOW_MIRROR} v.job(\"mirror0\").pause();";
const SNAP0: &str = "v.qmp.blockdev_create(#{ \"job-id\": \"c\", options: #{ driver: \"file\", filename: \"/srv/snap0\", size: 0 } });
    v.job(\"c\").wait(); v.qmp.blockdev_add(#{ driver: \"file\", \"node-name\": \"f0\", filename: \"/srv/snap0\" });
    v.qmp.blockdev_create(#{ \"job-id\": \"c\", options: #{ driver: \"qcow2\", file: \"f0\", size: 67108864 } });
    v.job(\"c\").wait(); v.qmp.blockdev_add(#{ driver: \"qcow2\", \"node-name\": \"snap0\", file: \"f0\", backing: () });";

const PLAN: &str =
    "with v.overlays([#{ node: \"disk0\", file: \"/srv/disk0.tonight.qcow2\" }]) as overlays {
        v.transaction(overlays.actions); overlays.keep();
    }
    let plan = #{ node: v.disks()[0].node, top: v.disks()[0].node, base: \"disk0\" };";

/// Commands that an agent may lack or refuse: newer ones, and what its guest cannot do.
const MAY_BE_REFUSED: [&str; 5] = [
    "routes()",
    "load()",
    "devices()",
    "suspend_disk()",
    "suspend_hybrid()",
];

/// A machine with what the examples speak of, and with no guest.
fn machine() -> Qemu {
    let disk = |name: &str| {
        format!(
            "-blockdev qcow2,node-name={name},file.driver=file,file.filename={name}.qcow2 -device virtio-blk-pci,drive={name}"
        )
    };
    Qemu::bare()
        .image("disk0.qcow2", "16M")
        .image("disk1.qcow2", "16M")
        .args("-machine q35 -accel tcg -m 32 -device qemu-xhci -device usb-tablet,id=nic1")
        .args(&disk("disk0"))
        .args(&disk("disk1"))
        .start()
}

/// A guest with what the examples speak of.
fn guest() -> Guest {
    let guest = Guest::builder()
        .disk(Format::Qcow2, "64M")
        .arg("-smp")
        .arg("2")
        .boot();
    guest.shell_ok("echo started >/var/log/syslog; head -c 4096 /dev/zero >/data/log");
    guest.shell_ok("mkdir -p /root/.ssh; touch /root/.ssh/authorized_keys");
    guest
}

/// The script that runs an example: what it needs, the example as it stands, and what is to be true behind it.
fn script(example: &str, folder: &Folder) -> String {
    let around = AROUND.iter().find(|(part, ..)| example.contains(part));
    let (before, after) = around.map_or(("", ""), |(_, before, after)| (*before, *after));
    let is_of_file = [" = f.", " f.handle"]
        .iter()
        .any(|part| example.contains(part));
    let before = if is_of_file || example.starts_with("f.") {
        "let f = v.agent.file_open(\"/data/log\", \"r+\");"
    } else if example.trim() == "overlays.keep();" {
        "let overlays = v.overlays([#{ node: \"disk0\", file: \"/srv/kept.qcow2\" }]);"
    } else {
        before
    };
    let mut before = before.to_owned();
    let data = "v.hmp(`qemu-io disk0 \"write 0 16M\"`);";
    for (name, text) in [
        ("{PAUSED_MIRROR}", PAUSED_MIRROR),
        ("{READY_MIRROR}", READY_MIRROR),
        ("{SLOW_MIRROR}", SLOW_MIRROR),
        ("{MIRROR}", MIRROR),
        ("{SINK}", SINK),
        ("{DATA}", data),
    ] {
        before = before.replace(name, text);
    }
    format!("let v = vm(args[0]); {before}\n{example}\n{after}")
        .replace("/run/web01.qmp", "/srv/web01.qmp")
        .replace("/tmp/", "/srv/")
        .replace("/srv/", &format!("{}/", folder.path().display()))
}

#[track_caller]
fn run(name: &str, example: &str, target: &str, monitor: &std::path::Path) {
    let folder = Folder::new();
    let _ended = Daemons::of(folder.path());
    std::os::unix::fs::symlink(monitor, folder.join("web01.qmp")).unwrap();
    std::fs::write(folder.join("agent.conf"), "verbose=1\n").unwrap();
    let dir = folder.path().to_str().unwrap();
    let script = script(example, &folder);
    let outcome = qmpsh([
        "eval",
        "--allow-read",
        dir,
        "--allow-write",
        dir,
        "--allow-run",
        "qemu-system-x86_64",
        &script,
        target,
    ])
    .run();
    let refused =
        outcome.code == Some(4) && MAY_BE_REFUSED.iter().any(|call| example.contains(call));
    assert!(
        outcome.code == Some(0) || refused,
        "{name}: {script}\n{outcome:#?}"
    );
    assert!(
        !outcome.stdout.ends_with("false\n"),
        "{name}: {script}\n{outcome:#?}"
    );
}

/// The examples that need a machine.
fn examples() -> Vec<(String, String)> {
    let session = Session::new(Settings::default()).unwrap();
    let mut examples = documented::examples(&session.reference());
    examples.retain(|(_, example)| documented::needs_machine(example));
    assert!(examples.len() > 60, "{}", examples.len());
    examples
}

/// Whether it speaks of a guest: of its agent, or of an open file.
fn needs_guest(example: &str) -> bool {
    example.contains(".agent.") || script(example, &Folder::new()).contains(".agent.")
}

/// What the guest is not the same after.
const ENDINGS: [&str; 2] = ["suspend_ram()", "shutdown("];

#[test]
fn the_examples_of_a_machine_work() {
    for (name, example) in examples() {
        if !needs_guest(&example) {
            let qemu = machine();
            run(&name, &example, qemu.qmp().to_str().unwrap(), &qemu.qmp());
        }
    }
}

#[test]
fn the_examples_of_a_guest_work() {
    let guest = guest();
    let ends = |example: &str| ENDINGS.iter().any(|call| example.contains(call));
    for (name, example) in examples() {
        if needs_guest(&example) && !ends(&example) {
            run(&name, &example, &guest.target(), &guest.qmp());
            assert!(!guest.is_frozen(), "{name}");
        }
    }
}

#[test]
fn the_examples_that_end_a_guest_work() {
    for (name, example) in examples() {
        if ENDINGS.iter().any(|call| example.contains(call)) {
            let guest = guest();
            run(&name, &example, &guest.target(), &guest.qmp());
        }
    }
}

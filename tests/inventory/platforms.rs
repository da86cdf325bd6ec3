//! VMs where platforms put them.

use std::fs::{create_dir_all, write};
use std::os::unix::fs::symlink;

use harness::{Folder, Qemu};

use super::{eval, fails, glob, named, qmpsh, uuid, uuid_of};

#[test]
fn a_proxmox_vm_is_known_by_its_number_and_the_name_of_its_process() {
    let mut qemu = named("web01,debug-threads=on", &uuid(1))
        .monitor("104.qmp")
        .args("-chardev socket,id=qga0,path=104.qga,server=on,wait=off")
        .start();
    let root = qemu.folder().path().to_owned();
    write(root.join("104.pid"), format!("{}\n", qemu.process().id())).unwrap();
    // What is no VM's.
    write(root.join("105.qmp"), "").unwrap();
    symlink(qemu.qmp(), root.join("vnc.qmp")).unwrap();
    let config = format!("[[discover]]\ntype = \"proxmox\"\nroot = {root:?}\n");
    assert_eq!(uuid_of("104", &config), uuid(1));
    assert_eq!(uuid_of("web01", &config), uuid(1));
    assert_eq!(eval(&config, "vms().len"), 1);
}

#[test]
fn a_stale_number_in_proxmoxs_folder_is_no_process_of_the_vm() {
    let qemu = named("web02", &uuid(2)).monitor("104.qmp").start();
    let root = qemu.folder().path().to_owned();
    write(root.join("104.pid"), format!("{}\n", std::process::id())).unwrap();
    let config = format!("[[discover]]\ntype = \"proxmox\"\nroot = {root:?}\n");
    assert_eq!(uuid_of("104", &config), uuid(2));
}

#[test]
fn a_smartos_vm_is_known_by_its_zone_in_whatever_pool() {
    let qemu = named("zone", &uuid(3)).start();
    let root = Folder::new();
    for pool in ["zones", "tank"] {
        for zone in [uuid(3).as_str(), "global", "5a0e3c6d"] {
            let tmp = root.join(pool).join(zone).join("root/tmp");
            create_dir_all(&tmp).unwrap();
            symlink(qemu.qmp(), tmp.join("vm.qmp")).unwrap();
        }
    }
    let zones = format!(
        "[[discover]]\ntype = \"smartos\"\nroot = {:?}\n",
        root.path()
    );
    for config in [zones.clone(), format!("{zones}pool = \"tank\"\n")] {
        assert_eq!(uuid_of(&uuid(3).to_uppercase(), &config), uuid(3));
        assert_eq!(uuid_of("5a0e3c6d7b1f", &config), uuid(3));
        assert_eq!(eval(&config, "vms().len"), 1);
    }
}

#[test]
fn a_pattern_finds_monitors_and_agents_by_name() {
    let qemu = Qemu::bare()
        .monitor("web01.qmp")
        .monitor("web01.qga")
        .start();
    let folder = qemu.folder().path();
    write(folder.join("web02.qmp"), "no socket").unwrap();
    let config = glob(folder);
    let script = "vms().map(|v| `${v}`)";
    assert_eq!(eval(&config, script), serde_json::json!(["web01"]));
    let outcome = qmpsh(&config)
        .args(["eval", "vm(\"web01\").agent.ping()"])
        .run();
    // The second monitor stands for an agent: it is what was connected to.
    fails(&outcome, 3, &["web01.qga"]);
}

#[test]
fn a_configured_folder_that_is_missing_is_told_and_a_usual_one_is_not() {
    let config = "[[discover]]\ntype = \"proxmox\"\nroot = \"/nowhere/to/be/found\"\n";
    let outcome = qmpsh(config).args(["eval", "vm(\"web01\")"]).run();
    fails(
        &outcome,
        3,
        &[
            "no VM is called `web01`",
            "proxmox could not be asked: `/nowhere/to/be/found`",
        ],
    );
    let outcome = qmpsh(config).args(["eval", "vms().len"]).run();
    assert_eq!(outcome.stdout, "0\n", "{outcome:#?}");
    assert!(outcome.stderr.contains("warning: proxmox"), "{outcome:#?}");
    let usual = qmpsh("").args(["eval", "vms().len"]).run();
    assert_eq!(usual.code, Some(0), "{usual:#?}");
    assert!(!usual.stderr.contains("smartos"), "{usual:#?}");
}

#[test]
fn the_same_vm_found_by_three_is_one_and_knows_what_each_knows() {
    let mut qemu = named("inside", &uuid(4)).monitor("104.qmp").start();
    let root = qemu.folder().path().to_owned();
    write(root.join("104.pid"), qemu.process().id().to_string()).unwrap();
    let config = format!(
        "[vm.mine]\nuuid = {:?}\nlabels = [\"prod\"]\n
        [[discover]]\ntype = \"process\"\n[[discover]]\ntype = \"proxmox\"\nroot = {root:?}\n",
        uuid(4)
    );
    for name in ["mine", "inside", "104", "prod", &uuid(4)] {
        assert_eq!(uuid_of(name, &config), uuid(4), "{name}");
    }
    let script = "vms(#{ label: \"prod\" }).map(|v| `${v}`)";
    assert_eq!(eval(&config, script), serde_json::json!(["mine"]));
}

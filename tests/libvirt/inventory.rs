//! The domains of a libvirt, as the inventory sees them.

use std::fs;
use std::sync::Arc;

use harness::{Folder, Libvirt, Qmpsh};
use qmpsh::inventory::{self, Inventory, Provider};
use qmpsh::vm::{Fleet, Settings};

use super::{assert_no_virsh, virsh_processes};

#[test]
fn all_domains_are_listed_those_that_hang_or_are_off_among_them() {
    let libvirt = Libvirt::start();
    let hangs = libvirt.bare("it's web 1");
    let _works = libvirt.bare("web2");
    libvirt.shut_off("off");
    hangs.stop_qemu();
    let provider = inventory::Libvirt::at(libvirt.uri());
    let mut found = provider.find().unwrap();
    found.sort_by_key(|found| found.name.clone());
    let told: Vec<_> = found
        .iter()
        .map(|found| (found.name.as_deref().unwrap(), found.is_off))
        .collect();
    assert_eq!(
        told,
        [("it's web 1", false), ("off", true), ("web2", false)]
    );
    let uuid = libvirt.virsh_ok(["domuuid", "web2"]);
    assert_eq!(found[2].uuid.as_deref(), Some(uuid.trim()));
    let address = format!("libvirt:web2@{}", libvirt.uri());
    assert_eq!(found[2].qmp.as_ref().unwrap().to_string(), address);
    assert_eq!(found[2].agent, found[2].qmp);
    hangs.cont_qemu();
}

#[tokio::test]
async fn a_libvirt_that_hangs_or_is_not_there_delays_no_other() {
    let (hangs, works) = (Libvirt::start(), Libvirt::start());
    let _domain = works.bare("web01");
    hangs.stop_daemon();
    let uris = [
        hangs.uri(),
        "qemu+unix:///session?socket=/no/such".to_owned(),
        works.uri(),
    ];
    let providers = uris.map(|uri| Arc::new(inventory::Libvirt::at(uri)) as Arc<dyn Provider>);
    let home = Folder::new();
    let fleet = Fleet::new(Settings::new(home.join("state")));
    let scan = Inventory::new(fleet, providers.into()).scan().await;
    assert_eq!(scan.found.len(), 1, "{scan:?}");
    assert_eq!(scan.troubles.len(), 2, "{scan:?}");
    let tells = |words: &str| {
        scan.troubles
            .iter()
            .any(|trouble| trouble.why.contains(words))
    };
    assert!(tells("no answer") && tells("cannot be reached"), "{scan:?}");
    // What waits for the one that hangs is given up too.
    assert_no_virsh(&hangs);
    // One is kept for the next question.
    assert_eq!(virsh_processes(&works).len(), 1);
    hangs.cont_daemon();
}

#[test]
fn a_domain_is_named_as_its_operator_knows_it_and_listed_with_its_state() {
    let libvirt = Libvirt::start();
    let guest = libvirt.boot("web01");
    let hangs = libvirt.bare("hangs");
    libvirt.shut_off("off");
    let home = Arc::new(Folder::new());
    let config = format!(
        "[[discover]]\ntype = \"libvirt\"\nuri = \"{}\"\n\n[vm.web01]\nlabels = [\"prod\"]\n",
        libvirt.uri()
    );
    fs::write(home.join("qmpsh.toml"), config).unwrap();
    let run = |words: &[&str]| {
        Qmpsh::at_home(env!("CARGO_BIN_EXE_qmpsh"), &home)
            .args(words)
            .run()
            .expect_code(0)
            .stdout
    };
    let uuid = libvirt.virsh_ok(["domuuid", guest.name()]);
    for name in ["web01", uuid.trim()] {
        let status = run(&["qmp", name, "query-status"]);
        assert!(status.contains("\"running\""), "{status}");
    }
    assert_eq!(
        run(&["eval", "vms(#{ label: \"prod\" })[0].agent.hostname()"]).trim(),
        "qmpsh-guest"
    );
    assert!(run(&["agent", "web01", "ping"]).is_empty());
    hangs.stop_qemu();
    let listed = run(&["ls", "--json"]);
    let listed: serde_json::Value = serde_json::from_str(&listed).unwrap();
    let told: Vec<_> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|vm| {
            [&vm["name"], &vm["state"], &vm["agent"], &vm["provider"]]
                .map(|v| v.as_str().unwrap_or("-"))
        })
        .collect();
    assert_eq!(
        told,
        [
            ["hangs", "silent", "none", "libvirt"],
            ["off", "shut off", "-", "libvirt"],
            ["web01", "running", "up", "config"],
        ]
    );
    hangs.cont_qemu();
}

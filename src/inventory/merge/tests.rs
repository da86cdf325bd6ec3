//! Sightings of which it is clear what they are together, and of which it is not.

use super::*;

const FIRST: &str = "5a0e3c6d-7b1f-4c2e-9d4a-000000000001";
const SECOND: &str = "5a0e3c6d-7b1f-4c2e-9d4a-000000000002";

#[expect(
    clippy::unnecessary_wraps,
    reason = "what is known of a VM is optional"
)]
fn unix(path: &str) -> Option<Address> {
    Some(Address::Unix(path.into()))
}

fn seen(provider: &'static str, name: &str, qmp: &str) -> Found {
    Found {
        name: Some(name.to_owned()),
        qmp: unix(qmp),
        ..Found::new(provider)
    }
}

fn process(name: &str, pid: u32, uuid: &str, qmp: &str) -> Found {
    Found {
        given_name: Some(name.to_owned()),
        uuid: Some(uuid.to_owned()),
        pid: Some(pid),
        ..seen(PROCESS, name, qmp)
    }
}

fn entry(name: &str, uuid: Option<&str>) -> Found {
    Found {
        uuid: uuid.map(str::to_owned),
        labels: vec!["prod".to_owned()],
        ..named(CONFIG, name)
    }
}

fn named(provider: &'static str, name: &str) -> Found {
    Found {
        name: Some(name.to_owned()),
        ..Found::new(provider)
    }
}

fn labelled(vms: &[Found]) -> usize {
    vms.iter().filter(|vm| vm.labels == ["prod"]).count()
}

#[test]
fn an_entry_gives_the_address_of_the_one_vm_of_its_name_that_has_none() {
    let silent = |pid, uuid: &str| Found {
        pid: Some(pid),
        uuid: Some(uuid.to_owned()),
        ..named(PROCESS, "web")
    };
    let given = || Found {
        qmp: unix("/run/proxy.qmp"),
        ..entry("web", None)
    };
    let merged = merge(vec![silent(7, FIRST), given()]);
    let [vm] = &merged[..] else {
        panic!("{merged:?}")
    };
    assert_eq!(
        (&vm.qmp, vm.uuid.as_deref(), vm.pid),
        (&unix("/run/proxy.qmp"), Some(FIRST), Some(7))
    );
    // Of two of that name, or one that has an address, it may be another.
    assert_eq!(
        merge(vec![silent(7, FIRST), silent(8, SECOND), given()]).len(),
        3
    );
    assert_eq!(
        merge(vec![process("web", 7, FIRST, "/run/web.qmp"), given()]).len(),
        2
    );
}

#[test]
fn one_socket_is_one_vm_and_each_fact_is_of_who_knows_it_best() {
    let mut proxmox = seen("proxmox", "104", "/run/104.qmp");
    proxmox.id = Some("104".to_owned());
    let merged = merge(vec![process("web", 7, FIRST, "/run/104.qmp"), proxmox]);
    let [vm] = &merged[..] else {
        panic!("{merged:?}")
    };
    assert_eq!((vm.provider, vm.name.as_deref()), ("proxmox", Some("104")));
    assert_eq!(vm.aliases, ["web"]);
    assert_eq!((vm.pid, vm.uuid.as_deref()), (Some(7), Some(FIRST)));
    assert_eq!(vm.given_name.as_deref(), Some("web"));
}

#[test]
fn a_process_that_has_two_sockets_joins_those_who_know_one_each() {
    let mut both = process("web", 7, FIRST, "/run/a.qmp");
    both.monitors = [unix("/run/a.qmp"), unix("/run/b.qmp")]
        .into_iter()
        .flatten()
        .collect();
    let merged = merge(vec![
        seen("glob", "a", "/run/a.qmp"),
        seen("glob", "b", "/run/b.qmp"),
        both,
    ]);
    let [vm] = &merged[..] else {
        panic!("{merged:?}")
    };
    assert_eq!(
        (vm.name.as_deref(), vm.qmp.clone()),
        (Some("a"), unix("/run/a.qmp"))
    );
    assert_eq!(vm.aliases, ["b", "web"]);
}

#[test]
fn what_differs_in_process_or_uuid_is_never_one() {
    // Two processes that were told one socket, and whose socket it is nobody knows.
    let vms = merge(vec![
        process("web", 7, FIRST, "/run/a.qmp"),
        process("db", 8, SECOND, "/run/a.qmp"),
        seen("glob", "a", "/run/a.qmp"),
    ]);
    assert_eq!(vms.len(), 3);
    assert!(vms.iter().all(|vm| vm.aliases.is_empty()), "{vms:?}");
    // A migration within one host.
    let twins = [
        process("web", 7, FIRST, "/run/a"),
        process("web", 8, FIRST, "/run/b"),
    ];
    assert_eq!(merge(twins.to_vec()).len(), 2);
    // The zero UUID is nobody's.
    let zero = "00000000-0000-0000-0000-000000000000";
    let mut one = seen("glob", "a", "/run/a");
    one.uuid = Some(zero.to_owned());
    let vms = merge(vec![one, process("b", 7, zero, "/run/b")]);
    assert_eq!(vms.len(), 2);
    assert!(vms.iter().all(|vm| vm.uuid.is_none()));
}

#[test]
fn an_entry_without_an_address_is_about_every_vm_that_it_fits() {
    let twins = || {
        vec![
            process("web", 7, FIRST, "/run/a"),
            process("web", 8, FIRST, "/run/b"),
        ]
    };
    for about in [entry("mine", Some(FIRST)), entry("web", None)] {
        let mut sightings = twins();
        sightings.insert(0, about);
        let vms = merge(sightings);
        assert_eq!((vms.len(), labelled(&vms)), (2, 2), "{vms:?}");
    }
    // One that fits none stands for itself.
    let mut sightings = twins();
    sightings.push(entry("other", Some(SECOND)));
    let vms = merge(sightings);
    assert_eq!((vms.len(), labelled(&vms)), (3, 1));
    assert!(!vms[2].is_reachable());
}

#[test]
fn an_entry_with_an_address_is_that_vm_and_no_other_of_its_name() {
    let mut mine = entry("web", None);
    mine.qmp = unix("/run/a.qmp");
    let other = process("web", 8, SECOND, "/run/b.qmp");
    let vms = merge(vec![
        mine.clone(),
        process("inner", 7, FIRST, "/run/a.qmp"),
        other,
    ]);
    assert_eq!((vms.len(), labelled(&vms)), (2, 1));
    let configured = vms.iter().find(|vm| vm.provider == CONFIG).unwrap();
    assert_eq!(
        (configured.pid, configured.aliases.as_slice()),
        (Some(7), ["inner".to_owned()].as_slice())
    );
    // Whose UUID is another's is another.
    mine.uuid = Some(SECOND.to_owned());
    let vms = merge(vec![mine, process("inner", 7, FIRST, "/run/a.qmp")]);
    assert_eq!(vms.len(), 2);
}

#[test]
fn what_is_libvirts_is_reached_through_libvirt_or_not_at_all() {
    let held = || {
        process(
            "web",
            7,
            FIRST,
            "/var/lib/libvirt/qemu/domain-1-web/monitor.sock",
        )
    };
    let alone = merge(vec![held()]);
    assert_eq!(
        (alone[0].qmp.clone(), alone[0].only_through),
        (None, Some(LIBVIRT))
    );
    let domain = Address::Libvirt {
        domain: "web".to_owned(),
        uri: "qemu:///system".to_owned(),
    };
    let told = Found {
        uuid: Some(FIRST.to_owned()),
        qmp: Some(domain.clone()),
        ..named(LIBVIRT, "web")
    };
    let mut with_agent = held();
    with_agent.agent = unix("/var/lib/libvirt/qemu/channel/agent");
    let both = merge(vec![with_agent, told]);
    let [vm] = &both[..] else { panic!("{both:?}") };
    assert_eq!((vm.qmp.as_ref(), vm.agent.as_ref()), (Some(&domain), None));
    assert_eq!(vm.pid, Some(7));
    // Who writes its socket into the configuration has decided that.
    let mut mine = entry("mine", Some(FIRST));
    mine.qmp = unix("/run/second-monitor");
    let vms = merge(vec![held(), mine]);
    assert_eq!(
        (vms.len(), vms[0].qmp.clone()),
        (1, unix("/run/second-monitor"))
    );
}

#[test]
fn a_domain_that_is_shut_off_is_no_process() {
    let off = Found {
        uuid: Some(FIRST.to_owned()),
        is_off: true,
        ..named(LIBVIRT, "web")
    };
    let vms = merge(vec![off, process("web", 7, FIRST, "/run/a.qmp")]);
    assert_eq!(vms.len(), 2);
}

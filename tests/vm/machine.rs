//! Connections: made on first use, made again for what only reads.

use harness::{Guest, Qemu, Signal};
use qmpsh::client;
use qmpsh::vm::{Arguments, ErrorKind};

use super::vm;

#[tokio::test]
async fn a_vm_tells_its_name_uuid_status_and_version() {
    let qemu = Qemu::bare()
        .arg("-name")
        .arg("web01")
        .arg("-uuid")
        .arg("0E4D9E6A-0000-4000-8000-000000000001")
        .start();
    let vm = vm(qemu.qmp().to_str().unwrap(), qemu.folder());
    assert_eq!(vm.name().await.unwrap().as_deref(), Some("web01"));
    let uuid = vm.uuid().await.unwrap();
    assert_eq!(
        uuid.as_deref(),
        Some("0e4d9e6a-0000-4000-8000-000000000001")
    );
    assert_eq!(vm.status().await.unwrap(), "running");
    assert!(vm.version().await.unwrap().contains('.'));
}

#[tokio::test]
async fn a_vm_without_a_uuid_has_none_rather_than_zeros() {
    let qemu = Qemu::bare().start();
    let vm = vm(qemu.qmp().to_str().unwrap(), qemu.folder());
    assert_eq!(vm.uuid().await.unwrap(), None);
    assert_eq!(vm.name().await.unwrap(), None);
}

#[tokio::test]
async fn method_names_find_commands_whichever_way_qmp_writes_them() {
    let qemu = Qemu::bare().start();
    let vm = vm(qemu.qmp().to_str().unwrap(), qemu.folder());
    for (name, command) in [
        ("query_status", "query-status"),
        ("device_add", "device_add"),
        ("blockdev_add", "blockdev-add"),
        ("query-block", "query-block"),
    ] {
        assert_eq!(vm.command_for(name).await.unwrap(), command);
    }
    let error = vm.command_for("query_statuss").await.unwrap_err();
    assert!(error.to_string().contains("`query_status`"), "{error}");
}

#[tokio::test]
async fn after_a_lost_connection_a_query_is_sent_again_and_a_change_is_not() {
    // Two monitors on one QEMU: closing the first one's connection under us is done by restarting QEMU on its socket.
    let mut qemu = Qemu::bare().start();
    let vm = vm(qemu.qmp().to_str().unwrap(), qemu.folder());
    vm.status().await.unwrap();
    qemu.process().kill();
    let error = vm.call("stop", Arguments::new()).await.unwrap_err();
    assert!(
        matches!(
            &error.kind,
            ErrorKind::Client(client::Error::Gone { .. } | client::Error::Connect { .. })
        ),
        "{error:?}"
    );
    let error = vm.status().await.unwrap_err();
    assert!(
        matches!(
            &error.kind,
            ErrorKind::Client(client::Error::Connect { .. })
        ),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_human_monitor_line_gives_its_text() {
    let qemu = Qemu::bare().start();
    let vm = vm(qemu.qmp().to_str().unwrap(), qemu.folder());
    let text = vm.hmp("info status").await.unwrap();
    assert_eq!(text, "VM status: running\n");
}

#[tokio::test]
async fn the_agents_socket_is_found_from_the_monitor_alone() {
    let guest = Guest::boot();
    let vm = vm(guest.qmp().to_str().unwrap(), guest.folder());
    vm.agent().ping().await.unwrap();
}

#[tokio::test]
async fn an_agent_that_does_not_run_is_told_apart_from_one_that_does_not_answer() {
    let guest = Guest::boot();
    let mut settings = super::settings(guest.folder());
    settings.timeout = Some(std::time::Duration::from_millis(500));
    let vm = qmpsh::vm::Vm::new(guest.target().parse().unwrap(), settings.into());
    guest.stop_agent();
    let error = vm.agent().ping().await.unwrap_err();
    assert!(
        matches!(
            error.kind,
            ErrorKind::Client(client::Error::AgentDown { .. })
        ),
        "{error:?}"
    );
    guest.cont_agent();
    guest.agent_down();
    let error = vm.agent().ping().await.unwrap_err();
    assert!(
        matches!(error.kind, ErrorKind::AgentNotRunning),
        "{error:?}"
    );
    guest.agent_up();
    vm.agent().ping().await.unwrap();
}

#[tokio::test]
async fn a_paused_qemu_process_gives_a_timeout_and_the_next_call_works() {
    let mut qemu = Qemu::bare().start();
    let vm = vm(qemu.qmp().to_str().unwrap(), qemu.folder());
    vm.status().await.unwrap();
    qemu.process().signal(Signal::STOP);
    let short = std::time::Duration::from_millis(100);
    let error = vm
        .call_within("query-status", Arguments::new(), short)
        .await
        .unwrap_err();
    assert!(
        matches!(error.kind, ErrorKind::Client(client::Error::Timeout { .. })),
        "{error:?}"
    );
    qemu.process().signal(Signal::CONT);
    assert_eq!(vm.status().await.unwrap(), "running");
}

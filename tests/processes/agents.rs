//! How a real guest's agent is: up, down, frozen, busy with another client, none.

use harness::{Guest, Qemu, RawAgent};
use serde_json::{Value, json};

use super::Host;

#[test]
fn an_agent_is_told_as_it_is_and_is_left_as_it_was() {
    let mut guest = Guest::boot();
    let host = Host::of(&[guest.process().id()]);
    let agent = || {
        let vm = host.one();
        assert_eq!(vm["state"], "running", "{vm:#}");
        vm["agent"].clone()
    };
    assert_eq!(agent(), "up");
    let held = guest.raw_agent();
    assert_eq!(agent(), "busy");
    drop(held);
    guest.agent_down();
    assert_eq!(agent(), "down");
    guest.agent_up();
    guest.stop_agent();
    assert_eq!(agent(), "down");
    guest.cont_agent();
    RawAgent::connect(guest.agent()).call("guest-fsfreeze-freeze", &Value::Null);
    assert_eq!(agent(), "frozen");
    assert!(guest.is_frozen());
    // Its monitor is held, and the agent can be asked all the same.
    let monitor = guest.raw_qmp();
    let vm = host.one();
    assert_eq!(
        (&vm["state"], &vm["agent"]),
        (&json!("busy"), &json!("frozen"))
    );
    drop(monitor);
    RawAgent::connect(guest.agent()).call("guest-fsfreeze-thaw", &Value::Null);
    assert_eq!(agent(), "up");
}

#[test]
fn an_agents_port_without_a_guest_behind_it_is_down() {
    let line = "-M q35 -accel tcg -S -device virtio-serial -chardev socket,id=a,path=qga,server=on,wait=off";
    let device = r#"{"driver":"virtserialport","chardev":"a","name":"org.qemu.guest_agent.0"}"#;
    let qemu = Qemu::bare().args(line).arg("-device").arg(device).start();
    let vm = Host::of(&[qemu.pid()]).one();
    assert_eq!(vm["agent"], "down", "{vm:#}");
    assert_eq!(
        vm["agent_address"],
        qemu.folder().join("qga").to_str().unwrap()
    );
}

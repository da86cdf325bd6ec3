//! Another VM than the one that was found is refused before anything is sent to it.

use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, Instant};

use harness::{Folder, Qemu, RawQmp};
use qmpsh::client::Address;
use qmpsh::vm::target::Identity;
use qmpsh::vm::{ErrorKind, Settings, Target, Vm};
use serde_json::Value;

use super::{eval, fails, named, qmpsh, uuid};

/// What a QEMU says of itself, past qmpsh.
fn status(qemu: &Qemu) -> String {
    let reply = RawQmp::connect(qemu.qmp()).call("query-status", &Value::Null);
    reply["status"].as_str().unwrap().to_owned()
}

#[test]
fn a_configured_uuid_is_a_promise() {
    let qemu = named("web02", &uuid(0x21)).start();
    let config = format!(
        "discover = []\n[vm.web01]\nqmp = {:?}\nuuid = {:?}\n",
        qemu.qmp(),
        uuid(0x22)
    );
    for command in [
        ["eval", "vm(\"web01\").qmp(\"stop\")"].as_slice(),
        &["qmp", "web01", "stop"],
        &["eval", "let v = vm(\"web01\"); v.status"],
    ] {
        let outcome = qmpsh(&config).args(command).run();
        fails(
            &outcome,
            3,
            &["web01: another VM answers", "`web02`", &uuid(0x21)],
        );
    }
    assert_eq!(status(&qemu), "running");
}

#[test]
fn of_two_qemus_that_were_told_one_socket_none_is_taken_for_the_other() {
    let first = named("first", &uuid(0x23)).start();
    let shared = first.qmp();
    let second = named("second", &uuid(0x24))
        .arg("-qmp")
        .arg(format!("unix:{},server=on,wait=off", shared.display()))
        .start();
    wait_for(&shared, "second");
    let config = "[[discover]]\ntype = \"process\"\n";
    let outcome = qmpsh(config).args(["qmp", &uuid(0x23), "stop"]).run();
    fails(
        &outcome,
        3,
        &["another VM answers", "`second`", &uuid(0x24)],
    );
    assert_eq!(status(&second), "running");
    let script = format!("vm(\"{}\").uuid", uuid(0x24));
    assert_eq!(eval(config, &script), uuid(0x24));
}

#[tokio::test]
async fn a_vm_that_was_started_again_is_still_itself_and_one_in_its_place_is_not() {
    let at = |place: &Folder, name: &str, uuid: &str| {
        let socket = place.join("vm.qmp");
        let qemu = named(name, uuid)
            .arg("-qmp")
            .arg(format!("unix:{},server=on,wait=off", socket.display()))
            .start();
        wait_for(&socket, name);
        qemu
    };
    let place = Folder::new();
    let mut qemu = at(&place, "web01", &uuid(0x25));
    let identity = Identity {
        uuid: Some(uuid(0x25)),
        name: None,
        pid: Some(qemu.process().id()),
    };
    let socket = Address::Unix(place.join("vm.qmp"));
    let target = Target::found("web01", Some(socket), None).expecting(identity);
    let vm = Vm::new(target, Arc::new(Settings::new(place.join("state"))));
    vm.status().await.unwrap();
    qemu.process().kill();

    let mut again = at(&place, "web01", &uuid(0x25));
    vm.status().await.unwrap();
    again.process().kill();

    let other = at(&place, "web02", &uuid(0x26));
    let error = vm.status().await.unwrap_err();
    assert!(
        matches!(&error.kind, ErrorKind::OtherVm { name: Some(name), .. } if name == "web02"),
        "{error:?}"
    );
    assert_eq!(status(&other), "running");
}

/// Waits until a QEMU of that name has taken the socket.
fn wait_for(socket: &Path, name: &str) {
    let end = Instant::now() + Duration::from_secs(30);
    while UnixStream::connect(socket).is_err()
        || RawQmp::connect(socket).call("query-name", &Value::Null)["name"] != name
    {
        assert!(
            Instant::now() < end,
            "`{name}` does not take `{}`",
            socket.display()
        );
        sleep(Duration::from_millis(5));
    }
}

//! Connecting to real sockets. Their deadlines are short where only silence can come, so no machine is too slow.

use std::fs;
use std::net::TcpListener;
use std::os::unix::net::UnixListener as StdUnixListener;

use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, listen, socket_with,
};
use serde_json::json;

use super::*;
use crate::client::holder::Holder;
use crate::client::qmp::Qmp;
use crate::client::scripted::{Folder, GREETING, Peer};

const SHORT: Duration = Duration::from_millis(300);
const LONG: Duration = Duration::from_secs(60);

async fn unreachable(address: &Address) -> Unreachable {
    match connect(address, Channel::Qmp, SHORT).await {
        Err(Error::Connect { source, .. }) => source,
        other => panic!("{other:?}"),
    }
}

async fn qmp_error(address: &Address) -> Error {
    Qmp::connect(address, SHORT, None).await.unwrap_err()
}

fn myself() -> Holder {
    let program = fs::read_to_string("/proc/self/comm").unwrap();
    Holder {
        pid: std::process::id(),
        program: program.trim_end().to_owned(),
    }
}

#[tokio::test]
async fn a_missing_socket_a_file_and_an_abandoned_socket_are_told_apart() {
    let folder = Folder::new();
    assert_eq!(unreachable(&folder.socket()).await, Unreachable::Missing);
    assert_eq!(
        unreachable(&Address::Unix(folder.path("no/such/folder"))).await,
        Unreachable::Missing
    );

    drop(folder.listener());
    assert_eq!(unreachable(&folder.socket()).await, Unreachable::Refused);

    fs::write(folder.path("file"), "").unwrap();
    assert_eq!(
        unreachable(&Address::Unix(folder.path("file"))).await,
        Unreachable::NotASocket
    );
    assert_eq!(
        unreachable(&Address::Unix(folder.path(""))).await,
        Unreachable::NotASocket
    );
}

#[test]
fn a_socket_that_permissions_forbid_is_denied() {
    // Root, as whom the tests may run, is forbidden nothing.
    let error = io::Error::from(io::ErrorKind::PermissionDenied);
    let denied = Unreachable::Denied { owner: None };
    assert_eq!(Unreachable::of(&error, true), denied);
}

#[tokio::test]
async fn a_path_that_no_socket_can_have_is_told_as_such() {
    let address = Address::Unix(format!("/{}", "x".repeat(200)).into());
    assert_eq!(unreachable(&address).await, Unreachable::BadPath);
}

#[tokio::test]
async fn tcp_is_connected_to_and_a_closed_port_refuses() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    let address = Address::Tcp {
        host: "127.0.0.1".to_owned(),
        port,
    };
    let stream = connect(&address, Channel::Agent, LONG).await.unwrap();
    assert!(matches!(&stream, Stream::Tcp(tcp) if tcp.nodelay().unwrap()));
    assert_eq!(stream.peer_pid(), None);
    drop(listener);
    assert_eq!(unreachable(&address).await, Unreachable::Refused);
}

#[tokio::test]
async fn a_monitor_over_a_unix_socket_is_greeted_and_its_process_known() {
    let folder = Folder::new();
    let listener = folder.listener();
    let script = async {
        let mut peer = Peer::accept(&listener).await;
        peer.say(GREETING).await;
        let request = peer.request().await;
        peer.answer(&request, json!({})).await;
        peer
    };
    let address = folder.socket();
    let (qmp, _peer) = tokio::join!(Qmp::connect(&address, LONG, None), script);
    assert!(!qmp.unwrap().is_closed());
    assert_eq!(
        connect(&address, Channel::Agent, LONG)
            .await
            .unwrap()
            .peer_pid(),
        Some(std::process::id())
    );
}

#[tokio::test]
async fn a_busy_socket_names_who_holds_it() {
    let folder = Folder::new();
    let listener = folder.listener();
    let _holder = connect(&folder.socket(), Channel::Qmp, LONG).await.unwrap();
    let (_served, _) = listener.accept().await.unwrap();
    let address = folder.socket();
    let busy = Error::Busy {
        address: address.clone(),
        holder: Some(myself()),
    };
    assert_eq!(qmp_error(&address).await, busy);
    assert_eq!(
        busy.to_string(),
        format!("{address} is held by another client: {}", myself())
    );
}

#[tokio::test]
async fn a_busy_socket_is_known_by_another_path_too() {
    let folder = Folder::new();
    let listener = folder.listener();
    let _holder = connect(&folder.socket(), Channel::Qmp, LONG).await.unwrap();
    let (_served, _) = listener.accept().await.unwrap();
    std::os::unix::fs::symlink(folder.path("socket"), folder.path("link")).unwrap();
    let link = Address::Unix(folder.path("link"));
    assert_eq!(
        qmp_error(&link).await,
        Error::Busy {
            address: link.clone(),
            holder: Some(myself())
        }
    );
}

#[tokio::test]
async fn a_full_queue_is_busy_too_and_connecting_never_blocks() {
    let folder = Folder::new();
    let listener = narrow_listener(&folder);
    let _holder = connect(&folder.socket(), Channel::Qmp, LONG).await.unwrap();
    let _served = listener.accept().unwrap();
    let _waiting = connect(&folder.socket(), Channel::Qmp, LONG).await.unwrap();
    let address = folder.socket();
    assert_eq!(
        qmp_error(&address).await,
        Error::Busy {
            address: address.clone(),
            holder: Some(myself())
        }
    );
}

#[tokio::test]
async fn a_full_queue_before_which_nobody_is_served_is_not_busy() {
    let folder = Folder::new();
    let listener = narrow_listener(&folder);
    let address = folder.socket();
    let waiting = connect(&address, Channel::Qmp, LONG).await.unwrap();
    let not_accepted = silent(&address, not_accepted());
    assert_eq!(qmp_error(&address).await, not_accepted);

    // Nor is it where somebody was served who has gone, and the server has not noticed.
    let _served = listener.accept().unwrap();
    drop(waiting);
    let _waiting = connect(&address, Channel::Qmp, LONG).await.unwrap();
    assert_eq!(qmp_error(&address).await, not_accepted);
}

#[tokio::test]
async fn a_place_that_gets_free_in_a_full_queue_is_taken() {
    let folder = Folder::new();
    let listener = narrow_listener(&folder);
    let _waiting = connect(&folder.socket(), Channel::Qmp, LONG).await.unwrap();
    let address = folder.socket();
    let accepting = async { listener.accept().unwrap() };
    // The first try fails, for it is made before anybody is served.
    let (stream, _served) = tokio::join!(connect(&address, Channel::Qmp, LONG), accepting);
    assert!(stream.is_ok());
}

#[tokio::test]
async fn a_socket_that_serves_nobody_is_silent_and_not_busy() {
    let folder = Folder::new();
    let listener = folder.listener();
    let address = folder.socket();
    // A QEMU that hangs accepts nobody.
    let hangs = silent(&address, not_accepted());
    assert_eq!(qmp_error(&address).await, hangs);

    // A program of another kind accepts, and waits for us to speak, others served or not.
    let script = async {
        let mut served = Vec::new();
        for _ in 0..2 {
            served.push(listener.accept().await.unwrap());
        }
        served
    };
    let (error, _served) = tokio::join!(qmp_error(&address), script);
    let server = Some(myself());
    assert_eq!(error, silent(&address, Silence::Accepted { server }));
}

#[tokio::test]
async fn a_socket_that_serves_several_is_held_by_none_of_them() {
    let folder = Folder::new();
    let listener = narrow_listener(&folder);
    let address = folder.socket();
    let mut both = Vec::new();
    for _ in 0..2 {
        let client = connect(&address, Channel::Qmp, LONG).await.unwrap();
        both.push((client, listener.accept().unwrap()));
    }
    let error = qmp_error(&address).await;
    assert_eq!(error, silent(&address, not_accepted()));
    assert!(crate::client::holder::is_free(&folder.path("socket")));
}

#[tokio::test]
async fn a_socket_that_another_one_took_the_place_of_holds_nobody_up() {
    let folder = Folder::new();
    let before = folder.listener();
    let _holder = connect(&folder.socket(), Channel::Qmp, LONG).await.unwrap();
    let (_served, _) = before.accept().await.unwrap();
    fs::remove_file(folder.path("socket")).unwrap();
    let _after = folder.listener();
    let address = folder.socket();
    let error = qmp_error(&address).await;
    assert_eq!(error, silent(&address, not_accepted()));
}

/// A listener with room for one client in its queue.
fn narrow_listener(folder: &Folder) -> StdUnixListener {
    let listener = socket_with(
        AddressFamily::UNIX,
        SocketType::STREAM,
        SocketFlags::CLOEXEC,
        None,
    )
    .unwrap();
    let address = SocketAddrUnix::new(folder.path("socket")).unwrap();
    bind(&listener, &address).unwrap();
    listen(&listener, 0).unwrap();
    StdUnixListener::from(listener)
}

fn not_accepted() -> Silence {
    let server = Some(myself());
    Silence::NotAccepted { server }
}

fn silent(address: &Address, why: Silence) -> Error {
    Error::Silent {
        address: address.clone(),
        after: SHORT,
        why,
    }
}

#[tokio::test]
async fn an_inherited_descriptor_is_the_same_connection() {
    let folder = Folder::new();
    let listener = folder.listener();
    let stream = connect(&folder.socket(), Channel::Qmp, LONG).await.unwrap();
    let mut peer = Peer::accept(&listener).await;
    let inherited = Stream::from_fd(stream.duplicate().unwrap()).unwrap();
    assert_eq!(inherited.inode(), stream.inode());
    drop(stream);
    let script = async {
        peer.say(GREETING).await;
        let request = peer.request().await;
        peer.answer(&request, json!({})).await;
    };
    let (qmp, ()) = tokio::join!(Qmp::over(inherited, folder.socket(), LONG, None), script);
    assert!(qmp.is_ok());
}

#[tokio::test]
async fn what_is_no_socket_is_not_inherited() {
    let file = fs::File::open("/dev/null").unwrap();
    assert!(Stream::from_fd(file.into()).is_err());
}

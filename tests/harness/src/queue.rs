//! Clients that fill the queue of a server which accepts nobody.

use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, connect, socket_with};

/// More than any of the tests' servers lets wait.
const MANY: usize = 10_000;

/// Connects to a server that accepts nobody until its queue takes no more; they wait in it until they are dropped.
pub fn fill_queue(socket: impl AsRef<Path>) -> Vec<OwnedFd> {
    let address = SocketAddrUnix::new(socket.as_ref()).expect("its path is short");
    let mut waiting = Vec::new();
    while waiting.len() < MANY {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let client = socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)
            .expect("there are descriptors");
        match connect(&client, &address) {
            Ok(()) => waiting.push(client),
            Err(Errno::AGAIN) => return waiting,
            Err(error) => panic!("{}: {error}", socket.as_ref().display()),
        }
    }
    panic!("{} accepts its clients", socket.as_ref().display());
}

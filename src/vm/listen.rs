//! Where a QEMU is to listen: it removes whatever has the name of the socket that it makes, a file with data too.

use std::fs;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use rustix::io::Errno;

use super::error::{Error, ErrorKind};
use super::image::on_this_host;
use super::machine::Vm;
use crate::client::UnixSockets;
use crate::client::unix_sockets::knock;

impl Vm {
    /// The absolute path of a unix socket that this QEMU is to listen at. Fails where something is there that is no socket,
    /// or one that somebody listens at; a socket that nobody listens at any more may be replaced.
    ///
    /// It looks, and holds nothing: what is put there a moment later is QEMU's to remove. Of a VM that is not connected, it
    /// looks where this process sees the path.
    pub async fn socket_path(&self, path: &str) -> Result<PathBuf, Error> {
        let process = if self.is_connected() {
            self.process().await?
        } else {
            None
        };
        let of = format!("host: socket {path}");
        let look = || {
            let absolute = std::path::absolute(path).map_err(|error| error.to_string())?;
            match obstacle(&on_this_host(&absolute, process)) {
                Some(why) => Err(format!("QEMU cannot listen at `{path}`: {why}")),
                None => Ok(absolute),
            }
        };
        let seen = self.settings().recording.observe(&of, look);
        let seen = seen.map_err(|difference| self.error(difference))?;
        seen.map_err(|why| self.error(ErrorKind::Taken(why)))
    }
}

/// Why nobody may make a socket here, if so.
fn obstacle(path: &Path) -> Option<String> {
    let there = match fs::symlink_metadata(path) {
        // What else is wrong with the path, QEMU says.
        Err(_) => return None,
        Ok(there) => there.file_type(),
    };
    if !there.is_socket() {
        return Some("something is there that is no socket, and QEMU would remove it".to_owned());
    }
    // Seen without a connection, which who listens would notice.
    let listens = UnixSockets::now().is_ok_and(|sockets| sockets.listener(path).is_some());
    if listens {
        return Some("somebody listens there".to_owned());
    }
    // One in another network name space, or of another sort.
    match knock(path) {
        Err(Errno::CONNREFUSED | Errno::NOENT) => None,
        Ok(_) => Some("somebody listens there".to_owned()),
        Err(error) => {
            let error = io::Error::from(error);
            Some(format!(
                "whether somebody listens there cannot be told: {error}"
            ))
        }
    }
}

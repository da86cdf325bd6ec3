//! Where a QEMU's paths and descriptors lead, seen from here. It may have another working directory, another root
//! (`chroot`, a container), other mounts, another network; or be another user's, and hide all that.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::chardev::Place;
use super::{Sockets, read};
use crate::client::Address;

/// The most of a process's environment that is read.
const ENVIRONMENT: u64 = 1 << 20;

/// What a process sees, as far as it is not what this one sees.
pub(super) struct Surroundings<'a> {
    process: &'a Path,
    mounts: View,
    network: View,
}

/// Whether a name space is this process's own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum View {
    /// It is, or that cannot be told.
    Shared,
    /// It is not.
    Other,
}

impl View {
    fn of(process: &Path, kind: &str) -> Self {
        let own = fs::read_link(Path::new("/proc/self/ns").join(kind));
        match (fs::read_link(process.join("ns").join(kind)), own) {
            (Ok(theirs), Ok(own)) if theirs != own => Self::Other,
            _ => Self::Shared,
        }
    }
}

impl<'a> Surroundings<'a> {
    /// Those of the process with this folder in `/proc`.
    pub(super) fn of(process: &'a Path) -> Self {
        Self {
            process,
            mounts: View::of(process, "mnt"),
            network: View::of(process, "net"),
        }
    }

    /// The address at which a place is reached from here, or why it cannot be.
    pub(super) fn address(&self, place: &Place, sockets: &Sockets) -> Result<Address, String> {
        let path = |path: &[u8]| {
            let hidden = |error| format!("its folder cannot be seen ({error}): ask as root");
            self.path(path).map(Address::Unix).map_err(hidden)
        };
        match place {
            Place::Path(name) => path(name),
            Place::Descriptor(number) => self.descriptor(*number, sockets),
            Place::Abstract(_) | Place::Tcp { .. } if self.network == View::Other => {
                Err("it is in another network name space".to_owned())
            }
            Place::Abstract(name) => Ok(Address::Unix(without_file(name))),
            Place::Tcp { host, port } => Ok(Address::Tcp {
                host: host.clone(),
                port: *port,
            }),
        }
    }

    /// A path of the process's, as it is reached from here. Fails where the process hides its folder.
    pub(super) fn path(&self, path: &[u8]) -> io::Result<PathBuf> {
        let path = Path::new(OsStr::from_bytes(path));
        if path.is_relative() {
            return self.relative(path);
        }
        let inner = path.strip_prefix("/").unwrap_or(path);
        if self.mounts == View::Other {
            return Ok(shortest(path, &self.process.join("root").join(inner)));
        }
        // Unreadable for other users, who then mostly have the same root.
        let root = fs::read_link(self.process.join("root")).unwrap_or_else(|_| "/".into());
        let inside = root.join(inner);
        // `-chroot` takes effect when all sockets are bound.
        let is_outside = !inside.exists() && path.exists();
        Ok(if is_outside { path.to_owned() } else { inside })
    }

    fn relative(&self, path: &Path) -> io::Result<PathBuf> {
        let folder = fs::read_link(self.process.join("cwd"))?;
        if self.mounts == View::Other || !folder.is_dir() {
            return Ok(self.process.join("cwd").join(path));
        }
        let here = folder.join(path);
        if here.exists() {
            return Ok(here);
        }
        // `-daemonize` leaves the folder that the path was meant in.
        let before = self.folder_before().map(|folder| folder.join(path));
        Ok(before.filter(|before| before.exists()).unwrap_or(here))
    }

    /// The folder in which the process was started, if whoever did it was a shell and so told it.
    fn folder_before(&self) -> Option<PathBuf> {
        let variables = read(&self.process.join("environ"), ENVIRONMENT).ok()?;
        let mut variables = variables.split(|byte| *byte == 0);
        let folder = variables.find_map(|variable| variable.strip_prefix(b"PWD="))?;
        Some(PathBuf::from(OsString::from_vec(folder.to_vec())))
    }

    /// Where the socket is bound that the process holds as this descriptor.
    fn descriptor(&self, number: u32, sockets: &Sockets) -> Result<Address, String> {
        let link = fs::read_link(self.process.join("fd").join(number.to_string()));
        let link = link.map_err(|error| {
            format!("it is on descriptor {number}, which cannot be seen ({error}): ask as root")
        })?;
        let unknown = || format!("it is on descriptor {number}, which is bound to no path");
        let inode = socket_inode(&link).ok_or_else(unknown)?;
        let name = sockets.get().listens_at(inode).ok_or_else(unknown)?;
        if let [0, name @ ..] = name {
            return Ok(Address::Unix(without_file(name)));
        }
        // Bound by whoever gave it to QEMU, so perhaps not in QEMU's own world.
        let outer = PathBuf::from(OsString::from_vec(name.to_vec()));
        if outer.is_absolute() && sockets.get().is_file_of(&outer, inode) {
            return Ok(Address::Unix(outer));
        }
        let inner = self.path(name).map_err(|_| unknown())?;
        Ok(Address::Unix(inner))
    }
}

/// The path itself where it leads to the same file from here too, as below a folder that all mounts share; else the one
/// through `/proc`, which leads into the process's own world for as long as it runs.
fn shortest(path: &Path, through: &Path) -> PathBuf {
    let file = |path: &Path| fs::metadata(path).ok().map(|file| (file.dev(), file.ino()));
    let is_same = file(path).is_some() && file(path) == file(through);
    if is_same { path } else { through }.to_owned()
}

/// The number in `socket:[NUMBER]`.
fn socket_inode(link: &Path) -> Option<u64> {
    let inode = link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
    inode.parse().ok()
}

/// How the path of a socket without a file is written.
fn without_file(name: &[u8]) -> PathBuf {
    let mut path = vec![0];
    path.extend(name);
    OsString::from_vec(path).into()
}

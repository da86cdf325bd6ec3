//! Where a QEMU's paths and descriptors lead, seen from here. It may have another working directory, another root
//! (`chroot`, a container), other mounts, another network; or be another user's, and hide all that.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::Sockets;
use super::chardev::Place;
use crate::client::Address;

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

    /// The address at which a place is reached from here; none where it cannot be.
    pub(super) fn address(&self, place: &Place, sockets: &Sockets) -> Option<Address> {
        match place {
            Place::Path(path) => self.path(path).ok().map(Address::Unix),
            Place::Abstract(name) if self.network == View::Shared => {
                Some(Address::Unix(without_file(name)))
            }
            Place::Tcp { host, port } if self.network == View::Shared => Some(Address::Tcp {
                host: host.clone(),
                port: *port,
            }),
            Place::Descriptor(number) => self.descriptor(*number, sockets),
            Place::Abstract(_) | Place::Tcp { .. } => None,
        }
    }

    /// A path of the process's, as it is reached from here. Fails where the process hides its folder.
    pub(super) fn path(&self, path: &[u8]) -> io::Result<PathBuf> {
        let path = Path::new(OsStr::from_bytes(path));
        let Ok(inner) = path.strip_prefix("/") else {
            let folder = fs::read_link(self.process.join("cwd"))?;
            return Ok(if self.mounts == View::Shared && folder.is_dir() {
                folder.join(path)
            } else {
                self.shortest(path, &self.process.join("cwd").join(path))
            });
        };
        // Unreadable for other users, who then mostly have the same root.
        let root = fs::read_link(self.process.join("root")).unwrap_or_else(|_| "/".into());
        Ok(if self.mounts == View::Other {
            self.shortest(path, &self.process.join("root").join(inner))
        } else {
            root.join(inner)
        })
    }

    /// The path itself where it leads to the same file from here too, as below a folder that all mounts share; else the
    /// one through `/proc`, which leads into the process's own world for as long as it runs.
    fn shortest(&self, path: &Path, through: &Path) -> PathBuf {
        let file = |path: &Path| fs::metadata(path).ok().map(|file| (file.dev(), file.ino()));
        let is_same = path.is_absolute() && file(path).is_some() && file(path) == file(through);
        if is_same { path } else { through }.to_owned()
    }

    /// Where the socket is bound that the process holds as this descriptor.
    fn descriptor(&self, number: u32, sockets: &Sockets) -> Option<Address> {
        let link = fs::read_link(self.process.join("fd").join(number.to_string())).ok()?;
        let inode = link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?;
        let inode = inode.parse().ok()?;
        let name = sockets.get().listens_at(inode)?;
        if let [0, name @ ..] = name {
            return Some(Address::Unix(without_file(name)));
        }
        // Bound by whoever gave it to QEMU, so perhaps not in QEMU's own world.
        let outer = PathBuf::from(OsString::from_vec(name.to_vec()));
        let is_outer = outer.is_absolute() && sockets.get().is_file_of(&outer, inode);
        let path = if is_outer { outer } else { self.path(name).ok()? };
        Some(Address::Unix(path))
    }
}

/// How the path of a socket without a file is written.
fn without_file(name: &[u8]) -> PathBuf {
    let mut path = vec![0];
    path.extend(name);
    OsString::from_vec(path).into()
}

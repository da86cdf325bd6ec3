//! Locks that are files: held by one at a time, and let go by the kernel however their holder ends.

use std::fs::File;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, Mode, OFlags, flock, fstat, stat};
use rustix::io::Errno;

/// A file that is locked.
#[derive(Debug)]
pub struct Lock {
    file: File,
    path: PathBuf,
}

impl Lock {
    /// Locks the file, which is made with this mode if it is not there. Fails with [`Errno::WOULDBLOCK`] while another one
    /// holds it.
    pub fn take(path: &Path, mode: u32) -> Result<Self, Errno> {
        loop {
            let flags = OFlags::RDWR | OFlags::CREATE | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let file = File::from(rustix::fs::open(path, flags, Mode::from_raw_mode(mode))?);
            flock(&file, FlockOperation::NonBlockingLockExclusive)?;
            let path = path.to_owned();
            let lock = Self { file, path };
            // Whoever held it before may have removed it since it was opened.
            if lock.has_its_name() {
                return Ok(lock);
            }
        }
    }

    /// Lets go, and removes the file.
    pub fn remove(self) -> std::io::Result<()> {
        // While it is locked: who opened it meanwhile sees that it has no name any more.
        if self.has_its_name() {
            std::fs::remove_file(&self.path)?;
        }
        Ok(())
    }

    fn has_its_name(&self) -> bool {
        let same = |file: rustix::fs::Stat, there: rustix::fs::Stat| {
            (file.st_dev, file.st_ino) == (there.st_dev, there.st_ino)
        };
        fstat(&self.file).is_ok_and(|file| stat(&self.path).is_ok_and(|there| same(file, there)))
    }
}

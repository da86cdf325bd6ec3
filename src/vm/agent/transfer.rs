//! Files of any size between host and guest, streamed, with progress.

use std::io;
use std::path::{Path, PathBuf};

use tokio::fs::File;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

use super::GuestAgent;
use super::file::{CHUNK, FileHandle, MAX_FILE, Piece, finish, refuses};
use crate::vm::error::{Error, ErrorKind, NoFile};
use crate::vm::images;
use crate::vm::mode::Would;
use crate::vm::replaced;

/// An offset that no agent reaches by reading.
const PAGE: i64 = 4096;

/// How far a transfer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Transferred {
    /// Bytes that have arrived.
    pub bytes: u64,
    /// Bytes in all, where that is known.
    pub total: Option<u64>,
}

impl GuestAgent {
    /// Streams a file of the guest's to this host; gives its bytes.
    ///
    /// It appears under `host` only when it is whole, and replaces a file that was there; anything else is left alone. What has
    /// no room there is refused, and so are what is no file (a folder, a pipe, a device that gives nothing or has no end), and what
    /// goes on far beyond the size that it had, before it fills the disk. A dry run reads its beginning only, and a replay writes
    /// nothing.
    pub async fn download(
        &self,
        guest: &str,
        host: &Path,
        progress: impl FnMut(Transferred),
    ) -> Result<u64, Error> {
        replaced::check(host).map_err(|source| self.host_error("write", host, &source))?;
        let file = self.file_open(guest, "rb").await?;
        let received = self.receive(&file, host, progress).await;
        finish(file, received).await
    }

    async fn receive(
        &self,
        file: &FileHandle,
        host: &Path,
        mut progress: impl FnMut(Transferred),
    ) -> Result<u64, Error> {
        let settings = self.vm.settings();
        let (total, mut piece) = begin(file, settings.mode.is_dry_run()).await?;
        let (doing, path) = ("write", host);
        if settings.mode.tells(&Would::File { doing, path }) {
            return Ok(total.unwrap_or(0));
        }
        let most = self.most(file, host, total.unwrap_or(0))?;
        let part = Part::beside(host);
        let failed = |doing, path: &Path, source: io::Error| self.host_error(doing, path, &source);
        let mut out = if settings.recording.is_replay() {
            None
        } else {
            let created = File::create_new(&part.0).await;
            Some(created.map_err(|error| failed("create", &part.0, error))?)
        };
        let mut bytes = 0;
        progress(Transferred { bytes, total });
        while !piece.bytes.is_empty() {
            // The agent reads on while the piece at hand is written.
            let (next, written) =
                tokio::join!(biased; next_piece(file, piece.eof), write(&mut out, &piece.bytes));
            written.map_err(|error| failed("write", &part.0, error))?;
            bytes += piece.bytes.len() as u64;
            progress(Transferred { bytes, total });
            if bytes > most {
                let path = file.path().to_owned();
                return Err(self.vm.error(ErrorKind::NoEnd { path, bytes }));
            }
            match next? {
                Some(next) => piece = next,
                None => break,
            }
        }
        if let Some(out) = out {
            out.sync_all()
                .await
                .map_err(|error| failed("write", &part.0, error))?;
            tokio::fs::rename(&part.0, host)
                .await
                .map_err(|error| failed("create", host, error))?;
        }
        Ok(bytes)
    }

    /// The most bytes that a file may give that had `size` when it was opened: some more, as it may grow meanwhile, or not tell
    /// its size; but half of what is left on this host then stays free.
    fn most(&self, file: &FileHandle, host: &Path, size: u64) -> Result<u64, Error> {
        let folder = host.parent().unwrap_or(host);
        let recording = &self.vm.settings().recording;
        let of = format!("host: room for {}", host.display());
        let seen = recording.observe(&of, || images::free(folder).ok());
        let free = seen.map_err(|difference| self.vm.error(difference))?;
        let Some(left) = free.unwrap_or(u64::MAX).checked_sub(size) else {
            let free = free.unwrap_or(0);
            let path = file.path();
            let source =
                format!("`{path}` in the guest has {size} bytes, and there is room for {free}");
            return Err(self.host_error("write", host, &io::Error::other(source)));
        };
        Ok(size + (left / 2).min(MAX_FILE))
    }

    /// Streams a file of this host's to the guest, in place of what was there; gives its bytes.
    ///
    /// When it fails midway, the guest is left with the first part: the agent has no command to remove a file.
    pub async fn upload(
        &self,
        host: &Path,
        guest: &str,
        mut progress: impl FnMut(Transferred),
    ) -> Result<u64, Error> {
        let failed = |source: io::Error| self.host_error("read", host, &source);
        let mut input = File::open(host).await.map_err(failed)?;
        let total = input.metadata().await.map_err(failed)?;
        if total.is_dir() {
            return Err(failed(io::ErrorKind::IsADirectory.into()));
        }
        let total = Some(total.len()).filter(|size| *size > 0);
        let file = self.file_open(guest, "wb").await?;
        let sent = async {
            let mut bytes = 0;
            let mut piece = next_chunk(&mut input).await.map_err(failed)?;
            while !piece.is_empty() {
                // This host reads on while the agent writes.
                let (written, next) =
                    tokio::join!(biased; file.write_all(&piece), next_chunk(&mut input));
                bytes += written?;
                progress(Transferred { bytes, total });
                piece = next.map_err(failed)?;
            }
            Ok(bytes)
        }
        .await;
        finish(file, sent).await
    }

    fn host_error(&self, doing: &'static str, path: &Path, source: &io::Error) -> Error {
        self.vm.error(ErrorKind::Host {
            doing,
            path: path.to_owned(),
            source: source.to_string(),
        })
    }
}

/// The size of a file, where it tells one, and its first bytes. Fails for what is no file.
async fn begin(file: &FileHandle, is_dry: bool) -> Result<(Option<u64>, Piece), Error> {
    let size = match file.seek(0, "end").await {
        Ok(size) => size,
        // What is read of it is gone for others: it is left alone.
        Err(error) if refuses(&error, "Illegal seek") => {
            return Err(file.no_file(NoFile::Stream));
        }
        // Of some folders.
        Err(_) => return Ok((None, first(file).await?)),
    };
    // `/dev/zero` and its like have no size and stay where they are, wherever one seeks to. Agents seek within a page by
    // themselves.
    let is_stuck = size == 0 && file.seek(PAGE, "set").await.is_ok_and(|place| place == 0);
    file.seek(0, "set").await?;
    let piece = first(file).await?;
    // The same is true of a few files of the kernel's, which have something and an end. A dry run opens no device.
    if is_stuck && !is_dry && (piece.bytes.is_empty() || !piece.eof) {
        return Err(file.no_file(NoFile::Device));
    }
    Ok((Some(size).filter(|size| *size > 0), piece))
}

/// The first bytes. Agents open folders as well, and some tell a size of 2^63 for them.
async fn first(file: &FileHandle) -> Result<Piece, Error> {
    let read = file.read(CHUNK).await;
    read.map_err(|error| {
        if refuses(&error, "Is a directory") {
            file.no_file(NoFile::Folder)
        } else {
            error
        }
    })
}

/// Writes to the file, if there is one.
async fn write(out: &mut Option<File>, bytes: &[u8]) -> io::Result<()> {
    match out {
        Some(out) => out.write_all(bytes).await,
        None => Ok(()),
    }
}

async fn next_piece(file: &FileHandle, ended: bool) -> Result<Option<Piece>, Error> {
    if ended {
        return Ok(None);
    }
    file.read(CHUNK).await.map(Some)
}

/// The next whole chunk of a file, or what is left of it.
async fn next_chunk(input: &mut File) -> io::Result<Vec<u8>> {
    let mut chunk = Vec::with_capacity(CHUNK);
    input.take(CHUNK as u64).read_to_end(&mut chunk).await?;
    Ok(chunk)
}

/// The file that a download grows in; removed unless it was renamed.
struct Part(PathBuf);

impl Part {
    fn beside(file: &Path) -> Self {
        let mut name = std::ffi::OsString::from(".");
        name.push(file.file_name().unwrap_or_default());
        name.push(format!(".{}.part", crate::client::nonce()));
        Self(file.with_file_name(name))
    }
}

impl Drop for Part {
    fn drop(&mut self) {
        // After the rename there is none, which is as it should be.
        let _ = std::fs::remove_file(&self.0);
    }
}

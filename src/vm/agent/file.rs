//! Files of the guest's: a handle that is closed on every path, and whole files as values.

use std::pin::pin;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};
use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::timeout;

use super::GuestAgent;
use crate::client;
use crate::vm::error::{Error, ErrorKind, NoFile};
use crate::vm::machine::object;

/// Bytes asked for or sent at once: beyond this the agent is no faster, and an interrupt waits longer.
pub(super) const CHUNK: usize = 512 * 1024;

/// How long an opening that was given up may take to tell which handle is to be closed: an interrupt waits as long.
const LATE: Duration = Duration::from_millis(500);

/// The largest file that is read into memory, in bytes; larger ones are streamed by `download`.
pub const MAX_FILE: u64 = 256 * 1024 * 1024;

/// An open file of the guest's. Dropped without [`FileHandle::close`], it is closed in the background.
pub struct FileHandle {
    agent: GuestAgent,
    path: String,
    id: i64,
    open: bool,
    runtime: Handle,
}

/// A piece of a file, and whether the end was met.
pub struct Piece {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// Whether the agent met the end of the file.
    pub eof: bool,
}

impl GuestAgent {
    /// Opens a file of the guest's (`guest-file-open`); `mode` is one of C's `fopen`: r, w, a, with b and +.
    ///
    /// Given up, it is waited for a moment longer in the background, so that a handle that comes is closed.
    pub async fn file_open(&self, path: &str, mode: &str) -> Result<FileHandle, Error> {
        let (agent, path, mode) = (self.clone(), path.to_owned(), mode.to_owned());
        let (mut opened, handle) = oneshot::channel();
        self.vm.settings().cleanup().spawn(async move {
            let mut opening = pin!(agent.open(&path, &mode));
            let outcome = tokio::select! {
                biased;
                outcome = &mut opening => Some(outcome),
                () = opened.closed() => timeout(LATE, opening).await.ok(),
            };
            if let Some(outcome) = outcome {
                // Nobody waits: dropping the handle closes it.
                let _ = opened.send(outcome);
            }
        });
        handle
            .await
            .unwrap_or_else(|_| Err(self.vm.error(ErrorKind::Interrupted)))
    }

    async fn open(&self, path: &str, mode: &str) -> Result<FileHandle, Error> {
        let arguments = object(json!({ "path": path, "mode": mode }));
        let reply = self.call("guest-file-open", arguments).await?;
        Ok(FileHandle {
            id: self.integer("guest-file-open", &reply)?,
            agent: self.clone(),
            path: path.to_owned(),
            open: true,
            runtime: Handle::current(),
        })
    }

    /// A whole file of the guest's as bytes, up to 256 MiB.
    pub async fn file_read_blob(&self, path: &str) -> Result<Vec<u8>, Error> {
        let file = self.file_open(path, "rb").await?;
        let read = file.read_to_end(MAX_FILE).await;
        finish(file, read).await
    }

    /// A whole file of the guest's as text, up to 256 MiB; fails when it is not UTF-8.
    pub async fn file_read(&self, path: &str) -> Result<String, Error> {
        let bytes = self.file_read_blob(path).await?;
        String::from_utf8(bytes).map_err(|error| {
            self.vm.error(ErrorKind::NotText {
                path: path.to_owned(),
                offset: error.utf8_error().valid_up_to(),
            })
        })
    }

    /// Writes a whole file of the guest's, in place of what it held; gives the bytes written.
    pub async fn file_write(&self, path: &str, bytes: &[u8]) -> Result<u64, Error> {
        self.put(path, "wb", bytes).await
    }

    /// Adds to the end of a file of the guest's; gives the bytes written.
    pub async fn file_append(&self, path: &str, bytes: &[u8]) -> Result<u64, Error> {
        self.put(path, "ab", bytes).await
    }

    async fn put(&self, path: &str, mode: &str, bytes: &[u8]) -> Result<u64, Error> {
        let file = self.file_open(path, mode).await?;
        let written = file.write_all(bytes).await;
        finish(file, written).await
    }
}

/// Whether the agent refused a command in these words of its system's.
pub(super) fn refuses(error: &Error, words: &str) -> bool {
    matches!(&error.kind, ErrorKind::Client(client::Error::Refused { desc, .. }) if desc.ends_with(words))
}

/// Closes the file whatever became of the work; the work's own error goes before that of the closing.
pub(super) async fn finish<T>(file: FileHandle, work: Result<T, Error>) -> Result<T, Error> {
    let closed = file.close().await;
    let value = work?;
    closed?;
    Ok(value)
}

impl FileHandle {
    /// The file's path in the guest.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// The agent's number for the open file.
    pub fn id(&self) -> i64 {
        self.id
    }

    /// Reads up to `count` bytes (`guest-file-read`, 48 MiB at most).
    ///
    /// A read that stops exactly at the end does not say so yet: the next one gives no bytes.
    pub async fn read(&self, count: usize) -> Result<Piece, Error> {
        self.decode(&self.request(count).await?)
    }

    async fn request(&self, count: usize) -> Result<Value, Error> {
        let arguments = object(json!({ "handle": self.id, "count": count }));
        self.agent.call("guest-file-read", arguments).await
    }

    /// The error that this is no file.
    pub(super) fn no_file(&self, there: NoFile) -> Error {
        let path = self.path.clone();
        self.agent.vm.error(ErrorKind::NoFile { path, there })
    }

    fn decode(&self, reply: &Value) -> Result<Piece, Error> {
        let bad = |expected| self.agent.vm.reply_error("guest-file-read", expected);
        let text = reply["buf-b64"].as_str().unwrap_or_default();
        let bytes = STANDARD.decode(text).map_err(|_| bad("base64 data"))?;
        if reply["count"].as_u64() != Some(bytes.len() as u64) {
            return Err(bad("count that fits its data"));
        }
        Ok(Piece {
            bytes,
            eof: reply["eof"] == true,
        })
    }

    /// All bytes from here to the end, or an error when there are more than `limit`.
    pub async fn read_to_end(&self, limit: u64) -> Result<Vec<u8>, Error> {
        let mut all = Vec::new();
        self.each_piece(|piece| {
            if (all.len() + piece.len()) as u64 > limit {
                return Err(self.agent.vm.error(ErrorKind::TooLarge {
                    path: self.path.clone(),
                    limit,
                }));
            }
            all.extend_from_slice(piece);
            Ok(())
        })
        .await?;
        Ok(all)
    }

    /// Hands every piece from here to the end to `take`, while the agent already reads the next.
    async fn each_piece(
        &self,
        mut take: impl FnMut(&[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let mut reply = self.request(CHUNK).await?;
        loop {
            if reply["eof"] == true || reply["count"] == 0 {
                return take(&self.decode(&reply)?.bytes);
            }
            // The request is on its way before the piece at hand is worked on.
            let (next, taken) = tokio::join!(biased; self.request(CHUNK), async {
                take(&self.decode(&reply)?.bytes)
            });
            taken?;
            reply = next?;
        }
    }

    /// Writes all bytes (`guest-file-write`); gives how many.
    pub async fn write_all(&self, bytes: &[u8]) -> Result<u64, Error> {
        let mut pieces = bytes.chunks(CHUNK);
        let Some(mut piece) = pieces.next() else {
            return Ok(0);
        };
        let mut text = STANDARD.encode(piece);
        loop {
            let next = pieces.next();
            let (written, encoded) = tokio::join!(biased; self.write_encoded(text, piece.len()), async {
                next.map(|next| STANDARD.encode(next))
            });
            written?;
            match (next, encoded) {
                (Some(next), Some(encoded)) => (piece, text) = (next, encoded),
                _ => return Ok(bytes.len() as u64),
            }
        }
    }

    async fn write_encoded(&self, text: String, sent: usize) -> Result<(), Error> {
        let arguments = object(json!({ "handle": self.id, "buf-b64": text }));
        let reply = self.agent.call("guest-file-write", arguments).await?;
        // The agent reports success for bytes that it did not write.
        match reply["count"].as_u64() {
            Some(count) if count == sent as u64 => Ok(()),
            Some(count) if count > sent as u64 => Err(self
                .agent
                .vm
                .reply_error("guest-file-write", "count of bytes that it was sent")),
            Some(count) => Err(self.agent.vm.error(ErrorKind::ShortWrite {
                path: self.path.clone(),
                sent: sent as u64,
                written: count,
            })),
            None => Err(self.agent.vm.reply_error("guest-file-write", "count")),
        }
    }

    /// Moves the position (`guest-file-seek`): `whence` is `set`, `cur` or `end`; gives the new position in bytes.
    pub async fn seek(&self, offset: i64, whence: &str) -> Result<u64, Error> {
        // Numbers, because agents before 2.6 know no names.
        let number = match whence {
            "set" => 0,
            "cur" => 1,
            "end" => 2,
            _ => {
                return Err(self.agent.vm.error(ErrorKind::Argument(format!(
                    "`{whence}` is no place to seek from; there are `set`, `cur` and `end`"
                ))));
            }
        };
        let arguments = json!({ "handle": self.id, "offset": offset, "whence": number });
        let reply = self
            .agent
            .call("guest-file-seek", object(arguments))
            .await?;
        reply["position"]
            .as_u64()
            .ok_or_else(|| self.agent.vm.reply_error("guest-file-seek", "position"))
    }

    /// Hands what was written to the guest's kernel (`guest-file-flush`).
    pub async fn flush(&self) -> Result<(), Error> {
        let arguments = object(json!({ "handle": self.id }));
        self.agent
            .call("guest-file-flush", arguments)
            .await
            .map(drop)
    }

    /// Closes the file (`guest-file-close`); tells errors of the last write.
    pub async fn close(mut self) -> Result<(), Error> {
        let closed = close(&self.agent, self.id).await;
        // Only now: a close that is cut off is done again in the background.
        self.open = false;
        closed
    }
}

async fn close(agent: &GuestAgent, id: i64) -> Result<(), Error> {
    let arguments = object(json!({ "handle": id }));
    agent.call("guest-file-close", arguments).await.map(drop)
}

impl Drop for FileHandle {
    fn drop(&mut self) {
        if self.open {
            let (agent, id) = (self.agent.clone(), self.id);
            let cleanup = self.agent.vm.settings().cleanup().clone();
            // An error here means that the agent, and with it the handle, is gone.
            cleanup.spawn_on(async move { drop(close(&agent, id).await) }, &self.runtime);
        }
    }
}

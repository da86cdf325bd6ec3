//! The channel into the guest beside its agent: shell lines over a virtio port, which `guest/control` runs there.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::Mutex;

use crate::wait::DEADLINE;

/// What a line of shell in the guest left behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShellOutput {
    /// The exit code.
    pub code: i32,
    /// Standard output and standard error, without the last line end.
    pub text: String,
}

pub(crate) struct Control {
    connection: Mutex<Connection>,
}

struct Connection {
    reader: BufReader<UnixStream>,
    requests: u64,
}

impl Control {
    /// Connects. What is sent waits in the socket until the guest has booted far enough to read it.
    pub(crate) fn connect(socket: &Path) -> Self {
        let stream = UnixStream::connect(socket).expect("QEMU listens for the control channel");
        stream
            .set_read_timeout(Some(DEADLINE))
            .expect("a socket takes a timeout");
        Self {
            connection: Mutex::new(Connection {
                reader: BufReader::new(stream),
                requests: 0,
            }),
        }
    }

    /// Runs a line in the guest; an `Err` says why there was no answer.
    pub(crate) fn shell(&self, line: &str) -> Result<ShellOutput, String> {
        assert!(!line.contains('\n'), "one line of shell: {line:?}");
        // A panic of another test while it held the lock leaves nothing half done: answers carry ids.
        let mut connection = self
            .connection
            .lock()
            .unwrap_or_else(std::sync::PoisonError::into_inner);
        connection.requests += 1;
        let id = connection.requests.to_string();
        connection
            .reader
            .get_mut()
            .write_all(format!("{id} {line}\n").as_bytes())
            .map_err(|error| error.to_string())?;
        loop {
            let mut answer = String::new();
            match connection.reader.read_line(&mut answer) {
                Ok(0) => return Err("the guest has gone".into()),
                Ok(_) => {}
                Err(error) => return Err(error.to_string()),
            }
            let mut words = answer.split_ascii_whitespace();
            if words.next() == Some(&id) {
                let code = words.next().and_then(|code| code.parse().ok());
                return Ok(ShellOutput {
                    code: code.ok_or_else(|| format!("no exit code in {answer:?}"))?,
                    text: decode(words.next().unwrap_or_default()),
                });
            }
        }
    }
}

fn decode(base64: &str) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut bytes = Vec::with_capacity(base64.len() / 4 * 3);
    let (mut bits, mut count) = (0_u32, 0);
    for character in base64.bytes().take_while(|&byte| byte != b'=') {
        let digit = ALPHABET.iter().position(|&other| other == character);
        let digit = digit.and_then(|digit| u32::try_from(digit).ok());
        bits = bits << 6 | digit.expect("base64 from the guest");
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 0xff) as u8);
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

//! Where a socket is, as written by people: a path, or `unix:` and `tcp:` as QEMU writes them; or which domain of libvirt's
//! is meant, as `libvirt:`.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::wire::escape::escaped;

/// The address of a monitor's or an agent's socket.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Address {
    /// A unix socket, by its path; a relative one is taken from the working directory. One without a file (`abstract`)
    /// has a zero byte before its name, and is written `unix:@NAME`.
    Unix(PathBuf),
    /// A TCP port.
    Tcp {
        /// A name or a numeric address, without brackets.
        host: String,
        /// The port.
        port: u16,
    },
    /// A domain whose monitor and agent libvirt holds.
    Libvirt {
        /// Its name, or its UUID. An id is none: it changes with every start.
        domain: String,
        /// Which libvirt, as `virsh --connect` takes it.
        uri: String,
    },
}

/// The libvirt that is meant where none is named.
pub const LIBVIRT_SYSTEM: &str = "qemu:///system";

/// Why a text is no address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum AddressError {
    /// Neither a path with a `/` nor `unix:`, `tcp:` or `libvirt:`; it may be a name.
    NotAnAddress(String),
    /// `unix:` with nothing behind it.
    NoPath,
    /// `tcp:` without a host and a port behind it.
    NoPort(String),
    /// `tcp:` with a number behind the host that no port has.
    PortRange(String),
    /// `libvirt:` without a domain behind it, or with what no domain or URI has in it.
    NoDomain(String),
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotAnAddress(text) => {
                write!(
                    f,
                    "`{}` is no socket address: a path begins with `/` or `./`, and other addresses are `unix:PATH`, `tcp:HOST:PORT` and `libvirt:DOMAIN@URI`",
                    escaped(text)
                )
            }
            Self::NoPath => write!(f, "`unix:` needs a path"),
            Self::NoPort(text) => {
                write!(
                    f,
                    "`{}` is no TCP address: expected `tcp:HOST:PORT`",
                    escaped(text)
                )
            }
            Self::PortRange(text) => {
                write!(
                    f,
                    "`{}` is no TCP address: ports are 1 to 65535",
                    escaped(text)
                )
            }
            Self::NoDomain(text) => {
                write!(
                    f,
                    "`{}` names no domain: expected `libvirt:DOMAIN` or `libvirt:DOMAIN@URI`",
                    escaped(text)
                )
            }
        }
    }
}

impl std::error::Error for AddressError {}

impl Address {
    /// The same address, whatever folder a process is in. Fails where the working directory cannot be told.
    pub fn absolute(&self) -> io::Result<Self> {
        match self {
            Self::Unix(path) if is_abstract(path) => Ok(self.clone()),
            Self::Unix(path) => std::path::absolute(path).map(Self::Unix),
            Self::Tcp { .. } | Self::Libvirt { .. } => Ok(self.clone()),
        }
    }
}

/// Whether a unix socket has a name only, and no file.
fn is_abstract(path: &Path) -> bool {
    path.as_os_str().as_encoded_bytes().first() == Some(&0)
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        if let Some(path) = text.strip_prefix("unix:") {
            return match path.strip_prefix('@') {
                _ if path.is_empty() => Err(AddressError::NoPath),
                Some(name) => Ok(Self::Unix(format!("\0{name}").into())),
                None => Ok(Self::Unix(path.into())),
            };
        }
        if let Some(rest) = text.strip_prefix("tcp:") {
            let (host, port) =
                host_and_port(rest).ok_or_else(|| AddressError::NoPort(text.to_owned()))?;
            return match port.parse() {
                Ok(port) if port > 0 => Ok(Self::Tcp { host, port }),
                _ => Err(AddressError::PortRange(text.to_owned())),
            };
        }
        if let Some(rest) = text.strip_prefix("libvirt:") {
            return libvirt(rest).ok_or_else(|| AddressError::NoDomain(text.to_owned()));
        }
        if text.starts_with(['/', '.']) && text.contains('/') {
            return Ok(Self::Unix(text.into()));
        }
        Err(AddressError::NotAnAddress(text.to_owned()))
    }
}

/// The host and the digits of the port.
fn host_and_port(text: &str) -> Option<(String, &str)> {
    let (host, port) = text.rsplit_once(':')?;
    let host = match host.strip_prefix('[') {
        Some(bracketed) => bracketed.strip_suffix(']')?,
        // An address of IPv6 without brackets leaves open where the port begins.
        None if host.contains(':') => return None,
        None => host,
    };
    let is_number = !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit());
    (is_number && !host.is_empty()).then(|| (host.to_owned(), port))
}

fn libvirt(text: &str) -> Option<Address> {
    // A URI may hold an `@` before its host, so a domain cannot: one with such a name goes by its UUID.
    let (domain, uri) = text.split_once('@').unwrap_or((text, LIBVIRT_SYSTEM));
    let is_whole = |part: &str| !part.is_empty() && !part.contains(char::is_control);
    (is_whole(domain) && is_whole(uri)).then(|| Address::Libvirt {
        domain: domain.to_owned(),
        uri: uri.to_owned(),
    })
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => match path.to_string_lossy().strip_prefix('\0') {
                Some(name) => write!(f, "unix:@{}", escaped(name)),
                None => write!(f, "{}", escaped(&path.to_string_lossy())),
            },
            Self::Tcp { host, port } if host.contains(':') => write!(f, "tcp:[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "tcp:{}:{port}", escaped(host)),
            Self::Libvirt { domain, uri } => {
                write!(f, "libvirt:{}@{}", escaped(domain), escaped(uri))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unix(path: &str) -> Address {
        Address::Unix(path.into())
    }

    fn tcp(host: &str, port: u16) -> Address {
        Address::Tcp {
            host: host.to_owned(),
            port,
        }
    }

    fn libvirt(domain: &str, uri: &str) -> Address {
        Address::Libvirt {
            domain: domain.to_owned(),
            uri: uri.to_owned(),
        }
    }

    #[test]
    fn paths_and_qemu_style_addresses_are_read() {
        for (text, address) in [
            ("/run/a.qmp", unix("/run/a.qmp")),
            ("./a.qmp", unix("./a.qmp")),
            ("../a.qmp", unix("../a.qmp")),
            ("unix:a.qmp", unix("a.qmp")),
            ("unix:/run/a:b.qmp", unix("/run/a:b.qmp")),
            ("unix:@a/b", unix("\0a/b")),
            ("unix:./@a", unix("./@a")),
            ("tcp:127.0.0.1:4444", tcp("127.0.0.1", 4444)),
            ("tcp:host.example:1", tcp("host.example", 1)),
            ("tcp:[::1]:65535", tcp("::1", 65535)),
            ("libvirt:web01", libvirt("web01", "qemu:///system")),
            (
                "libvirt:it's web 1@qemu+ssh://root@host/system",
                libvirt("it's web 1", "qemu+ssh://root@host/system"),
            ),
        ] {
            assert_eq!(text.parse(), Ok(address), "{text}");
        }
    }

    #[test]
    fn names_and_broken_addresses_are_refused() {
        for text in [
            "web01",
            "",
            "unix:",
            "a/b",
            ".hidden",
            "tcp:",
            "tcp:host",
            "tcp::1",
            "tcp:h:0x1",
            "tcp:h:65536",
            "tcp:h:0",
            "tcp:h:+1",
            "tcp:h:",
            "tcp:::1:5",
            "tcp:[::1:5",
            "libvirt:",
            "libvirt:@qemu:///system",
            "libvirt:web01@",
            "libvirt:web\n01",
        ] {
            assert!(text.parse::<Address>().is_err(), "{text}");
        }
    }

    #[test]
    fn an_address_reads_back_as_it_is_shown() {
        for address in [
            unix("/run/a.qmp"),
            tcp("h", 1),
            tcp("fe80::1", 2),
            libvirt("web01", "qemu+ssh://root@host/system"),
            unix("\0a"),
        ] {
            assert_eq!(address.to_string().parse(), Ok(address));
        }
    }
}

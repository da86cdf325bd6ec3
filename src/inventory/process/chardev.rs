//! Where a character device can be reached: of QEMU's many kinds, those on which it listens with a socket.

use super::options::Options;

/// Where QEMU listens, as it sees it itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A unix socket by its path, which may be relative to QEMU's folder.
    Path(Vec<u8>),
    /// A unix socket without a file.
    Abstract(Vec<u8>),
    /// A TCP port.
    Tcp {
        /// A name or an address, without brackets.
        host: String,
        /// The port.
        port: u16,
    },
    /// A socket that QEMU was given, by its descriptor.
    Descriptor(u32),
}

/// The bytes of a name without a file: what is left of the address when its first, a zero byte, is taken off.
const ABSTRACT_NAME: usize = 107;

/// Where a character device listens, or why it cannot be connected to.
pub(super) fn place(options: &Options) -> Result<Place, &'static str> {
    if options.get("backend") != Some(b"socket") {
        return Err("it is on no socket");
    }
    if let Some(number) = options.get("fd") {
        // Whether it listens is the socket's own affair. A name was given over another monitor.
        let number = text(number).and_then(|number| number.parse().ok());
        return number
            .map(Place::Descriptor)
            .ok_or("it is on a descriptor that has a name only");
    }
    if !options.is_on("server") {
        return Err("QEMU connects to another program for it");
    }
    if ["telnet", "tn3270", "websocket"]
        .iter()
        .any(|kind| options.is_on(kind))
    {
        return Err("it is behind another protocol");
    }
    if options.get("tls-creds").is_some() {
        return Err("it speaks TLS");
    }
    if let Some(path) = options.get("path").filter(|path| !path.is_empty()) {
        return Ok(if options.is_on("abstract") {
            Place::Abstract(abstract_name(path, options))
        } else {
            Place::Path(path.to_vec())
        });
    }
    let port = options
        .get("port")
        .and_then(text)
        .and_then(|port| port.parse().ok());
    match port {
        Some(0) => Err("its port was chosen by the system"),
        Some(port) => Ok(Place::Tcp {
            host: host(options.get("host").and_then(text).unwrap_or_default()),
            port,
        }),
        None => Err("its address cannot be read"),
    }
}

/// The name on which QEMU listens: padded with zeros unless it is `tight`, the default.
fn abstract_name(path: &[u8], options: &Options) -> Vec<u8> {
    let mut name = path.to_vec();
    if options.get("tight").is_some() && !options.is_on("tight") {
        name.resize(name.len().max(ABSTRACT_NAME), 0);
    }
    name
}

/// A host that can be connected to: a listener on all addresses is reached on the loopback.
fn host(host: &str) -> String {
    let bare = host
        .strip_prefix('[')
        .and_then(|host| host.strip_suffix(']'));
    match bare.unwrap_or(host) {
        "" | "0.0.0.0" => "127.0.0.1".to_owned(),
        "::" => "::1".to_owned(),
        host => host.to_owned(),
    }
}

/// The older form in which `-qmp` says where: `unix:PATH,...` or `tcp:HOST:PORT,...`.
pub(super) fn compact(text: &[u8]) -> Options {
    // Shared with a serial port.
    let text = text.strip_prefix(b"mon:").unwrap_or(text);
    if let Some(rest) = text.strip_prefix(b"unix:") {
        let mut options = Options::read(rest, Some("path"));
        options.set("backend", b"socket".to_vec());
        return options;
    }
    let Some(rest) = text.strip_prefix(b"tcp:") else {
        return Options::default();
    };
    let end = rest.iter().position(|byte| *byte == b',');
    let (address, rest) = rest.split_at(end.unwrap_or(rest.len()));
    let mut options = Options::read(rest.get(1..).unwrap_or_default(), None);
    options.set("backend", b"socket".to_vec());
    if let Some(colon) = address.iter().rposition(|byte| *byte == b':') {
        options.set("host", address[..colon].to_vec());
        options.set("port", address[colon + 1..].to_vec());
    }
    options
}

fn text(bytes: &[u8]) -> Option<&str> {
    std::str::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<Place, &'static str> {
        place(&Options::read(text.as_bytes(), Some("backend")))
    }

    #[expect(clippy::unnecessary_wraps, reason = "it is what `place` answers")]
    fn tcp(host: &str, port: u16) -> Result<Place, &'static str> {
        Ok(Place::Tcp {
            host: host.to_owned(),
            port,
        })
    }

    #[test]
    fn sockets_on_which_qemu_listens_are_places() {
        assert_eq!(
            of("socket,path=/a,server=on"),
            Ok(Place::Path(b"/a".to_vec()))
        );
        assert_eq!(
            of("socket,path=a,server,nowait"),
            Ok(Place::Path(b"a".to_vec()))
        );
        assert_eq!(
            of("socket,path=a,abstract=on,server=on"),
            Ok(Place::Abstract(b"a".to_vec()))
        );
        assert_eq!(
            of("socket,host=127.0.0.1,port=4444,server=on"),
            tcp("127.0.0.1", 4444)
        );
        assert_eq!(of("socket,host=::1,port=4444,server=on"), tcp("::1", 4444));
        assert_eq!(
            of("socket,fd=30,server=on,wait=off"),
            Ok(Place::Descriptor(30))
        );
        assert_eq!(of("socket,fd=30"), Ok(Place::Descriptor(30)));
    }

    #[test]
    fn a_listener_on_all_addresses_is_reached_on_the_loopback() {
        assert_eq!(
            of("socket,host=0.0.0.0,port=1,server=on"),
            tcp("127.0.0.1", 1)
        );
        assert_eq!(of("socket,port=1,server=on"), tcp("127.0.0.1", 1));
        assert_eq!(of("socket,host=::,port=1,server=on"), tcp("::1", 1));
    }

    #[test]
    fn a_padded_name_without_a_file_has_its_full_length() {
        let Ok(Place::Abstract(name)) = of("socket,path=a,abstract=on,tight=off,server=on") else {
            panic!("it is without a file");
        };
        assert_eq!(name.len(), 107);
        assert!(name.starts_with(b"a\0"));
    }

    #[test]
    fn what_cannot_be_connected_to_says_why() {
        for text in [
            "stdio",
            "pty,path=/a",
            "socket,path=/a",
            "socket,path=/a,server=off",
            "socket,path=,server=on",
            "socket,path=/a,server=on,telnet=on",
            "socket,host=h,port=x,server=on",
            "socket,host=h,port=0,server=on",
            "socket,host=h,port=1,server=on,tls-creds=t",
            "socket,fd=monitor",
            "",
        ] {
            assert!(of(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_compact_form_says_the_same() {
        let of = |text: &[u8]| place(&compact(text));
        assert_eq!(
            of(b"unix:/a,,b,server=on,wait=off"),
            Ok(Place::Path(b"/a,b".to_vec()))
        );
        assert_eq!(of(b"unix:a,server,nowait"), Ok(Place::Path(b"a".to_vec())));
        assert_eq!(of(b"mon:unix:a,server"), Ok(Place::Path(b"a".to_vec())));
        assert_eq!(of(b"tcp:localhost:4444,server=on"), tcp("localhost", 4444));
        assert_eq!(of(b"tcp::4444,server=on"), tcp("127.0.0.1", 4444));
        assert_eq!(of(b"tcp:[::1]:4444,server"), tcp("::1", 4444));
        for text in [
            &b"tcp:localhost,server"[..],
            b"tcp:",
            b"stdio",
            b"",
            b"telnet:h:1,server",
            b"unix:",
            b"unix:/a",
        ] {
            assert!(of(text).is_err(), "{}", String::from_utf8_lossy(text));
        }
    }
}

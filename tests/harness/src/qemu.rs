//! A QEMU without a machine: nothing but monitors, up in a tenth of a second.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::LazyLock;

use serde_json::Value;

use crate::wait::{DEADLINE, is_listening, until};
use crate::{Folder, Process, RawQmp};

static VERSION: LazyLock<(u32, u32)> = LazyLock::new(|| {
    let output = std::process::Command::new("qemu-system-x86_64")
        .arg("--version")
        .output()
        .expect("qemu-system-x86_64 runs");
    let told = String::from_utf8_lossy(&output.stdout);
    let numbers = told
        .split_ascii_whitespace()
        .skip_while(|word| *word != "version")
        .nth(1)
        .and_then(|version| {
            let (major, rest) = version.split_once('.')?;
            let (minor, _) = rest.split_once('.')?;
            Some((major.parse().ok()?, minor.parse().ok()?))
        });
    numbers.unwrap_or_else(|| panic!("no version in {output:?}"))
});

/// A running QEMU with no machine (`-M none`).
pub struct Qemu {
    process: Process,
    tcp: Option<SocketAddr>,
    // Dropped last: the process still has its files there.
    folder: Folder,
}

/// What the QEMU is to be started with.
#[derive(Default)]
pub struct QemuBuilder {
    pretty: bool,
    tcp: bool,
    monitors: Vec<String>,
    images: Vec<(String, String)>,
    arguments: Vec<String>,
}

impl Qemu {
    /// The first two numbers of the version that tests start.
    pub fn version() -> (u32, u32) {
        *VERSION
    }

    /// A QEMU with one QMP monitor, to be started.
    pub fn bare() -> QemuBuilder {
        QemuBuilder::default()
    }

    /// The monitor's socket.
    pub fn qmp(&self) -> PathBuf {
        self.folder.join("qmp")
    }

    /// The socket of a monitor that [`QemuBuilder::monitor`] added.
    pub fn monitor(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The address of the monitor that [`QemuBuilder::tcp`] added.
    pub fn tcp(&self) -> SocketAddr {
        self.tcp.expect("the QEMU was started with `.tcp()`")
    }

    /// The number of its process.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// The QEMU's process, to stop, continue or kill it.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// The folder with its sockets.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }
}

impl QemuBuilder {
    /// Makes all monitors send each message over many lines.
    pub fn pretty(mut self) -> Self {
        self.pretty = true;
        self
    }

    /// Adds a QMP monitor on a unix socket of that name.
    pub fn monitor(mut self, name: &str) -> Self {
        self.monitors.push(name.to_owned());
        self
    }

    /// Adds a QMP monitor on a free TCP port of 127.0.0.1.
    pub fn tcp(mut self) -> Self {
        self.tcp = true;
        self
    }

    /// Makes an empty image in its folder, which is also the one that it runs in, so that arguments may name it by its
    /// file name alone. The name's ending is the format; the size as `qemu-img` takes it (`64M`).
    pub fn image(mut self, name: &str, size: &str) -> Self {
        self.images.push((name.to_owned(), size.to_owned()));
        self
    }

    /// Adds an argument to QEMU's command line.
    pub fn arg(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Adds words to QEMU's command line.
    pub fn args(mut self, line: &str) -> Self {
        self.arguments
            .extend(line.split_ascii_whitespace().map(str::to_owned));
        self
    }

    /// Starts it; returns when its monitors can be connected to.
    pub fn start(mut self) -> Qemu {
        let folder = Folder::new();
        self.monitors.insert(0, "qmp".to_owned());
        let log = std::fs::File::create(folder.join("log")).expect("the folder takes files");
        for (name, size) in &self.images {
            make_image(&folder.join(name), size);
        }

        let mut command = Process::command("qemu-system-x86_64", &[]);
        command
            .args(["-M", "none", "-nodefaults", "-no-user-config"])
            .args(["-display", "none"])
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log);
        for name in &self.monitors {
            let socket = folder.join(name);
            let backend = format!("socket,path={},server=on,wait=off", socket.display());
            command.args(monitor(name, &backend, self.pretty));
        }
        if self.tcp {
            let backend = "socket,host=127.0.0.1,port=0,server=on,wait=off";
            command.args(monitor("tcp", backend, self.pretty));
        }
        let mut process = Process::start({
            command.args(&self.arguments);
            command
        });

        for name in &self.monitors {
            let socket = folder.join(name);
            wait_for_socket(&mut process, &socket, &folder.join("log"));
        }
        let tcp = self
            .tcp
            .then(|| tcp_address(&folder.join("qmp"), self.pretty));
        Qemu {
            process,
            tcp,
            folder,
        }
    }
}

fn make_image(path: &Path, size: &str) {
    let format = path.extension().expect("the ending is the format");
    std::fs::create_dir_all(path.parent().expect("a folder")).expect("the folder takes folders");
    let output = std::process::Command::new("qemu-img")
        .args(["create", "-q", "-f"])
        .arg(format)
        .arg(path)
        .arg(size)
        .output()
        .expect("qemu-img runs");
    assert!(
        output.status.success(),
        "{}: {}",
        path.display(),
        String::from_utf8_lossy(&output.stderr)
    );
}

fn monitor(name: &str, backend: &str, pretty: bool) -> [String; 4] {
    // QEMU's identifiers begin with a letter; a file's name need not.
    let id = if name.starts_with(|first: char| first.is_ascii_alphabetic()) {
        name.to_owned()
    } else {
        format!("monitor-{name}")
    };
    let mut mode = format!("chardev={id},mode=control");
    if pretty {
        let _ = write!(mode, ",pretty=on");
    }
    let (kind, options) = backend.split_once(',').expect("a backend has options");
    [
        "-chardev".into(),
        format!("{kind},id={id},{options}"),
        "-mon".into(),
        mode,
    ]
}

/// Waits until the process listens on the socket; panics with its log when it ends before.
pub(crate) fn wait_for_socket(process: &mut Process, socket: &Path, log: &Path) {
    let outcome = until(DEADLINE, || {
        if is_listening(socket) {
            Some(true)
        } else {
            process.has_ended().then_some(false)
        }
    });
    if outcome != Some(true) {
        let log = std::fs::read_to_string(log).unwrap_or_default();
        panic!("{}: nobody listens; {log}", socket.display());
    }
}

/// The port that the kernel chose, as QEMU tells it: `disconnected:tcp:127.0.0.1:PORT,server=on`.
fn tcp_address(qmp: &Path, pretty: bool) -> SocketAddr {
    assert!(
        !pretty,
        "the raw client, which asks for the port, reads lines"
    );
    let chardevs = RawQmp::connect(qmp).call("query-chardev", &Value::Null);
    let chardev = chardevs
        .as_array()
        .and_then(|all| all.iter().find(|chardev| chardev["label"] == "tcp"))
        .expect("the chardev is there");
    chardev["filename"]
        .as_str()
        .and_then(|name| name.split_once("tcp:"))
        .and_then(|(_, rest)| rest.split(',').next())
        .and_then(|address| address.parse().ok())
        .unwrap_or_else(|| panic!("no address in {chardev}"))
}

//! A real guest: a Debian kernel under TCG, ext4 disks and the real agent, booted in three seconds.

use std::ops::Deref;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

use crate::inside::Inside;
use crate::qemu::wait_for_socket;
use crate::{Folder, Process, RawAgent, RawQmp};

/// The format of a disk image.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// qcow2.
    Qcow2,
    /// Raw.
    Raw,
}

impl Format {
    /// The name that QEMU has for it, and the image file's ending.
    pub fn name(self) -> &'static str {
        match self {
            Self::Qcow2 => "qcow2",
            Self::Raw => "raw",
        }
    }
}

/// A running guest. `disk0` is mounted at `/data`, `disk1` at `/data2`.
pub struct Guest {
    process: Process,
    inside: Inside,
    disks: Vec<PathBuf>,
    // Dropped last: the process still has its files there.
    folder: Folder,
}

/// What the guest is to be booted with.
#[derive(Default)]
pub struct GuestBuilder {
    disks: Vec<(Format, String)>,
    arguments: Vec<String>,
}

/// The folder with the kernel and the initrd, built when they are not there yet.
pub(crate) static IMAGE: LazyLock<PathBuf> = LazyLock::new(|| {
    let output = script("build-guest.sh")
        .stderr(Stdio::inherit())
        .output()
        .expect("bash runs");
    assert!(output.status.success(), "the guest cannot be built");
    let path = String::from_utf8(output.stdout).expect("the path is UTF-8");
    PathBuf::from(path.trim_end())
});

static SHARED: LazyLock<Guest> = LazyLock::new(Guest::boot);

fn script(name: &str) -> Command {
    Command::new(script_path(name))
}

fn script_path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(name)
}

impl Guest {
    /// The folder with its `kernel` and its `initrd`.
    pub fn image() -> &'static Path {
        &IMAGE
    }

    /// Boots a guest with two qcow2 disks of 256 MiB; returns when its agent is up.
    pub fn boot() -> Self {
        Self::builder()
            .disk(Format::Qcow2, "256M")
            .disk(Format::Qcow2, "256M")
            .boot()
    }

    /// A guest that all tests share, booted when the first asks for it. Only for tests that change nothing in it, do not
    /// hold its sockets for long, and put up with another client on them: a monitor serves one at a time.
    pub fn shared() -> &'static Self {
        &SHARED
    }

    /// A guest without disks, to be given some and booted.
    pub fn builder() -> GuestBuilder {
        GuestBuilder::default()
    }

    /// The monitor's socket.
    pub fn qmp(&self) -> PathBuf {
        self.folder.join("qmp")
    }

    /// The agent's socket.
    pub fn agent(&self) -> PathBuf {
        self.folder.join("qga")
    }

    /// Both sockets as qmpsh takes them: `qmp=PATH,agent=PATH`.
    pub fn target(&self) -> String {
        format!(
            "qmp={},agent={}",
            self.qmp().display(),
            self.agent().display()
        )
    }

    /// The image of disk `number`, whose node is named `diskN`.
    pub fn disk(&self, number: usize) -> &Path {
        &self.disks[number]
    }

    /// The folder with the sockets and disks.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// The number of its process.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// The QEMU's process, to stop, continue or kill it.
    pub fn process(&mut self) -> &mut Process {
        &mut self.process
    }

    /// A client of its monitor, which holds it until dropped.
    pub fn raw_qmp(&self) -> RawQmp {
        RawQmp::connect(self.qmp())
    }

    /// A client of its agent, which holds the agent's socket until dropped.
    pub fn raw_agent(&self) -> RawAgent {
        RawAgent::connect(self.agent())
    }
}

impl Deref for Guest {
    type Target = Inside;

    fn deref(&self) -> &Inside {
        &self.inside
    }
}

impl GuestBuilder {
    /// Adds a disk with an empty ext4 on it; the size as `truncate` takes it (`64M`).
    pub fn disk(mut self, format: Format, size: &str) -> Self {
        self.disks.push((format, size.to_owned()));
        self
    }

    /// Adds an argument to QEMU's command line.
    pub fn arg(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// Boots; returns when the agent is up.
    pub fn boot(self) -> Guest {
        let image = &*IMAGE;
        let folder = Folder::new();
        let disks = self
            .disks
            .iter()
            .enumerate()
            .map(|(number, (format, size))| {
                let path = folder.join(format!("disk{number}.{}", format.name()));
                make_disk(&path, size);
                path
            })
            .collect();

        let log = folder.join("log");
        let boot = script_path("boot-guest.sh");
        let mut command = Process::command(boot.to_str().expect("the path is UTF-8"), &[]);
        command
            .arg(image)
            .arg(folder.path())
            .args(&self.arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(std::fs::File::create(&log).expect("the folder takes files"));
        let mut process = Process::start(command);
        wait_for_socket(&mut process, &folder.join("control"), &log);
        Guest {
            process,
            inside: Inside::booting(folder.path(), self.disks.len()),
            disks,
            folder,
        }
    }
}

pub(crate) fn make_disk(path: &Path, size: &str) {
    let output = script("make-disk.sh")
        .arg(path)
        .arg(size)
        .output()
        .expect("bash runs");
    assert!(
        output.status.success(),
        "{}: {}",
        path.display(),
        String::from_utf8_lossy(&output.stderr)
    );
}

//! A libvirt of the test's own: a user's session in a temporary folder, with its daemon, its sockets and its domains in a
//! process namespace that ends with the test process.
//!
//! A daemon that dies is started anew, as a service manager does. libvirt starts QEMU as a daemon, so no parent could end
//! it; the namespace's first process does.

use std::ffi::OsStr;
use std::fs;
use std::ops::Deref;
use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::sync::Arc;

use rustix::process::{Pid, Signal, geteuid, kill_process};

use crate::guest::{IMAGE, make_disk};
use crate::inside::Inside;
use crate::qemu::wait_for_socket;
use crate::wait::{DEADLINE, until};
use crate::{Folder, Process};

/// `nobody`: root has no session in libvirt.
const NOBODY: u32 = 65534;

/// The first process of the namespace: it keeps the daemon running, unless the file `$0` is there.
const SUPERVISOR: &str = "while :; do [ -e \"$0\" ] || \"$@\"; sleep 0.02; done";

/// A libvirt that serves one test. All in it ends when this is dropped, and with the test process.
pub struct Libvirt {
    process: Process,
    // Dropped last: the processes still have their files there.
    folder: Arc<Folder>,
}

/// A domain that runs. It ends with its libvirt.
pub struct Domain {
    name: String,
    uri: String,
    pid: Pid,
    inside: Option<Inside>,
    _folder: Arc<Folder>,
}

impl Libvirt {
    /// Starts one without domains; returns when it can be connected to.
    pub fn start() -> Self {
        let folder = Arc::new(Folder::new());
        let config = folder.join("libvirt");
        fs::create_dir(&config).expect("the folder takes folders");
        // Nothing but files: no log daemon, no security module, no control groups.
        let settings = "stdio_handler = \"file\"\nsecurity_driver = \"none\"\ncgroup_controllers = [ ]\nnamespaces = [ ]\n";
        fs::write(config.join("qemu.conf"), settings).expect("the folder takes files");

        let mut command = Process::command("unshare", &[]);
        if !geteuid().is_root() {
            command.args(["--user", "--map-current-user"]);
        }
        command
            .args(["--pid", "--fork", "--kill-child", "--mount-proc", "--"])
            .args(["sh", "-c", SUPERVISOR])
            .arg(folder.join("down"));
        if geteuid().is_root() {
            for path in [folder.path(), &config] {
                chown(path, Some(NOBODY), Some(NOBODY)).expect("root gives files away");
            }
            command.args([
                "setpriv",
                "--reuid=65534",
                "--regid=65534",
                "--clear-groups",
            ]);
        }
        let log = folder.join("libvirtd.log");
        let file = fs::File::create(&log).expect("the folder takes files");
        command
            .arg("libvirtd")
            .env("HOME", folder.path())
            .env_remove("LIBVIRT_DEBUG")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(file)
            .current_dir("/");
        for name in ["CONFIG_HOME", "CACHE_HOME", "DATA_HOME", "RUNTIME_DIR"] {
            command.env(format!("XDG_{name}"), folder.path());
        }
        let mut process = Process::start(command);
        wait_for_socket(&mut process, &config.join("libvirt-sock"), &log);
        Self { process, folder }
    }

    /// Where it is, as virsh takes it.
    pub fn uri(&self) -> String {
        format!("qemu+unix:///session?socket={}", self.socket().display())
    }

    /// Its socket.
    pub fn socket(&self) -> PathBuf {
        self.folder.join("libvirt/libvirt-sock")
    }

    /// The folder that it lives in, which is its user's.
    pub fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Runs virsh on it.
    pub fn virsh(&self, words: impl IntoIterator<Item = impl AsRef<OsStr>>) -> Output {
        Command::new("virsh")
            .args(["--quiet", "--connect", &self.uri()])
            .args(words)
            .env("LC_ALL", "C.UTF-8")
            .stdin(Stdio::null())
            .output()
            .expect("virsh runs")
    }

    /// Runs virsh on it, which has to succeed; its output.
    pub fn virsh_ok(&self, words: impl IntoIterator<Item = impl AsRef<OsStr>>) -> String {
        let output = self.virsh(words);
        assert!(
            output.status.success(),
            "virsh: {}; {}",
            String::from_utf8_lossy(&output.stderr),
            self.log()
        );
        String::from_utf8(output.stdout).expect("virsh writes UTF-8")
    }

    /// A domain of that name with a machine and no guest, running.
    pub fn bare(&self, name: &str) -> Domain {
        self.create(name, "<os><type arch='x86_64'>hvm</type></os>", 0)
    }

    /// A domain that is known and shut off.
    pub fn shut_off(&self, name: &str) {
        let body = "<os><type arch='x86_64'>hvm</type></os>";
        let file = Self::describe(&self.new_home(), name, body);
        self.virsh_ok([OsStr::new("define"), file.as_os_str()]);
    }

    /// A domain with the booted guest, an agent and a disk of 64 MiB at `/data`.
    pub fn boot(&self, name: &str) -> Domain {
        let home = self.new_home();
        for part in ["kernel", "initrd"] {
            // The folder that it was built in may be closed to others.
            fs::copy(IMAGE.join(part), home.join(part)).expect("the guest is built");
        }
        make_disk(&home.join("disk0.qcow2"), "64M");
        let at = home.display();
        let body = format!(
            "<os><type arch='x86_64' machine='q35'>hvm</type>\
             <kernel>{at}/kernel</kernel><initrd>{at}/initrd</initrd>\
             <cmdline>console=ttyS0 quiet panic=-1 no_timer_check</cmdline></os>\
             <devices>\
             <disk type='file' device='disk'><driver name='qemu' type='qcow2'/>\
             <source file='{at}/disk0.qcow2'/><target dev='vda' bus='virtio'/></disk>\
             <controller type='usb' model='none'/><memballoon model='none'/>\
             <serial type='file'><source path='{at}/console.log'/></serial>\
             <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel>\
             <channel type='unix'><source mode='bind' path='{at}/control'/>\
             <target type='virtio' name='org.qmpsh.control'/></channel>\
             </devices>"
        );
        self.create_at(&home, name, &body, 1)
    }

    /// Kills the daemon (SIGKILL); returns when the next one listens. The domains live on.
    pub fn kill_daemon(&self) {
        let before = self.daemon();
        // Nobody else's: it is a child of our own supervisor.
        let _ = kill_process(before, Signal::KILL);
        let back = until(DEADLINE, || {
            let now =
                self.child(|words| words.first().is_some_and(|word| word.ends_with("libvirtd")));
            let is_new = now.is_some_and(|now| now != before);
            (is_new && self.virsh(["list"]).status.success()).then_some(())
        });
        assert!(
            back.is_some(),
            "the daemon does not come back: {}",
            self.log()
        );
    }

    /// Stops the daemon (SIGSTOP): it takes connections and answers nothing.
    pub fn stop_daemon(&self) {
        let _ = kill_process(self.daemon(), Signal::STOP);
    }

    /// Lets a stopped daemon continue.
    pub fn cont_daemon(&self) {
        let _ = kill_process(self.daemon(), Signal::CONT);
    }

    fn daemon(&self) -> Pid {
        self.child(|words| words.first().is_some_and(|word| word.ends_with("libvirtd")))
            .unwrap_or_else(|| panic!("no daemon runs: {}", self.log()))
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("libvirtd.log")).unwrap_or_default()
    }

    /// A process in the namespace, by its command line: all are children of the first.
    fn child(&self, is_it: impl Fn(&[String]) -> bool) -> Option<Pid> {
        let first = children(self.process.id()).into_iter().next()?;
        let found = children(first)
            .into_iter()
            .find(|&pid| is_it(&command_line(pid)))?;
        Pid::from_raw(i32::try_from(found).ok()?)
    }

    fn new_home(&self) -> PathBuf {
        let homes = fs::read_dir(self.folder.path()).map_or(0, Iterator::count);
        let home = self.folder.join(format!("d{homes}"));
        fs::create_dir(&home).expect("the folder takes folders");
        home
    }

    fn describe(home: &Path, name: &str, body: &str) -> PathBuf {
        let name = name.replace('&', "&amp;").replace('<', "&lt;");
        let file = home.join("domain.xml");
        let text = format!(
            "<domain type='qemu'><name>{name}</name><memory unit='MiB'>192</memory>{body}</domain>"
        );
        fs::write(&file, text).expect("the folder takes files");
        if geteuid().is_root() {
            let inside = fs::read_dir(home).expect("the folder is there");
            let paths = inside.map(|entry| entry.expect("an entry").path());
            for path in paths.chain([home.to_owned()]) {
                chown(path, Some(NOBODY), Some(NOBODY)).expect("root gives files away");
            }
        }
        file
    }

    fn create(&self, name: &str, body: &str, disks: usize) -> Domain {
        self.create_at(&self.new_home(), name, body, disks)
    }

    fn create_at(&self, home: &Path, name: &str, body: &str, disks: usize) -> Domain {
        let file = Self::describe(home, name, body);
        self.virsh_ok([OsStr::new("create"), file.as_os_str()]);
        let guest = format!("guest={},", name.replace(',', ",,"));
        let pid = self.child(|words| words.iter().any(|word| word.starts_with(&guest)));
        Domain {
            name: name.to_owned(),
            uri: self.uri(),
            pid: pid.unwrap_or_else(|| panic!("no QEMU of `{name}` runs: {}", self.log())),
            inside: (disks > 0).then(|| Inside::booting(home, disks)),
            _folder: Arc::clone(&self.folder),
        }
    }
}

impl Domain {
    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The domain as qmpsh takes it: `libvirt:NAME@URI`.
    pub fn target(&self) -> String {
        format!("libvirt:{}@{}", self.name, self.uri)
    }

    /// Stops its QEMU (SIGSTOP): its monitor accepts commands and answers none.
    pub fn stop_qemu(&self) {
        let _ = kill_process(self.pid, Signal::STOP);
    }

    /// Lets a stopped QEMU continue.
    pub fn cont_qemu(&self) {
        let _ = kill_process(self.pid, Signal::CONT);
    }
}

/// The guest of a domain that was booted.
impl Deref for Domain {
    type Target = Inside;

    fn deref(&self) -> &Inside {
        self.inside.as_ref().expect("the domain has a guest")
    }
}

fn children(parent: u32) -> Vec<u32> {
    let processes = fs::read_dir("/proc").expect("/proc is mounted");
    let numbers = processes.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let mut found: Vec<u32> = numbers
        .filter(|pid| parent_of(*pid) == Some(parent))
        .collect();
    found.sort_unstable();
    found
}

fn parent_of(pid: u32) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The program's name stands in parentheses and may hold anything.
    let (_, rest) = stat.rsplit_once(')')?;
    rest.split_ascii_whitespace().nth(1)?.parse().ok()
}

fn command_line(pid: u32) -> Vec<String> {
    let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    line.split(|&byte| byte == 0)
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect()
}

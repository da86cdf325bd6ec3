//! Processes of every sort, as folders laid out like `/proc`: what no test can start at will.

use std::fs::{self, create_dir_all};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use super::*;

/// A folder like `/proc`, removed when this is dropped.
struct Proc(PathBuf);

impl Proc {
    fn new(test: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("qmpsh-proc-{}-{test}", std::process::id()));
        create_dir_all(&folder).unwrap();
        Self(folder)
    }

    /// A process with this program and these words behind its name.
    fn process(&self, pid: u32, program: &str, words: &[&[u8]]) -> PathBuf {
        let folder = self.0.join(pid.to_string());
        create_dir_all(&folder).unwrap();
        symlink(program, folder.join("exe")).unwrap();
        let mut line = program.as_bytes().to_vec();
        for word in words {
            line.push(0);
            line.extend(*word);
        }
        line.push(0);
        fs::write(folder.join("cmdline"), line).unwrap();
        folder
    }

    fn qemu(&self, pid: u32, line: &str) -> PathBuf {
        let words: Vec<&[u8]> = line.split_ascii_whitespace().map(str::as_bytes).collect();
        self.process(pid, "/usr/bin/qemu-system-x86_64", &words)
    }

    fn find(&self) -> Vec<Found> {
        Processes::below(&self.0).find().unwrap()
    }

    fn one(&self) -> Found {
        let mut found = self.find();
        assert_eq!(found.len(), 1, "{found:?}");
        found.remove(0)
    }

    fn names(&self) -> Vec<String> {
        self.find()
            .into_iter()
            .filter_map(|found| found.name)
            .collect()
    }
}

impl Drop for Proc {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[expect(
    clippy::unnecessary_wraps,
    reason = "it is compared with what was found"
)]
fn unix(path: impl AsRef<Path>) -> Option<Address> {
    Some(Address::Unix(path.as_ref().to_owned()))
}

#[test]
fn a_qemu_is_told_by_what_its_command_line_says() {
    let proc = Proc::new("told");
    proc.qemu(7, "-name web01 -uuid 0A1B2C3D-0001-0002-0003-00000000000F -qmp unix:/run/a.qmp,server=on -chardev socket,id=a,path=/run/a.qga,server=on -device virtserialport,chardev=a,name=org.qemu.guest_agent.0");
    let found = proc.one();
    assert_eq!(found.provider, "process");
    assert_eq!(found.name.as_deref(), Some("web01"));
    assert_eq!(found.given_name.as_deref(), Some("web01"));
    assert_eq!(
        found.uuid.as_deref(),
        Some("0a1b2c3d-0001-0002-0003-00000000000f")
    );
    assert_eq!(found.pid, Some(7));
    assert_eq!(found.qmp, unix("/run/a.qmp"));
    assert_eq!(found.agent, unix("/run/a.qga"));
    assert_eq!((found.obstacle, found.monitors), (None, vec![]));
}

#[test]
fn other_processes_and_what_has_ended_are_left_out() {
    let proc = Proc::new("left-out");
    proc.process(1, "/sbin/init", &[b"-name", b"init"]);
    proc.process(2, "/usr/bin/qemu-img", &[b"-name", b"image"]);
    proc.process(
        3,
        "/usr/bin/qemu-system-x86_64 (deleted)",
        &[b"-name", b"upgraded"],
    );
    // Ended between two looks: no command line, then not even a folder with anything in it.
    fs::write(proc.qemu(4, "-name zombie").join("cmdline"), "").unwrap();
    fs::remove_file(proc.qemu(5, "-name ended").join("cmdline")).unwrap();
    create_dir_all(proc.0.join("6")).unwrap();
    create_dir_all(proc.0.join("self")).unwrap();
    fs::write(proc.0.join("7"), "").unwrap();
    assert_eq!(proc.names(), ["upgraded"]);
}

#[test]
fn odd_command_lines_hide_no_other_process() {
    let proc = Proc::new("odd");
    let huge = vec![b'x'; 5 << 20];
    proc.process(
        1,
        "/usr/bin/kvm",
        &[b"-name", &huge, b"-qmp", b"unix:/x,server"],
    );
    proc.process(
        2,
        "/usr/bin/kvm",
        &[b"", b"-name", b"a\xff b\n\"", b"", b"-qmp"],
    );
    proc.process(
        3,
        "/usr/bin/kvm",
        &[b"-qmp", b"unix:\xff,server", b"-name", b"bytes"],
    );
    fs::write(
        proc.qemu(4, "").join("cmdline"),
        "qemu-system-x86_64\0-name\0cut",
    )
    .unwrap();
    fs::write(proc.qemu(5, "").join("cmdline"), "a title -name x").unwrap();
    fs::write(proc.qemu(6, "").join("cmdline"), "\0\0\0\0").unwrap();
    let found = proc.find();
    assert_eq!(found.len(), 6);
    assert_eq!(found[1].name.as_deref(), Some("a\u{fffd} b\n\""));
    let path = std::ffi::OsStr::from_bytes(b"\xff");
    assert!(
        matches!(&found[2].qmp, Some(Address::Unix(found)) if found.ends_with(path))
            || found[2].obstacle.is_some()
    );
    assert_eq!(found[3].name.as_deref(), Some("cut"));
    assert_eq!(found[4].name, None);
}

#[test]
fn a_relative_path_is_taken_from_the_process_s_folder() {
    let proc = Proc::new("relative");
    let folder = proc.0.join("folder");
    create_dir_all(&folder).unwrap();
    let process = proc.qemu(9, "-qmp unix:a.qmp,server");
    symlink(&folder, process.join("cwd")).unwrap();
    assert_eq!(proc.one().qmp, unix(folder.join("a.qmp")));
    // Hidden, as from another user.
    fs::remove_file(process.join("cwd")).unwrap();
    let found = proc.one();
    assert_eq!(found.qmp, None);
    assert!(found.obstacle.unwrap().contains("cannot be seen"));
}

#[test]
fn a_process_that_left_its_folder_is_found_where_it_was_started() {
    let proc = Proc::new("left");
    let folder = proc.0.join("folder");
    create_dir_all(&folder).unwrap();
    fs::write(folder.join("a.qmp"), "").unwrap();
    let process = proc.qemu(9, "-qmp unix:a.qmp,server -daemonize");
    symlink("/", process.join("cwd")).unwrap();
    assert_eq!(proc.one().qmp, unix("/a.qmp"));
    let variables = format!("HOME=/root\0PWD={}\0", folder.display());
    fs::write(process.join("environ"), variables).unwrap();
    assert_eq!(proc.one().qmp, unix(folder.join("a.qmp")));
}

#[test]
fn a_socket_that_was_bound_before_the_root_was_changed_is_found_outside() {
    let proc = Proc::new("chroot");
    let root = proc.0.join("jail");
    create_dir_all(&root).unwrap();
    let socket = proc.0.join("a.qmp");
    fs::write(&socket, "").unwrap();
    let process = proc.qemu(9, &format!("-qmp unix:{},server", socket.display()));
    symlink(&root, process.join("root")).unwrap();
    assert_eq!(proc.one().qmp, unix(&socket));
}

#[test]
fn a_process_in_another_root_is_reached_there() {
    let proc = Proc::new("root");
    let root = proc.0.join("jail");
    create_dir_all(root.join("run")).unwrap();
    let process = proc.qemu(9, "-qmp unix:/run/a.qmp,server");
    symlink(&root, process.join("root")).unwrap();
    assert_eq!(proc.one().qmp, unix(root.join("run/a.qmp")));
}

#[test]
fn a_process_with_other_mounts_is_reached_through_its_folder_in_proc() {
    let proc = Proc::new("mounts");
    let root = proc.0.join("container");
    create_dir_all(root.join("run")).unwrap();
    let process = proc.qemu(9, "-qmp unix:/run/a.qmp,server -qmp unix:b.qmp,server");
    create_dir_all(process.join("ns")).unwrap();
    symlink("mnt:[1]", process.join("ns/mnt")).unwrap();
    symlink(&root, process.join("root")).unwrap();
    symlink(root.join("run"), process.join("cwd")).unwrap();
    let found = proc.one();
    assert_eq!(found.qmp, unix(process.join("root/run/a.qmp")));
    assert_eq!(found.monitors.len(), 2);
}

#[test]
fn a_socket_that_all_mounts_share_keeps_its_own_path() {
    let proc = Proc::new("shared");
    let socket = proc.0.join("a.qmp");
    let _listener = UnixListener::bind(&socket).unwrap();
    let process = proc.qemu(9, &format!("-qmp unix:{},server", socket.display()));
    create_dir_all(process.join("ns")).unwrap();
    symlink("mnt:[1]", process.join("ns/mnt")).unwrap();
    symlink("/", process.join("root")).unwrap();
    assert_eq!(proc.one().qmp, unix(&socket));
}

#[test]
fn another_network_is_an_obstacle_for_what_has_no_file() {
    for monitor in ["tcp:127.0.0.1:4444,server", "unix:a,abstract=on,server"] {
        let proc = Proc::new("network");
        let process = proc.qemu(9, &format!("-qmp {monitor}"));
        assert!(proc.one().qmp.is_some());
        create_dir_all(process.join("ns")).unwrap();
        symlink("net:[1]", process.join("ns/net")).unwrap();
        let found = proc.one();
        assert_eq!(found.qmp, None);
        assert!(found.obstacle.unwrap().contains("network"));
    }
}

#[test]
fn a_monitor_that_nobody_holds_is_preferred() {
    let proc = Proc::new("free");
    let (held, free) = (proc.0.join("held"), proc.0.join("free"));
    let listener = UnixListener::bind(&held).unwrap();
    let _other = UnixListener::bind(&free).unwrap();
    let line = format!(
        "-qmp unix:{},server -qmp unix:{},server",
        held.display(),
        free.display()
    );
    proc.qemu(9, &line);
    assert_eq!(proc.one().qmp, unix(&held));
    let _client = std::os::unix::net::UnixStream::connect(&held).unwrap();
    let _served = listener.accept().unwrap();
    let found = proc.one();
    assert_eq!(found.qmp, unix(&free));
    assert_eq!(found.monitors.len(), 2);
}

#[test]
fn a_socket_that_was_passed_as_a_descriptor_is_found_by_its_number() {
    let proc = Proc::new("descriptor");
    let socket = proc.0.join("a.qmp");
    let listener = UnixListener::bind(&socket).unwrap();
    let inode = rustix::fs::fstat(&listener).unwrap().st_ino;
    let process = proc.qemu(
        9,
        "-chardev socket,id=c,fd=30,server=on -mon c,mode=control",
    );
    assert!(proc.one().obstacle.unwrap().contains("descriptor 30"));
    create_dir_all(process.join("fd")).unwrap();
    symlink(format!("socket:[{inode}]"), process.join("fd/30")).unwrap();
    assert_eq!(proc.one().qmp, unix(&socket));
    drop(listener);
    assert_eq!(proc.one().qmp, None);
}

#[test]
fn a_file_of_readconfig_is_read_where_the_process_sees_it() {
    let proc = Proc::new("readconfig");
    let folder = proc.0.join("folder");
    create_dir_all(&folder).unwrap();
    fs::write(folder.join("vm.cfg"), "[name]\nguest = \"web01\"\n").unwrap();
    rustix::fs::mknodat(
        rustix::fs::CWD,
        folder.join("pipe"),
        rustix::fs::FileType::Fifo,
        0o600.into(),
        0,
    )
    .unwrap();
    let process = proc.qemu(9, "-readconfig pipe -readconfig none -readconfig vm.cfg");
    symlink(&folder, process.join("cwd")).unwrap();
    assert_eq!(proc.names(), ["web01"]);
}

#[test]
fn a_process_that_qemu_split_off_is_no_second_vm() {
    let proc = Proc::new("split");
    for (pid, parent) in [(10, 1), (11, 10), (12, 1)] {
        let process = proc.qemu(pid, "-name web01 -qmp unix:/p,server");
        fs::write(
            process.join("stat"),
            format!("{pid} (a) b) S {parent} 7 7 0"),
        )
        .unwrap();
    }
    let pids: Vec<_> = proc
        .find()
        .into_iter()
        .filter_map(|found| found.pid)
        .collect();
    assert_eq!(pids, [10, 12]);
}

#[test]
fn a_vm_of_libvirts_is_left_to_libvirt() {
    let proc = Proc::new("libvirt");
    proc.qemu(9, "-name guest=web01,debug-threads=on -chardev socket,id=charmonitor,path=/run/m,server=on -mon chardev=charmonitor,mode=control");
    let found = proc.one();
    assert_eq!(found.only_through, Some("libvirt"));
    assert_eq!((found.qmp, found.agent), (None, None));
    assert_eq!(found.name.as_deref(), Some("web01"));
}

#[test]
fn a_folder_that_cannot_be_read_is_told() {
    let error = Processes::below("/nonexistent").find().unwrap_err();
    assert!(error.contains("`/nonexistent` cannot be read"), "{error}");
    // Root reads all the same.
    let proc = Proc::new("denied");
    fs::set_permissions(&proc.0, fs::Permissions::from_mode(0o700)).unwrap();
    assert!(proc.find().is_empty());
}

//! Which process is a QEMU that runs a machine.

use std::fs;
use std::io;
use std::path::Path;

use super::read;

/// Whether it is worth reading its command line: decided by one link, for a host has many processes and few QEMUs.
pub(super) fn may_be_qemu(process: &Path) -> bool {
    match fs::read_link(process.join("exe")) {
        Ok(program) => is_name(program.as_os_str().as_encoded_bytes()),
        // Another user's; the command line can be read all the same.
        Err(error) => error.kind() == io::ErrorKind::PermissionDenied,
    }
}

/// Whether it is a QEMU: by its program's file, and where that cannot be seen by the name that it was started with or
/// that the kernel has for it. `first` is the first word of its command line.
pub(super) fn is_qemu(process: &Path, first: &[u8]) -> bool {
    if fs::read_link(process.join("exe")).is_ok() || is_name(first) {
        return true;
    }
    let short = read(&process.join("comm"), 64).unwrap_or_default();
    is_name(short.trim_ascii_end())
}

/// Whether a path's last part is what QEMU's programs are called, also when the file was renamed or removed since.
fn is_name(path: &[u8]) -> bool {
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let name = name.strip_suffix(b" (deleted)").unwrap_or(name);
    let holds = |part: &[u8]| name.windows(part.len()).any(|window| window == part);
    holds(b"qemu-system-") || holds(b"qemu-kvm") || name == b"kvm"
}

#[cfg(test)]
mod tests {
    use super::is_name;

    #[test]
    fn qemus_are_known_by_their_names() {
        for name in [
            "/usr/bin/qemu-system-x86_64",
            "/usr/bin/qemu-system-aarch64 (deleted)",
            "/usr/bin/qemu-system-x86_64.dpkg-tmp (deleted)",
            "/nix/store/x/bin/.qemu-system-x86_64-wrapped",
            "/usr/libexec/qemu-kvm",
            "/usr/bin/kvm",
            "qemu-system-x86",
        ] {
            assert!(is_name(name.as_bytes()), "{name}");
        }
    }

    #[test]
    fn other_programs_of_qemus_are_no_machines() {
        for name in [
            "/usr/bin/qemu-img",
            "/usr/bin/qemu-nbd (deleted)",
            "/usr/sbin/qemu-ga",
            "/usr/bin/qemu-storage-daemon",
            "/usr/bin/qemu-x86_64-static",
            "/usr/bin/qemu-system-x86_64/helper",
            "/usr/bin/kvm_stat",
            "kvm-nx-lpage-recovery",
            "",
        ] {
            assert!(!is_name(name.as_bytes()), "{name}");
        }
    }
}

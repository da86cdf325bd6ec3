//! Files of the guest's: whole, streamed, of awkward sizes, and never left open.

use std::sync::Arc;

use harness::{Format, Guest};
use qmpsh::vm::{ErrorKind, Vm};

use super::vm_of;

/// Bytes that no compression, padding or text conversion leaves alone by chance.
fn bytes(count: usize) -> Vec<u8> {
    let mut state = 0x2545_f491_4f6c_dd1d_u64;
    (0..count)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            state.to_le_bytes()[3]
        })
        .collect()
}

fn open_files(guest: &Guest) -> String {
    guest.shell_ok("ls -l /proc/$(pidof qemu-ga)/fd | grep -c /data || true")
}

#[tokio::test]
async fn files_of_every_size_come_back_as_they_were_written() {
    let guest = Guest::boot();
    let agent = vm_of(&guest).agent();
    for size in [
        0,
        1,
        3,
        4096,
        512 * 1024 - 1,
        512 * 1024,
        512 * 1024 + 1,
        3 << 20,
    ] {
        let sent = bytes(size);
        assert_eq!(
            agent.file_write("/data/f", &sent).await.unwrap(),
            size as u64
        );
        assert_eq!(
            guest.shell_ok("stat -c %s /data/f").trim(),
            size.to_string()
        );
        assert!(
            agent.file_read_blob("/data/f").await.unwrap() == sent,
            "{size} bytes"
        );
    }
    assert_eq!(open_files(&guest).trim(), "0");
}

#[tokio::test]
async fn twenty_megabytes_travel_both_ways_with_the_same_hash() {
    let guest = Guest::boot();
    let agent = vm_of(&guest).agent();
    let (there, back) = (guest.folder().join("there"), guest.folder().join("back"));
    let sent = bytes(20_000_000);
    std::fs::write(&there, &sent).unwrap();
    let mut steps = Vec::new();
    let count = agent
        .upload(&there, "/data/big", |done| steps.push(done))
        .await
        .unwrap();
    assert_eq!(count, 20_000_000);
    assert_eq!(steps.last().unwrap().bytes, 20_000_000);
    assert!(steps.iter().all(|step| step.total == Some(20_000_000)));
    let ours = std::process::Command::new("sha256sum")
        .arg(&there)
        .output()
        .unwrap();
    let ours = String::from_utf8(ours.stdout).unwrap();
    let theirs = guest.shell_ok("sha256sum /data/big");
    assert_eq!(theirs.split(' ').next(), ours.split(' ').next());
    assert_eq!(
        agent.download("/data/big", &back, |_| {}).await.unwrap(),
        20_000_000
    );
    assert!(std::fs::read(&back).unwrap() == sent);
    assert_eq!(open_files(&guest).trim(), "0");
}

#[tokio::test]
async fn text_is_added_to_the_end() {
    let guest = Guest::boot();
    let agent = vm_of(&guest).agent();
    agent.file_write("/data/log", b"one\n").await.unwrap();
    agent.file_append("/data/log", b"two\n").await.unwrap();
    assert_eq!(agent.file_read("/data/log").await.unwrap(), "one\ntwo\n");
}

#[tokio::test]
async fn a_file_in_proc_that_has_no_size_is_read_and_downloaded_whole() {
    let guest = Guest::boot();
    let agent = vm_of(&guest).agent();
    assert!(
        agent
            .file_read("/proc/version")
            .await
            .unwrap()
            .starts_with("Linux")
    );
    let back = guest.folder().join("version");
    agent
        .download("/proc/version", &back, |_| {})
        .await
        .unwrap();
    assert!(std::fs::read_to_string(back).unwrap().starts_with("Linux"));
}

#[tokio::test]
async fn a_file_that_is_no_text_says_where_and_is_closed() {
    let guest = Guest::boot();
    let agent = vm_of(&guest).agent();
    agent.file_write("/data/f", b"abc\xff").await.unwrap();
    let error = agent.file_read("/data/f").await.unwrap_err();
    assert!(
        matches!(error.kind, ErrorKind::NotText { offset: 3, .. }),
        "{error}"
    );
    assert_eq!(open_files(&guest).trim(), "0");
}

#[tokio::test]
async fn a_missing_file_is_refused_in_the_agents_words() {
    let guest = Guest::boot();
    let agent = vm_of(&guest).agent();
    let error = agent.file_read("/data/none").await.unwrap_err();
    assert!(
        error.to_string().contains("No such file or directory"),
        "{error}"
    );
    let back = guest.folder().join("none");
    agent
        .download("/data/none", &back, |_| {})
        .await
        .unwrap_err();
    assert!(!back.exists());
}

#[tokio::test]
async fn a_download_that_fails_leaves_the_old_file_and_no_part() {
    let guest = Guest::boot();
    let agent = vm_of(&guest).agent();
    let folder = guest.folder().join("in");
    std::fs::create_dir(&folder).unwrap();
    let back = folder.join("f");
    std::fs::write(&back, "old").unwrap();
    // A directory opens for reading, and fails at the first read.
    agent.download("/data", &back, |_| {}).await.unwrap_err();
    assert_eq!(std::fs::read_to_string(&back).unwrap(), "old");
    assert_eq!(std::fs::read_dir(&folder).unwrap().count(), 1);
}

#[tokio::test]
async fn a_transfer_that_is_dropped_midway_leaves_no_file_open_in_the_guest() {
    let guest = Guest::boot();
    let settings = Arc::new(super::settings(guest.folder()));
    let vm = Vm::new(guest.target().parse().unwrap(), settings.clone());
    let agent = vm.agent();
    guest.shell_ok("dd if=/dev/zero of=/data/big bs=1M count=30 2>/dev/null");
    let back = guest.folder().join("big");
    let (first, arrived) = tokio::sync::oneshot::channel();
    let mut first = Some(first);
    tokio::select! {
        done = agent.download("/data/big", &back, |_| { first.take().map(|first| first.send(())); }) => {
            panic!("it was to be cut off: {done:?}")
        }
        Ok(()) = arrived => {}
    }
    settings.settle(std::time::Duration::from_secs(10)).await;
    assert_eq!(open_files(&guest).trim(), "0");
    assert!(!back.exists());
}

#[tokio::test]
async fn a_full_guest_disk_is_an_error_and_not_a_short_file() {
    let guest = Guest::builder().disk(Format::Qcow2, "16M").boot();
    let agent = vm_of(&guest).agent();
    let error = async {
        for number in 0..16 {
            agent
                .file_write(&format!("/data/f{number}"), &bytes(1 << 20))
                .await?;
        }
        Ok::<(), qmpsh::vm::Error>(())
    }
    .await
    .unwrap_err();
    assert!(
        error.to_string().contains("No space left on device"),
        "{error}"
    );
}

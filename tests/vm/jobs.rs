//! Jobs as values.

use std::path::Path;
use std::time::Duration;

use harness::Guest;
use qmpsh::vm::job::{JobError, Reached};
use qmpsh::vm::{Arguments, ErrorKind, Vm};
use serde_json::{Value, json};

use super::vm_of;

fn arguments(value: Value) -> Arguments {
    let Value::Object(members) = value else {
        panic!("an object");
    };
    members
}

/// Starts the job `c0`, which makes the file.
async fn create_file(vm: &Vm, file: impl AsRef<Path>, size: u64) {
    let options = json!({ "driver": "file", "filename": file.as_ref(), "size": size });
    let arguments = arguments(json!({ "job-id": "c0", "options": options }));
    vm.call("blockdev-create", arguments).await.unwrap();
}

/// Adds the node `target`, a new file as large as the guest's disk.
async fn add_target(vm: &Vm, file: &Path) {
    create_file(vm, file, 256 << 20).await;
    vm.job("c0").wait(None, |_| {}).await.unwrap();
    let node = json!({ "driver": "file", "node-name": "target", "filename": file });
    vm.call("blockdev-add", arguments(node)).await.unwrap();
}

#[tokio::test]
async fn a_job_that_ends_well_is_waited_for_and_dismissed() {
    let guest = Guest::boot();
    let vm = vm_of(&guest);
    let file = guest.folder().join("new");
    create_file(&vm, &file, 65536).await;
    let reached = vm.job("c0").wait(None, |_| {}).await.unwrap();
    assert_eq!(reached, Reached::Concluded);
    assert!(vm.job("c0").progress().await.unwrap().is_none());
}

#[tokio::test]
async fn a_job_that_fails_throws_qemus_words_and_is_dismissed() {
    let guest = Guest::boot();
    let vm = vm_of(&guest);
    create_file(&vm, "/no/such/place", 65536).await;
    let error = vm.job("c0").wait(None, |_| {}).await.unwrap_err();
    assert!(
        error.to_string().contains("No such file or directory"),
        "{error}"
    );
    assert!(vm.job("c0").progress().await.unwrap().is_none());
}

#[tokio::test]
async fn a_job_that_nobody_knows_is_an_error() {
    let guest = Guest::boot();
    let error = vm_of(&guest).job("j").wait(None, |_| {}).await.unwrap_err();
    assert!(
        matches!(error.kind, ErrorKind::Job(JobError::Unknown { .. })),
        "{error}"
    );
}

#[tokio::test]
async fn a_mirror_is_ready_first_and_concluded_once_completed() {
    let guest = Guest::boot();
    let vm = vm_of(&guest);
    let file = guest.folder().join("mirror");
    add_target(&vm, &file).await;
    let mirror = json!({
        "job-id": "m0", "device": "disk0", "target": "target", "sync": "full",
        "auto-dismiss": false, "auto-finalize": true,
    });
    vm.call("blockdev-mirror", arguments(mirror)).await.unwrap();
    let job = vm.job("m0");
    let mut seen = Vec::new();
    let reached = job
        .wait(None, |progress| seen.push(progress.current))
        .await
        .unwrap();
    assert_eq!(reached, Reached::Ready);
    assert!(seen.is_sorted());
    job.complete().await.unwrap();
    assert_eq!(job.wait(None, |_| {}).await.unwrap(), Reached::Concluded);
}

#[tokio::test]
async fn a_wait_that_is_too_long_says_where_the_job_stands_and_leaves_it_running() {
    let guest = Guest::boot();
    let vm = vm_of(&guest);
    let file = guest.folder().join("copy");
    add_target(&vm, &file).await;
    // Slow enough never to end within the test.
    let backup = json!({
        "job-id": "b0", "device": "disk0", "target": "target", "sync": "full", "speed": 1,
        "auto-dismiss": false, "auto-finalize": true,
    });
    vm.call("blockdev-backup", arguments(backup)).await.unwrap();
    let job = vm.job("b0");
    let error = job
        .wait(Some(Duration::from_millis(50)), |_| {})
        .await
        .unwrap_err();
    assert!(
        matches!(error.kind, ErrorKind::Job(JobError::Timeout { .. })),
        "{error}"
    );
    assert!(job.progress().await.unwrap().is_some());
    job.cancel().await.unwrap();
    let error = job.wait(None, |_| {}).await.unwrap_err();
    assert!(
        matches!(error.kind, ErrorKind::Job(JobError::Failed { .. })),
        "{error}"
    );
}

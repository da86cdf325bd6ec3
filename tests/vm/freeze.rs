//! The guard of a freeze, in one process; what happens when that process dies is in `tests/guarantee`.

use std::fs;
use std::time::Duration;

use harness::{Guest, HostAgent};
use qmpsh::vm::error::ErrorKind;
use qmpsh::vm::freeze::{FreezeError, stale};
use qmpsh::vm::{FreezeOptions, Vm};

use super::{freeze, settings, vm, vm_of};

fn records(guest: &Guest) -> usize {
    let folder = guest.folder().join("state/frozen");
    fs::read_dir(folder).map_or(0, Iterator::count)
}

#[tokio::test]
async fn a_guest_is_frozen_until_the_release_and_the_time_is_measured() {
    let guest = Guest::boot();
    let vm = vm_of(&guest);
    let frozen = freeze(&vm, &FreezeOptions::default()).await.unwrap();
    assert_eq!(frozen.count(), 2);
    assert!(guest.is_frozen());
    assert_eq!(records(&guest), 1);
    assert_eq!(frozen.frozen(), None);
    frozen.release().await.unwrap();
    assert!(!guest.is_frozen());
    assert_eq!(records(&guest), 0);
    assert!(frozen.frozen().is_some());
    frozen.release().await.unwrap();
}

#[tokio::test]
async fn only_the_named_mount_points_are_frozen() {
    let guest = Guest::boot();
    let vm = vm_of(&guest);
    let options = FreezeOptions {
        mountpoints: Some(vec!["/data2".into()]),
        ..FreezeOptions::default()
    };
    let frozen = freeze(&vm, &options).await.unwrap();
    assert_eq!(frozen.count(), 1);
    assert!(guest.is_frozen_at("/data2") && !guest.is_frozen_at("/data"));
    frozen.release().await.unwrap();
    assert!(!guest.is_frozen());
}

#[tokio::test]
async fn mount_points_that_do_not_exist_are_an_error_and_leave_nothing() {
    let guest = Guest::boot();
    let options = FreezeOptions {
        mountpoints: Some(vec!["/nowhere".into()]),
        ..FreezeOptions::default()
    };
    let error = freeze(&vm_of(&guest), &options).await.err().unwrap();
    assert!(
        matches!(
            error.kind,
            ErrorKind::Freeze(FreezeError::NothingFrozen { .. })
        ),
        "{error}"
    );
    assert_eq!(records(&guest), 0);
}

#[tokio::test]
async fn a_guest_that_something_else_froze_is_refused_and_left_frozen() {
    let guest = Guest::boot();
    guest
        .raw_agent()
        .call("guest-fsfreeze-freeze", &serde_json::Value::Null);
    let error = freeze(&vm_of(&guest), &FreezeOptions::default())
        .await
        .err()
        .unwrap();
    assert!(
        matches!(error.kind, ErrorKind::Freeze(FreezeError::AlreadyFrozen(_))),
        "{error}"
    );
    assert!(guest.is_frozen());
    assert_eq!(records(&guest), 0);
}

#[tokio::test]
async fn at_its_max_the_guest_is_thawed_and_the_release_is_an_error() {
    let guest = Guest::boot();
    let options = FreezeOptions {
        max: Duration::from_millis(500),
        ..FreezeOptions::default()
    };
    let frozen = freeze(&vm_of(&guest), &options).await.unwrap();
    assert!(frozen.ended().await);
    let error = frozen.release().await.unwrap_err();
    assert!(
        matches!(
            error.kind,
            ErrorKind::Freeze(FreezeError::WindowExpired { .. })
        ),
        "{error}"
    );
    assert!(!guest.is_frozen());
    assert_eq!(records(&guest), 0);
}

#[tokio::test]
async fn a_thaw_by_something_else_spoils_the_window() {
    let guest = Guest::boot();
    let vm = vm_of(&guest);
    let frozen = freeze(&vm, &FreezeOptions::default()).await.unwrap();
    assert_eq!(vm.agent().fsthaw().await.unwrap(), 2);
    let error = frozen.release().await.unwrap_err();
    assert!(
        matches!(
            error.kind,
            ErrorKind::Freeze(FreezeError::ThawedElsewhere {
                frozen: 2,
                thawed: 0
            })
        ),
        "{error}"
    );
}

#[tokio::test]
async fn a_freeze_that_outlasts_its_max_is_thawed_before_the_error_comes() {
    let guest = Guest::boot();
    guest.freeze_hook("[ $1 = thaw ] || sleep 3");
    let options = FreezeOptions {
        max: Duration::from_secs(1),
        ..FreezeOptions::default()
    };
    let error = freeze(&vm_of(&guest), &options).await.err().unwrap();
    assert!(
        error.to_string().contains("guest-fsfreeze-freeze"),
        "{error}"
    );
    assert!(!guest.is_frozen());
    assert_eq!(records(&guest), 0);
}

#[tokio::test]
async fn a_freeze_that_is_interrupted_is_thawed_before_the_error_comes() {
    let guest = Guest::boot();
    guest.freeze_hook("[ $1 = thaw ] || sleep 2");
    let stop = tokio::time::sleep(Duration::from_millis(300));
    let agent = vm_of(&guest).agent();
    let error = agent
        .fsfreeze(&FreezeOptions::default(), stop)
        .await
        .err()
        .unwrap();
    assert!(matches!(error.kind, ErrorKind::Interrupted), "{error}");
    assert!(!guest.is_frozen());
}

#[tokio::test]
async fn a_freeze_that_is_dropped_is_thawed_by_its_guardian() {
    let guest = Guest::boot();
    let vm = vm_of(&guest);
    let frozen = freeze(&vm, &FreezeOptions::default()).await.unwrap();
    drop(frozen);
    guest_thaws_by_itself(&guest);
}

/// Waits until the guest is thawed, by asking it, up to the ten seconds that are promised.
fn guest_thaws_by_itself(guest: &Guest) {
    let end = std::time::Instant::now() + Duration::from_secs(10);
    while guest.is_frozen() {
        assert!(std::time::Instant::now() < end, "the guest is still frozen");
    }
}

#[tokio::test]
async fn a_program_in_a_frozen_guest_is_refused_with_the_reason() {
    let guest = Guest::boot();
    let vm = vm_of(&guest);
    let frozen = freeze(&vm, &FreezeOptions::default()).await.unwrap();
    let error = vm.agent().file_read("/data/f").await.unwrap_err();
    assert!(error.to_string().contains("frozen"), "{error}");
    frozen.release().await.unwrap();
}

#[tokio::test]
async fn without_a_guardian_nothing_is_frozen() {
    let guest = Guest::boot();
    let mut settings = settings(guest.folder());
    settings.guardian = "/no/such/program".into();
    let vm = Vm::new(guest.target().parse().unwrap(), settings.into());
    let error = freeze(&vm, &FreezeOptions::default()).await.err().unwrap();
    assert!(
        matches!(error.kind, ErrorKind::Freeze(FreezeError::NoGuardian(_))),
        "{error}"
    );
    assert!(!guest.is_frozen());
    assert_eq!(records(&guest), 0);
}

#[tokio::test]
async fn without_a_place_for_the_record_nothing_is_frozen() {
    let guest = Guest::boot();
    fs::write(
        guest.folder().join("state"),
        "a file where a folder should be",
    )
    .unwrap();
    let error = freeze(&vm_of(&guest), &FreezeOptions::default())
        .await
        .err()
        .unwrap();
    assert!(
        matches!(error.kind, ErrorKind::Freeze(FreezeError::NoGuardian(_))),
        "{error}"
    );
    assert!(!guest.is_frozen());
}

#[tokio::test]
async fn the_record_of_a_living_run_is_not_stale() {
    let guest = Guest::boot();
    let vm = vm_of(&guest);
    let frozen = freeze(&vm, &FreezeOptions::default()).await.unwrap();
    assert!(stale::find(&settings(guest.folder())).unwrap().is_empty());
    frozen.release().await.unwrap();
}

#[tokio::test]
async fn an_agent_in_a_process_of_this_host_that_is_frozen_is_refused() {
    let agent = HostAgent::builder().frozen().start();
    let vm = vm(
        &format!("agent={}", agent.socket().display()),
        agent.folder(),
    );
    let error = freeze(&vm, &FreezeOptions::default()).await.err().unwrap();
    assert!(
        matches!(error.kind, ErrorKind::Freeze(FreezeError::AlreadyFrozen(_))),
        "{error}"
    );
}

//! The edges of the guarantee: freezes that are not ours, a guardian that nobody listens to, a line that breaks.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use harness::{HostAgent, Proxy, RawAgent};
use qmpsh::client::{self, Direction, Tap, TapLine};
use qmpsh::vm::error::ErrorKind;
use qmpsh::vm::freeze::FreezeError;
use qmpsh::vm::{FreezeOptions, Settings, Vm};
use serde_json::Value;

use super::Stage;
use super::stage::snapshot;
use super::standstill::full_pipe;

/// Runs something once, right before qmpsh sends its freeze.
struct BeforeFreeze(Mutex<Option<Box<dyn FnOnce() + Send>>>);

impl BeforeFreeze {
    fn tap(act: impl FnOnce() + Send + 'static) -> Arc<dyn Tap> {
        Arc::new(Self(Mutex::new(Some(Box::new(act)))))
    }
}

impl Tap for BeforeFreeze {
    fn message(&self, line: &TapLine<'_>) {
        let is_freeze = line.direction == Direction::Sent
            && line.message.redacted()["execute"] == "guest-fsfreeze-freeze";
        if let Some(act) = is_freeze.then(|| self.0.lock().unwrap().take()).flatten() {
            act();
        }
    }
}

#[tokio::test]
async fn a_guest_that_another_client_froze_after_we_asked_is_left_frozen() {
    let stage = Stage::new();
    let agent = Arc::new(Proxy::before(stage.guest.agent()));
    let target = format!("agent={}", agent.socket().display());
    let mut settings = stage.settings();
    settings.tap = Some(BeforeFreeze::tap({
        let (agent, other) = (Arc::clone(&agent), stage.guest.agent());
        move || {
            agent.hang_up();
            RawAgent::connect(other).call("guest-fsfreeze-freeze", &Value::Null);
        }
    }));
    let vm = Vm::new(target.parse().unwrap(), Arc::new(settings));
    let error = vm
        .agent()
        .fsfreeze(&FreezeOptions::default(), std::future::pending())
        .await
        .err()
        .unwrap();
    assert!(
        matches!(error.kind, ErrorKind::Freeze(FreezeError::AlreadyFrozen(_))),
        "{error}"
    );
    assert!(stage.guest.is_frozen());
    stage.assert_clean();
}

#[tokio::test]
async fn an_agent_that_is_lost_before_the_freeze_is_sent_is_not_waited_for() {
    let agent = HostAgent::start();
    let proxy = Arc::new(Mutex::new(Some(Proxy::before(agent.socket()))));
    let socket = proxy.lock().unwrap().as_ref().unwrap().socket();
    let mut settings = Settings::new(agent.folder().join("state"));
    settings.guardian = env!("CARGO_BIN_EXE_qmpsh").into();
    settings.tap = Some(BeforeFreeze::tap(move || {
        drop(proxy.lock().unwrap().take());
    }));
    let target = format!("agent={}", socket.display());
    let vm = Vm::new(target.parse().unwrap(), Arc::new(settings));
    let error = snapshot(&vm, Duration::from_secs(60)).await.unwrap_err();
    assert!(
        matches!(error.kind, ErrorKind::Client(client::Error::Connect { .. })),
        "{error}"
    );
    let left = fs::read_dir(agent.folder().join("state/frozen")).unwrap();
    assert_eq!(left.count(), 0);
}

#[tokio::test]
async fn an_agent_that_may_not_freeze_is_not_asked_to_thaw() {
    // It has the commands, and both are blocked.
    let agent = HostAgent::builder().block("guest-fsfreeze-thaw").start();
    let mut settings = Settings::new(agent.folder().join("state"));
    settings.guardian = env!("CARGO_BIN_EXE_qmpsh").into();
    let target = format!("agent={}", agent.socket().display());
    let vm = Vm::new(target.parse().unwrap(), Arc::new(settings));
    let error = snapshot(&vm, Duration::from_secs(60)).await.unwrap_err();
    assert!(
        matches!(
            error.kind,
            ErrorKind::Client(client::Error::Disabled { .. })
        ),
        "{error}"
    );
    let left = fs::read_dir(agent.folder().join("state/frozen")).unwrap();
    assert_eq!(left.count(), 0);
}

#[tokio::test]
async fn a_guardian_whose_words_nobody_reads_thaws_all_the_same() {
    let stage = Stage::new();
    let pipe = full_pipe(&stage);
    let mute = stage.home.join("mute");
    let qmpsh = env!("CARGO_BIN_EXE_qmpsh");
    let script = format!("#!/bin/sh\nexec {qmpsh} \"$@\" 2<>{}\n", pipe.display());
    fs::write(&mute, script).unwrap();
    fs::set_permissions(&mute, Permissions::from_mode(0o755)).unwrap();
    let mut settings = stage.settings();
    settings.guardian = mute;
    let vm = stage.vm(settings);
    let freeze = vm
        .agent()
        .fsfreeze(&FreezeOptions::default(), std::future::pending())
        .await
        .unwrap();
    assert!(stage.guest.is_frozen());
    drop(freeze);
    assert!(stage.thaws());
    stage.assert_clean();
}

//! The search itself: a provider that hangs, that fails, that is slow.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};

use harness::Folder;
use qmpsh::client::Address;
use qmpsh::inventory::{Error, Found, Inventory, Provider};
use qmpsh::vm::{Fleet, Settings};

/// A provider that tells of VMs as a test wants it to.
struct Fake {
    tells: Result<Vec<Found>, String>,
    /// Nobody ever sends on it: who receives waits until the test is over.
    hangs: Option<Mutex<Receiver<()>>>,
    is_last_resort: bool,
    asked: Arc<AtomicUsize>,
}

impl Fake {
    fn telling(tells: Result<Vec<Found>, String>) -> Self {
        Self {
            tells,
            hangs: None,
            is_last_resort: false,
            asked: Arc::default(),
        }
    }

    fn hanging() -> (Self, Sender<()>) {
        let (hold, hangs) = channel();
        let fake = Self {
            hangs: Some(Mutex::new(hangs)),
            ..Self::telling(Ok(Vec::new()))
        };
        (fake, hold)
    }
}

impl Provider for Fake {
    fn name(&self) -> &'static str {
        "fake"
    }

    fn find(&self) -> Result<Vec<Found>, String> {
        self.asked.fetch_add(1, Ordering::Relaxed);
        if let Some(hangs) = &self.hangs {
            let _ = hangs.lock().unwrap().recv();
        }
        self.tells.clone()
    }

    fn is_last_resort(&self) -> bool {
        self.is_last_resort
    }
}

fn found(name: &str) -> Found {
    Found {
        name: Some(name.to_owned()),
        given_name: Some(name.to_owned()),
        uuid: Some(super::uuid(0x31)),
        qmp: Some(Address::Unix(format!("/nowhere/{name}.qmp").into())),
        ..Found::new("fake")
    }
}

fn inventory(folder: &Folder, providers: Vec<Fake>) -> Inventory {
    let fleet = Fleet::new(Settings::new(folder.join("state")));
    let shared = providers
        .into_iter()
        .map(|provider| Arc::new(provider) as Arc<dyn Provider>);
    Inventory::new(fleet, shared.collect())
}

#[tokio::test]
async fn one_that_hangs_delays_no_name_that_another_knows() {
    let folder = Folder::new();
    let (hanging, hold) = Fake::hanging();
    let inventory = inventory(
        &folder,
        vec![hanging, Fake::telling(Ok(vec![found("web01")]))],
    );
    assert_eq!(inventory.vm("web01").await.unwrap().label(), "web01");
    let error = inventory.vm("web02").await.err().unwrap();
    let Error::Unknown {
        nearest, troubles, ..
    } = &error
    else {
        panic!("{error:?}");
    };
    assert_eq!(nearest.as_deref(), Some("web01"));
    assert_eq!(troubles.len(), 1);
    assert!(
        error
            .to_string()
            .contains("fake could not be asked: no answer within 2 s")
    );
    let scan = inventory.scan().await;
    assert_eq!((scan.found.len(), scan.troubles.len()), (1, 1));
    drop(hold);
}

#[tokio::test]
async fn a_slow_one_is_asked_where_the_others_do_not_know() {
    let folder = Folder::new();
    let slow = Fake {
        is_last_resort: true,
        ..Fake::telling(Ok(vec![found("late")]))
    };
    let asked = slow.asked.clone();
    let mut web = found("web01");
    web.uuid = Some(super::uuid(0x32));
    let mut held = found("held");
    held.uuid = Some(super::uuid(0x33));
    held.only_through = Some("libvirt");
    let inventory = inventory(&folder, vec![slow, Fake::telling(Ok(vec![web, held]))]);
    inventory.vm("web01").await.unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), 0);
    inventory.vm("late").await.unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    // Who alone could reach it may be among the slow ones.
    let error = inventory.vm("held").await.err().unwrap().to_string();
    assert!(error.contains("through libvirt only"), "{error}");
    assert_eq!(asked.load(Ordering::Relaxed), 2);
}

#[tokio::test]
async fn a_vm_that_is_shut_off_or_has_no_monitor_says_so() {
    let folder = Folder::new();
    let mut off = found("off");
    off.is_off = true;
    let bare = Found {
        qmp: None,
        uuid: None,
        obstacle: Some("it was started without a QMP monitor".to_owned()),
        ..found("bare")
    };
    let inventory = inventory(&folder, vec![Fake::telling(Ok(vec![off, bare]))]);
    let told = |error: Option<Error>| error.unwrap().to_string();
    assert_eq!(
        told(inventory.vm("off").await.err()),
        "off: the VM is shut off"
    );
    let bare = told(inventory.vm("bare").await.err());
    assert!(
        bare.starts_with("bare: it was started without a QMP monitor"),
        "{bare}"
    );
}

#[tokio::test]
async fn an_address_needs_no_search() {
    let folder = Folder::new();
    let (hanging, hold) = Fake::hanging();
    let asked = hanging.asked.clone();
    let inventory = inventory(&folder, vec![hanging]);
    inventory.vm("/run/web01.qmp").await.unwrap();
    inventory
        .vm("qmp=/run/a.qmp,agent=/run/a.qga")
        .await
        .unwrap();
    assert_eq!(asked.load(Ordering::Relaxed), 0);
    drop(hold);
}

//! qmpsh in this process: a session as `qmpsh eval` has it, and the VM layer below it.

use std::future::Future;
use std::io::sink;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use harness::Folder;
use qmpsh::client::Tap;
use qmpsh::inventory::Inventory;
use qmpsh::script::output::Output;
use qmpsh::script::{Ending, Session, Settings, Source};
use qmpsh::vm::{self, Fleet, Vm};

use crate::rounds::timed;

/// The built program, for whole processes and as the guardian of freezes.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_qmpsh");

/// A session with one VM, connected; the connections end with it.
pub(crate) struct Script {
    session: Session,
    target: String,
    // Dropped last: the records of freezes are there.
    _state: Folder,
}

impl Script {
    /// Runs `warm_up`, in which `v` is the VM, so that what is timed later finds its connections made.
    pub(crate) fn new(target: &str, tap: Option<Arc<dyn Tap>>, warm_up: &str) -> Self {
        let state = Folder::new();
        let mut vms = vm::Settings::new(state.path());
        vms.guardian = PROGRAM.into();
        vms.tap = tap;
        let settings = Settings {
            output: Output::to(Box::new(sink()), Box::new(sink())),
            inventory: Inventory::new(Fleet::new(vms), Vec::new()),
            ..Settings::default()
        };
        let mut script = Self {
            session: Session::new(settings).unwrap(),
            target: target.to_owned(),
            _state: state,
        };
        script.run(warm_up);
        script
    }

    /// How long a script takes, its thread and its compilation included.
    pub(crate) fn run(&mut self, script: &str) -> Duration {
        let text = format!("let v = vm({:?}); {script}", self.target);
        let source = Source::new("<bench>", text);
        let mut ending = None;
        let took = timed(|| ending = Some(self.session.run(&source)));
        let outcome = ending.unwrap();
        assert!(matches!(outcome.ending, Ending::Value(_)), "{outcome:?}");
        took
    }
}

/// The VM layer on a runtime such as scripts have; the connections end with it.
pub(crate) struct Layer {
    runtime: tokio::runtime::Runtime,
    /// The VM.
    pub(crate) vm: Vm,
}

impl Layer {
    /// Nothing is connected yet.
    pub(crate) fn new(target: &str) -> Self {
        let settings = vm::Settings::new(Path::new("/nonexistent"));
        Self {
            runtime: tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .unwrap(),
            vm: Vm::new(target.parse().unwrap(), Arc::new(settings)),
        }
    }

    /// Waits for what the VM is asked.
    pub(crate) fn wait<T>(&self, work: impl Future<Output = Result<T, vm::Error>>) -> T {
        self.runtime.block_on(work).unwrap()
    }
}

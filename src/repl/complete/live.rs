//! What VMs tell while somebody types. Whoever asks waits for 50 ms at most, however many VMs and things are asked for; what
//! is told later is known the next time. A VM that does not answer is asked one thing at a time, so that nothing piles up
//! before it.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::inventory::Found;
use crate::script::{self, Aside, Named, Told};
use crate::vm::glance::{Seen, Subject};

/// How long somebody who types waits.
const PATIENCE: Duration = Duration::from_millis(50);

/// How long it is believed what can be told to a VM, which is much to ask for and changes with its QEMU alone.
const COMMANDS: Duration = Duration::from_secs(20);

/// The most VMs, and the most of each, that are remembered.
const MOST_VMS: usize = 64;
const MOST_SUBJECTS: usize = 64;

/// What is known, and what is being asked.
pub struct Live {
    begun: Instant,
    vms: BTreeMap<String, OfVm>,
    around: Question<Vec<Found>>,
}

/// What is known of one VM.
#[derive(Default)]
struct OfVm {
    known: BTreeMap<Subject, (Instant, Seen)>,
    under_way: Option<(Subject, Aside<Option<Seen>>)>,
    /// When it was asked for what nobody waited for.
    prepared: Option<Instant>,
}

struct Question<T> {
    known: T,
    under_way: Option<Aside<T>>,
}

impl Default for Live {
    fn default() -> Self {
        Self {
            begun: Instant::now(),
            vms: BTreeMap::new(),
            around: Question {
                known: Vec::new(),
                under_way: None,
            },
        }
    }
}

impl Live {
    /// Somebody asks, and waits from now on.
    pub(in crate::repl) fn begin(&mut self) {
        self.begun = Instant::now();
    }

    fn left(&self) -> Duration {
        PATIENCE.saturating_sub(self.begun.elapsed())
    }

    /// What is known of a subject by the end of the wait.
    pub(in crate::repl) fn see(
        &mut self,
        script: &script::Session,
        vm: &Named,
        subject: &Subject,
    ) -> Option<Seen> {
        let (begun, patience) = (self.begun, || PATIENCE.saturating_sub(self.begun.elapsed()));
        if self.vms.len() >= MOST_VMS {
            self.vms.retain(|_, of_vm| of_vm.under_way.is_some());
        }
        let of_vm = self.vms.entry(key(vm)).or_default();
        // What came since the last time: it is not of now, unless it lasts.
        of_vm.hear(Duration::ZERO);
        if of_vm.is_fresh(subject, begun) {
            return of_vm.told(subject);
        }
        of_vm.hear(patience());
        if of_vm.under_way.is_none() && !of_vm.is_fresh(subject, begun) && !patience().is_zero() {
            if let Ok(aside) = script.glance(vm, subject) {
                of_vm.under_way = Some((subject.clone(), aside));
            }
            of_vm.hear(patience());
        }
        of_vm.told(subject)
    }

    /// What is known of a subject without asking.
    pub(in crate::repl) fn known(&mut self, vm: &Named, subject: &Subject) -> Option<Seen> {
        let of_vm = self.vms.get_mut(&key(vm))?;
        of_vm.hear(Duration::ZERO);
        of_vm.told(subject)
    }

    /// Asks for what is not known, and does not wait.
    pub(in crate::repl) fn prepare(
        &mut self,
        script: &script::Session,
        vm: &Named,
        subject: &Subject,
    ) {
        let of_vm = self.vms.entry(key(vm)).or_default();
        let is_asked = of_vm
            .prepared
            .is_some_and(|at: Instant| at.elapsed() < COMMANDS);
        if of_vm.under_way.is_none() && !of_vm.known.contains_key(subject) && !is_asked {
            // Not at each key, of a VM that does not tell.
            of_vm.prepared = Some(Instant::now());
            if let Ok(aside) = script.glance(vm, subject) {
                of_vm.under_way = Some((subject.clone(), aside));
            }
        }
    }

    /// The VMs that were found here, as far as they are known.
    pub(in crate::repl) fn known_around(&self) -> &[Found] {
        &self.around.known
    }

    /// The VMs that are found here.
    pub(in crate::repl) fn around(&mut self, script: &script::Session) -> &[Found] {
        self.around.hear(Duration::ZERO);
        if self.around.under_way.is_none() {
            self.around.under_way = script.look_around().ok();
        }
        let patience = self.left();
        self.around.hear(patience);
        &self.around.known
    }
}

impl<T> Question<T> {
    fn hear(&mut self, patience: Duration) {
        if let Some(aside) = &self.under_way {
            match aside.wait(patience) {
                Told::Now(told) => self.known = told,
                Told::Later => return,
                Told::Never => {}
            }
            self.under_way = None;
        }
    }
}

impl OfVm {
    /// Takes the answer that comes within that time.
    fn hear(&mut self, patience: Duration) {
        let Some((subject, aside)) = &self.under_way else {
            return;
        };
        match aside.wait(patience) {
            Told::Later => return,
            Told::Now(Some(seen)) => {
                if self.known.len() >= MOST_SUBJECTS {
                    self.known.clear();
                }
                self.known.insert(subject.clone(), (Instant::now(), seen));
            }
            // It could not be asked: what was known of it is all there is.
            Told::Now(None) | Told::Never => {}
        }
        self.under_way = None;
    }

    fn is_fresh(&self, subject: &Subject, begun: Instant) -> bool {
        let Some((at, seen)) = self.known.get(subject) else {
            return false;
        };
        match seen {
            Seen::Schema(_) | Seen::AgentCommands(_) => at.elapsed() < COMMANDS,
            Seen::Names(_) => *at >= begun,
        }
    }

    fn told(&self, subject: &Subject) -> Option<Seen> {
        self.known.get(subject).map(|(_, seen)| seen.clone())
    }
}

/// What tells VMs apart here.
fn key(vm: &Named) -> String {
    match vm {
        Named::Vm(vm) => format!("{:?} {:?}", vm.target().qmp(), vm.target().agent()),
        Named::Text(text) => text.clone(),
    }
}

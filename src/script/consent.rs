//! Asking whoever types before a destructive command is sent: once for a line, however many VMs it goes on to.

use std::collections::BTreeMap;
use std::future::ready;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use super::bridge::on_thread;
use super::run::current;
use crate::vm::consent::{Answer, Consent};
use crate::vm::harm::Harm;
use crate::wire::escape::escaped;

/// Puts a question to whoever types, and waits for a yes or a no.
pub type Ask = Arc<dyn Fn(&str) -> bool + Send + Sync>;

/// Whether what was typed is a yes; all else is none.
pub fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

/// Asks about what the lines of a session do; what runs otherwise is not asked about.
pub struct Asking(Ask);

impl Asking {
    /// Asks by `ask`, which may block.
    pub fn by(ask: Ask) -> Self {
        Self(ask)
    }
}

impl Consent for Asking {
    fn may(&self, vm: &str, harm: Harm) -> Answer {
        let Some(current) = current()
            .ok()
            .filter(|current| current.run().consents().are_asked())
        else {
            return Box::pin(ready(true));
        };
        let (run, ask, vm) = (current.run().clone(), self.0.clone(), vm.to_owned());
        let is_one_of_many = current.is_one_of_many();
        Box::pin(async move {
            let asked = on_thread("question", move || {
                run.consents().ask(&vm, &harm, is_one_of_many, &ask)
            });
            // Without a thread nobody was asked.
            asked.await.unwrap_or(false)
        })
    }
}

/// What was answered in a run.
#[derive(Default)]
pub(super) struct Consents {
    are_asked: AtomicBool,
    is_open: AtomicBool,
    /// By command: for which VMs, or for all.
    given: Mutex<BTreeMap<String, Given>>,
}

enum Given {
    To(Vec<String>),
    ToAll(bool),
}

impl Consents {
    /// From here on somebody is asked.
    pub(super) fn begin(&self) {
        self.are_asked.store(true, Ordering::Relaxed);
    }

    fn are_asked(&self) -> bool {
        self.are_asked.load(Ordering::Relaxed)
    }

    /// Whether a question waits for its answer just now.
    pub(super) fn is_asking(&self) -> bool {
        self.is_open.load(Ordering::Relaxed)
    }

    fn ask(&self, vm: &str, harm: &Harm, is_one_of_many: bool, ask: &Ask) -> bool {
        // Held while somebody thinks, so that others with the same question get the same answer.
        let mut given = self.given.lock().unwrap_or_else(PoisonError::into_inner);
        let others = match given.get(&harm.command) {
            Some(Given::ToAll(answer)) => return *answer,
            Some(Given::To(vms)) if vms.iter().any(|given| given == vm) => return true,
            Some(Given::To(vms)) => vms.as_slice(),
            None => &[],
        };
        let is_for_all = is_one_of_many || !others.is_empty();
        self.is_open.store(true, Ordering::Relaxed);
        let answer = ask(&question(vm, harm, is_for_all));
        self.is_open.store(false, Ordering::Relaxed);
        let command = harm.command.clone();
        if is_for_all {
            given.insert(command, Given::ToAll(answer));
        } else if answer {
            given.insert(command, Given::To(vec![vm.to_owned()]));
        }
        answer
    }
}

fn question(vm: &str, harm: &Harm, is_for_all: bool) -> String {
    let (command, vm) = (escaped(&harm.command), escaped(vm));
    let all = if is_for_all {
        "; a yes is for the line's other VMs too"
    } else {
        ""
    };
    format!("{command} on {vm}? {}{all} [y/N] ", harm.what)
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::{Ask, Consents};
    use crate::vm::harm::Harm;

    fn harm(command: &str) -> Harm {
        Harm {
            command: command.to_owned(),
            what: "this ends its QEMU",
        }
    }

    #[test]
    fn a_line_is_asked_about_once_and_told_whether_the_answer_is_for_others_too() {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let kept = asked.clone();
        let yes: Ask = Arc::new(move |question| {
            kept.lock().unwrap().push(question.to_owned());
            true
        });
        let consents = Consents::default();
        for vm in ["a", "a", "b", "c"] {
            assert!(consents.ask(vm, &harm("quit"), false, &yes));
        }
        for vm in ["a", "b"] {
            assert!(consents.ask(vm, &harm("system_reset"), true, &yes));
        }
        let asked = asked.lock().unwrap();
        let all = "; a yes is for the line's other VMs too [y/N] ";
        let expected = [
            "quit on a? this ends its QEMU [y/N] ".to_owned(),
            format!("quit on b? this ends its QEMU{all}"),
            format!("system_reset on a? this ends its QEMU{all}"),
        ];
        assert_eq!(*asked, expected);
    }

    #[test]
    fn a_no_is_for_one_unless_it_was_asked_for_all() {
        let count = Arc::new(Mutex::new(0));
        let counted = count.clone();
        let no: Ask = Arc::new(move |_| {
            *counted.lock().unwrap() += 1;
            false
        });
        let consents = Consents::default();
        assert!(!consents.ask("a", &harm("quit"), false, &no));
        assert!(!consents.ask("b", &harm("quit"), true, &no));
        assert!(!consents.ask("c", &harm("quit"), true, &no));
        assert_eq!(*count.lock().unwrap(), 2);
    }

    #[test]
    fn what_is_asked_acts_on_no_terminal() {
        let told = super::question("a\u{1b}[2J", &harm("device_del \n"), false);
        assert_eq!(
            told,
            "device_del \\n on a\\x1b[2J? this ends its QEMU [y/N] "
        );
    }
}

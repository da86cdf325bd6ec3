//! The events of VMs that a session tells beside the lines that are typed.

use super::Session;
use crate::report::Report;
use crate::script::bridge::Driven;
use crate::script::error::Ended;
use crate::script::outcome::Outcome;
use crate::script::run::Current;
use crate::vm::event::Filter;
use crate::vm::{Follow, Happening, Vm};

impl Session {
    /// Tells the events that pass one of the filters, or all, of the VMs that a word means, from now on and while somebody
    /// types. Waits for each VM as its first call does. Gives how the VMs are called; the outcome is of a failure, and then
    /// none is followed that was not before.
    pub fn follow(&mut self, word: &str, filters: &[Filter]) -> Result<Vec<String>, Box<Outcome>> {
        let reached = self.ask(|current| {
            let vms = current.vms(word)?;
            vms.into_iter()
                .map(|vm| reach(current, &vm, filters).map(|follow| (vm, follow)))
                .collect::<Result<Vec<_>, Ended>>()
        })?;
        let mut labels = Vec::new();
        for (vm, follow) in reached {
            self.following.begin(&vm, filters, follow);
            labels.push(vm.label().to_owned());
        }
        Ok(labels)
    }

    /// As [`Session::follow`] for one VM that is known.
    pub fn follow_vm(&mut self, vm: &Vm, filters: &[Filter]) -> Result<(), Box<Outcome>> {
        let follow = self.ask(|current| reach(current, vm, filters))?;
        self.following.begin(vm, filters, follow);
        Ok(())
    }

    /// Follows the VM of that name no longer, or none any more; gives how many were.
    pub fn unfollow(&mut self, label: Option<&str>) -> usize {
        self.following
            .end(|vm| label.is_none_or(|label| vm.label() == label))
    }

    /// The VMs that are followed, each with the names of the events that are told; none means all.
    pub fn followed(&self) -> Vec<(String, Vec<String>)> {
        self.following.list()
    }

    /// Sees to it that events are told while nobody runs a line, until the guard is dropped; also that the VM in use dies,
    /// where it is connected. None where there is nothing to follow.
    pub fn attend(&mut self, in_use: Option<&Vm>) -> Option<Driven> {
        self.following.attend(in_use)
    }
}

/// A VM as it is followed, once it was reached. Fails on a filter that lets no event of its QEMU through: whoever mistypes
/// one would wait for ever.
fn reach(current: &Current, vm: &Vm, filters: &[Filter]) -> Result<Follow, Ended> {
    current.ask(format_args!("events of {}", vm.label()), async {
        let mut follow = vm.follow();
        if let Happening::Gone(error) | Happening::Lost(error) = follow.next().await {
            return Err(Report::from(error));
        }
        vm.expect_events(filters).await?;
        Ok(follow)
    })
}

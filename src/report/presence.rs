//! How it is told that a VM which is followed goes, stays away, or comes back.

use super::{Kind, Report};
use crate::vm::Happening;
use crate::wire::escape::escaped;

/// Where a VM is, as far as it was told.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Presence {
    /// Nothing is known yet.
    #[default]
    Expected,
    /// It is followed.
    Here,
    /// Its monitor was lost.
    Lost,
    /// It stays away.
    Gone,
}

impl Presence {
    /// Takes note of what happened to the VM called `label`, and gives what is to be told of it.
    pub fn take(&mut self, label: &str, happening: &Happening) -> Option<Report> {
        let label = escaped(label);
        let before = *self;
        match happening {
            Happening::Event(_) => None,
            Happening::Dropped(count) => {
                let events = if *count == 1 {
                    "event was"
                } else {
                    "events were"
                };
                Some(Report::new(
                    Kind::Host,
                    format!(
                        "{label}: {count} {events} dropped: they came faster than they were read"
                    ),
                ))
            }
            Happening::Here => {
                *self = Self::Here;
                (before != Self::Expected).then(|| {
                    Report::new(
                        Kind::Gone,
                        format!(
                            "{label}: it is back, and followed again; what happened meanwhile is not known"
                        ),
                    )
                })
            }
            Happening::Lost(error) => {
                *self = Self::Lost;
                let mut report = Report::from(error);
                report
                    .message
                    .push_str("; it is followed again when it is back");
                report.hint = None;
                Some(report)
            }
            Happening::Gone(error) => {
                *self = Self::Gone;
                // That it was lost is told.
                (before != Self::Lost).then(|| Report::from(error))
            }
        }
    }
}

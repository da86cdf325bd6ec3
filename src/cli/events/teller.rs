//! Tells what happens to VMs, side by side: one that is silent, slow to answer or away delays no other.

use tokio::sync::mpsc::{Sender, channel};
use tokio::task::JoinSet;

use super::writer::{self, Lines};
use crate::cli::options::Options;
use crate::cli::told;
use crate::report::{Presence, Report};
use crate::vm::event::filter::{self, Filter};
use crate::vm::event::missing::missing;
use crate::vm::event::{Missing, Style};
use crate::vm::{Happening, Vm};
use crate::wire::escape::escaped;

/// How many happenings may wait to be told. What comes on top waits in the VMs' own queues, which are bounded and say
/// what they dropped.
const WAITING: usize = 64;

/// Why nothing more is told.
pub(super) enum Over {
    /// As many events as were wanted have come.
    Enough,
    /// No VM can be reached any more. The report is that of the last.
    AllGone(Box<Report>),
    /// Somebody waits for an event that is none.
    NoEvent(Box<Report>),
    /// Nobody reads any more, or the lines cannot be written.
    ReaderLeft,
}

/// Tells what happens to VMs.
pub(super) struct Teller {
    vms: Vec<Vm>,
    presence: Vec<Presence>,
    style: Style,
    lines: Lines,
    /// How many events are still wanted.
    left: Option<u64>,
    options: Options,
}

/// What is sent to be told.
enum News {
    Happening(Happening),
    /// This QEMU has no event for one of the filters.
    NoEvent(Missing),
}

impl Teller {
    pub(super) fn new(
        vms: Vec<Vm>,
        style: Style,
        lines: Lines,
        left: Option<u64>,
        options: Options,
    ) -> Self {
        Self {
            presence: vec![Presence::Expected; vms.len()],
            vms,
            style,
            lines,
            left,
            options,
        }
    }

    /// Tells what happens until it is over. May be dropped at any time.
    pub(super) async fn tell_all(mut self, filters: Vec<Filter>) -> Over {
        let (sender, mut news) = channel(WAITING);
        // The followers end with this.
        let mut followers = JoinSet::new();
        for (index, vm) in self.vms.iter().enumerate() {
            followers.spawn(follow(index, vm.clone(), filters.clone(), sender.clone()));
        }
        drop(sender);
        let mut reader_left = std::pin::pin!(writer::reader_left());
        loop {
            let next = tokio::select! {
                biased;
                () = &mut reader_left => None,
                next = news.recv() => next,
            };
            let over = match next {
                Some((index, News::Happening(happening))) => self.tell(index, happening).await,
                Some((index, News::NoEvent(missing))) => self.no_event(index, &missing).await,
                None => Some(Over::ReaderLeft),
            };
            if let Some(over) = over {
                return over;
            }
        }
    }

    async fn tell(&mut self, index: usize, happening: Happening) -> Option<Over> {
        let label = self.vms[index].label();
        let told = self.presence[index].take(label, &happening);
        let sent = match (happening, told) {
            (Happening::Event(event), _) => {
                let sent = self.lines.result(self.style.line(label, &event)).await;
                if let Some(left) = &mut self.left {
                    *left -= 1;
                    if *left == 0 {
                        return Some(Over::Enough);
                    }
                }
                sent
            }
            (Happening::Gone(error), _)
                if self.presence.iter().all(|one| *one == Presence::Gone) =>
            {
                return Some(Over::AllGone(Box::new(Report::from(error))));
            }
            (_, Some(report)) => self.warn(report).await,
            (_, None) => return None,
        };
        sent.err().map(|_| Over::ReaderLeft)
    }

    /// A filter that lets nothing through ends it all, unless it may do so with another VM, whose QEMU is another one.
    async fn no_event(&mut self, index: usize, missing: &Missing) -> Option<Over> {
        let report = Report::of_missing(&escaped(self.vms[index].label()), missing);
        if missing.versions.is_empty() || self.vms.len() == 1 {
            return Some(Over::NoEvent(Box::new(report)));
        }
        let sent = self.warn(report).await;
        sent.err().map(|_| Over::ReaderLeft)
    }

    async fn warn(&self, report: Report) -> Result<(), writer::Ended> {
        self.lines
            .message(told::warning(&report, &self.options))
            .await
    }
}

/// Sends what happens to a VM, with the events that pass a filter.
async fn follow(index: usize, vm: Vm, filters: Vec<Filter>, news: Sender<(usize, News)>) {
    let mut follow = vm.follow();
    // Ends with this.
    let mut checker = JoinSet::new();
    let mut is_checked = filters.is_empty();
    loop {
        let next = follow.next().await;
        match &next {
            Happening::Event(event) if !filter::passes(&filters, &event.name) => continue,
            // Not before: what comes while the schema is read would find nobody who listens.
            Happening::Here if !is_checked => {
                checker.spawn(check(index, vm.clone(), filters.clone(), news.clone()));
                is_checked = true;
            }
            _ => {}
        }
        if news.send((index, News::Happening(next))).await.is_err() {
            return;
        }
    }
}

/// Sends the filters that let no event of this VM's QEMU through: whoever mistypes one would wait for ever.
async fn check(index: usize, vm: Vm, filters: Vec<Filter>, news: Sender<(usize, News)>) {
    // Whether it can be asked at all is told by the one who follows it.
    let Ok(Some(schema)) = vm.schema().await else {
        return;
    };
    for one in missing(&filters, &schema) {
        // Nobody may listen any more.
        let _ = news.send((index, News::NoEvent(one))).await;
    }
}

//! All providers asked side by side.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};
use tokio::time::{Instant, timeout_at};

use super::found::Found;
use crate::duration::show;

/// How long a provider may take: a hung one (a stuck file system, a daemon that does not answer) is given up.
pub(super) const DEADLINE: Duration = Duration::from_secs(2);

/// How long the others may still take once one has told what was looked for.
pub(super) const GRACE: Duration = Duration::from_millis(500);

/// One way to find VMs.
pub trait Provider: Send + Sync + 'static {
    /// The word that the configuration and `qmpsh ls` use for it.
    fn name(&self) -> &'static str;

    /// The VMs that it sees now, without connecting to any. Blocks; it is called on a thread of its own and given up at
    /// the deadline. Fails with what is wrong as a whole; one VM that cannot be read is left out or told without
    /// what is unknown.
    fn find(&self) -> Result<Vec<Found>, String>;

    /// Whether it is slow and sees nothing of this host that faster ones do not see too: a name is looked for without
    /// it first. True of a local libvirt, which a program has to be started for and whose VMs are processes here.
    fn is_last_resort(&self) -> bool {
        false
    }
}

/// What all providers saw.
#[derive(Clone, Debug, Default)]
pub struct Scan {
    /// The VMs, each once.
    pub found: Vec<Found>,
    /// The providers that failed or were given up.
    pub troubles: Vec<Trouble>,
}

/// A provider that could not tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// The provider.
    pub provider: &'static str,
    /// Why.
    pub why: String,
}

/// Asks all `providers`, and gives up on those that have not answered within `patience`; once `is_enough` of what was
/// found so far, the others have [`GRACE`] left. What is found is in the order of the providers, and a VM in it as often
/// as it was seen.
pub(super) async fn run(
    providers: &[Arc<dyn Provider>],
    patience: Duration,
    is_enough: impl Fn(&[Found]) -> bool,
) -> Scan {
    let mut patience = patience;
    let mut is_cut = is_enough(&[]);
    if is_cut {
        patience = GRACE;
    }
    let mut until = Instant::now() + patience;
    let (told, mut answers) = unbounded_channel();
    for (index, provider) in providers.iter().enumerate() {
        ask(index, provider, told.clone());
    }
    drop(told);
    let mut known: Vec<Option<Result<Vec<Found>, String>>> = vec![None; providers.len()];
    // What is said of those that have told nothing.
    let silent = loop {
        match timeout_at(until, answers.recv()).await {
            Ok(Some((index, answer))) => known[index] = Some(answer),
            // The senders are gone: who has not told has panicked, or got no thread.
            Ok(None) => break "it failed within qmpsh".to_owned(),
            Err(_) => break format!("no answer within {}", show(patience)),
        }
        if !is_cut && known.contains(&None) {
            let found = known.iter().flatten().flatten().flatten().cloned();
            if is_enough(&found.collect::<Vec<_>>()) {
                is_cut = true;
                patience = GRACE;
                until = until.min(Instant::now() + patience);
            }
        }
    };
    let mut scan = Scan::default();
    for (provider, answer) in providers.iter().zip(known) {
        match answer.unwrap_or_else(|| Err(silent.clone())) {
            Ok(found) => scan.found.extend(found),
            Err(why) => scan.troubles.push(Trouble {
                provider: provider.name(),
                why,
            }),
        }
    }
    scan
}

type Answer = (usize, Result<Vec<Found>, String>);

/// Asks one provider on a thread of its own, which is left to itself when nobody waits any more.
fn ask(index: usize, provider: &Arc<dyn Provider>, told: UnboundedSender<Answer>) {
    let provider = Arc::clone(provider);
    let thread = thread::Builder::new().name(provider.name().to_owned());
    // Without a thread, or with nobody who listens, there is nothing to be done.
    let _ = thread.spawn(move || drop(told.send((index, provider.find()))));
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    use super::{DEADLINE, Found, Provider, run};

    /// A provider that tells when it is let, and otherwise as it is told.
    struct Fake {
        let_go: Option<Mutex<Receiver<()>>>,
        answer: Result<Vec<Found>, String>,
    }

    impl Provider for Fake {
        fn name(&self) -> &'static str {
            "fake"
        }

        fn find(&self) -> Result<Vec<Found>, String> {
            if let Some(let_go) = &self.let_go {
                let _ = let_go.lock().unwrap().recv();
            }
            assert_ne!(self.answer, Err("panic".to_owned()), "as asked for");
            self.answer.clone()
        }
    }

    fn provider(answer: Result<Vec<Found>, &str>) -> Arc<dyn Provider> {
        Arc::new(Fake {
            let_go: None,
            answer: answer.map_err(str::to_owned),
        })
    }

    #[expect(clippy::unnecessary_wraps, reason = "it is what a provider answers")]
    fn one() -> Result<Vec<Found>, &'static str> {
        Ok(vec![Found::new("fake")])
    }

    #[tokio::test]
    async fn one_that_hangs_is_told_and_delays_the_others_to_the_deadline_only() {
        let (hold, let_go) = channel();
        let hung = Arc::new(Fake {
            let_go: Some(Mutex::new(let_go)),
            answer: Ok(Vec::new()),
        });
        let providers = [provider(one()), hung, provider(one())];
        let scan = run(&providers, Duration::from_millis(200), |_| false).await;
        assert_eq!(scan.found.len(), 2);
        let [trouble] = &scan.troubles[..] else {
            panic!("{:?}", scan.troubles);
        };
        assert_eq!(trouble.why, "no answer within 200 ms");
        // Once there is enough, not even to the deadline, which is an hour here.
        let patience = Duration::from_secs(3600);
        let scan = run(&providers, patience, |found| found.len() == 2).await;
        assert_eq!(scan.found.len(), 2);
        assert_eq!(scan.troubles[0].why, "no answer within 500 ms");
        drop(hold);
    }

    #[tokio::test]
    async fn one_that_fails_or_panics_hides_no_other() {
        let providers = [
            provider(Err("broken")),
            provider(one()),
            provider(Err("panic")),
        ];
        let scan = run(&providers, DEADLINE, |_| false).await;
        assert_eq!(scan.found.len(), 1);
        let whys: Vec<&str> = scan
            .troubles
            .iter()
            .map(|trouble| trouble.why.as_str())
            .collect();
        assert_eq!(whys, ["broken", "it failed within qmpsh"]);
    }
}

//! All providers asked side by side.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::{Instant, timeout_at};

use super::found::Found;

/// How long a provider may take: a hung one (a stuck file system, a daemon that does not answer) is given up.
pub(super) const DEADLINE: Duration = Duration::from_secs(2);

/// One way to find VMs.
pub trait Provider: Send + Sync + 'static {
    /// The word that the configuration and `qmpsh ls` use for it.
    fn name(&self) -> &'static str;

    /// The VMs that it sees now, without connecting to any. Blocks; it is called on a thread of its own and given up at
    /// the deadline. Fails with what is wrong as a whole; one VM that cannot be read is left out or told without
    /// what is unknown.
    fn find(&self) -> Result<Vec<Found>, String>;
}

/// What all providers saw.
#[derive(Clone, Debug, Default)]
pub struct Scan {
    /// The VMs, in the order of the providers.
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

/// Asks all `providers`, and gives up on those that have not answered within `patience`.
pub(super) async fn run(providers: &[Arc<dyn Provider>], patience: Duration) -> Scan {
    let until = Instant::now() + patience;
    let asked: Vec<_> = providers.iter().map(ask).collect();
    let mut scan = Scan::default();
    for (provider, answer) in providers.iter().zip(asked) {
        let told = match timeout_at(until, answer).await {
            Ok(Ok(told)) => told,
            Ok(Err(_)) => Err("it failed within qmpsh".to_owned()),
            Err(_) => Err(format!("no answer within {} s", patience.as_secs())),
        };
        match told {
            Ok(mut found) => scan.found.append(&mut found),
            Err(why) => scan.troubles.push(Trouble {
                provider: provider.name(),
                why,
            }),
        }
    }
    scan
}

/// Asks one provider on a thread of its own, which is left to itself when nobody waits any more.
fn ask(provider: &Arc<dyn Provider>) -> oneshot::Receiver<Result<Vec<Found>, String>> {
    let (done, answer) = oneshot::channel();
    let provider = Arc::clone(provider);
    let thread = thread::Builder::new().name(provider.name().to_owned());
    // Without a thread, the dropped sender tells.
    let _ = thread.spawn(move || done.send(provider.find()));
    answer
}

//! Rounds in which the contenders take turns, and what is quoted of them.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// How long each of the contenders took in each round.
pub(crate) struct Rounds(Vec<Vec<Duration>>);

/// Takes a turn and tells how long the part of it took that counts.
pub(crate) type Contender<'a> = Box<dyn FnMut() -> Duration + 'a>;

/// The middle and the quartiles of the rounds' ratios.
#[derive(Clone, Copy)]
pub(crate) struct Ratio {
    pub(crate) median: f64,
    pub(crate) quartiles: [f64; 2],
}

/// Rounds that are taken even if they take longer than [`ENOUGH`].
const LEAST: usize = 3;
/// When a comparison begins no more rounds.
const ENOUGH: Duration = Duration::from_secs(20);

/// Lets the contenders take turns, in at most so many rounds. Every second one goes backwards, so that none profits from
/// its place. One round before the first is not counted.
pub(crate) fn in_turn(most: usize, mut contenders: Vec<Contender<'_>>) -> Rounds {
    let begun = Instant::now();
    let mut rounds = Vec::new();
    while rounds.len() <= most && (rounds.len() <= LEAST || begun.elapsed() < ENOUGH) {
        let mut round: Vec<Duration> = contenders.iter_mut().map(|turn| turn()).collect();
        if rounds.len() % 2 == 1 {
            round.reverse();
        }
        contenders.reverse();
        rounds.push(round);
    }
    rounds.remove(0);
    Rounds(rounds)
}

/// How long `work` takes.
pub(crate) fn timed(work: impl FnOnce()) -> Duration {
    let begun = Instant::now();
    work();
    begun.elapsed()
}

/// How long a process takes that must succeed.
pub(crate) fn whole(command: &mut Command) -> Duration {
    command.stdout(Stdio::null()).stderr(Stdio::null());
    let mut status = None;
    let took = timed(|| status = Some(command.status().unwrap()));
    assert!(status.unwrap().success(), "{command:?}: {status:?}");
    took
}

impl Rounds {
    /// The median time of one contender.
    pub(crate) fn median(&self, contender: usize) -> Duration {
        let mut times: Vec<Duration> = self.0.iter().map(|round| round[contender]).collect();
        times.sort();
        times[times.len() / 2]
    }

    /// The time of one contender to that of another in the same round.
    pub(crate) fn ratio(&self, contender: usize, to: usize) -> Ratio {
        let ratio =
            |round: &Vec<Duration>| round[contender].as_secs_f64() / round[to].as_secs_f64();
        let mut ratios: Vec<f64> = self.0.iter().map(ratio).collect();
        ratios.sort_by(f64::total_cmp);
        let last = ratios.len() - 1;
        Ratio {
            median: ratios[ratios.len() / 2],
            quartiles: [ratios[last / 4], ratios[last - last / 4]],
        }
    }
}

impl Ratio {
    /// The ratio of what each gets done in a time, rather than of the times.
    pub(crate) fn of_throughput(self) -> Self {
        let [low, high] = self.quartiles;
        Self {
            median: 1.0 / self.median,
            quartiles: [1.0 / high, 1.0 / low],
        }
    }
}

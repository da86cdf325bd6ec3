//! The table: what was measured, next to the floor or a peer, and whether it is as good as promised.

use std::fmt;
use std::time::Duration;

use crate::rounds::Ratio;

/// One thing measured.
#[derive(Clone, Copy)]
pub(crate) enum Quantity {
    /// How long it takes.
    Time(Duration),
    /// Bytes, and how long they take.
    Rate(u64, Duration),
    /// Bytes of memory.
    Memory(u64),
}

/// What was promised.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    /// The ratio to the floor, or to the peer.
    RatioAtMost(f64),
    /// The same of throughput.
    RatioAtLeast(f64),
    /// The time itself.
    TimeAtMost(Duration),
    /// The memory itself, in bytes.
    MemoryAtMost(u64),
}

struct Row {
    what: String,
    floor: Option<Quantity>,
    measured: Quantity,
    ratio: Option<Ratio>,
    target: Option<Target>,
}

/// All that was measured, and what could not be.
#[derive(Default)]
pub(crate) struct Table {
    rows: Vec<Row>,
    notes: Vec<String>,
}

impl Table {
    /// Adds a comparison with the floor or a peer.
    pub(crate) fn compare(
        &mut self,
        what: impl Into<String>,
        floor: Quantity,
        measured: Quantity,
        ratio: Ratio,
        target: Option<Target>,
    ) {
        self.rows.push(Row {
            what: what.into(),
            floor: Some(floor),
            measured,
            ratio: Some(ratio),
            target,
        });
    }

    /// Adds something that has nothing to be compared with.
    pub(crate) fn alone(
        &mut self,
        what: impl Into<String>,
        measured: Quantity,
        target: Option<Target>,
    ) {
        self.rows.push(Row {
            what: what.into(),
            floor: None,
            measured,
            ratio: None,
            target,
        });
    }

    /// Adds a line below the table.
    pub(crate) fn note(&mut self, note: impl Into<String>) {
        self.notes.push(note.into());
    }
}

impl Row {
    /// Whether the target was met, if there is one.
    fn is_met(&self) -> Option<bool> {
        let ratio = self.ratio.map(|ratio| ratio.median);
        Some(match (self.target?, self.measured) {
            (Target::RatioAtMost(most), _) => ratio? <= most,
            (Target::RatioAtLeast(least), _) => ratio? >= least,
            (Target::TimeAtMost(most), Quantity::Time(time)) => time <= most,
            (Target::MemoryAtMost(most), Quantity::Memory(bytes)) => bytes <= most,
            (Target::TimeAtMost(_) | Target::MemoryAtMost(_), _) => return None,
        })
    }

    fn cells(&self) -> [String; 6] {
        let verdict = match self.is_met() {
            Some(true) => "met",
            Some(false) => "MISSED",
            None => "",
        };
        [
            self.what.clone(),
            self.floor
                .map_or_else(String::new, |floor| floor.to_string()),
            self.measured.to_string(),
            self.ratio
                .map_or_else(String::new, |ratio| ratio.to_string()),
            self.target
                .map_or_else(String::new, |target| target.to_string()),
            verdict.to_owned(),
        ]
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = ["", "floor", "measured", "ratio (quartiles)", "target", ""];
        let mut lines = vec![head.map(str::to_owned)];
        lines.extend(self.rows.iter().map(Row::cells));
        let width = |column: usize| {
            lines
                .iter()
                .map(|line| line[column].chars().count())
                .max()
                .unwrap_or(0)
        };
        let widths: [usize; 6] = std::array::from_fn(width);
        for [what, floor, measured, ratio, target, verdict] in &lines {
            let line = format!(
                "{what:0$}  {floor:>1$}  {measured:>2$}  {ratio:<3$}  {target:<4$}  {verdict}",
                widths[0], widths[1], widths[2], widths[3], widths[4]
            );
            writeln!(f, "{}", line.trim_end())?;
        }
        for note in &self.notes {
            writeln!(f, "{note}")?;
        }
        let missed = self
            .rows
            .iter()
            .filter(|row| row.is_met() == Some(false))
            .count();
        match missed {
            0 => write!(f, "every target is met"),
            1 => write!(f, "1 target is MISSED"),
            more => write!(f, "{more} targets are MISSED"),
        }
    }
}

impl fmt::Display for Quantity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Time(time) if *time < Duration::from_millis(1) => {
                write!(f, "{:.1} µs", time.as_secs_f64() * 1e6)
            }
            Self::Time(time) => write!(f, "{:.2} ms", time.as_secs_f64() * 1e3),
            #[expect(clippy::cast_precision_loss, reason = "three digits are shown")]
            Self::Rate(bytes, time) => {
                write!(f, "{:.1} MB/s", *bytes as f64 / 1e6 / time.as_secs_f64())
            }
            Self::Memory(bytes) => write!(f, "{} KiB", bytes >> 10),
        }
    }
}

impl fmt::Display for Ratio {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [low, high] = self.quartiles;
        write!(f, "{:.3} ({low:.3}-{high:.3})", self.median)
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RatioAtMost(most) => write!(f, "<= {most:.2}"),
            Self::RatioAtLeast(least) => write!(f, ">= {least:.2}"),
            Self::TimeAtMost(most) => write!(f, "<= {} ms", most.as_millis()),
            Self::MemoryAtMost(most) => write!(f, "<= {} KiB", most >> 10),
        }
    }
}

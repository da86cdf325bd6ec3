//! The table of the proof, steps by causes: how often each was tried, and how many guests were left frozen.

use std::collections::BTreeMap;
use std::fmt;

use super::{Stage, Step};

/// What was tried, and how it ended.
#[derive(Default)]
pub(super) struct Table {
    /// By cause and step: tried, left frozen.
    cells: BTreeMap<(String, usize), (u32, u32)>,
}

impl Table {
    /// Runs one case, which tells whether the guest was thawed; the next one gets another guest if not.
    pub(super) fn try_on(
        &mut self,
        stage: &mut Stage,
        cause: &str,
        step: Step,
        attempt: impl FnOnce(&Stage) -> bool,
    ) {
        let thawed = attempt(stage);
        if !thawed {
            *stage = Stage::new();
        }
        let cell = self.cells.entry((cause.to_owned(), step as usize));
        let (tried, left) = cell.or_default();
        *tried += 1;
        *left += u32::from(!thawed);
    }

    /// Takes over the cases of another table.
    pub(super) fn add(&mut self, other: Self) {
        for (key, (tried, left)) in other.cells {
            let cell = self.cells.entry(key).or_default();
            cell.0 += tried;
            cell.1 += left;
        }
    }

    /// How many guests were left frozen.
    pub(super) fn left_frozen(&self) -> u32 {
        self.cells.values().map(|(_, left)| left).sum()
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut causes: Vec<&str> = self.cells.keys().map(|(cause, _)| &**cause).collect();
        causes.dedup();
        write!(f, "| {:18} |", "tried / left frozen")?;
        for cause in &causes {
            write!(f, " {cause} |")?;
        }
        write!(f, "\n| --- |{}", " --- |".repeat(causes.len()))?;
        for step in Step::ALL {
            write!(f, "\n| {step:18} |")?;
            for cause in &causes {
                let key = ((*cause).to_owned(), step as usize);
                let (tried, left) = self.cells.get(&key).copied().unwrap_or_default();
                write!(f, " {tried} / {left} |")?;
            }
        }
        Ok(())
    }
}

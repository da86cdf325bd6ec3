//! What `:top` shows: rates between two looks, and how they were before.

use std::collections::{BTreeMap, VecDeque};

use crate::script::table;
use crate::vm::load::{Disk, Load};
use crate::wire::escape::escaped;

/// How many rates are kept.
const KEPT: usize = 120;

/// In nanoseconds.
const SECOND: u128 = 1_000_000_000;

/// The blanks between two columns of a table.
const GAP: usize = 2;

/// The least and the most of a disk's name that is shown.
const MIN_NAME: usize = 4;
const MAX_NAME: usize = 24;

/// How high a value stands in a line of them.
const BARS: [char; 8] = ['▁', '▂', '▃', '▄', '▅', '▆', '▇', '█'];

/// The last looks at a VM.
pub(super) struct Board {
    name: String,
    last: Option<Load>,
    /// The processors' use of late, all together, in hundredths of one.
    all: VecDeque<u64>,
    cpus: BTreeMap<u64, VecDeque<u64>>,
    disks: BTreeMap<String, Rates>,
}

/// A disk's rates each second.
#[derive(Clone, Default)]
struct Rates {
    read: u64,
    written: u64,
    reads: u64,
    writes: u64,
    /// The bytes of late.
    bytes: VecDeque<u64>,
}

impl Board {
    pub(super) fn new(name: String) -> Self {
        Self {
            name,
            last: None,
            all: VecDeque::new(),
            cpus: BTreeMap::new(),
            disks: BTreeMap::new(),
        }
    }

    /// Takes note of a look.
    pub(super) fn take(&mut self, load: Load) {
        if let Some(last) = self.last.take() {
            let time = load.at.saturating_duration_since(last.at).as_nanos();
            if time > 0 {
                self.reckon(&last, &load, time);
            }
        }
        self.last = Some(load);
    }

    /// Reckons what was used in so many nanoseconds.
    fn reckon(&mut self, last: &Load, load: &Load, time: u128) {
        let each =
            |count: u128, times: u128| u64::try_from(count * times / time).unwrap_or(u64::MAX);
        let mut sum = None;
        for cpu in &load.cpus {
            let before = last.cpus.iter().find(|one| one.index == cpu.index);
            let Some((before, busy)) = before.and_then(|one| one.busy).zip(cpu.busy) else {
                continue;
            };
            let percent = each(busy.saturating_sub(before).as_nanos(), 100);
            keep(self.cpus.entry(cpu.index).or_default(), percent);
            *sum.get_or_insert(0) += percent;
        }
        if let Some(sum) = sum {
            keep(&mut self.all, sum);
        }
        for disk in &load.disks {
            let Some(before) = last.disks.iter().find(|one| one.name == disk.name) else {
                continue;
            };
            let rate =
                |of: fn(&Disk) -> u64| each(of(disk).saturating_sub(of(before)).into(), SECOND);
            let rates = self.disks.entry(disk.name.clone()).or_default();
            rates.read = rate(|disk| disk.read_bytes);
            rates.written = rate(|disk| disk.written_bytes);
            rates.reads = rate(|disk| disk.reads);
            rates.writes = rate(|disk| disk.writes);
            let bytes = rates.read.saturating_add(rates.written);
            keep(&mut rates.bytes, bytes);
        }
    }

    /// Lines for so many columns, and no more than so many.
    pub(super) fn lines(&self, columns: usize, rows: usize) -> Vec<String> {
        let Some(load) = &self.last else {
            return Vec::new();
        };
        let mut lines = vec![
            format!("{}  {}", escaped(&self.name), escaped(&load.status)),
            memory(load),
            String::new(),
        ];
        lines.extend(self.of_disks(load, columns));
        lines.push(String::new());
        lines.extend(self.of_cpus(load, columns));
        if lines.len() > rows {
            let more = lines.len() - rows.saturating_sub(1);
            lines.truncate(rows.saturating_sub(1));
            lines.push(format!("... {more} more lines"));
        }
        lines
    }

    fn of_cpus(&self, load: &Load, columns: usize) -> Vec<String> {
        if load.cpus.is_empty() {
            return vec!["no vCPUs".to_owned()];
        }
        if load.cpus.iter().all(|cpu| cpu.busy.is_none()) {
            let count = load.cpus.len();
            return vec![format!(
                "{count} vCPUs, whose threads cannot be seen from here"
            )];
        }
        let most = 100 * load.cpus.len() as u64;
        let mut lines = Vec::new();
        if load.cpus.len() > 1 {
            lines.push(of_cpu("vCPUs", &self.all, most, columns));
        }
        for cpu in &load.cpus {
            if let Some(rates) = self.cpus.get(&cpu.index) {
                lines.push(of_cpu(&format!("vCPU {}", cpu.index), rates, 100, columns));
            }
        }
        lines
    }

    fn of_disks(&self, load: &Load, columns: usize) -> Vec<String> {
        if load.disks.is_empty() {
            return vec!["no disks".to_owned()];
        }
        let head = ["DISK", "READ/S", "WRITTEN/S", "READS/S", "WRITES/S", ""];
        let mut rows = vec![head.map(str::to_owned).to_vec()];
        for disk in &load.disks {
            let rates = self.disks.get(&disk.name).cloned().unwrap_or_default();
            rows.push(vec![
                escaped(&disk.name).into_owned(),
                size(rates.read),
                size(rates.written),
                rates.reads.to_string(),
                rates.writes.to_string(),
            ]);
        }
        let width = |rows: &[Vec<String>], column: usize| {
            let cells = rows.iter().filter_map(|row| row.get(column));
            cells.map(|cell| cell.chars().count()).max().unwrap_or(0)
        };
        // The rates come before the names, and both before the bars.
        let rates: usize = (1..5).map(|column| GAP + width(&rows, column)).sum();
        let names = columns.saturating_sub(rates).clamp(MIN_NAME, MAX_NAME);
        for row in &mut rows {
            cut(&mut row[0], names);
        }
        let taken = width(&rows, 0) + rates + GAP;
        let room = columns.saturating_sub(taken).min(KEPT);
        for (row, disk) in rows.iter_mut().skip(1).zip(&load.disks) {
            let bytes = self.disks.get(&disk.name).map(|rates| &rates.bytes);
            let most = bytes
                .and_then(|bytes| bytes.iter().max().copied())
                .unwrap_or(0);
            row.push(bytes.map_or_else(String::new, |bytes| bars(bytes, most, room)));
        }
        table::lines(&rows)
    }
}

fn memory(load: &Load) -> String {
    let memory = &load.memory;
    let parts = [
        memory.size.map(|bytes| format!("memory {}", size(bytes))),
        memory
            .balloon
            .map(|bytes| format!("the balloon leaves {}", size(bytes))),
        memory
            .resident
            .map(|bytes| format!("{} of this host in use", size(bytes))),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    parts.join(", ")
}

fn of_cpu(name: &str, rates: &VecDeque<u64>, most: u64, columns: usize) -> String {
    let now = rates.back().copied().unwrap_or(0);
    let room = columns.saturating_sub(20).min(KEPT);
    format!("{name:9} {now:4} %  {}", bars(rates, most, room))
}

fn keep(rates: &mut VecDeque<u64>, rate: u64) {
    if rates.len() == KEPT {
        rates.pop_front();
    }
    rates.push_back(rate);
}

/// The newest rates that there is room for, as bars of which `most` is the highest.
fn bars(rates: &VecDeque<u64>, most: u64, room: usize) -> String {
    let bar = |rate: &u64| {
        // Rounded, in hundredths so that nothing is lost.
        let height = rate.saturating_mul(700).checked_div(most).unwrap_or(0);
        let index = usize::try_from((height + 50) / 100).unwrap_or(usize::MAX);
        BARS[index.min(BARS.len() - 1)]
    };
    rates
        .iter()
        .skip(rates.len().saturating_sub(room))
        .map(bar)
        .collect()
}

/// Cuts a name to so many characters, and shows that.
fn cut(name: &mut String, most: usize) {
    if name.chars().count() > most {
        *name = name.chars().take(most - 1).chain(['…']).collect();
    }
}

/// Bytes for people.
fn size(bytes: u64) -> String {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let unit = usize::try_from(bytes.max(1).ilog2() / 10).unwrap_or(0);
    let one = 1 << (10 * unit);
    let (whole, tenths) = (bytes / one, bytes % one * 10 / one);
    if unit == 0 || whole >= 100 {
        format!("{whole} {}", units[unit])
    } else {
        format!("{whole}.{tenths} {}", units[unit])
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Board, bars, size};
    use crate::vm::load::{Cpu, Disk, Load, Memory};

    fn load(at: Instant, busy: &[Option<u64>], read: u64) -> Load {
        let cpu = |(index, busy): (usize, &Option<u64>)| Cpu {
            index: index as u64,
            busy: busy.map(Duration::from_millis),
        };
        Load {
            at,
            status: "running".into(),
            cpus: busy.iter().enumerate().map(cpu).collect(),
            disks: vec![Disk {
                name: "disk\u{1b}0".into(),
                read_bytes: read,
                written_bytes: 0,
                reads: read / 4096,
                writes: 0,
            }],
            memory: Memory {
                size: Some(1 << 30),
                balloon: None,
                resident: Some(300 << 20),
            },
        }
    }

    #[test]
    fn rates_are_of_the_time_between_two_looks() {
        let mut board = Board::new("web01".into());
        let now = Instant::now();
        board.take(load(now, &[Some(1000), Some(0)], 0));
        board.take(load(
            now + Duration::from_secs(2),
            &[Some(2000), Some(0)],
            8 << 20,
        ));
        let lines = board.lines(80, 24);
        let expected = [
            "web01  running",
            "memory 1.0 GiB, 300 MiB of this host in use",
            "",
            "DISK       READ/S   WRITTEN/S  READS/S  WRITES/S",
            "disk\\x1b0  4.0 MiB  0 B        1024     0         █",
            "",
            "vCPUs       50 %  ▃",
            "vCPU 0      50 %  ▅",
            "vCPU 1       0 %  ▁",
        ];
        assert_eq!(lines, expected);
        assert_eq!(board.lines(80, 5).last().unwrap(), "... 5 more lines");
    }

    #[test]
    fn long_names_leave_room_for_the_rates() {
        let mut board = Board::new("web01".into());
        let now = Instant::now();
        for (seconds, read) in [(0, 0), (1, 1000 << 10)] {
            let mut load = load(now + Duration::from_secs(seconds), &[], read);
            load.disks[0].name = "a-disk-with-a-name-that-is-rather-long".into();
            board.take(load);
        }
        for (columns, expected) in [
            (
                80,
                "a-disk-with-a-name-that…  1000 KiB  0 B        250      0         █",
            ),
            (60, "a-disk-with-a-name-…  1000 KiB  0 B        250      0"),
        ] {
            let lines = board.lines(columns, 24);
            assert_eq!(lines[4], expected);
            assert!(lines[3].ends_with("WRITES/S"), "{lines:#?}");
            for line in lines {
                assert!(line.chars().count() <= columns, "{line}");
            }
        }
    }

    #[test]
    fn a_vm_whose_threads_cannot_be_seen_says_so() {
        let mut board = Board::new("web01".into());
        board.take(load(Instant::now(), &[None, None], 0));
        let lines = board.lines(80, 24);
        assert_eq!(
            lines.last().unwrap(),
            "2 vCPUs, whose threads cannot be seen from here"
        );
    }

    #[test]
    fn bars_are_the_newest_that_there_is_room_for() {
        let rates = [100, 0, 50, 100].into();
        assert_eq!(bars(&rates, 100, 3), "▁▅█");
        assert_eq!(bars(&rates, 0, 9), "▁▁▁▁");
    }

    #[test]
    fn sizes_have_a_unit() {
        for (bytes, shown) in [
            (0, "0 B"),
            (1536, "1.5 KiB"),
            (314_572_800, "300 MiB"),
            (u64::MAX, "15.9 EiB"),
        ] {
            assert_eq!(size(bytes), shown);
        }
    }
}

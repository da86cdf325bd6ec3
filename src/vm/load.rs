//! How busy a VM is: what its virtual processors, disks and memory have used so far.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};

use super::block_graph::id_of;
use super::error::{Error, ErrorKind};
use super::machine::Vm;

/// What a VM has used since it began. Two of them make a rate.
#[derive(Clone, Debug)]
pub struct Load {
    /// When it was asked.
    pub at: Instant,
    /// The run state.
    pub status: String,
    /// The virtual processors.
    pub cpus: Vec<Cpu>,
    /// The disks and other drives.
    pub disks: Vec<Disk>,
    /// The memory.
    pub memory: Memory,
}

/// A virtual processor.
#[derive(Clone, Debug)]
pub struct Cpu {
    /// Its number.
    pub index: u64,
    /// How long its thread was on a processor of this host; none where that thread cannot be seen.
    pub busy: Option<Duration>,
}

/// A disk.
#[derive(Clone, Debug)]
pub struct Disk {
    /// What QEMU calls it: by device, by qdev id or path, or by node.
    pub name: String,
    /// Bytes and requests of the guest.
    pub read_bytes: u64,
    /// The same, written.
    pub written_bytes: u64,
    /// Requests to read.
    pub reads: u64,
    /// Requests to write.
    pub writes: u64,
}

/// The memory, in bytes.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    /// What the machine has, memory that was plugged in among it.
    pub size: Option<u64>,
    /// What the balloon leaves to the guest, where there is one.
    pub balloon: Option<u64>,
    /// What QEMU's process takes of this host; none where it cannot be seen.
    pub resident: Option<u64>,
}

impl Vm {
    /// How busy it is (`query-cpus-fast`, QEMU 2.12; `query-blockstats`, `query-memory-size-summary`, `query-balloon`).
    ///
    /// Waits as [`Vm::call`] for each. What a QEMU does not tell is left out.
    pub async fn load(&self) -> Result<Load, Error> {
        let status = self.status().await?;
        let pid = self.process().await?;
        let cpus = self.told("query-cpus-fast").await?;
        let disks = self.told("query-blockstats").await?;
        let sizes = self.told("query-memory-size-summary").await?;
        let balloon = self.told("query-balloon").await?;
        let size = |name: &str| sizes.get(name).and_then(Value::as_u64);
        Ok(Load {
            at: Instant::now(),
            status,
            cpus: list(&cpus).filter_map(|cpu| as_cpu(cpu, pid)).collect(),
            disks: list(&disks).map(as_disk).collect(),
            memory: Memory {
                size: size("base-memory").map(|base| base + size("plugged-memory").unwrap_or(0)),
                balloon: balloon.get("actual").and_then(Value::as_u64),
                resident: pid.and_then(resident),
            },
        })
    }

    /// A reply; nothing where this QEMU refuses the question: it has no balloon, or is too old.
    async fn told(&self, command: &str) -> Result<Value, Error> {
        match self.call(command, Map::new()).await {
            Err(error)
                if error.is_refusal() || matches!(error.kind, ErrorKind::NoCommand { .. }) =>
            {
                Ok(Value::Null)
            }
            reply => reply,
        }
    }
}

fn list(reply: &Value) -> impl Iterator<Item = &Value> {
    reply.as_array().into_iter().flatten()
}

fn as_cpu(cpu: &Value, pid: Option<u32>) -> Option<Cpu> {
    let thread = cpu.get("thread-id").and_then(Value::as_u64);
    let busy = pid.zip(thread).and_then(|(pid, thread)| {
        // Where QEMU has another namespace, it has no such thread of that number here.
        let path = format!("/proc/{pid}/task/{thread}/schedstat");
        let stat = fs::read_to_string(path).ok()?;
        stat.split_ascii_whitespace().next()?.parse().ok()
    });
    Some(Cpu {
        index: cpu.get("cpu-index").and_then(Value::as_u64)?,
        busy: busy.map(Duration::from_nanos),
    })
}

fn as_disk(disk: &Value) -> Disk {
    let text = |name: &str| {
        disk.get(name)
            .and_then(Value::as_str)
            .filter(|text| !text.is_empty())
    };
    let name = text("device")
        .map(str::to_owned)
        .or_else(|| text("qdev").map(id_of))
        .or_else(|| text("node-name").map(str::to_owned));
    let count = |name: &str| disk["stats"][name].as_u64().unwrap_or(0);
    Disk {
        name: name.unwrap_or_else(|| "?".to_owned()),
        read_bytes: count("rd_bytes"),
        written_bytes: count("wr_bytes"),
        reads: count("rd_operations"),
        writes: count("wr_operations"),
    }
}

fn resident(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.split_ascii_whitespace().next()?.parse().ok()?;
    Some(kib * 1024)
}

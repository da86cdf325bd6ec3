//! How much of a peer's message is taken before it is refused. A guest, and whoever listens on a TCP port, is not trusted
//! to be brief: each number bounds memory, not correctness.

/// The largest message that a [`Framer`](super::Framer) takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of one encoded object.
    pub bytes: usize,
    /// Arrays and objects within each other, the outermost counted.
    pub depth: usize,
    /// Bytes of memory that the parsed object takes beside its text, estimated: 16 MiB of `[[],[],...` would otherwise
    /// become half a gigabyte of values.
    pub memory: usize,
}

impl Limits {
    /// The JSON parser's own recursion limit is one more.
    const DEPTH: usize = 127;

    /// For a QMP monitor. The largest known reply, `query-qmp-schema`, is a quarter of a megabyte.
    pub const QMP: Self = Self {
        bytes: 16 << 20,
        depth: Self::DEPTH,
        memory: 16 << 20,
    };

    /// For a guest agent, but for what [`Limits::AGENT_OUTPUT`] is for.
    pub const AGENT: Self = Self::QMP;

    /// For the agent's `guest-exec-status`: two streams of 16 MiB, in base64.
    pub const AGENT_OUTPUT: Self = Self {
        bytes: 46 << 20,
        depth: Self::DEPTH,
        memory: 1 << 20,
    };
}

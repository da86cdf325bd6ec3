//! Random bits: they keep apart what several clients of one peer name, ids of requests among them.

/// 32 random bits. Where the system has none to give, the process id still tells two clients apart.
pub(super) fn random() -> u64 {
    getrandom::u64().unwrap_or_else(|_| u64::from(std::process::id())) & 0xffff_ffff
}

/// Eight random hexadecimal digits, for names that must differ from all others: files, nodes, jobs.
pub fn nonce() -> String {
    format!("{:08x}", random())
}

//! Random bits, so that an answer to another client is not taken for one to us, nor its name for ours.

/// Thirty-two random bits. Where the system has none to give, the process id still tells two clients apart.
pub(super) fn random() -> u64 {
    getrandom::u64().unwrap_or_else(|_| u64::from(std::process::id())) & 0xffff_ffff
}

/// Eight random hexadecimal digits, for names that must differ from all others: files, nodes, jobs.
pub fn nonce() -> String {
    format!("{:08x}", random())
}

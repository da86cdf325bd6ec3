//! Random bits for ids, so that an answer to another client is not taken for one to us.

/// Thirty-two of them. Where the system has none to give, the process id still tells two clients apart.
pub(super) fn random() -> u64 {
    getrandom::u64().unwrap_or_else(|_| u64::from(std::process::id())) & 0xffff_ffff
}

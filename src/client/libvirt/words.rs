//! What virsh's error texts mean. They have been the same for years, and are in English because virsh is started so; what
//! is not known here is passed on as it is.

use crate::client::error::Obstacle;
use crate::wire::cut::head;

/// What an error means for the command that got it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Meaning {
    /// The connection to libvirt ended: whether the command has run is not known.
    Lost,
    /// The domain does not run, or ended during the command; to the agent's commands, also that it is paused.
    NotRunning,
    /// libvirt knows no such domain.
    NoDomain,
    /// The agent does not answer, or is not there.
    Silent,
    /// The domain has no agent channel.
    NoAgent,
    /// The agent refused, in its own words.
    Refused(String),
    /// Another error, in libvirt's words.
    Other(String),
}

/// Which texts mean what, the first that fits.
const KNOWN: [(Meaning, &[&str]); 5] = [
    (
        Meaning::NotRunning,
        &[
            "domain is not running",
            "from qemu monitor",
            "from agent socket",
            "Unable to read from monitor",
            "Unable to write to monitor",
        ],
    ),
    (
        Meaning::Lost,
        &[
            "End of file while reading data",
            "client socket is closed",
            "Cannot write data",
            "Cannot recv data",
            "keepalive timeout",
            "Disconnected from",
            "failed to connect to the hypervisor",
        ],
    ),
    (
        Meaning::NoDomain,
        &["failed to get domain", "Domain not found"],
    ),
    (Meaning::NoAgent, &["QEMU guest agent is not configured"]),
    (
        Meaning::Silent,
        &[
            "Guest agent is not responding",
            "QEMU guest agent is not connected",
            "QEMU guest agent is not available",
            "Guest agent disappeared",
            "cannot acquire state change lock",
        ],
    ),
];

/// What an error of a command means.
pub(super) fn meaning(errors: &str) -> Meaning {
    // First of all: behind it are the words of a guest, who could say anything.
    if let Some((_, behind)) = errors.split_once("unable to execute QEMU agent command '") {
        if let Some((_, words)) = behind.split_once("': ") {
            return Meaning::Refused(words.trim_end().to_owned());
        }
    }
    let found = KNOWN
        .iter()
        .find(|(_, texts)| texts.iter().any(|text| errors.contains(text)));
    match found {
        Some((meaning, _)) => meaning.clone(),
        None => Meaning::Other(plain(errors)),
    }
}

/// What is told where libvirt does not say why.
pub(super) const LOST: &str = "what connects to it ended at once, and libvirt does not tell why; for `qemu+ssh`, see what `ssh HOST virsh list` says";

/// Why virsh ended before it took a command.
pub(super) fn obstacle(errors: &str) -> Obstacle {
    const DENIED: [&str; 6] = [
        "Permission denied",
        "authentication failed",
        "authentication unavailable",
        "access denied",
        "Host key verification failed",
        "Operation not permitted",
    ];
    // Where what connects ends before libvirt has said anything to it, libvirt may not pass on what that said.
    const UNTOLD: &str = "internal error: client socket is closed";
    let words = match plain(errors) {
        words if words.is_empty() || words == UNTOLD => LOST.to_owned(),
        words => words,
    };
    if DENIED.iter().any(|text| errors.contains(text)) {
        Obstacle::Denied(words)
    } else {
        Obstacle::NoDaemon(words)
    }
}

/// libvirt's words on one line, without what virsh says around them.
pub(super) fn plain(errors: &str) -> String {
    const AROUND: &str = "failed to connect to the hypervisor";
    // It is kept from having a history.
    const HISTORY: &str = "Failed to create '/dev/null/";
    const LONGEST: usize = 1000;
    let lines = errors
        .lines()
        .map(|line| line.strip_prefix("error: ").unwrap_or(line).trim())
        .filter(|line| !line.is_empty() && *line != AROUND && !line.starts_with(HISTORY));
    let mut words = lines.collect::<Vec<_>>().join("; ");
    if words.len() > LONGEST {
        words.truncate(head(&words, LONGEST).len());
        words.push_str("...");
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_of_libvirt_are_understood() {
        for (text, means) in [
            (
                "error: Requested operation is not valid: domain is not running\n",
                Meaning::NotRunning,
            ),
            (
                "error: internal error: End of file from qemu monitor\n",
                Meaning::NotRunning,
            ),
            (
                "error: Disconnected from qemu:///session due to end of file\nerror: End of file while reading data: Input/output error\n",
                Meaning::Lost,
            ),
            ("error: failed to get domain 'x'\n", Meaning::NoDomain),
            (
                "error: argument unsupported: QEMU guest agent is not configured\n",
                Meaning::NoAgent,
            ),
            (
                "error: Guest agent is not responding: QEMU guest agent is not connected\n",
                Meaning::Silent,
            ),
            (
                "error: internal error: unable to execute QEMU agent command 'guest-x': The command guest-x has not been found\n",
                Meaning::Refused("The command guest-x has not been found".into()),
            ),
            (
                "error: one\nerror: two\n",
                Meaning::Other("one; two".into()),
            ),
        ] {
            assert_eq!(meaning(text), means, "{text}");
        }
    }

    #[test]
    fn a_guest_cannot_word_a_refusal_so_that_it_means_another_thing() {
        let text = "error: internal error: unable to execute QEMU agent command 'guest-exec': domain is not running\n";
        assert_eq!(
            meaning(text),
            Meaning::Refused("domain is not running".into())
        );
    }

    #[test]
    fn what_keeps_virsh_from_connecting_is_told_without_its_frame() {
        assert_eq!(
            obstacle(
                "error: failed to connect to the hypervisor\nerror: Failed to connect socket to '/run/x': Permission denied\n"
            ),
            Obstacle::Denied("Failed to connect socket to '/run/x': Permission denied".into())
        );
        assert_eq!(
            obstacle(
                "error: failed to connect to the hypervisor\nerror: internal error: client socket is closed\n"
            ),
            Obstacle::NoDaemon(LOST.into())
        );
        assert_eq!(
            obstacle("error: failed to connect to the hypervisor\n"),
            Obstacle::NoDaemon(LOST.into())
        );
        assert_eq!(
            obstacle("error: failed to connect to the hypervisor\nerror: no route\n"),
            Obstacle::NoDaemon("no route".into())
        );
    }
}

//! The QEMU of a domain whose monitor libvirt holds: no connection leads to it, so QEMU is asked where its monitor is, and the
//! kernel who listens there.

use serde_json::Map;

use super::chardev::socket_path;
use super::error::Error;
use super::machine::Vm;
use crate::client::holder;

/// What libvirt calls the character device of its monitor.
const MONITOR: &str = "charmonitor";

impl Vm {
    /// The process of a domain of this host's libvirt, where it can be seen.
    pub(super) async fn domain_process(&self) -> Result<Option<u32>, Error> {
        let chardevs = self.call("query-chardev", Map::new()).await?;
        let mut chardevs = chardevs.as_array().into_iter().flatten();
        let monitor = chardevs.find(|chardev| chardev["label"] == MONITOR);
        let path = monitor.and_then(|chardev| socket_path(chardev["filename"].as_str()?));
        let look = || match holder::listening(&path?)[..] {
            [only] => Some(only),
            _ => None,
        };
        self.settings()
            .recording
            .observe("the domain's process", look)
            .map_err(|difference| self.error(difference))
    }
}

//! The agent's commands that are one question and one answer: the guest's system, time, network, users, disks, power.
//!
//! Each gives the agent's reply as it is, so that what a newer agent adds comes through.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

use super::GuestAgent;
use crate::client::call::SYNC;
use crate::vm::error::{Error, ErrorKind};
use crate::vm::machine::object;

/// The longest that a guest may trim its file systems: large ones take minutes.
const TRIM: Duration = Duration::from_secs(3600);

impl GuestAgent {
    /// Whether the agent answers at all (`guest-ping`).
    pub async fn ping(&self) -> Result<(), Error> {
        self.plain("guest-ping").await.map(drop)
    }

    /// Synchronizes the conversation with the agent (`guest-sync-delimited`, QEMU 1.1); it is done by itself on connect.
    pub async fn sync(&self) -> Result<(), Error> {
        let deadline = self.vm.settings().timeout;
        let agent = self.client().await?;
        match agent.sync(deadline.unwrap_or(SYNC)).await {
            Ok(()) => Ok(()),
            Err(error) => Err(self.explain(error).await),
        }
    }

    /// The agent's version and its commands, with which are enabled (`guest-info`).
    pub async fn info(&self) -> Result<Value, Error> {
        self.plain("guest-info").await
    }

    /// Whether the agent has the command and its policy allows it (`guest-info`).
    pub async fn supports(&self, command: &str) -> Result<bool, Error> {
        let info = self.info().await?;
        Ok(info["supported_commands"]
            .as_array()
            .into_iter()
            .flatten()
            .any(|entry| entry["name"] == command && entry["enabled"] == true))
    }

    /// The guest's time, in nanoseconds since 1970 (`guest-get-time`, QEMU 1.5).
    pub async fn time(&self) -> Result<i64, Error> {
        let reply = self.plain("guest-get-time").await?;
        self.integer("guest-get-time", &reply)
    }

    /// Sets the guest's time, in nanoseconds since 1970, or from its hardware clock (`guest-set-time`, QEMU 1.5).
    pub async fn set_time(&self, nanoseconds: Option<i64>) -> Result<(), Error> {
        let arguments = nanoseconds.map_or_else(|| json!({}), |time| json!({ "time": time }));
        self.call("guest-set-time", object(arguments))
            .await
            .map(drop)
    }

    /// The guest's host name (`guest-get-host-name`, QEMU 2.10).
    pub async fn hostname(&self) -> Result<String, Error> {
        let reply = self.plain("guest-get-host-name").await?;
        match reply["host-name"].as_str() {
            Some(name) => Ok(name.to_owned()),
            None => Err(self.vm.reply_error("guest-get-host-name", "host name")),
        }
    }

    /// The guest's operating system (`guest-get-osinfo`, QEMU 2.10).
    pub async fn osinfo(&self) -> Result<Value, Error> {
        self.plain("guest-get-osinfo").await
    }

    /// Who is logged in, and since when (`guest-get-users`, QEMU 2.10).
    pub async fn users(&self) -> Result<Value, Error> {
        self.plain("guest-get-users").await
    }

    /// The guest's time zone and its offset in seconds (`guest-get-timezone`, QEMU 2.10).
    pub async fn timezone(&self) -> Result<Value, Error> {
        self.plain("guest-get-timezone").await
    }

    /// The network interfaces with their addresses (`guest-network-get-interfaces`, QEMU 1.1).
    pub async fn interfaces(&self) -> Result<Value, Error> {
        self.plain("guest-network-get-interfaces").await
    }

    /// The routes (`guest-network-get-route`, QEMU 9.1).
    pub async fn routes(&self) -> Result<Value, Error> {
        self.plain("guest-network-get-route").await
    }

    /// The mounted file systems with their disks (`guest-get-fsinfo`, QEMU 2.2).
    pub async fn fsinfo(&self) -> Result<Value, Error> {
        self.plain("guest-get-fsinfo").await
    }

    /// Gives unused blocks of the file systems back (`guest-fstrim`); `minimum` is the smallest free range in bytes.
    ///
    /// Waits as long as the guest needs, up to an hour: a large file system takes minutes.
    pub async fn fstrim(&self, minimum: Option<i64>) -> Result<Value, Error> {
        let arguments = minimum.map_or_else(|| json!({}), |minimum| json!({ "minimum": minimum }));
        let deadline = self.vm.settings().timeout;
        self.call_within("guest-fstrim", object(arguments), deadline.unwrap_or(TRIM))
            .await
    }

    /// The guest's disks, mounted or not (`guest-get-disks`, QEMU 5.2).
    pub async fn disks(&self) -> Result<Value, Error> {
        self.plain("guest-get-disks").await
    }

    /// What the disks have read and written (`guest-get-diskstats`, QEMU 7.1).
    pub async fn diskstats(&self) -> Result<Value, Error> {
        self.plain("guest-get-diskstats").await
    }

    /// What the processors have spent their time on (`guest-get-cpustats`, QEMU 7.1).
    pub async fn cpustats(&self) -> Result<Value, Error> {
        self.plain("guest-get-cpustats").await
    }

    /// The load averages (`guest-get-load`, QEMU 10.0).
    pub async fn load(&self) -> Result<Value, Error> {
        self.plain("guest-get-load").await
    }

    /// The guest's devices and drivers (`guest-get-devices`, QEMU 5.2, Windows).
    pub async fn devices(&self) -> Result<Value, Error> {
        self.plain("guest-get-devices").await
    }

    /// The guest's processors, and which are online (`guest-get-vcpus`, QEMU 1.5).
    pub async fn vcpus(&self) -> Result<Value, Error> {
        self.plain("guest-get-vcpus").await
    }

    /// Sets processors on- and offline (`guest-set-vcpus`, QEMU 1.5); gives how many of the list were set.
    pub async fn set_vcpus(&self, vcpus: Value) -> Result<i64, Error> {
        let arguments = object(json!({ "vcpus": vcpus }));
        let reply = self.call("guest-set-vcpus", arguments).await?;
        self.integer("guest-set-vcpus", &reply)
    }

    /// The guest's memory blocks, and which are online (`guest-get-memory-blocks`, QEMU 2.3).
    pub async fn memory_blocks(&self) -> Result<Value, Error> {
        self.plain("guest-get-memory-blocks").await
    }

    /// Sets memory blocks on- and offline (`guest-set-memory-blocks`, QEMU 2.3); gives the result for each.
    pub async fn set_memory_blocks(&self, blocks: Value) -> Result<Value, Error> {
        let arguments = object(json!({ "mem-blks": blocks }));
        self.call("guest-set-memory-blocks", arguments).await
    }

    /// The size of a memory block in bytes (`guest-get-memory-block-info`, QEMU 2.3).
    pub async fn memory_block_info(&self) -> Result<Value, Error> {
        self.plain("guest-get-memory-block-info").await
    }

    /// Sets a user's password (`guest-set-user-password`, QEMU 2.3); `crypted` says that it is hashed already.
    pub async fn set_user_password(
        &self,
        user: &str,
        password: &str,
        crypted: bool,
    ) -> Result<(), Error> {
        let password = STANDARD.encode(password);
        let arguments = json!({ "username": user, "password": password, "crypted": crypted });
        self.call("guest-set-user-password", object(arguments))
            .await
            .map(drop)
    }

    /// A user's public keys (`guest-ssh-get-authorized-keys`, QEMU 5.2).
    pub async fn ssh_keys(&self, user: &str) -> Result<Value, Error> {
        let arguments = object(json!({ "username": user }));
        let reply = self
            .call("guest-ssh-get-authorized-keys", arguments)
            .await?;
        Ok(reply["keys"].clone())
    }

    /// Adds public keys to a user's, or with `reset` puts them in their place (`guest-ssh-add-authorized-keys`, QEMU 5.2).
    pub async fn add_ssh_keys(
        &self,
        user: &str,
        keys: &[String],
        reset: bool,
    ) -> Result<(), Error> {
        let arguments = json!({ "username": user, "keys": keys, "reset": reset });
        self.call("guest-ssh-add-authorized-keys", object(arguments))
            .await
            .map(drop)
    }

    /// Removes public keys from a user's (`guest-ssh-remove-authorized-keys`, QEMU 5.2).
    pub async fn remove_ssh_keys(&self, user: &str, keys: &[String]) -> Result<(), Error> {
        let arguments = json!({ "username": user, "keys": keys });
        self.call("guest-ssh-remove-authorized-keys", object(arguments))
            .await
            .map(drop)
    }

    /// Asks the guest to `powerdown`, `halt` or `reboot` (`guest-shutdown`); returns when the agent has taken it.
    ///
    /// The agent answers a success with silence. That the guest ends is seen in the event `SHUTDOWN` or `RESET`.
    pub async fn shutdown(&self, mode: &str) -> Result<(), Error> {
        if !matches!(mode, "powerdown" | "halt" | "reboot") {
            return Err(self.vm.error(ErrorKind::Argument(format!(
                "`{mode}` is no way to shut down; there are `powerdown`, `halt` and `reboot`"
            ))));
        }
        self.send("guest-shutdown", object(json!({ "mode": mode })))
            .await
    }

    /// Suspends the guest to its disk (`guest-suspend-disk`, QEMU 1.1); it ends, and resumes when started again.
    pub async fn suspend_disk(&self) -> Result<(), Error> {
        self.send("guest-suspend-disk", object(json!({}))).await
    }

    /// Suspends the guest to its memory (`guest-suspend-ram`, QEMU 1.1); `system_wakeup` wakes it.
    pub async fn suspend_ram(&self) -> Result<(), Error> {
        self.send("guest-suspend-ram", object(json!({}))).await
    }

    /// Suspends the guest to its memory and its disk (`guest-suspend-hybrid`, QEMU 1.1).
    pub async fn suspend_hybrid(&self) -> Result<(), Error> {
        self.send("guest-suspend-hybrid", object(json!({}))).await
    }
}

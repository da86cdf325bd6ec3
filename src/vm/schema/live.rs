//! The schema of a VM's QEMU: asked once a connection, or known from an earlier run.

use std::sync::Arc;

use serde_json::Map;

use super::cache::Kept;
use super::model::Schema;
use crate::vm::error::{Error, ErrorKind};
use crate::vm::machine::Vm;

impl Vm {
    /// What this QEMU can be told (`query-qmp-schema`, QEMU 2.5); none where it is too old to tell.
    ///
    /// It is kept with the connection, and on disk for the program that this QEMU runs. Waits as [`Vm::call`]; fails
    /// when what QEMU tells makes no sense.
    pub async fn schema(&self) -> Result<Option<Arc<Schema>>, Error> {
        // A lost connection is noticed, and its schema forgotten, by making the next.
        let kept = self.place_on_disk().await?;
        if let Some(schema) = self.known_schema(kept.as_ref()).await {
            return Ok(Some(schema));
        }
        let reply = match self.call("query-qmp-schema", Map::new()).await {
            Err(error) if matches!(error.kind, ErrorKind::NoCommand { .. }) => return Ok(None),
            reply => reply?,
        };
        let schema = Schema::parse(&reply).map_err(|error| self.error(ErrorKind::Schema(error)))?;
        if let Some(kept) = kept {
            // It is asked again where it cannot be kept, and nothing else comes of that.
            let _ = kept.write(&reply);
        }
        let schema = Arc::new(schema);
        *self.schema_slot().lock().await = Some(schema.clone());
        Ok(Some(schema))
    }

    /// The schema where it costs little: when it is known already, or will be from now on. None where QEMU would be
    /// held up by it each time, as when it runs on another host.
    pub async fn schema_at_hand(&self) -> Result<Option<Arc<Schema>>, Error> {
        let kept = self.place_on_disk().await?;
        match self.known_schema(kept.as_ref()).await {
            None if kept.is_some() => self.schema().await,
            known => Ok(known),
        }
    }

    async fn known_schema(&self, kept: Option<&Kept>) -> Option<Arc<Schema>> {
        let mut slot = self.schema_slot().lock().await;
        if slot.is_none() {
            *slot = kept.and_then(Kept::read).map(Arc::new);
        }
        slot.clone()
    }

    async fn place_on_disk(&self) -> Result<Option<Kept>, Error> {
        let monitor = self.monitor().await?;
        let folder = self.settings().state_dir.join("schemas");
        let pid = monitor.peer_pid();
        Ok(pid.and_then(|pid| Kept::of(&folder, pid, &monitor.greeting().version)))
    }
}

//! The schema of a VM's QEMU: asked once a connection, or known from an earlier run.

use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Map;

use super::cache::{self, Kept};
use super::model::Schema;
use crate::vm::error::{Error, ErrorKind};
use crate::vm::machine::Vm;
use crate::vm::settings::Settings;

/// The schema of the QEMU of this host that was last asked for one, for a guess at what another would tell; none where none
/// was kept.
pub fn last_kept(settings: &Settings) -> Option<Schema> {
    cache::newest(&folder(settings))
}

fn folder(settings: &Settings) -> PathBuf {
    settings.state_dir.join("schemas")
}

/// A schema, and whether this very QEMU told it.
#[derive(Clone)]
pub(in crate::vm) struct Known {
    schema: Arc<Schema>,
    is_own: bool,
}

impl Vm {
    /// What this QEMU can be told (`query-qmp-schema`, QEMU 2.5); none where it is too old to tell.
    ///
    /// It is kept with the connection, and on disk for the program that this QEMU runs. Waits as [`Vm::call`]; fails
    /// when what QEMU tells makes no sense.
    pub async fn schema(&self) -> Result<Option<Arc<Schema>>, Error> {
        let kept = self.place_on_disk().await?;
        match self.known_schema(kept.as_ref()).await {
            Some(known) => Ok(Some(known.schema)),
            None => self.told_schema(kept).await,
        }
    }

    /// The schema where it costs little: when it is known already, or will be from now on. None where QEMU would be
    /// held up by it each time, as when it runs on another host.
    pub async fn schema_at_hand(&self) -> Result<Option<Arc<Schema>>, Error> {
        let kept = self.place_on_disk().await?;
        match self.known_schema(kept.as_ref()).await {
            Some(known) => Ok(Some(known.schema)),
            None if kept.is_some() => self.told_schema(kept).await,
            None => Ok(None),
        }
    }

    /// The schema as this very QEMU tells it: nothing is refused for what another process with the same program told.
    pub async fn own_schema(&self) -> Result<Option<Arc<Schema>>, Error> {
        let kept = self.place_on_disk().await?;
        match self.known_schema(None).await.filter(|known| known.is_own) {
            Some(known) => Ok(Some(known.schema)),
            None => self.told_schema(kept).await,
        }
    }

    async fn told_schema(&self, kept: Option<Kept>) -> Result<Option<Arc<Schema>>, Error> {
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
        *self.schema_slot().lock().await = Some(Known {
            schema: schema.clone(),
            is_own: true,
        });
        Ok(Some(schema))
    }

    async fn known_schema(&self, kept: Option<&Kept>) -> Option<Known> {
        let mut slot = self.schema_slot().lock().await;
        if slot.is_none() {
            *slot = kept.and_then(Kept::read).map(|schema| Known {
                schema: Arc::new(schema),
                is_own: false,
            });
        }
        slot.clone()
    }

    /// Where the schema is kept on disk. A lost connection is noticed here, and its schema forgotten, by making the next.
    async fn place_on_disk(&self) -> Result<Option<Kept>, Error> {
        let monitor = self.monitor().await?;
        let settings = self.settings();
        if !settings.recording.is_off() {
            // Whoever plays it may have nothing on disk, or something else.
            return Ok(None);
        }
        let folder = folder(settings);
        let pid = monitor.peer_pid();
        Ok(pid.and_then(|pid| Kept::of(&folder, pid, &monitor.greeting().version)))
    }
}

//! A `[[discover]]`: its types, what each takes, and who then looks.
//!
//! To add a type: a variant, its word in `TYPES`, its keys in `keys`, how they are read in `read`, what `qmpsh config` shows
//! in `settings`, and its provider in `provider`.

use std::path::PathBuf;
use std::sync::Arc;

use super::error::ConfigError;
use super::reader::Given;
use crate::inventory::libvirt::Libvirt;
use crate::inventory::paths::{Glob, Pattern, Proxmox, SmartOs};
use crate::inventory::process::Processes;
use crate::inventory::scan::Provider;

/// One place where VMs are looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Discover {
    /// Running QEMU processes.
    Process {
        /// The folder that the kernel shows processes in.
        proc: PathBuf,
    },
    /// Proxmox: the sockets in `root`.
    Proxmox {
        /// The folder of the sockets.
        root: PathBuf,
    },
    /// `SmartOS`: `root/pool/UUID/root/tmp/vm.qmp`.
    SmartOs {
        /// The folder that pools are mounted in.
        root: PathBuf,
        /// The pool of the zones.
        pool: String,
    },
    /// libvirt.
    Libvirt {
        /// The daemon to be asked, as virsh takes it.
        uri: String,
    },
    /// Sockets by patterns of their paths.
    Glob {
        /// The word for whose sockets they are.
        provider: &'static str,
        /// The monitors.
        qmp: Pattern,
        /// The agent of each.
        agent: Option<Pattern>,
    },
}

impl Discover {
    /// The types, in the words of the configuration.
    pub(super) const TYPES: [&'static str; 5] =
        ["process", "proxmox", "smartos", "libvirt", "glob"];

    /// The keys that a type takes beside `type`; none for what is no type.
    pub(super) fn keys(kind: &str) -> Option<&'static [&'static str]> {
        Some(match kind {
            "process" => &["proc"],
            "proxmox" => &["root"],
            "smartos" => &["root", "pool"],
            "libvirt" => &["uri"],
            "glob" => &["qmp", "agent"],
            _ => return None,
        })
    }

    /// Reads one of a known type.
    pub(super) fn read(kind: &str, given: &Given) -> Result<Self, ConfigError> {
        Ok(match kind {
            "proxmox" => Self::Proxmox {
                root: given.folder("root", Proxmox::ROOT)?,
            },
            "smartos" => Self::SmartOs {
                root: given.folder("root", SmartOs::ROOT)?,
                pool: pool(given)?,
            },
            "libvirt" => Self::Libvirt {
                uri: given
                    .text("uri")?
                    .map_or_else(|| Libvirt::SYSTEM.to_owned(), |said| said.value),
            },
            "glob" => {
                let qmp = pattern(given, "qmp", Pattern::of_monitors)?.ok_or_else(|| {
                    given.missing("a `[[discover]]` of type `glob` needs `qmp`, as in \"/run/vms/{name}.qmp\"")
                })?;
                Self::Glob {
                    provider: "glob",
                    qmp,
                    agent: pattern(given, "agent", Pattern::of_agents)?,
                }
            }
            _ => Self::Process {
                proc: given.folder("proc", Processes::PROC)?,
            },
        })
    }

    /// What is searched where no file says anything: what is not there is no trouble.
    pub(super) fn usual() -> Vec<Self> {
        let mut usual = vec![
            Self::Process {
                proc: Processes::PROC.into(),
            },
            Self::Proxmox {
                root: Proxmox::ROOT.into(),
            },
            Self::SmartOs {
                root: SmartOs::ROOT.into(),
                pool: SmartOs::POOL.to_owned(),
            },
        ];
        usual.extend(
            [Libvirt::SYSTEM, Libvirt::SESSION].map(|uri| Self::Libvirt {
                uri: uri.to_owned(),
            }),
        );
        usual.extend(Glob::well_known().map(|(provider, qmp, agent)| Self::Glob {
            provider,
            qmp,
            agent,
        }));
        usual
    }

    /// Who looks there; nobody where a usual place is not there on this host.
    pub(super) fn provider(&self, is_usual: bool) -> Option<Arc<dyn Provider>> {
        Some(match self {
            Self::Process { proc } => Arc::new(Processes::below(proc)),
            Self::Libvirt { uri } if is_usual && !Libvirt::is_here(uri) => return None,
            Self::Libvirt { uri } => Arc::new(Libvirt::at(uri)),
            Self::Proxmox { root } => Arc::new(Proxmox {
                root: root.clone(),
                may_be_missing: is_usual,
            }),
            Self::SmartOs { root, pool } => Arc::new(SmartOs {
                zones: root.join(pool),
                may_be_missing: is_usual,
            }),
            Self::Glob {
                provider,
                qmp,
                agent,
            } => Arc::new(Glob {
                name: provider,
                qmp: qmp.clone(),
                agent: agent.clone(),
                may_be_missing: is_usual,
            }),
        })
    }

    /// Its type, in the word of the configuration.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Process { .. } => "process",
            Self::Proxmox { .. } => "proxmox",
            Self::SmartOs { .. } => "smartos",
            Self::Libvirt { .. } => "libvirt",
            Self::Glob { .. } => "glob",
        }
    }

    /// Its other keys and their values.
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let path = |path: &PathBuf| path.to_string_lossy().into_owned();
        match self {
            Self::Process { proc } => vec![("proc", path(proc))],
            Self::Proxmox { root } => vec![("root", path(root))],
            Self::SmartOs { root, pool } => vec![("root", path(root)), ("pool", pool.clone())],
            Self::Libvirt { uri } => vec![("uri", uri.clone())],
            Self::Glob { qmp, agent, .. } => {
                let agent = agent.iter().map(|agent| ("agent", agent.to_string()));
                [("qmp", qmp.to_string())]
                    .into_iter()
                    .chain(agent)
                    .collect()
            }
        }
    }
}

fn pool(given: &Given) -> Result<String, ConfigError> {
    match given.text("pool")? {
        None => Ok(SmartOs::POOL.to_owned()),
        Some(said) if said.value.contains('/') || said.value.starts_with('.') => {
            Err(given.wrong(&said, "`pool` is a pool's name, without a path"))
        }
        Some(said) => Ok(said.value),
    }
}

fn pattern(
    given: &Given,
    key: &str,
    read: fn(&str) -> Result<Pattern, String>,
) -> Result<Option<Pattern>, ConfigError> {
    let Some(said) = given.path(key)? else {
        return Ok(None);
    };
    match read(&said.value) {
        Ok(pattern) => Ok(Some(pattern)),
        Err(why) => Err(given.wrong(&said, &format!("`{key}` cannot be used: {why}"))),
    }
}

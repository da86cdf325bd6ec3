//! Where the configuration's files are, and whether they may be believed: a file that somebody else put into the folder
//! where root happens to be must not say what `web01` means.

use std::env;
use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::OFlags;
use rustix::process::geteuid;

use super::error::ConfigError;
use super::read::{self, Layer};
use super::source::Source;
use super::writers::Accounts;

/// The most bytes of a configuration file.
const LARGEST: u64 = 1 << 20;

/// The system's file.
const SYSTEM: &str = "/etc/qmpsh/config.toml";

/// The file of the folder that one is in.
const NEAR: &str = "./qmpsh.toml";

/// The files to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Places {
    /// This one, which has to be there, and no other.
    Only(PathBuf),
    /// These, the nearest first; each may be missing, and must belong to the user or to root.
    Usual(Vec<PathBuf>),
}

/// A file that was looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looked {
    /// The file as people know it.
    pub path: PathBuf,
    /// What became of it.
    pub state: State,
}

/// What became of a file that was looked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// It was read.
    Read,
    /// It is not there.
    Missing,
    /// It belongs to somebody else, and says nothing here.
    Foreign {
        /// The user to whom it, or its folder, belongs.
        owner: u32,
    },
}

impl Places {
    /// The nearest file, the user's and the system's.
    pub fn usual() -> Self {
        let user = user_folder().map(|folder| folder.join("config.toml"));
        let places = [Some(NEAR.into()), user, Some(SYSTEM.into())];
        Self::Usual(places.into_iter().flatten().collect())
    }

    /// Reads them, the nearest first.
    pub(super) fn read(&self) -> Result<(Vec<Looked>, Vec<Layer>), ConfigError> {
        let mut files = Vec::new();
        let mut layers = Vec::new();
        let paths = match self {
            Self::Only(path) => std::slice::from_ref(path),
            Self::Usual(paths) => paths,
        };
        for path in paths {
            let state = match self {
                Self::Only(_) => State::Read,
                Self::Usual(_) => state(path)?,
            };
            if state == State::Read {
                let options = |error: &io::Error| unreadable(path, error);
                let file = open(path).map_err(|error| options(&error))?;
                if matches!(self, Self::Usual(_)) {
                    let data = file.metadata().map_err(|error| options(&error))?;
                    if !data.is_file() {
                        return Err(unusable(path, "is no file"));
                    }
                }
                layers.push(read::read(&Arc::new(source(path, file)?))?);
            }
            files.push(Looked {
                path: path.clone(),
                state,
            });
        }
        Ok((files, layers))
    }
}

/// The user's folder for configuration and modules, by the XDG rules.
pub fn user_folder() -> Option<PathBuf> {
    let absolute = |name: &str| {
        env::var_os(name)
            .map(PathBuf::from)
            .filter(|path| path.is_absolute())
    };
    let config = absolute("XDG_CONFIG_HOME")
        .or_else(|| absolute("HOME").map(|home| home.join(".config")))?;
    Some(config.join("qmpsh"))
}

/// Opens without waiting for somebody to write into what may be a pipe.
fn open(path: &Path) -> io::Result<File> {
    let flags = i32::try_from(OFlags::NONBLOCK.bits()).unwrap_or_default();
    OpenOptions::new().read(true).custom_flags(flags).open(path)
}

/// Who else than the user and root has a file in their hands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Others {
    /// Nobody.
    None,
    /// This user owns it, or its folder.
    Owner(u32),
    /// These, in words, can write to it, or to its folder.
    Writers(String),
}

/// Who else has the file in their hands. Fails where it cannot be seen, or is not there.
pub fn others(path: &Path) -> io::Result<Others> {
    let folder = match path.parent() {
        Some(folder) if folder != Path::new("") => folder,
        _ => Path::new("."),
    };
    let link = fs::symlink_metadata(path)?;
    let (file, data) = (fs::metadata(path)?, fs::metadata(folder)?);
    if let Some(owner) = [&link, &file, &data].into_iter().find_map(foreign_owner) {
        return Ok(Others::Owner(owner));
    }
    let accounts = Accounts::of_this_host();
    // In a folder like /tmp, others cannot take the place of a file that is not theirs.
    let is_sticky = data.mode() & 0o1000 != 0;
    let writers = accounts.writers(path, &file).or_else(|| {
        let writers = accounts.writers(folder, &data)?;
        (!is_sticky).then(|| format!("{writers}, who can write to its folder"))
    });
    Ok(writers.map_or(Others::None, Others::Writers))
}

/// Whether the file is there and may be believed. Fails where it is one's own and others can write to it: it was meant
/// to count.
fn state(path: &Path) -> Result<State, ConfigError> {
    match fs::symlink_metadata(path) {
        Err(error) if is_absent(&error) => return Ok(State::Missing),
        _ => {}
    }
    match others(path).map_err(|error| unreadable(path, &error))? {
        Others::None => Ok(State::Read),
        Others::Owner(owner) => Ok(State::Foreign { owner }),
        Others::Writers(writers) => Err(ConfigError {
            hint: Some("`chmod go-w` it and its folder, or name it with `--config`".to_owned()),
            ..unusable(
                path,
                &format!("can be changed by {writers}, so it is not believed"),
            )
        }),
    }
}

/// A folder that may not be looked into holds nothing for this user.
fn is_absent(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory | io::ErrorKind::PermissionDenied
    )
}

fn foreign_owner(data: &Metadata) -> Option<u32> {
    let owner = data.uid();
    (owner != 0 && owner != geteuid().as_raw()).then_some(owner)
}

fn source(path: &Path, file: File) -> Result<Source, ConfigError> {
    let mut bytes = Vec::new();
    file.take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(path, &error))?;
    if bytes.len() as u64 > LARGEST {
        return Err(unusable(path, "is larger than 1 MiB, and no configuration"));
    }
    let text = String::from_utf8(bytes).map_err(|wrong| {
        let before = &wrong.as_bytes()[..wrong.utf8_error().valid_up_to()];
        let line = before.split(|byte| *byte == b'\n').count();
        unusable(path, &format!("is not UTF-8 text: see line {line}"))
    })?;
    let text = match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    };
    let whole = std::path::absolute(path).map_err(|error| unreadable(path, &error))?;
    Ok(Source {
        path: path.to_owned(),
        text,
        folder: whole.parent().unwrap_or(Path::new("/")).to_owned(),
    })
}

fn unreadable(path: &Path, error: &io::Error) -> ConfigError {
    unusable(path, &format!("cannot be read: {error}"))
}

fn unusable(path: &Path, what: &str) -> ConfigError {
    ConfigError {
        path: path.to_owned(),
        what: what.to_owned(),
        hint: None,
        place: None,
    }
}

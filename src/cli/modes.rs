//! `--read-only`, `--dry-run`, `--record` and `--replay`: what they set up before a run, and what they say after it.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;
use std::sync::Arc;

use rustix::io::Errno;

use super::dry_run::Told;
use super::finish;
use super::opened::Modes;
use super::options::Options;
use super::verbose::Verbose;
use crate::client::Tap;
use crate::report::{Exit, Kind, Report};
use crate::vm::recording::line::Head;
use crate::vm::recording::{Player, Recorder, Recording};
use crate::vm::{self, Mode};
use crate::wire::escape::escaped;
use crate::wire::secret::{hidden_call, hidden_words};

/// What a recording says that it is of. `call` are the words of a command for a VM that are among them.
pub(super) fn head(
    script: impl Into<String>,
    words: impl Iterator<Item = OsString>,
    call: &[String],
) -> Head {
    let mut words = words.map(|word| word.to_string_lossy().into_owned());
    let mut kept = Vec::new();
    while let Some(word) = words.next() {
        // Where it was recorded to says nothing of the run.
        if word == "--record" {
            words.next();
        } else if !word.starts_with("--record=") {
            kept.push(word);
        }
    }
    let mut shown = hidden_words(&kept);
    // They come in their order, after the VM's name and the command's.
    let mut begin = 0;
    for (word, hidden) in call.iter().zip(hidden_call(call)) {
        if let Some(at) = kept[begin..].iter().position(|kept| kept == word) {
            shown[begin + at] = hidden;
            begin += at + 1;
        }
    }
    Head::now(script, shown)
}

/// Opens what the options ask for. `head` tells what the run is.
pub(super) fn open(options: &Options, head: &Head) -> Result<(), Report> {
    if options.record.is_some() && options.replay.is_some() {
        return Err(Report::usage(
            "a replay cannot be recorded: give `--record` or `--replay`",
        ));
    }
    let recorder = options
        .record
        .as_deref()
        .map(|path| record(path, head, options))
        .transpose()?;
    let player = options.replay.as_deref().map(replay).transpose()?;
    let herald = options.dry_run.then(|| Arc::new(Told::begin(options.json)));
    options.opened.keep(Modes::new(recorder, player, herald));
    Ok(())
}

/// Puts in force what was opened.
pub(super) fn apply(options: &Options, settings: &mut vm::Settings) {
    let none = Modes::default();
    let modes = options.opened.modes().unwrap_or(&none);
    if options.read_only {
        settings.mode = Mode::ReadOnly;
    } else if let Some(herald) = &modes.herald {
        settings.mode = Mode::DryRun(herald.clone());
    }
    let mut taps: Vec<Arc<dyn Tap>> = Vec::new();
    if options.verbose > 0 {
        let verbose: Arc<dyn Tap> = Arc::new(Verbose {
            whole: options.verbose > 1,
        });
        settings.shown = Some(verbose.clone());
        taps.push(verbose);
    }
    if let Some(recorder) = &modes.recorder {
        taps.push(recorder.clone());
        settings.recording = Recording::Write(recorder.clone());
    }
    if let Some(player) = &modes.player {
        settings.recording = Recording::Play(player.clone());
    }
    settings.tap = match taps.len() {
        0 => None,
        1 => taps.pop(),
        _ => Some(Arc::new(taps)),
    };
}

/// Ends what was opened: a replay that differs and a recording that is not whole are no success.
pub(super) fn close(exit: Exit, options: &Options) -> Exit {
    let Some(modes) = options.opened.modes() else {
        return exit;
    };
    let mut exit = exit;
    if let Some(Err(difference)) = modes.player.as_ref().map(|player| player.verdict()) {
        let report = Report::from(&difference);
        let is_shown = modes.is_difference_shown();
        if !is_shown {
            finish::complain(&report, options);
        }
        if is_shown || exit.code() == 0 {
            exit = report.exit;
        }
    }
    if let Some(herald) = &modes.herald {
        herald.end();
    }
    if let Some(recorder) = &modes.recorder {
        if !recorder.end(exit.code()) && exit.code() == 0 {
            exit = Exit::Failed;
        }
    }
    exit
}

fn record(path: &Path, head: &Head, options: &Options) -> Result<Arc<Recorder>, Report> {
    if path == Path::new("-") {
        return Err(Report::usage(
            "a recording goes to a file, and `-` is no name for one: standard output is for results",
        )
        .with_hint("give a new file; `./-` is one of that name"));
    }
    let name = escaped(&path.to_string_lossy()).into_owned();
    let (shown, told) = (name.clone(), options.clone());
    let warn = move |error: &io::Error| {
        let message =
            format!("the recording `{shown}` ends here, for it cannot be written: {error}");
        finish::warn(&Report::new(Kind::Host, message), &told);
    };
    Recorder::create(path, head, warn)
        .map(Arc::new)
        .map_err(|error| {
            if error.kind() == io::ErrorKind::AlreadyExists {
                return Report::usage(format!(
                    "`{name}` is there already, and a recording replaces nothing"
                ))
                .with_hint("give another file, or move that one away");
            }
            let message = format!("the recording `{name}` cannot be made: {error}");
            // By the system's own numbers: the kind of too long a name is not known to our oldest Rust. What has none holds a
            // zero byte.
            match Errno::from_io_error(&error) {
                Some(Errno::NOENT) => {
                    let folder = path.parent().unwrap_or(path).to_string_lossy();
                    Report::usage(message)
                        .with_hint(format!("there is no folder `{}`", escaped(&folder)))
                }
                Some(
                    Errno::NOTDIR
                    | Errno::ISDIR
                    | Errno::INVAL
                    | Errno::NAMETOOLONG
                    | Errno::ACCESS
                    | Errno::PERM,
                )
                | None => Report::usage(message).with_hint("give a new file in a folder of yours"),
                Some(_) => Report::new(Kind::Host, message),
            }
        })
}

fn replay(path: &Path) -> Result<Arc<Player>, Report> {
    let name = escaped(&path.to_string_lossy()).into_owned();
    let file = File::open(path).map_err(|error| {
        Report::usage(format!("the recording `{name}` cannot be read: {error}"))
    })?;
    Player::read(BufReader::new(file))
        .map_err(|wrong| Report::usage(format!("`{name}` cannot be played: {wrong}")))
}

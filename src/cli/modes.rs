//! `--read-only`, `--dry-run`, `--record` and `--replay`: what they set up before a run, and what they say after it.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, BufReader, Write};
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use rustix::io::Errno;
use serde_json::json;

use super::finish;
use super::options::Options;
use super::verbose::Verbose;
use crate::client::Tap;
use crate::report::{Exit, Kind, Report};
use crate::vm::mode::{Herald, Would};
use crate::vm::recording::line::Head;
use crate::vm::recording::{Player, Recorder, Recording};
use crate::vm::{self, Mode};
use crate::wire::escape::escaped;
use crate::wire::secret::{hidden_call, hidden_words};

/// What the options opened: once a process, shared by all copies of the options.
#[derive(Clone, Debug, Default)]
pub(super) struct Modes(Arc<OnceLock<Opened>>);

#[derive(Debug, Default)]
struct Opened {
    recorder: Option<Arc<Recorder>>,
    player: Option<Arc<Player>>,
    herald: Option<Arc<Told>>,
    /// Whether a replay's difference was shown.
    is_shown: AtomicBool,
}

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

impl Modes {
    /// Opens what the options ask for. `head` tells what the run is.
    pub(super) fn open(&self, options: &Options, head: &Head) -> Result<(), Report> {
        if options.record.is_some() && options.replay.is_some() {
            return Err(Report::usage(
                "a replay cannot be recorded: give `--record` or `--replay`",
            ));
        }
        let recorder = options
            .record
            .as_deref()
            .map(|path| record(path, head, options));
        let opened = Opened {
            recorder: recorder.transpose()?,
            player: options.replay.as_deref().map(replay).transpose()?,
            herald: options.dry_run.then(|| Arc::new(Told::begin(options.json))),
            is_shown: AtomicBool::new(false),
        };
        // A command opens once.
        let _ = self.0.set(opened);
        Ok(())
    }

    /// Puts in force what was opened.
    pub(super) fn apply(&self, options: &Options, settings: &mut vm::Settings) {
        let none = Opened::default();
        let opened = self.0.get().unwrap_or(&none);
        if options.read_only {
            settings.mode = Mode::ReadOnly;
        } else if let Some(herald) = &opened.herald {
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
        if let Some(recorder) = &opened.recorder {
            taps.push(recorder.clone());
            settings.recording = Recording::Write(recorder.clone());
        }
        if let Some(player) = &opened.player {
            settings.recording = Recording::Play(player.clone());
        }
        settings.tap = match taps.len() {
            0 => None,
            1 => taps.pop(),
            _ => Some(Arc::new(taps)),
        };
    }

    /// Takes note that an error is shown.
    pub(super) fn showing(&self, report: &Report) {
        if let Some(opened) = self.0.get().filter(|_| report.kind == Kind::Replay) {
            opened.is_shown.store(true, Ordering::Relaxed);
        }
    }

    /// Whether this is a replay that was not as it was recorded, at the end of the run.
    pub(super) fn differs(&self) -> bool {
        let player = self.0.get().and_then(|opened| opened.player.as_ref());
        player.is_some_and(|player| player.verdict().is_err())
    }

    /// Ends what was opened: a replay that differs and a recording that is not whole are no success.
    pub(super) fn close(&self, exit: Exit, options: &Options) -> Exit {
        let Some(opened) = self.0.get() else {
            return exit;
        };
        let mut exit = exit;
        if let Some(Err(difference)) = opened.player.as_ref().map(|player| player.verdict()) {
            let report = Report::from(&difference);
            let is_shown = opened.is_shown.load(Ordering::Relaxed);
            if !is_shown {
                finish::complain(&report, options);
            }
            if is_shown || exit.code() == 0 {
                exit = report.exit;
            }
        }
        if let Some(herald) = &opened.herald {
            herald.end();
        }
        if let Some(recorder) = &opened.recorder {
            if !recorder.end(exit.code()) && exit.code() == 0 {
                exit = Exit::Failed;
            }
        }
        exit
    }
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

/// Tells on standard error what a dry run does not do: a line each, or with `--json` an object each.
#[derive(Debug)]
struct Told {
    json: bool,
    count: AtomicU64,
}

impl Told {
    fn begin(json: bool) -> Self {
        let told = Self {
            json,
            count: AtomicU64::new(0),
        };
        told.say(
            || "dry run: it asks, and only says what it would change; what is told as done would be done".to_owned(),
            || json!({ "dry-run": "begins" }),
        );
        told
    }

    fn end(&self) {
        let count = self.count.load(Ordering::Relaxed);
        let changes = if count == 1 { "change" } else { "changes" };
        self.say(
            || format!("dry run: nothing was changed; {count} {changes} would have been made"),
            || json!({ "dry-run": "ended", "changes": count }),
        );
    }

    fn say(&self, text: impl FnOnce() -> String, object: impl FnOnce() -> serde_json::Value) {
        let line = if self.json {
            object().to_string()
        } else {
            text()
        };
        // Whoever closed the stream does not want to see it.
        let _ = writeln!(io::stderr().lock(), "{}", escaped(&line));
    }
}

impl Herald for Told {
    fn would(&self, change: &Would<'_>) {
        self.count.fetch_add(1, Ordering::Relaxed);
        match change {
            Would::Send {
                vm,
                channel,
                message,
            } => self.say(
                || format!("would send to {vm} ({channel}): {message}"),
                || {
                    let message: serde_json::Value =
                        serde_json::from_str(message).unwrap_or_default();
                    json!({ "would": "send", "vm": vm, "channel": channel, "message": message })
                },
            ),
            Would::File { doing, path } => self.say(
                || format!("would {doing} {} on this host", path.display()),
                || json!({ "would": doing, "path": path.to_string_lossy() }),
            ),
            Would::Run { words } => self.say(
                || format!("would run on this host: {}", words.join(" ")),
                || json!({ "would": "run", "words": words }),
            ),
        }
    }
}

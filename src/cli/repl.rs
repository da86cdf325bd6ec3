//! `qmpsh` alone: the REPL at a terminal, and in a pipe statements from standard input.

use std::env;
use std::fs::{self, File};
use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::Arc;

use super::options::Options;
use super::{begin, finish, modes, thaw};
use crate::client::Tap;
use crate::inventory::config::{Others, others, user_folder};
use crate::repl::log::Log;
use crate::repl::pager::Pager;
use crate::repl::preferences::Preferences;
use crate::repl::session::Surroundings;
use crate::repl::{Session, history, size, stream, terminal};
use crate::report::{Exit, Kind, Report};
use crate::script::called::Called;
use crate::script::consent::Asking;
use crate::script::permit::Permit;
use crate::script::{Settings, Source, source};
use crate::vm::settings::default_state_dir;

/// Lives a session with whoever is at the other end of standard input.
pub(super) fn execute(options: &Options) -> Exit {
    let head = modes::head("<session>", env::args_os().skip(1), &[]);
    if let Err(report) = modes::open(options, &head) {
        return finish::complain(&report, options);
    }
    thaw::warn_of_stale(options);
    let are_typed = io::stdin().is_terminal();
    if are_typed && io::stdout().is_terminal() && !is_dumb() {
        at_terminal(options)
    } else {
        line_by_line(options, are_typed)
    }
}

/// A terminal that cannot move its cursor is no place for an editor.
fn is_dumb() -> bool {
    env::var_os("TERM").is_none_or(|terminal| terminal == "dumb")
}

fn at_terminal(options: &Options) -> Exit {
    let screen = terminal::Screen::default();
    let mut vms = begin::vm_settings(options);
    let log = Log::default();
    let mut taps: Vec<Arc<dyn Tap>> = vec![Arc::new(log.clone())];
    taps.extend(vms.tap.take());
    vms.tap = Some(Arc::new(taps));
    vms.consent = Some(Arc::new(Asking::by(screen.ask())));
    let settings = match begin::settings_with(vms, options) {
        Ok(settings) => settings,
        Err(exit) => return exit,
    };
    let state = default_state_dir();
    // The history goes without a folder that cannot be made.
    let history = fs::create_dir_all(&state)
        .ok()
        .map(|()| history::file(&state));
    let settings = Settings {
        output: screen.output(),
        called: of_typed(),
        ..settings
    };
    let surroundings = Surroundings {
        history: history.clone(),
        size: size::of_terminal,
        pager: Pager::of_user(),
        views: Some(screen.views().clone()),
        log: Some(log),
        preferences: Preferences::new(options.color()),
        for_people: !options.json,
        json: options.json,
    };
    let mut session = match new_session(settings, surroundings, options) {
        Ok(session) => session,
        Err(exit) => return exit,
    };
    terminal::run(&mut session, &screen, history, |session| {
        match start_file() {
            Ok(Some(source)) => session.take_start(&source),
            Ok(None) => {}
            Err(report) => {
                session.complain(&report);
            }
        }
    })
}

/// A session without an editor. Whoever types is asked, be it at a terminal that shows nothing but lines.
fn line_by_line(options: &Options, are_typed: bool) -> Exit {
    let surroundings = Surroundings {
        history: None,
        size: || None,
        pager: None,
        views: None,
        log: None,
        preferences: Preferences::new(options.color()),
        for_people: are_typed && io::stdout().is_terminal() && !options.json,
        json: options.json,
    };
    let lines = stream::Lines::new(are_typed);
    let mut vms = begin::vm_settings(options);
    if are_typed {
        vms.consent = Some(Arc::new(Asking::by(lines.ask())));
    }
    let mut settings = match begin::settings_with(vms, options) {
        Ok(settings) => settings,
        Err(exit) => return exit,
    };
    if are_typed {
        settings.called = of_typed();
    }
    match new_session(settings, surroundings, options) {
        Ok(mut session) => stream::run(&mut session, &lines, io::BufReader::new(io::stdin())),
        Err(exit) => exit,
    }
}

/// What lines may do that somebody types at a terminal: all that their user may.
fn of_typed() -> Called {
    Called {
        permit: Permit {
            whole_host: true,
            ..Permit::default()
        },
        ..Called::default()
    }
}

fn new_session(
    settings: Settings,
    surroundings: Surroundings,
    options: &Options,
) -> Result<Session, Exit> {
    crate::script::Session::new(settings)
        .map(|script| Session::new(script, surroundings))
        .map_err(|error| finish::no_session(&error, options))
}

/// The file that the user has for the start of every session, if there is one.
fn start_file() -> Result<Option<Source>, Report> {
    let Some(path) = user_folder().map(|folder| folder.join("rc.rhai")) else {
        return Ok(None);
    };
    let failed = |why: &dyn std::fmt::Display| {
        let path = path.display();
        Report::new(Kind::Host, format!("`{path}` cannot be read: {why}"))
    };
    // It runs with all that the user may do.
    let distrusted = |why: String| {
        let message = format!("`{}` is not run: {why}", path.display());
        Report::new(Kind::Denied, message)
            .with_hint("`chown` it to you, and `chmod go-w` it and its folder")
    };
    match others(&path) {
        Ok(Others::Owner(owner)) => {
            let why = format!("it, or its folder, belongs to another user (uid {owner})");
            return Err(distrusted(why));
        }
        Ok(Others::Writers(writers)) => {
            return Err(distrusted(format!("it can be changed by {writers}")));
        }
        // What cannot be seen cannot be read either, and that says why.
        Ok(Others::None) | Err(_) => {}
    }
    let bytes = match File::open(&path).and_then(source::read) {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(failed(&error)),
    };
    let text = String::from_utf8(bytes).map_err(|_| failed(&"it is not UTF-8 text"))?;
    let name = Path::new(&path).display().to_string();
    Ok(Some(Source::new(name, text)))
}

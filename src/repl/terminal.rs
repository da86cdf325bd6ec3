//! A session at a terminal. The editor has a thread of its own, so that the session can act while somebody types: tell that
//! a freeze ended, complete a word, or leave when a signal says so.

use std::io::{self, Write};
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use nix::sys::signal::{SigSet, Signal};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

use super::editor::{Asker, Editor, Input, LineEditor, Question};
use super::pager;
use super::preferences::Preferences;
use super::prompt::Prompt;
use super::session::{Answer, Session};
use super::size::width;
use super::typing::Typing;
use super::view::Views;
use crate::report::{Exit, Kind, Report};
use crate::script::consent::Ask;
use crate::script::output::Output;
use crate::script::signals;

/// How often the prompt tells anew how long a guest stays frozen.
const TICK: Duration = Duration::from_secs(1);

/// Turns off what an editor may have turned on.
const AS_BEFORE: &str = "\x1b[?2004l";

/// Why something destructive is not even asked about.
const UNASKED: &str = "nobody is asked while `:watch` or `:top` has the screen: what they look at is to destroy nothing\n";

/// What a session at a terminal waits for.
enum Event {
    Typed(Input),
    Asked(Question),
    Signal(u8),
    NoEditor(String),
}

impl From<Question> for Event {
    fn from(question: Question) -> Self {
        Self::Asked(question)
    }
}

/// What the editor is to read.
enum Wanted {
    Line(Prompt, Preferences),
    /// A yes to a question.
    Yes(String, Sender<bool>),
}

/// Where a session's output goes at a terminal: to the process's streams, and while somebody types above that line.
#[derive(Clone, Default)]
pub struct Screen {
    typing: Typing,
    views: Views,
    /// The editor, while there is one.
    editor: Arc<Mutex<Option<Sender<Wanted>>>>,
}

impl Screen {
    /// The output.
    pub fn output(&self) -> Output {
        Output::to_terminal(
            Box::new(Half {
                screen: self.clone(),
                is_results: true,
                out: io::stdout(),
            }),
            Box::new(Half {
                screen: self.clone(),
                is_results: false,
                out: io::stderr(),
            }),
        )
    }

    /// How the whole of it is taken.
    pub fn views(&self) -> &Views {
        &self.views
    }

    /// How whoever types while a line runs is asked something.
    pub fn ask(&self) -> Ask {
        let (editor, views) = (self.editor.clone(), self.views.clone());
        Arc::new(move |question| {
            if views.is_open() {
                // What is only looked at is not to destroy anything. The screen is to be had again soon.
                let _ = views.take(UNASKED, false);
                return false;
            }
            let Some(editor) = lock(&editor).clone() else {
                // What runs before the first prompt, or behind the last, was not typed.
                return true;
            };
            let (answer, told) = channel();
            let asked = editor.send(Wanted::Yes(question.to_owned(), answer));
            // Who is gone says nothing, and so not yes.
            asked.is_ok() && told.recv().unwrap_or(false)
        })
    }
}

/// Holds a channel, which no panic leaves half made.
fn lock(editor: &Mutex<Option<Sender<Wanted>>>) -> MutexGuard<'_, Option<Sender<Wanted>>> {
    editor.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One stream of a screen. It is given whole lines.
struct Half<W> {
    screen: Screen,
    is_results: bool,
    out: W,
}

impl<W: Write> Write for Half<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        if !self.screen.views.take(&text, self.is_results) {
            self.screen
                .typing
                .write_lines(&text, &mut self.out, width)?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// Lives a session from its `start`, before the first prompt, to its end, which undoes what is held. Blocks. To be called
/// before other threads are started.
pub fn run(
    session: &mut Session,
    screen: &Screen,
    history: Option<PathBuf>,
    start: impl FnOnce(&mut Session),
) -> Exit {
    let (events, happened) = channel();
    let of_signals = events.clone();
    let views = screen.views.clone();
    let idle = move |signal| {
        // Ctrl-C with nothing to end is the editor's, or that of a program in the foreground.
        if signal != signals::CTRL_C {
            views.end();
            let _ = of_signals.send(Event::Signal(signal));
            pager::end();
        }
    };
    if let Err(error) = signals::handle_alone(session.control(), idle) {
        session.complain(&signals::unhandled(&error));
        return Exit::Fault;
    }
    // The editor's thread is to be woken by it, and no other.
    let resized = SigSet::from(Signal::SIGWINCH);
    if let Err(error) = resized.thread_block() {
        session.complain(&signals::unhandled(&error.into()));
        return Exit::Fault;
    }
    start(session);
    let before = Before::now();
    let (prompts, prompted) = channel();
    *lock(&screen.editor) = Some(prompts.clone());
    let typing = screen.typing.clone();
    let editing = thread::Builder::new()
        .name("editor".into())
        .spawn(move || edit(&events, &prompted, typing, history));
    if let Err(error) = editing {
        let report = Report::new(Kind::Fault, format!("no thread for the editor: {error}"));
        session.complain(&report);
        return Exit::Fault;
    }
    let waiting = Waiting {
        prompts,
        happened,
        typing: screen.typing.clone(),
    };
    let exit = waiting.lines(session);
    *lock(&screen.editor) = None;
    screen.typing.end();
    before.restore();
    session.leave(exit)
}

/// The editor's thread: a line for each prompt.
fn edit(
    events: &Sender<Event>,
    wanted: &Receiver<Wanted>,
    typing: Typing,
    history: Option<PathBuf>,
) {
    // Where it stays blocked, a line is drawn for the old size until the next one.
    let _ = SigSet::from(Signal::SIGWINCH).thread_unblock();
    let mut editor = match LineEditor::new(Asker(events.clone()), typing, history) {
        Ok(editor) => editor,
        Err(why) => {
            let _ = events.send(Event::NoEditor(why));
            return;
        }
    };
    // Either end of these channels is gone when the session has ended, and then nobody reads on.
    let mut last = Preferences::new(false);
    while let Ok(wanted) = wanted.recv() {
        match wanted {
            Wanted::Line(prompt, preferences) => {
                last = preferences;
                let typed = Event::Typed(editor.read(&prompt, preferences));
                if events.send(typed).is_err() {
                    break;
                }
            }
            Wanted::Yes(question, answer) => {
                let question = Prompt::asking(&question, last.color);
                // The line that asked may have ended.
                let _ = answer.send(editor.ask(&question, last));
            }
        }
    }
}

struct Waiting {
    prompts: Sender<Wanted>,
    happened: Receiver<Event>,
    typing: Typing,
}

impl Waiting {
    /// Takes line after line until one of them, or a signal, ends the session.
    fn lines(&self, session: &mut Session) -> Exit {
        loop {
            session.tell_ended();
            let prompt = session.prompt();
            let wanted = Wanted::Line(prompt, session.preferences());
            if self.prompts.send(wanted).is_err() {
                return Exit::Fault;
            }
            let text = match self.typed(session) {
                Ok(Input::Text(text)) => text,
                Ok(Input::GivenUp) => continue,
                Ok(Input::End) => return Exit::Done,
                Err(exit) => return exit,
            };
            if let Answer::Leave(exit) = session.take(&text) {
                return exit;
            }
        }
    }

    /// What is typed at the prompt; meanwhile answers the editor and keeps the time of what is frozen.
    fn typed(&self, session: &mut Session) -> Result<Input, Exit> {
        let held = session.held();
        let _attended = session.attend();
        loop {
            let event = if held.frozen().is_empty() && !held.has_ended() {
                self.happened
                    .recv()
                    .map_err(|_| RecvTimeoutError::Disconnected)
            } else {
                self.happened.recv_timeout(TICK)
            };
            match event {
                Ok(Event::Typed(input)) => break Ok(input),
                Ok(Event::Asked(question)) => question.answer(session),
                Ok(Event::Signal(signal)) => break Err(Exit::Signal(signal)),
                Ok(Event::NoEditor(why)) => {
                    let report =
                        Report::new(Kind::Host, format!("the terminal cannot be used: {why}"));
                    session.complain(&report);
                    break Err(report.exit);
                }
                Err(RecvTimeoutError::Timeout) => {
                    session.tell_ended();
                    // A terminal that is gone ends the editor, which tells so.
                    let _ = self.typing.tick(width());
                }
                Err(RecvTimeoutError::Disconnected) => break Err(Exit::Fault),
            }
        }
    }
}

/// The terminal as it was before an editor changed it: a signal ends the session in the middle of a line.
struct Before(Option<Termios>);

impl Before {
    fn now() -> Self {
        Self(tcgetattr(io::stdin()).ok())
    }

    fn restore(&self) {
        let Some(before) = &self.0 else {
            return;
        };
        let stdin = io::stdin();
        let changed =
            tcgetattr(stdin.as_fd()).is_ok_and(|now| now.local_modes != before.local_modes);
        if changed {
            // A terminal that is gone needs nothing restored.
            let _ = tcsetattr(stdin.as_fd(), OptionalActions::Now, before);
            let _ = writeln!(io::stdout(), "{AS_BEFORE}");
        }
    }
}

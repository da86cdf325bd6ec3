//! `:top`: how busy the VM in use is, anew each second.

mod board;

use std::time::{Duration, Instant};

use self::board::Board;
use super::nothing_after;
use crate::repl::keyboard::CTRL_C;
use crate::repl::session::{Answer, Session};
use crate::repl::view::{Turn, View};
use crate::report::{Kind, Report};

/// How long it is measured.
const EVERY: Duration = Duration::from_secs(1);

/// How long at first, so that there is soon something to see.
const AT_FIRST: Duration = Duration::from_millis(250);

/// The width where there is no screen.
const WIDTH: usize = 100;

const ESCAPE: u8 = 27;

pub(super) fn show(session: &mut Session, rest: &str) -> Result<Answer, Report> {
    nothing_after("top", rest)?;
    let Some(name) = session.in_use().map(str::to_owned) else {
        return Err(
            Report::usage("no VM is in use, so it is not known how busy which is")
                .with_hint("`:use web01` takes one into use"),
        );
    };
    let mut board = Board::new(name);
    let Some(views) = session.views().cloned() else {
        return Ok(once(session, &mut board));
    };
    // What is wrong with the VM is told without a flicker.
    match session.load() {
        Ok(load) => board.take(load),
        Err(answer) => return Ok(answer),
    }
    let failed = |error| Report::new(Kind::Host, format!("the screen cannot be taken: {error}"));
    let mut view = views.open().map_err(failed)?;
    let answer = on_screen(session, &mut view, &mut board);
    let (columns, rows) = view.size();
    drop(view);
    Ok(match answer {
        Answer::Done => session.tell_again(&board.lines(columns, rows).join("\n")),
        ended => ended,
    })
}

fn on_screen(session: &mut Session, view: &mut View, board: &mut Board) -> Answer {
    let mut next = Instant::now() + AT_FIRST;
    loop {
        let (columns, rows) = view.size();
        let mut lines = board.lines(columns, rows.saturating_sub(1));
        lines.push("q leaves".to_owned());
        if view.draw(&lines).is_err() {
            return Answer::Leave(Kind::Host.exit());
        }
        match view.wait_until(next) {
            Turn::Key(b'q' | b'Q' | ESCAPE | CTRL_C) => return Answer::Done,
            Turn::Key(_) | Turn::Resized => continue,
            Turn::Time => {}
        }
        match session.load() {
            Ok(load) => board.take(load),
            Err(answer) => return answer,
        }
        next = Instant::now() + EVERY;
    }
}

/// Where there is no screen: one look, over a second.
fn once(session: &mut Session, board: &mut Board) -> Answer {
    for is_last in [false, true] {
        match session.load() {
            Ok(load) => board.take(load),
            Err(answer) => return answer,
        }
        if !is_last {
            let rested = session.rest(EVERY);
            if rested != Answer::Done {
                return rested;
            }
        }
    }
    session.tell(&board.lines(WIDTH, usize::MAX).join("\n"))
}

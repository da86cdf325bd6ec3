//! The REPL: `qmpsh` with no arguments. The session ([`Session`]) takes lines and gives text, with no terminal; the editor
//! ([`editor`]) reads lines at one; [`terminal`] and [`stream`] bring the two together.
//!
//! - a line: [`code`] (as tokens), [`whole`] (does it go on?), [`commands`] (those that begin with a colon), [`history`],
//!   `lines` (those that succeeded)
//! - its value: [`value`] (as data), [`show`] (as text for people), [`pager`] (what is longer than the screen)
//! - while typing: [`complete`], [`prompt`], [`typing`] (the line on the terminal)
//! - the whole screen: [`view`] and `keyboard` (`:watch`, `:top`); [`log`] keeps messages for `:log`

pub mod code;
pub mod commands;
pub mod complete;
pub mod editor;
mod help;
pub mod history;
mod keyboard;
mod lines;
pub mod log;
pub mod pager;
pub mod preferences;
pub mod prompt;
pub mod session;
pub mod show;
pub mod size;
pub mod stream;
pub mod terminal;
pub mod typing;
pub mod value;
pub mod view;
pub mod whole;

pub use session::{Answer, Session};

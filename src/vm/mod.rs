//! What an operator handles.

pub mod duration;

//! Measures qmpsh against the floor: the same work on the same socket in a plain blocking loop, in turn within one run, so
//! that a busy or slow machine slows both. What is quoted is the median of the rounds' ratios. A missed target is marked
//! and no failure: that is for a person to judge, on a quiet machine.
//!
//! `make bench` does the set-up; `cargo bench -- freeze round-trip` runs those parts only.

#![expect(clippy::unwrap_used, reason = "a bench fails by a panic")]

mod files;
mod fleet;
mod freeze;
mod libvirt;
mod machine;
mod peers;
mod processes;
mod qmpsh;
mod raw;
mod round_trip;
mod rounds;
mod session;
mod table;

use table::Table;

type Part = (&'static str, fn(&mut Table));

/// The parts, in the order of the table.
const PARTS: [Part; 8] = [
    ("round-trip", round_trip::measure),
    ("host-files", files::on_host),
    ("guest-files", files::in_guest),
    ("freeze", freeze::measure),
    ("processes", processes::measure),
    ("session", session::measure),
    ("fleet", fleet::measure),
    ("libvirt", libvirt::measure),
];

fn main() {
    // Cargo adds `--bench`.
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    for name in &wanted {
        assert!(
            PARTS.iter().any(|(part, _)| part == name),
            "there is no part `{name}`: there are {:?}",
            PARTS.map(|(part, _)| part)
        );
    }
    let mut table = Table::default();
    for (name, measure) in PARTS {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted == name) {
            eprintln!("measuring: {name}");
            measure(&mut table);
        }
    }
    println!("{}\n\n{table}", machine::line());
}

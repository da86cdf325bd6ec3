//! Many VMs at once: one that is silent takes nothing from the others, nor does a small allowance of descriptors.

use std::thread;

use harness::{Outcome, Qemu, Qmpsh};

use super::{BOUND, Host, QMPSH, columns};

const VMS: usize = 40;

/// Starts them, a few at a time.
fn start() -> Vec<Qemu> {
    let some = |first: usize| {
        let numbers = (first..VMS).step_by(4);
        numbers
            .map(|number| Qemu::bare().args(&format!("-name vm{number}")).start())
            .collect::<Vec<_>>()
    };
    thread::scope(|threads| {
        let starters: Vec<_> = (0..4)
            .map(|first| threads.spawn(move || some(first)))
            .collect();
        starters
            .into_iter()
            .flat_map(|starter| starter.join().unwrap())
            .collect()
    })
}

#[track_caller]
fn all_but_one_run(outcome: &Outcome, silent: &str) {
    assert_eq!(outcome.code, Some(0), "{outcome:#?}");
    let mut of_state = std::collections::BTreeMap::<&str, Vec<&str>>::new();
    for line in columns(outcome) {
        of_state.entry(line[2]).or_default().push(line[0]);
    }
    assert_eq!(of_state["silent"], [silent], "{outcome:#?}");
    assert_eq!(of_state["running"].len(), VMS - 1, "{outcome:#?}");
    assert_eq!(of_state.len(), 2, "{outcome:#?}");
}

#[test]
fn one_silent_vm_among_many_costs_only_itself_also_with_few_descriptors() {
    let mut fleet = start();
    let host = Host::of(&fleet.iter().map(Qemu::pid).collect::<Vec<_>>());
    fleet[0].process().stop();
    all_but_one_run(&host.ls().run(), "vm0");
    // Room for 16 at a time.
    let config = host.0.join("config.toml");
    std::fs::write(&config, host.config()).unwrap();
    let line = format!(
        "ulimit -n 64 && exec '{QMPSH}' --config {} ls",
        config.display()
    );
    let few = Qmpsh::new("/bin/sh")
        .args(["-c", &line])
        .deadline(BOUND)
        .run();
    all_but_one_run(&few, "vm0");
    // At a terminal the others do not wait for it: they come first.
    let line = format!("'{QMPSH}' --config {} --timeout 3s ls", config.display());
    let terminal = Qmpsh::new("/usr/bin/script")
        .args(["-qec", &line, "/dev/null"])
        .run();
    // A note that is longer than the line goes on below it.
    let mut lines = terminal.stdout.lines();
    let last = lines
        .rfind(|line| !line.starts_with(' '))
        .unwrap_or_default();
    assert!(
        last.starts_with("vm0 ") && last.contains("silent"),
        "{terminal:#?}"
    );
    fleet[0].process().cont();
}

//! `:top`: a live view of the VM in use, and one look where there is no screen.

use harness::{Guest, Qemu, Qmpsh};

use super::{BOUND, QMPSH, at_guest, terminal, told};

#[test]
fn a_guest_that_works_is_seen_to_on_the_screen_until_q() {
    let guest = Guest::boot();
    let terminal = at_guest(&guest);
    terminal.types(":top\r");
    terminal.wait_for("memory ");
    terminal.wait_for("of this host in use");
    terminal.wait_for("DISK ");
    terminal.wait_for("vCPU 0");
    terminal.wait_for_end("q leaves");
    terminal.resize(60, 10);
    terminal.wait_for_end("q leaves");
    // Other keys do nothing.
    terminal.types("x");
    terminal.types("q");
    terminal.wait_for_end("qmp>");
    // What was seen last stays.
    terminal.wait_for("vCPU 0");
    assert!(!terminal.screen().contains("q leaves"));
    terminal.types("1 + 1\r");
    terminal.wait_for_end(&format!("1 + 1\n2\n{}>", told(&guest.qmp())));
    terminal.types(":top\r");
    terminal.wait_for_end("q leaves");
    terminal.types("\x03");
    terminal.wait_for_end("qmp>");
}

#[test]
fn a_vm_that_goes_gives_the_screen_back_with_what_happened() {
    let mut qemu = Qemu::bare().start();
    let terminal = terminal();
    terminal.types(&format!(":use {}\r", qemu.qmp().display()));
    terminal.wait_for_end("qmp>");
    terminal.types(":top\r");
    terminal.wait_for("no vCPUs");
    terminal.wait_for("no disks");
    qemu.process().kill();
    terminal.wait_for("error: ");
    terminal.wait_for_end("qmp>");
}

#[test]
fn without_a_screen_it_is_one_look_and_without_a_vm_a_mistake() {
    let qemu = Qemu::bare().image("a.raw", "1M").start();
    let text = format!(":use {}\n:top\n", qemu.qmp().display());
    let outcome = Qmpsh::new(QMPSH).stdin(text).deadline(BOUND).run();
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""));
    assert!(outcome.stdout.contains("no vCPUs\n"), "{outcome:#?}");
    assert!(!outcome.stdout.contains('\x1b'), "{outcome:#?}");
    let outcome = Qmpsh::new(QMPSH).stdin(":top\n").deadline(BOUND).run();
    assert_eq!(outcome.code, Some(2), "{outcome:#?}");
    assert!(outcome.stderr.contains("no VM is in use"), "{outcome:#?}");
}

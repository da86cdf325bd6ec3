//! A guest that a session keeps frozen: the prompt tells it, and it is thawed on leaving and at its `max`.

use harness::{Guest, Signal, Terminal};

use super::{at_guest, told};

#[test]
fn a_freeze_is_held_from_line_to_line_and_released_by_one() {
    let guest = Guest::boot();
    let terminal = at_guest(&guest);
    terminal.types("let f = v.agent.fsfreeze();\r");
    terminal.wait_for("qmp FROZEN ");
    assert!(guest.is_frozen());
    terminal.types("v.agent.fsstatus()\r");
    terminal.wait_for(&format!("\nfrozen\n{} FROZEN ", told(&guest.qmp())));
    assert!(guest.is_frozen());
    // What is being typed stays as it is while the time passes.
    terminal.types("f.rel");
    terminal.wait_for("s> f.rel");
    terminal.types("ease()\r");
    terminal.wait_for_end("qmp>");
    terminal.wait_for("file systems were frozen for ");
    assert!(!guest.is_frozen());
    terminal.types(":held\r");
    terminal.wait_for("\nnothing is held\n");
}

#[test]
fn a_guest_whose_vm_ends_is_frozen_no_more() {
    let mut guest = Guest::boot();
    let terminal = at_guest(&guest);
    terminal.types("let f = v.agent.fsfreeze();\r");
    terminal.wait_for("qmp FROZEN ");
    guest.process().signal(Signal::KILL);
    terminal.wait_for("error: ");
    // Above the prompt stands all of what is told, to its last line.
    terminal.wait_for("help: the VM has ended");
    terminal.wait_for_end(" >");
    let screen = terminal.screen();
    assert!(screen.contains("help: the VM has ended"), "{screen}");
    terminal.types(":held\r");
    terminal.wait_for("\nnothing is held\n");
}

#[test]
fn a_freeze_is_thawed_on_leaving_by_the_end_of_input_and_by_a_signal() {
    let guest = Guest::boot();
    for leave in [
        &(|terminal: &Terminal| terminal.types("\x04")) as &dyn Fn(&Terminal),
        &|terminal| terminal.types(":quit\r"),
        &|terminal| terminal.signal(Signal::TERM),
        &|terminal| terminal.signal(Signal::HUP),
    ] {
        let terminal = at_guest(&guest);
        terminal.types("v.agent.fsfreeze()\r");
        terminal.wait_for("qmp FROZEN ");
        assert!(guest.is_frozen());
        leave(&terminal);
        terminal.wait_for("file systems were frozen for ");
        terminal.wait();
        assert!(!guest.is_frozen());
    }
}

#[test]
fn a_freeze_that_ends_by_itself_is_told_above_what_is_being_typed() {
    let guest = Guest::boot();
    let terminal = at_guest(&guest);
    terminal.types("let f = v.agent.fsfreeze(#{ max: \"2s\" });\r");
    terminal.wait_for("qmp FROZEN ");
    terminal.types("1 + 41");
    terminal.wait_for("the freeze window expired after 2 s");
    terminal.wait_for_end("> 1 + 41");
    assert!(!guest.is_frozen());
    terminal.types("\r");
    terminal.wait_for_end(&format!("\n42\n{}>", told(&guest.qmp())));
}

#[test]
fn a_line_that_fails_thaws_what_it_froze_and_an_interrupt_leaves_what_was_held() {
    let guest = Guest::boot();
    let terminal = at_guest(&guest);
    terminal.types("v.agent.fsfreeze(); fail(\"no disk\")\r");
    terminal.wait_for("error: no disk");
    terminal.wait_for_end("qmp>");
    assert!(!guest.is_frozen());
    terminal.types("let f = v.agent.fsfreeze();\r");
    terminal.wait_for("qmp FROZEN ");
    terminal.types("print(\"begun\"); loop { }\r");
    terminal.wait_for("\nbegun");
    terminal.types("\x03");
    terminal.wait_for(&format!("interrupted\n{} FROZEN ", told(&guest.qmp())));
    assert!(guest.is_frozen());
    terminal.types(":release\r");
    terminal.wait_for_end("qmp>");
    assert!(!guest.is_frozen());
}

#[test]
fn ctrl_c_in_a_call_while_frozen_keeps_the_freeze_and_in_its_block_thaws() {
    let guest = Guest::boot();
    let terminal = at_guest(&guest);
    terminal.types("let f = v.agent.fsfreeze(#{ max: \"60s\" }); let w = v.watch(\"STOP\");\r");
    terminal.wait_for("qmp FROZEN ");
    terminal.types("print(\"begun\"); w.wait(\"1h\")\r");
    terminal.wait_for("\nbegun");
    terminal.types("\x03");
    terminal.wait_for(&format!("interrupted\n{} FROZEN ", told(&guest.qmp())));
    assert!(guest.is_frozen());
    terminal.types("f.release()\r");
    terminal.wait_for_end("qmp>");
    terminal.types("\x0cwith v.agent.fsfreeze() as g { print(\"frozen now\"); sleep(\"1h\") }\r");
    terminal.wait_for("\nfrozen now");
    terminal.types("\x03");
    terminal.wait_for_end(&format!("interrupted\n{}>", told(&guest.qmp())));
    terminal.wait_for("file systems were frozen for ");
    assert!(!guest.is_frozen());
}

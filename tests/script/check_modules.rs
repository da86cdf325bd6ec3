//! `qmpsh check`: modules that a script imports, and what is named of them.

use std::fs;

use harness::Folder;
use qmpsh::script::{Session, Settings, Source};

use super::check::{target, told};

/// What is told of a script beside a module `shared`, each with the name of its file.
pub(super) fn told_beside(version: &str, module: &str, script: &str) -> Vec<String> {
    let folder = Folder::new();
    fs::write(folder.path().join("shared.rhai"), module).unwrap();
    let path = folder.path().join("script.rhai");
    let session = Session::new(Settings::default()).unwrap();
    let source = Source::new(path.display().to_string(), script);
    let faults = session.examine(&source, &[target(version)]);
    let line = |fault: &qmpsh::script::Fault| {
        let place = &fault.place;
        let file = place.source.rsplit('/').next().unwrap();
        assert!(fault.drawn.contains(file), "{}", fault.drawn);
        format!(
            "{file}:{}:{} {}",
            place.line, place.column, fault.report.message
        )
    };
    faults.iter().map(line).collect()
}

const IMPORT: &str = "import \"shared\" as s;";

#[test]
fn faults_in_an_imported_module_are_told_at_their_place_in_it() {
    let module = "fn stop(v) {\n    v.qmp(\"ejct\");\n    nope(1)\n}";
    assert_eq!(
        told_beside("11.1", module, &format!("{IMPORT}\ns::stop(vm(\"a\"));")),
        [
            "shared.rhai:2:11 QEMU 11.1: there is no command `ejct`",
            "shared.rhai:3:5 there is no function `nope`",
        ]
    );
    let module = "fn stop(v) { v.qmp( }";
    let told = told_beside("11.1", module, IMPORT);
    assert!(told[0].starts_with("shared.rhai:1:21 "), "{told:?}");
}

#[test]
fn what_only_some_qemus_lack_is_told_of_the_functions_that_are_called() {
    let module =
        "fn stats(v) { inner(v) } fn inner(v) { v.qmp(\"query-stats\", #{ target: \"vm\" }) }";
    let fault = ["shared.rhai:1:46 QEMU 5.2: there is no command `query-stats`"];
    let none: [&str; 0] = [];
    let call = format!("{IMPORT} let v = vm(\"a\"); s::stats(v);");
    assert_eq!(told_beside("5.2", module, &call), fault);
    assert_eq!(told_beside("7.2", module, &call), none);
    assert_eq!(told_beside("5.2", module, IMPORT), none);
    let asked = format!("{IMPORT} let v = vm(\"a\"); if v.version.major >= 7 {{ s::stats(v); }}");
    assert_eq!(told_beside("5.2", module, &asked), none);
}

#[test]
fn names_that_a_module_does_not_have_are_told() {
    let module = "export const SIZE = 1; fn open(x) { x } private fn hidden(x) { x }";
    for (script, fault) in [
        (
            "s::opem(1);",
            "1:26 there is no function `opem` in `shared`",
        ),
        ("s::open();", "1:26 `s::open` takes 1 argument, not 0"),
        (
            "s::hidden(1);",
            "1:26 there is no function `hidden` in `shared`",
        ),
        ("print(s::SIZ);", "1:32 there is no `SIZ` in `shared`"),
        ("t::open(1);", "1:26 there is no module `t` here"),
        ("print(t::SIZE);", "1:32 there is no module `t` here"),
        (
            "const A = 1; fn f() { global::B } f();",
            "1:53 there is no constant `B`",
        ),
        ("Fn(\"opne\").call(1);", "1:26 there is no function `opne`"),
    ] {
        let told = told_beside("11.1", module, &format!("{IMPORT} {script}"));
        assert_eq!(told, [format!("script.rhai:{fault}")], "{script}");
    }
    let right = "s::open(s::SIZE); [1].map(s::open); const A = 1; fn f() { global::A } f(); Fn(\"f\").call();";
    let none: [&str; 0] = [];
    assert_eq!(
        told_beside("11.1", module, &format!("{IMPORT} {right}")),
        none
    );
}

#[test]
fn an_unknown_import_hides_nothing_that_is_surely_wrong() {
    let script = "import \"std/nope\" as n;\nvm(\"a\").frobnicate();\nlet x = n::make();\nx.frobnicate();\nfrob();";
    assert_eq!(
        told(script),
        [
            "1:1 there is no module `std/nope` in qmpsh",
            "2:9 a value of type vm has no function `frobnicate`",
            "5:1 there is no function `frob`",
        ]
    );
}

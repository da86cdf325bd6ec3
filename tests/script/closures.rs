//! Closures that cross a module border. Newer versions of Rhai call the wrong function here, or none: these cases say
//! when it is safe to move on from the pinned one.

use std::fs;

use crate::{Stage, value};

fn with_module(text: &str, script: &str) -> String {
    let folder = crate::imports::Folder::new();
    fs::write(folder.path("tools.rhai"), text).unwrap();
    let main = folder.path("main.rhai");
    let outcome = Stage::new().session.run(&qmpsh::script::Source::new(
        main.display().to_string(),
        script,
    ));
    match outcome.ending {
        qmpsh::script::Ending::Value(value) => value.to_string(),
        other => format!("{other:?}"),
    }
}

#[test]
fn a_closure_given_to_a_module_calls_its_own_scripts_helper() {
    let module = "fn helper() { \"module's\" } fn apply(f) { f.call() }";
    let script =
        "import \"tools\" as tools; fn helper() { \"caller's\" } tools::apply(|| helper())";
    assert_eq!(with_module(module, script), "caller's");
}

#[test]
fn a_closure_that_a_module_returns_can_be_called() {
    let module = "fn helper(x) { x + 1 } fn adder() { |x| helper(x) }";
    let script = "import \"tools\" as tools; let f = tools::adder(); f.call(41)";
    assert_eq!(with_module(module, script), "42");
}

#[test]
fn a_closure_that_a_module_returns_reads_the_modules_constants() {
    let module = "const K = 42; fn reader() { || global::K } fn read() { global::K }";
    let script = "import \"tools\" as tools; let f = tools::reader(); f.call() + tools::read()";
    assert_eq!(with_module(module, script), "84");
}

#[test]
fn closures_cross_the_border_into_workers_too() {
    let module = "fn helper() { \"module's\" } fn all(list, f) { parallel(list, |x| f.call(x)) }";
    let script = "import \"tools\" as tools; fn helper(x) { `caller's ${x}` } tools::all([1, 2], |x| helper(x))[1].ok";
    assert_eq!(with_module(module, script), "caller's 2");
}

#[test]
fn functions_of_one_name_in_several_texts_are_not_taken_for_each_other() {
    let module = "fn outer(x) { inner(x) } private fn inner(x) { \"module\" } fn each(list, f) { list.map(|x| inner(x) + f.call(x)) }";
    let script = "import \"tools\" as tools; fn inner(x) { \"script\" } fn again(x) { inner(x) }
        let seen = [];
        for round in 0..3 {
            seen += [tools::outer(1), inner(1), again(1), tools::each([1, 2, 3], |x| inner(x))[2]];
        }
        seen == [\"module\", \"script\", \"script\", \"modulescript\", \"module\", \"script\", \"script\", \"modulescript\",
            \"module\", \"script\", \"script\", \"modulescript\"]";
    assert_eq!(with_module(module, script), "true");
    let script = "import \"tools\" as tools; import \"std/size\" as size; fn inner(x) { \"script\" }
        let seen = []; for round in 0..3 { seen += [inner(1), tools::outer(1)]; } seen[5] + seen[4]";
    assert_eq!(with_module(module, script), "modulescript");
}

#[test]
fn a_with_is_held_where_this_is_bound() {
    let script = "let told = [];
        let object = #{ run: |told| { with guard(\"one\", || told.push(\"undone\")) as it { told.push(\"body\"); } told } };
        told = object.run(told);
        [\"E\"].for_each(|i| { with guard(\"two\", || told.push(\"undone\")) as it { told.push(`${this} ${i}`); } });
        told.join(\", \")";
    assert_eq!(value(script), "body, undone, E 0, undone");
}

//! Every function that scripts can call has an example in its documentation, and the example works.

use qmpsh::report::Exit;
use qmpsh::script::{Ending, Outcome};

use crate::Stage;
use crate::documented::{examples, needs_machine};

/// An example works if it comes to its end, and if that is not `false`.
#[track_caller]
fn assert_works(name: &str, example: &str, outcome: &Outcome) {
    match &outcome.ending {
        Ending::Value(value) => assert_ne!(value.as_bool(), Ok(false), "{name}: {example}"),
        other => panic!("{name}: {other:?}"),
    }
    assert_eq!(outcome.exit(), Exit::Done);
}

#[test]
fn the_examples_of_all_functions_and_standard_modules_work() {
    let mut stage = Stage::new();
    for (name, example) in examples(&stage.session.reference()) {
        // The others are run against one, elsewhere.
        if !needs_machine(&example) {
            assert_works(&name, &example, &stage.run(&example));
        }
    }
}

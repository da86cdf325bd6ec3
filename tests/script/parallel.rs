//! `parallel`: one result per item, in order, from threads that share nothing.

use crate::{Stage, failure, value};

#[test]
fn results_come_in_the_order_of_the_items() {
    assert_eq!(
        value(
            "json(parallel([30, 20, 10, 0], #{ jobs: 4 }, |ms| { sleep(ms / 1000.0); ms }).map(|r| [r.item, r.ok]))"
        ),
        "[[30,30],[20,20],[10,10],[0,0]]"
    );
    assert_eq!(value("parallel([], |x| x).len()"), "0");
}

#[test]
fn one_failure_leaves_the_others_their_results() {
    assert_eq!(
        value(
            "parallel([1, 2, 3], |x| if x == 2 { fail(\"two\") } else { x }).map(|r| if \"error\" in r { r.error.message } else { r.ok }).to_string()"
        ),
        "[1, \"two\", 3]"
    );
}

#[test]
fn fail_fast_throws_the_first_error_and_ends_the_others() {
    assert_eq!(
        value(
            "let r; try { parallel([1, 2, 3], #{ fail_fast: true }, |x| if x == 2 { fail(\"two\") } else { sleep(3600) }) } catch (e) { r = e.message } r"
        ),
        "two"
    );
}

#[test]
fn workers_share_nothing_with_each_other_or_the_script() {
    assert_eq!(
        value(
            "let items = []; for i in 0..200 { items.push(i) } let count = 0; let list = [0]; let nested = #{ f: || list };
             let results = parallel(items, #{ jobs: 16 }, |x| { count += x; list.push(x); list.len() + nested.f.call().len() + count - x });
             `${results.filter(|r| \"error\" in r).len()} ${results.filter(|r| r.ok == 3).len()} ${count} ${list.len()}`"
        ),
        "0 200 0 1"
    );
}

#[test]
fn workers_call_the_scripts_functions_and_nest() {
    assert_eq!(
        value(
            "fn double(x) { x * 2 } parallel([1, 2], |x| parallel([x], |y| double(y))[0].ok)[1].ok"
        ),
        "4"
    );
}

#[test]
fn no_more_than_jobs_work_at_once() {
    let mut stage = Stage::new();
    let gauge = std::sync::Arc::new(std::sync::Mutex::new((0_u32, 0_u32)));
    for (name, step) in [("begin", 1_i32), ("end", -1)] {
        let gauge = gauge.clone();
        stage.session.engine_mut().register_fn(name, move || {
            let mut gauge = gauge.lock().unwrap();
            gauge.0 = gauge.0.checked_add_signed(step).unwrap();
            gauge.1 = gauge.1.max(gauge.0);
        });
    }
    stage.value("let items = []; for i in 0..12 { items.push(i) } parallel(items, #{ jobs: 3 }, |x| { begin(); sleep(\"2ms\"); end() })");
    assert!((1..=3).contains(&gauge.lock().unwrap().1));
}

#[test]
fn a_panic_in_a_worker_ends_the_run_as_a_fault() {
    let mut stage = Stage::new();
    stage
        .session
        .engine_mut()
        .register_fn("panic", || -> () { panic!("on purpose") });
    let shown = stage.failure("parallel([1, 2], |x| if x == 1 { panic() } else { sleep(3600) })");
    assert!(shown.contains("qmpsh itself failed: on purpose"), "{shown}");
}

#[test]
fn wrong_options_are_named() {
    assert!(failure("parallel([1], #{ job: 2 }, |x| x)").contains("there is no option `job`"));
    assert!(
        failure("parallel([1], #{ jobs: 0 }, |x| x)")
            .contains("`jobs` is a number from 1 to 256, not 0")
    );
    assert!(
        failure("parallel([1], #{ fail_fast: 1 }, |x| x)")
            .contains("`fail_fast` is true or false, not 1")
    );
}

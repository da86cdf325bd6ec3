//! The ready-made `freeze-snapshot-thaw`, ended at each step: besides the thaw, no overlay stays.

use std::fs;

use harness::Signal;
use serde_json::json;

use super::signals::send;
use super::stage::{Fate, Stage, Step};

#[test]
fn a_snapshot_that_is_ended_at_any_step_leaves_a_thawed_guest_and_no_overlay() {
    let stage = Stage::new();
    let before = left_by(&stage);
    for step in Step::ALL {
        let hold = stage.hold(step);
        let target = stage.target();
        let shell = stage
            .qmpsh()
            .args(["run", "freeze-snapshot-thaw", &target])
            .spawn();
        stage.reach(step, &hold);
        send(&shell, Signal::TERM);
        // The thaw goes past a monitor that is silent; the rest cannot.
        if matches!(step, Step::FreezeAnswered | Step::InTransaction) {
            assert!(stage.thaws(), "at: {step}");
        }
        Fate::Late.befall(hold);
        assert!(stage.thaws(), "at: {step}");
        shell.wait().expect_code(128 + Signal::TERM.as_raw());
        stage.assert_clean();
        assert_eq!(left_by(&stage), before, "at: {step}");
    }
}

/// The images on disk and the block nodes in QEMU.
fn left_by(stage: &Stage) -> (Vec<String>, Vec<String>) {
    let mut images: Vec<String> = fs::read_dir(stage.guest.folder().path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("qcow2"))
        .collect();
    images.sort();
    let nodes = stage
        .guest
        .raw_qmp()
        .call("query-named-block-nodes", &json!({ "flat": true }));
    let mut nodes: Vec<String> = nodes
        .as_array()
        .unwrap()
        .iter()
        .map(|node| node["node-name"].as_str().unwrap().to_owned())
        .collect();
    nodes.sort();
    (images, nodes)
}

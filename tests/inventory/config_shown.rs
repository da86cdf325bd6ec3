//! `qmpsh config`.

use harness::Folder;
use serde_json::{Value, json};
use std::fs::write;

use super::qmpsh;

const FULL: &str = "[vm.web01]\nqmp = \"/run/web01.qmp\"\nlabels = [\"prod\"]\n\n[vm.\"a b\"]\nuuid = \"5A0E3C6D7B1F4C2E9D4A000000000001\"\n\
    \n[[discover]]\ntype = \"smartos\"\npool = \"tank\"\n";

#[test]
fn what_is_shown_says_where_it_comes_from_and_is_a_configuration_again() {
    let first = qmpsh(FULL).arg("config").run();
    let shown = &first.expect_code(0).stdout;
    for part in [
        "# ./qmpsh.toml: not there\n",
        "config/qmpsh/config.toml: read\n",
        "[vm.web01]\nqmp = \"/run/web01.qmp\" # ",
        "config.toml:2\n",
        "[vm.\"a b\"]\nuuid = \"5a0e3c6d-7b1f-4c2e-9d4a-000000000001\" # ",
        "[[discover]] # ",
        "type = \"smartos\"\nroot = \"/\"\npool = \"tank\"",
    ] {
        assert!(shown.contains(part), "no `{part}` in {shown}");
    }
    let folder = Folder::new();
    write(folder.join("again.toml"), shown).unwrap();
    let again = qmpsh("")
        .args(["config", "--config"])
        .arg(folder.join("again.toml"))
        .run();
    let without_places = |text: &str| {
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        let bare = lines.map(|line| line.split(" # ").next().unwrap().to_owned());
        bare.collect::<Vec<_>>()
    };
    assert_eq!(
        without_places(&again.expect_code(0).stdout),
        without_places(shown)
    );
}

#[test]
fn defaults_are_marked_as_such() {
    let outcome = qmpsh("").arg("config").run();
    let shown = &outcome.expect_code(0).stdout;
    assert!(
        shown.contains("[[discover]] # by default\ntype = \"process\"\n"),
        "{shown}"
    );
    assert!(shown.contains("/var/run/qemu-server"), "{shown}");
}

#[test]
fn it_is_json_for_programs() {
    let outcome = qmpsh(FULL).args(["config", "--json"]).run();
    let shown: Value = serde_json::from_str(&outcome.expect_code(0).stdout).unwrap();
    assert_eq!(shown["vm"]["web01"]["labels"]["value"], json!(["prod"]));
    let from = shown["vm"]["web01"]["qmp"]["from"].as_str().unwrap();
    assert!(from.ends_with("config.toml:2"), "{from}");
    assert_eq!(shown["discover"][0]["pool"], "tank");
    assert_eq!(shown["files"][0]["state"], "not there");
}

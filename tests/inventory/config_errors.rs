//! Broken configurations: told with their place, and never half applied.

use std::fs::write;

use harness::Folder;
use qmpsh::inventory::Config;
use qmpsh::inventory::config::Places;
use qmpsh::report::Report;
use qmpsh::script::diagnostic::draw_marked;

use super::{fails, qmpsh};

/// Broken texts, the place of the mistake, and words of the error.
const BROKEN: [(&str, &str, &[&str]); 34] = [
    (
        "[vm.web01]\nqpm = \"/x\"",
        "2:1",
        &["no key `qpm` in `[vm.web01]`", "did you mean `qmp`?"],
    ),
    (
        "[vm.web01]\ncolour = 1",
        "2:1",
        &["no key `colour`", "the keys are qmp, agent, uuid, labels"],
    ),
    (
        "[vms.web01]",
        "1:2",
        &["no key `vms`", "did you mean `vm`?"],
    ),
    ("vm = 1", "1:6", &["`vm` is a table", "an integer"]),
    (
        "[vm]\nweb01 = \"/x\"",
        "2:9",
        &["is a table, as in `[vm.NAME]`, and not a string"],
    ),
    (
        "[vm.web01]\nqmp = 5",
        "2:7",
        &["`qmp` is a text, and not an integer"],
    ),
    ("[vm.web01]\nqmp = \"\"", "2:7", &["`qmp` is empty"]),
    (
        "[vm.web01]\nqmp = \"web01\"",
        "2:7",
        &["is no socket address"],
    ),
    ("[vm.web01]\nqmp = \"tcp:h\"", "2:7", &["is no TCP address"]),
    (
        "[vm.web01]\nqmp = \"/x\\u001b[2J\"",
        "2:7",
        &["a control character"],
    ),
    (
        "[vm.web01]\nuuid = \"web01\"",
        "2:8",
        &["`web01` is no UUID"],
    ),
    (
        "[vm.web01]\nuuid = \"00000000-0000-0000-0000-000000000000\"",
        "2:8",
        &["is no UUID of a VM"],
    ),
    (
        "[vm.web01]\nlabels = \"prod\"",
        "2:10",
        &["a list of texts, and not a string"],
    ),
    (
        "[vm.web01]\nlabels = [\"a\", 1]",
        "2:16",
        &["a label is a text, and not an integer"],
    ),
    ("[vm.\"\"]", "1:5", &["empty"]),
    ("[vm.\"/run/x\"]", "1:5", &["`/run/x` is an address"]),
    ("[vm.\"tcp:x:1\"]", "1:5", &["is an address"]),
    ("[vm.\"a\\u0007\"]", "1:5", &["a control character"]),
    (
        "[vm.web01]\nqmp = \"/x\"\nqmp = \"/y\"",
        "3:1",
        &["duplicate key"],
    ),
    ("[vm.web01", "1:10", &["unclosed table"]),
    ("[vm.web01]\nqmp = \"/x", "2:10", &["invalid basic string"]),
    (
        "[vm.a]\nqmp = \"/x\"\n[vm.b]\nqmp = \"/x\"",
        "4:7",
        &["`vm.b` has the `qmp` of `vm.a`"],
    ),
    (
        "[vm.a]\nuuid = \"5a0e3c6d-7b1f-4c2e-9d4a-000000000001\"\n[vm.b]\nuuid = \"5A0E3C6D7B1F4C2E9D4A000000000001\"",
        "4:8",
        &["`vm.b` has the `uuid` of `vm.a`"],
    ),
    (
        "[discover]\ntype = \"process\"",
        "1:1",
        &["a list of tables, each begun by `[[discover]]`"],
    ),
    (
        "[[discover]]\nroot = \"/x\"",
        "1:1",
        &["needs a `type`: process, proxmox"],
    ),
    (
        "[[discover]]\ntype = \"proces\"",
        "2:8",
        &["`proces` is no type", "did you mean `process`?"],
    ),
    (
        "[[discover]]\ntype = \"lxd\"",
        "2:8",
        &["the types are process"],
    ),
    (
        "[[discover]]\ntype = \"glob\"\npool = \"x\"",
        "3:1",
        &["no key `pool` in a `[[discover]]` of type `glob`"],
    ),
    ("[[discover]]\ntype = \"glob\"", "1:1", &["needs `qmp`"]),
    (
        "[[discover]]\ntype = \"glob\"\nqmp = \"/run/*.qmp\"",
        "3:7",
        &["it needs `{name}`"],
    ),
    (
        "[[discover]]\ntype = \"glob\"\nqmp = \"/run/[/{name}\"",
        "3:7",
        &["`qmp` cannot be used"],
    ),
    (
        "[[discover]]\ntype = \"glob\"\nqmp = \"/r/{name}\"\nagent = \"/r/*/{name}\"",
        "4:9",
        &["only `{name}`"],
    ),
    (
        "[[discover]]\ntype = \"smartos\"\npool = \"a/b\"",
        "3:8",
        &["a pool's name"],
    ),
    (
        "discover = [1]",
        "1:13",
        &["is a table, as in `[[discover]]`"],
    ),
];

#[test]
fn each_mistake_is_told_with_its_place_and_what_was_meant() {
    let folder = Folder::new();
    let file = folder.join("c.toml");
    for (text, place, words) in BROKEN {
        write(&file, text).unwrap();
        let drawn = draw(&file, text).unwrap_or_else(|| panic!("nothing wrong: {text}"));
        let place = format!("c.toml:{place}\n");
        for word in words.iter().chain([&place.as_str()]) {
            assert!(drawn.contains(word), "no `{word}` for {text}\n{drawn}");
        }
        assert!(!drawn.contains('\u{1b}'), "{drawn}");
    }
}

/// Reads a configuration as a command does, and draws what is wrong.
fn draw(file: &std::path::Path, text: &str) -> Option<String> {
    let error = Config::load(&Places::Only(file.to_owned())).err()?;
    let report = Report::from(&error);
    assert_eq!(report.exit.code(), 2, "{text}");
    let (source, span) = error.place.expect("text has a place");
    let path = source.path.to_string_lossy().into_owned();
    Some(draw_marked(&report, &path, &source.text, span, false))
}

/// All that a configuration can hold, with text that takes several bytes a character.
const RICH: &str = "# Ä comment\n[vm.\"wéb 01\"]\nqmp = \"/run/é.qmp\"\nagent = \"./a.qga\"\n\
    uuid = '5a0e3c6d-7b1f-4c2e-9d4a-000000000001'\nlabels = [\"prod\", \"\"\"ü\"\"\"]\n[vm]\nb = { qmp = \"tcp:[::1]:4\" }\n\
    [[discover]]\ntype = \"process\"\n[[discover]]\ntype = \"glob\"\nqmp = \"/run/*/ö{name}.qmp\"\nagent = \"/r/{name}\"\n\
    [[discover]]\ntype = \"smartos\"\npool = \"tank\"\n[[discover]]\ntype = \"libvirt\"\nuri = \"test:///default\"\n";

#[test]
fn a_file_that_breaks_off_or_has_a_wrong_byte_anywhere_is_told_and_never_a_panic() {
    let folder = Folder::new();
    let file = folder.join("c.toml");
    let check = |bytes: &[u8]| {
        write(&file, bytes).unwrap();
        // What is no text has no place.
        if let Ok(text) = std::str::from_utf8(bytes) {
            draw(&file, text);
        } else {
            Config::load(&Places::Only(file.clone())).unwrap_err();
        }
    };
    write(&file, RICH).unwrap();
    Config::load(&Places::Only(file.clone())).unwrap();
    for at in 0..RICH.len() {
        check(&RICH.as_bytes()[..at]);
        for byte in [b'\0', b'"', b'[', b'=', b'\n', b'{', 0xff, 0x9b] {
            let mut bytes = RICH.as_bytes().to_vec();
            bytes[at] = byte;
            check(&bytes);
        }
    }
    check("[".repeat(100_000).as_bytes());
    check(format!("a = {}", "[".repeat(100_000)).as_bytes());
    check(format!("{} = 1", "a.".repeat(100_000)).as_bytes());
    check(&vec![b'#'; 2 << 20].as_slice()[..1 << 20]);
}

#[test]
fn a_broken_file_stops_what_would_use_it_and_nothing_else() {
    let broken = "[vm.web01]\nqpm = \"/x\"\n";
    for command in [
        ["eval", "1"].as_slice(),
        &["run", "guest-report", "/x"],
        &["ls"],
        &["qmp", "/x", "query-status"],
        &["agent", "/x", "guest-ping"],
        &["thaw", "web01"],
        &["config"],
    ] {
        let outcome = qmpsh(broken).args(command).run();
        fails(&outcome, 2, &["config.toml:2:1", "did you mean `qmp`?"]);
    }
    for command in [
        ["scripts"].as_slice(),
        &["thaw", "--stale"],
        &["--help"],
        &["run", "guest-report", "--help"],
    ] {
        qmpsh(broken).args(command).run().expect_code(0);
    }
}

#[test]
fn a_file_that_cannot_be_read_is_told() {
    let folder = Folder::new();
    write(folder.join("binary"), b"a = 1\nb = \"\xff\"\n").unwrap();
    write(folder.join("large"), vec![b'#'; (1 << 20) + 1]).unwrap();
    for (path, words) in [
        (folder.join("none"), "cannot be read"),
        (folder.path().to_owned(), "cannot be read"),
        (folder.join("binary"), "is not UTF-8 text: see line 2"),
        (folder.join("large"), "larger than 1 MiB"),
        ("/dev/zero".into(), "larger than 1 MiB"),
    ] {
        let outcome = qmpsh("").arg("--config").arg(&path).arg("ls").run();
        fails(&outcome, 2, &[words]);
    }
}

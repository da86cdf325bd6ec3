//! Passwords do not reach what `-v` shows and `--record` keeps.

use harness::{FakePeer, Folder, Qemu};
use serde_json::json;

use super::{agent_at, qmpsh};

const SECRET: &str = "correct-horse-battery";
/// The same in base64.
const ENCODED: &str = "Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5";

#[track_caller]
fn hides(target: impl AsRef<std::ffi::OsStr>, script: &str, shown: &str) {
    let script = script.replace("SECRET", SECRET);
    let outcome = qmpsh()
        .args(["-v", "--timeout", "10s", "eval", &script, "--"])
        .arg(target)
        .run();
    assert!(
        outcome.stderr.contains(shown),
        "no `{shown}` in {outcome:#?}"
    );
    for secret in [SECRET, ENCODED] {
        // The script's own line, which the user wrote, may be in an error.
        let told = outcome
            .stderr
            .lines()
            .filter(|line| line.starts_with(['-', '<']));
        for line in told {
            assert!(!line.contains(secret), "{line}");
        }
    }
}

#[test]
fn a_users_new_password_is_hidden() {
    let agent = FakePeer::builder()
        .synchronise()
        .expect("guest-set-user-password")
        .reply(json!({}))
        .start();
    let script = "vm(args[0]).agent.set_user_password(\"root\", \"SECRET\")";
    hides(agent_at(&agent.socket()), script, "\"password\":\"***\"");
    let requests = agent.finish();
    assert_eq!(requests[1]["arguments"]["password"], ENCODED);
}

#[test]
fn a_password_that_the_agent_says_back_is_hidden() {
    let agent = FakePeer::builder()
        .synchronise()
        .expect("guest-set-user-password")
        .send(format!(
            "{{\"error\": {{\"class\": \"GenericError\", \"desc\": \"no '{SECRET}', '{ENCODED}'\"}}}}\n"
        ))
        .start();
    let script = "try { vm(args[0]).agent.set_user_password(\"root\", \"SECRET\") } catch (e) { print(e.message + e.desc) }".replace("SECRET", SECRET);
    let outcome = qmpsh()
        .args(["-v", "eval", &script, "--", &agent_at(&agent.socket())])
        .run()
        .expect_code(0);
    agent.finish();
    for told in [&outcome.stdout, &outcome.stderr] {
        assert!(told.contains("no '***', '***'"), "{outcome:#?}");
        assert!(!told.contains(ENCODED), "{outcome:#?}");
    }
    assert!(!outcome.stdout.contains(SECRET), "{outcome:#?}");
}

#[test]
fn a_monitors_secrets_are_hidden() {
    let qemu = Qemu::bare().start();
    for (script, shown) in [
        (
            "qmp(\"set_password\", #{ protocol: \"vnc\", password: \"SECRET\" })",
            "set_password",
        ),
        (
            "qmp(\"object-add\", #{ \"qom-type\": \"secret\", id: \"s0\", data: \"SECRET\" })",
            "\"data\":\"***\"",
        ),
        (
            "qmp(\"qom-get\", #{ path: \"/objects/s0\", property: \"data\" })",
            "\"return\":\"***\"",
        ),
        ("hmp(\"qom-get /objects/s0 data\")", "\"return\":\"***\""),
        ("hmp(\"set_password vnc SECRET\")", "set_password vnc ***"),
        (
            "hmp(\"change vnc password SECRET\")",
            "change vnc password ***",
        ),
        (
            "hmp(\"object_add secret,id=s1,data=SECRET\")",
            "object_add secret,id=s1,data=***",
        ),
        (
            "hmp(\"drive_add 0 if=none,id=d0,file.driver=ssh,file.password=SECRET\")",
            "if=none,id=d0,file.driver=ssh,file.password=***",
        ),
        (
            "qmp(\"blockdev-add\", #{ driver: \"https\", \"node-name\": \"n\", url: \"https://me:SECRET@127.0.0.1:1/x\" })",
            "https://me:***@127.0.0.1:1/x",
        ),
        (
            "qmp(\"blockdev-add\", #{ driver: \"raw\", file: `json:{\"driver\":\"ssh\",\"password\":\"SECRET\",\"user\":\"me\"}` })",
            "\\\"password\\\":\\\"***\\\",\\\"user\\\":\\\"me\\\"",
        ),
        (
            "qmp(\"migrate\", #{ uri: \"exec:true mysql -uroot -pSECRET --password=SECRET\" })",
            "exec:true mysql -uroot -p*** --password=***",
        ),
        (
            "qmp(\"device_add\", #{ driver: \"nothing\", id: \"d1\", \"key-secret\": \"s0\", token: #{ a: [\"SECRET\"] } })",
            "\"key-secret\":\"s0\",\"token\":\"***\"",
        ),
        (
            "qmp(\"blockdev-add\", #{ driver: \"ssh\", password: \"SECRET\" })",
            "\"password\":\"***\"",
        ),
    ] {
        hides(
            qemu.qmp(),
            &format!("try {{ vm(args[0]).{script} }} catch {{ }}"),
            shown,
        );
    }
}

fn agent_that_runs_a_program() -> FakePeer {
    FakePeer::builder()
        .synchronise()
        .expect("guest-exec")
        .reply(json!({ "pid": 1 }))
        .expect("guest-exec-status")
        .reply(json!({ "exited": true, "exitcode": 0 }))
        .start()
}

#[test]
fn what_a_program_in_the_guest_is_handed_is_hidden() {
    let agent = agent_that_runs_a_program();
    let script = "vm(args[0]).agent.exec(\"chpasswd\", [], #{ input: \"SECRET\", env: #{ TOKEN: \"SECRET\" } })";
    hides(agent_at(&agent.socket()), script, "TOKEN=***");
    agent.finish();
}

#[test]
fn words_and_lines_for_the_guest_are_hidden() {
    let agent = agent_that_runs_a_program();
    let script = "vm(args[0]).agent.shell(\"echo root:SECRET | chpasswd && mysql -pSECRET\")";
    hides(
        agent_at(&agent.socket()),
        script,
        "echo root:*** | chpasswd && mysql -p***",
    );
    agent.finish();
}

#[test]
fn variables_of_a_wrong_form_are_not_told() {
    let script = "vm(args[0]).agent.exec(\"true\", [], #{ env: [args[1]] })";
    let outcome = qmpsh()
        .args(["eval", script, "--", "agent=/nowhere/a.qga", SECRET])
        .run()
        .expect_code(1);
    assert!(outcome.stderr.contains("`env` is a map"), "{outcome:#?}");
    assert!(!outcome.stderr.contains(SECRET), "{outcome:#?}");
}

#[test]
fn a_single_command_leaves_no_secret_in_its_recording_nor_in_what_is_shown() {
    let (qemu, folder) = (Qemu::bare().start(), Folder::new());
    let target = qemu.qmp();
    let target = target.to_str().unwrap();
    let line = |line: &str| format!("command-line={line}");
    let commands: [Vec<String>; 6] = [
        vec![
            "object-add".into(),
            "qom-type=secret".into(),
            "id=s0".into(),
            format!("data={SECRET}"),
        ],
        vec![
            "human-monitor-command".into(),
            line(&format!("change vnc password {SECRET}")),
        ],
        vec![
            "human-monitor-command".into(),
            line("qom-get /objects/s0 data"),
        ],
        vec![
            "device_add".into(),
            "driver=x".into(),
            format!("password={SECRET}"),
        ],
        vec![
            "blockdev-add".into(),
            "driver=https".into(),
            format!("url=https://u:{SECRET}@127.0.0.1:1/x"),
        ],
        vec![
            "object-add".into(),
            "--args".into(),
            format!("{{\"qom-type\":\"secret\",\"id\":\"s1\",\"data\":\"{SECRET}\"}}"),
        ],
    ];
    for (number, words) in commands.iter().enumerate() {
        let file = folder.join(format!("{number}.jsonl").as_str());
        let outcome = qmpsh()
            .args(["-v", "--record"])
            .arg(&file)
            .args(["qmp", target])
            .args(words)
            .run();
        let recorded = std::fs::read_to_string(&file).unwrap();
        let shown = outcome
            .stderr
            .lines()
            .filter(|line| line.starts_with(['-', '<']));
        let shown: Vec<&str> = shown.collect();
        assert!(recorded.contains("***") && shown.len() > 4, "{outcome:#?}");
        assert!(!recorded.contains(SECRET), "{recorded}");
        assert!(!shown.concat().contains(SECRET), "{outcome:#?}");
    }
}

#[test]
fn a_scripts_secret_argument_is_in_no_recording() {
    let folder = Folder::new();
    let (script, file) = (folder.join("s.rhai"), folder.join("run.jsonl"));
    let header = "//! A script.\n//!\n//! [args]\n//! user = { type = \"string\", help = \"u\" }\n//! password = { type = \"string\", help = \"p\" }\nprint(args.password)\n";
    std::fs::write(&script, header).unwrap();
    let outcome = qmpsh()
        .arg("--record")
        .arg(&file)
        .arg("run")
        .arg(&script)
        .args(["me", SECRET])
        .run()
        .expect_code(0);
    assert_eq!(outcome.stdout.trim(), SECRET);
    let recorded = std::fs::read_to_string(&file).unwrap();
    assert!(recorded.contains("[\"me\",\"***\"]"), "{recorded}");
    assert!(!recorded.contains(SECRET), "{recorded}");
}

#[test]
fn a_password_in_a_vms_address_is_not_kept() {
    let folder = Folder::new();
    let file = folder.join("run.jsonl");
    let target = format!("libvirt:x@qemu+ssh://me:{SECRET}@127.0.0.1:1/system");
    let outcome = qmpsh()
        .args(["-v", "--timeout", "5s", "--record"])
        .arg(&file)
        .args(["eval", "vm(args[0]).status", "--", &target])
        .run();
    assert_ne!(outcome.code, Some(0), "{outcome:#?}");
    let recorded = std::fs::read_to_string(&file).unwrap();
    assert!(recorded.contains("me:***@127.0.0.1"), "{recorded}");
    assert!(!recorded.contains(SECRET), "{recorded}");
}

#[test]
fn a_password_in_an_address_of_the_configuration_is_not_kept_and_the_recording_plays() {
    let folder = Folder::new();
    let address = format!("libvirt:x@qemu+ssh://me:{SECRET}@127.0.0.1:1/system");
    let config = format!("discover = []\n[vm.web01]\nqmp = \"{address}\"\n");
    for (name, script) in [
        ("named.jsonl", "`${vm(\"web01\")}`"),
        ("listed.jsonl", "vms(\"web01\").map(|v| `${v}`)"),
    ] {
        let file = folder.join(name);
        let run = |mode: &str| {
            let run = qmpsh().config(&config).arg(mode).arg(&file);
            run.args(["eval", script]).run().expect_code(0)
        };
        let first = run("--record");
        let recorded = std::fs::read_to_string(&file).unwrap();
        assert!(recorded.contains("me:***@127.0.0.1"), "{recorded}");
        assert!(!recorded.contains(SECRET), "{recorded}");
        assert_eq!(run("--replay").stdout, first.stdout);
    }
}

#[test]
fn what_qemu_repeats_in_an_error_is_hidden_where_it_is_shown_and_a_script_has_it_as_it_came() {
    let qemu = Qemu::bare().start();
    let node = format!(r#"json:{{"driver": "ssh", "password": "{SECRET}"}}"#);
    for json in [false, true] {
        let refused = qmpsh().args(json.then_some("--json")).arg("qmp");
        let refused = refused.arg(qemu.qmp()).arg("block-stream");
        let refused = refused.arg(format!("device={node}")).run().expect_code(4);
        assert!(refused.stderr.contains("***"), "{refused:#?}");
        assert!(!refused.stderr.contains(SECRET), "{refused:#?}");
    }
    let script = r#"let desc; try { vm(args[0]).qmp("block-stream", #{ device: args[1] }) } catch (e) { desc = e.desc } desc"#;
    let caught = qmpsh().args(["eval", script, "--"]).arg(qemu.qmp());
    let caught = caught.arg(&node).run().expect_code(0);
    assert!(caught.stdout.contains(&node), "{caught:#?}");
}

#[test]
fn a_long_message_is_cut_where_it_is_shown_and_whole_where_that_is_asked_for() {
    let qemu = Qemu::bare().start();
    let shown = |option: &str| {
        let outcome = qmpsh()
            .args([
                option,
                "eval",
                "vm(args[0]).qmp(\"query-qmp-schema\").len()",
                "--",
            ])
            .arg(qemu.qmp())
            .run()
            .expect_code(0);
        let lines = outcome.stderr.lines().map(str::to_owned);
        lines.max_by_key(String::len).unwrap()
    };
    let (cut, whole) = (shown("-v"), shown("-vv"));
    assert!(
        cut.len() < 5000 && cut.ends_with("bytes more; -vv shows all)"),
        "{cut}"
    );
    assert!(whole.len() > 100_000 && whole.ends_with('}'));
    let more: usize = cut
        .rsplit_once("... (")
        .unwrap()
        .1
        .split(' ')
        .next()
        .unwrap()
        .parse()
        .unwrap();
    assert!(whole.len() - more < 5000, "{more}");
}

//! The agent's commands: each of QEMU 10.2's is a method under `v.agent`, and what they give is what the guest has.

use harness::{Format, Guest};
use serde_json::{Value, json};

use super::lent::lent;
use super::{assert_error, caught, eval, qmpsh};

/// Every command of QEMU 10.2's agent, and a script that has it sent.
const COMMANDS: [(&str, &str); 44] = [
    ("guest-exec", "a.exec(\"true\")"),
    ("guest-exec-status", "a.shell(\"true\")"),
    (
        "guest-file-close",
        "a.file_open(\"/tmp/all\", \"w\").close()",
    ),
    (
        "guest-file-flush",
        "let f = a.file_open(\"/tmp/all\", \"w\"); f.flush()",
    ),
    ("guest-file-open", "a.file_open(\"/tmp/all\", \"w\")"),
    (
        "guest-file-read",
        "let f = a.file_open(\"/tmp/all\", \"r\"); f.read(1)",
    ),
    (
        "guest-file-seek",
        "let f = a.file_open(\"/tmp/all\", \"r\"); f.seek(0, \"set\")",
    ),
    (
        "guest-file-write",
        "let f = a.file_open(\"/tmp/all\", \"w\"); f.write(\"x\")",
    ),
    ("guest-fsfreeze-freeze", "with a.fsfreeze() as f { }"),
    (
        "guest-fsfreeze-freeze-list",
        "with a.fsfreeze(#{ mountpoints: [\"/data\"] }) as f { }",
    ),
    ("guest-fsfreeze-status", "a.fsstatus()"),
    ("guest-fsfreeze-thaw", "a.fsthaw()"),
    ("guest-fstrim", "a.fstrim()"),
    ("guest-get-cpustats", "a.cpustats()"),
    ("guest-get-devices", "a.devices()"),
    ("guest-get-disks", "a.disks()"),
    ("guest-get-diskstats", "a.diskstats()"),
    ("guest-get-fsinfo", "a.fsinfo()"),
    ("guest-get-host-name", "a.hostname()"),
    ("guest-get-load", "a.load()"),
    ("guest-get-memory-block-info", "a.memory_block_info()"),
    ("guest-get-memory-blocks", "a.memory_blocks()"),
    ("guest-get-osinfo", "a.osinfo()"),
    ("guest-get-time", "a.time()"),
    ("guest-get-timezone", "a.timezone()"),
    ("guest-get-users", "a.users()"),
    ("guest-get-vcpus", "a.vcpus()"),
    ("guest-info", "a.info()"),
    ("guest-network-get-interfaces", "a.interfaces()"),
    ("guest-network-get-route", "a.routes()"),
    ("guest-ping", "a.ping()"),
    ("guest-set-memory-blocks", "a.set_memory_blocks([])"),
    ("guest-set-time", "a.set_time(a.time())"),
    (
        "guest-set-user-password",
        "a.set_user_password(\"root\", \"x\")",
    ),
    ("guest-set-vcpus", "a.set_vcpus([])"),
    ("guest-shutdown", "a.shutdown(\"powerdown\")"),
    (
        "guest-ssh-add-authorized-keys",
        "a.add_ssh_keys(\"root\", [])",
    ),
    ("guest-ssh-get-authorized-keys", "a.ssh_keys(\"root\")"),
    (
        "guest-ssh-remove-authorized-keys",
        "a.remove_ssh_keys(\"root\", [])",
    ),
    ("guest-suspend-disk", "a.suspend_disk()"),
    ("guest-suspend-hybrid", "a.suspend_hybrid()"),
    ("guest-suspend-ram", "a.suspend_ram()"),
    // Both ways of bringing the conversation into step are one: the delimited way works whatever was said before.
    ("guest-sync", "a.command(\"guest-sync\", #{ id: 7 })"),
    ("guest-sync-delimited", "a.sync()"),
];

/// Those that a test of their own sends, because they end or stop the guest.
const ENDINGS: [&str; 4] = [
    "guest-shutdown",
    "guest-suspend-disk",
    "guest-suspend-hybrid",
    "guest-suspend-ram",
];

/// Those that this agent may lack: they are newer, or for another system.
const MAY_LACK: [&str; 3] = [
    "guest-get-devices",
    "guest-get-load",
    "guest-network-get-route",
];

#[test]
fn every_command_of_the_newest_agent_has_its_method() {
    let guest = lent();
    let sent = COMMANDS.map(|(command, call)| {
        if ENDINGS.contains(&command) {
            return String::new();
        }
        format!(
            "try {{ {call}; results[\"{command}\"] = true; }} catch (e) {{ results[\"{command}\"] = e; }}\n"
        )
    });
    let script = format!(
        "let v = vm(args[0]); let a = v.agent; let results = #{{}}; {}
         #{{ results: results, known: a.info().supported_commands.map(|c| c.name) }}",
        sent.concat()
    );
    let outcome = qmpsh(["-v", "--json", "eval", &script, &guest.target()])
        .run()
        .expect_code(0);
    let value: Value = serde_json::from_str(&outcome.stdout).unwrap();
    for (command, _) in COMMANDS
        .iter()
        .filter(|(command, _)| !ENDINGS.contains(command))
    {
        assert!(
            outcome
                .stderr
                .contains(&format!("\"execute\":\"{command}\"")),
            "{command} is not sent"
        );
        let result = &value["results"][command];
        if MAY_LACK.contains(command) && result.is_object() {
            // An error that names the command and says that it is the agent that has none.
            assert_error(
                result,
                &json!({ "kind": "agent", "class": "CommandNotFound", "command": command, "message": command }),
            );
            assert!(result["hint"].is_string(), "{result}");
        } else if *command == "guest-ssh-get-authorized-keys" {
            // There are keys after the command before it in the alphabet.
            assert_eq!(result, true, "{command}");
        } else {
            assert_eq!(result, true, "{command}");
        }
    }
    // And no command that this agent has is unknown here.
    for known in value["known"].as_array().unwrap() {
        assert!(
            COMMANDS.iter().any(|(command, _)| known == command),
            "{known}"
        );
    }
}

#[test]
fn what_the_agent_tells_is_what_the_guest_has() {
    let guest = lent();
    let value = eval(
        &guest.target(),
        "let a = v.agent;
         #{ host: a.hostname(), os: a.osinfo(), zone: a.timezone(), time: a.time(), vcpus: a.vcpus(), fs: a.fsinfo(),
            net: a.interfaces(), disks: a.disks(), stats: a.diskstats(), cpus: a.cpustats(), blocks: a.memory_blocks(),
            block: a.memory_block_info(), version: a.info().version }",
    );
    assert_eq!(value["host"], guest.shell_ok("hostname"));
    assert_eq!(value["os"]["kernel-release"], guest.shell_ok("uname -r"));
    assert_eq!(value["zone"], json!({ "zone": "UTC", "offset": 0 }));
    let seconds: i64 = guest.shell_ok("date +%s").parse().unwrap();
    assert!((value["time"].as_i64().unwrap() / 1_000_000_000 - seconds).abs() < 60);
    assert_eq!(value["vcpus"].as_array().unwrap().len(), 2);
    let mounts: Vec<&str> = value["fs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|fs| fs["mountpoint"].as_str().unwrap())
        .collect();
    assert!(
        mounts.contains(&"/data") && mounts.contains(&"/data2"),
        "{mounts:?}"
    );
    let lo = &value["net"][0];
    assert_eq!(
        (&lo["name"], &lo["ip-addresses"][0]["ip-address"]),
        (&json!("lo"), &json!("127.0.0.1"))
    );
    for (list, name) in [("disks", "/dev/vda"), ("stats", "vda")] {
        assert!(
            value[list]
                .as_array()
                .unwrap()
                .iter()
                .any(|disk| disk["name"] == name),
            "{list}"
        );
    }
    assert_eq!(value["cpus"].as_array().unwrap().len(), 2);
    let size = u64::from_str_radix(
        &guest.shell_ok("cat /sys/devices/system/memory/block_size_bytes"),
        16,
    )
    .unwrap();
    assert_eq!(value["block"]["size"], size);
    assert!(!value["blocks"].as_array().unwrap().is_empty());
}

#[test]
fn what_is_set_is_set() {
    let guest = lent();
    let target = guest.target();
    let key = "ssh-ed25519 AAAAC3 me";
    let value = eval(
        &target,
        &format!(
            "let a = v.agent; let key = \"{key}\"; let seen = [];
             a.add_ssh_keys(\"root\", [key]); a.add_ssh_keys(\"root\", [key, \"ssh-rsa B other\"]);
             let both = a.ssh_keys(\"root\"); both.sort(); seen.push(both);
             a.remove_ssh_keys(\"root\", [key, \"none\"]); seen.push(a.ssh_keys(\"root\"));
             a.add_ssh_keys(\"root\", [key], true); seen.push(a.ssh_keys(\"root\"));
             seen"
        ),
    );
    assert_eq!(
        value,
        json!([[key, "ssh-rsa B other"], ["ssh-rsa B other"], [key]])
    );
    assert_eq!(guest.shell_ok("cat /root/.ssh/authorized_keys"), key);

    eval(
        &target,
        "v.agent.set_user_password(\"root\", \"correct horse\")",
    );
    assert_eq!(
        guest.shell_ok("cat /run/chpasswd.input"),
        "root:correct horse"
    );
    eval(
        &target,
        "v.agent.set_user_password(\"root\", \"$6$salt$hash\", true)",
    );
    assert_eq!(
        guest.shell_ok("cat /run/chpasswd.input"),
        "root:$6$salt$hash"
    );

    let online = "cat /sys/devices/system/cpu/online";
    let set =
        |online: bool| format!("v.agent.set_vcpus([#{{ \"logical-id\": 1, online: {online} }}])");
    assert_eq!(eval(&target, &set(false)), 1);
    assert_eq!(guest.shell_ok(online), "0");
    assert_eq!(eval(&target, &set(true)), 1);
    assert_eq!(guest.shell_ok(online), "0-1");

    eval(&target, "v.agent.set_time(1700000000000000000)");
    assert!(guest.shell_ok("date +%s").starts_with("17000000"));
    let now = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .unwrap();
    eval(&target, &format!("v.agent.set_time({})", now.as_nanos()));

    let block = eval(
        &target,
        "let block = v.agent.memory_blocks()[0]; v.agent.set_memory_blocks([#{ \"phys-index\": block[\"phys-index\"], online: true }])",
    );
    assert_eq!(block[0]["response"], "success");
    let trimmed = eval(&target, "v.agent.fstrim(4096).paths.map(|fs| fs.path)");
    assert!(
        trimmed.as_array().unwrap().contains(&json!("/data")),
        "{trimmed}"
    );
}

#[test]
fn a_secret_is_not_shown_in_the_trace() {
    let guest = lent();
    let script = "vm(args[0]).agent.set_user_password(\"root\", \"correct horse\")";
    let outcome = qmpsh(["-v", "eval", script, &guest.target()])
        .run()
        .expect_code(0);
    assert!(
        outcome.stderr.contains("guest-set-user-password"),
        "{outcome:#?}"
    );
    assert!(
        !outcome.stderr.contains("correct horse") && !outcome.stderr.contains("Y29ycmVjdCBob3JzZQ"),
        "{outcome:#?}"
    );
}

#[test]
fn any_command_can_be_called_by_its_name_and_asked_for() {
    let guest = lent();
    let target = guest.target();
    assert_eq!(
        eval(&target, "v.agent.call(\"guest-get-host-name\")"),
        json!({ "host-name": "qmpsh-guest" })
    );
    assert_eq!(
        eval(&target, "v.agent.call(\"guest-sync\", #{ id: 42 })"),
        42
    );
    assert_eq!(
        eval(
            &target,
            "[v.agent.supports(\"guest-ping\"), v.agent.supports(\"guest-nope\")]"
        ),
        json!([true, false])
    );
    assert_eq!(
        eval(&target, "v.agent.to_string()"),
        json!(format!("the agent of {}", guest.qmp().display()))
    );
    let error = caught(&target, "v.agent.call(\"guest-exec\", #{ path: 5 })");
    assert_error(
        &error,
        &json!({ "kind": "agent", "class": "GenericError", "command": "guest-exec" }),
    );
    assert_error(
        &caught(&target, "v.agent.call(\"guest-exec\", #{ path: |x| x })"),
        &json!({ "kind": "usage" }),
    );
    let error = caught(
        &target,
        "v.agent.set_user_password(\"root\", \"a:b\\n\", 5)",
    );
    assert_eq!(error["kind"], "script", "{error}");
}

#[test]
fn a_guest_sleeps_and_wakes() {
    let guest = Guest::builder().disk(Format::Qcow2, "64M").boot();
    let target = guest.target();
    let value = eval(
        &target,
        "let a = v.agent; let w = v.watch([\"SUSPEND\", \"WAKEUP\"]);
         // It has no swap to sleep in; the agent says so.
         let disk = (|| { try { a.suspend_disk(); () } catch (e) { return e.command } }).call();
         a.suspend_ram(); let slept = w.wait(\"30s\").event;
         v.qmp.system_wakeup(); let woke = w.wait(\"30s\").event;
         retry(#{ times: 50, delay: \"100ms\" }, || a.ping());
         [disk, slept, woke, v.status]",
    );
    assert_eq!(
        value,
        json!(["guest-suspend-disk", "SUSPEND", "WAKEUP", "running"])
    );
}

#[test]
fn a_guest_shuts_down() {
    let guest = Guest::builder().disk(Format::Qcow2, "64M").boot();
    let target = guest.target();
    assert_error(
        &caught(&target, "v.agent.shutdown(\"now\")"),
        &json!({ "kind": "usage", "message": "`powerdown`, `halt` and `reboot`" }),
    );
    let value = eval(
        &target,
        "let down = v.watch(\"SHUTDOWN\"); v.agent.shutdown(\"powerdown\"); down.wait(\"1m\").data.guest",
    );
    assert_eq!(value, true);
}

#[test]
fn an_agent_that_is_blocked_down_or_stopped_is_told_apart() {
    let guest = lent();
    guest.shell_ok("echo -b guest-exec,guest-file-open >/run/agent.args; agent_kill");
    let error = caught(&guest.target(), "v.agent.exec(\"true\")");
    assert_error(
        &error,
        &json!({ "kind": "agent", "command": "guest-exec", "message": "is blocked by the agent's configuration" }),
    );
    assert_eq!(
        eval(&guest.target(), "v.agent.supports(\"guest-exec\")"),
        false
    );
    guest.no_freeze_hook();
    guest.agent_down();
    let error = caught(&guest.target(), "v.agent.ping()");
    assert_error(
        &error,
        &json!({ "kind": "gone", "message": "the guest agent does not run in the guest" }),
    );
    guest.agent_up();
    guest.stop_agent();
    let script = "let error = (); try { vm(args[0]).agent.ping() } catch (e) { error = [e.kind, e.message] } error";
    let outcome = qmpsh([
        "--timeout",
        "500ms",
        "--json",
        "eval",
        script,
        &guest.target(),
    ])
    .run()
    .expect_code(0);
    assert!(
        outcome.stdout.starts_with("[\"gone\",")
            && outcome.stdout.contains("did not answer within 500 ms"),
        "{outcome:#?}"
    );
    guest.cont_agent();
    eval(&guest.target(), "v.agent.ping()");
}

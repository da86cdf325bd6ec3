//! Completion from what VMs tell, in a session without a terminal.

use std::os::unix::fs::symlink;
use std::time::Instant;

use harness::{Folder, Guest, Qemu, RawQmp};
use qmpsh::inventory::config::Places;
use qmpsh::inventory::{Config, Inventory};
use qmpsh::repl::Session;
use qmpsh::repl::complete::{complete, hint};
use qmpsh::repl::preferences::Preferences;
use qmpsh::repl::session::Surroundings;
use qmpsh::script::output::Output;
use qmpsh::script::{self, Settings};
use qmpsh::vm::{self, Fleet, Mode};

use super::BOUND;

/// Somebody who types into a session.
struct Typist {
    session: Session,
    _home: Folder,
}

impl Typist {
    fn new() -> Self {
        Self::with("discover = []", Mode::Live)
    }

    /// One whose configuration is this.
    fn with(config: &str, mode: Mode) -> Self {
        let home = Folder::new();
        let file = home.join("config.toml");
        std::fs::write(&file, config).unwrap();
        let config = Config::load(&Places::Only(file)).unwrap();
        let mut settings = vm::Settings::new(home.join("state"));
        settings.guardian = super::QMPSH.into();
        settings.mode = mode;
        let script = script::Session::new(Settings {
            output: Output::to_terminal(Box::new(std::io::sink()), Box::new(std::io::sink())),
            inventory: Inventory::configured(Fleet::new(settings), &config),
            ..Settings::default()
        });
        let surroundings = Surroundings {
            history: None,
            size: || None,
            pager: None,
            preferences: Preferences::new(false),
            for_people: true,
            json: false,
            views: None,
            log: None,
        };
        Self {
            session: Session::new(script.unwrap(), surroundings),
            _home: home,
        }
    }

    /// One with that QEMU as `v`.
    fn at(qemu: &Qemu) -> Self {
        let mut typist = Self::new();
        typist.line(&format!("let v = vm(\"{}\");", qemu.qmp().display()));
        typist
    }

    #[track_caller]
    fn line(&mut self, text: &str) {
        let answer = self.session.take(text);
        assert_eq!(answer, qmpsh::repl::Answer::Done, "{text}");
    }

    /// What is offered within the moment.
    fn at_once(&mut self, line: &str) -> Vec<String> {
        let (_, candidates) = complete(&mut self.session, line, line.len());
        candidates.into_iter().map(|one| one.text).collect()
    }

    /// What is offered once the VM has told it: who types asks again.
    fn words(&mut self, line: &str) -> Vec<String> {
        let end = Instant::now() + BOUND;
        loop {
            let words = self.at_once(line);
            if !words.is_empty() || Instant::now() > end {
                return words;
            }
        }
    }

    #[track_caller]
    fn offers(&mut self, cases: &[(&str, &str)]) {
        for (line, word) in cases {
            let end = Instant::now() + BOUND;
            loop {
                let words = self.at_once(line);
                if words.iter().any(|one| one == word) {
                    break;
                }
                assert!(Instant::now() < end, "{line}: {words:?}");
            }
        }
    }
}

/// How many sockets are at the QEMU's monitor, those that wait to be served among them.
fn ends_at(qemu: &Qemu) -> usize {
    let path = qemu.qmp().display().to_string();
    let sockets = std::fs::read_to_string("/proc/net/unix").unwrap();
    sockets.lines().filter(|line| line.ends_with(&path)).count()
}

#[track_caller]
fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + BOUND;
    while !holds() {
        assert!(Instant::now() < end, "{what}: that never came");
    }
}

/// A QEMU that has one of each.
fn furnished() -> Qemu {
    Qemu::bare()
        .args("-M q35 -accel tcg -m 32 -S -name web01 -uuid 0e4d9e6a-0000-4000-8000-000000000001")
        .args("-blockdev driver=null-co,size=1073741824,node-name=disk0 -blockdev driver=null-co,size=1073741824,node-name=spare")
        .args("-object iothread,id=io0 -netdev user,id=net0 -device virtio-net-pci,netdev=net0,id=nic0")
        .args("-device virtio-blk-pci,drive=disk0,id=vda -chardev null,id=log0")
        .start()
}

#[test]
fn the_commands_of_a_vm_are_offered_with_their_arguments_and_values() {
    let qemu = furnished();
    let mut typist = Typist::at(&qemu);
    typist.offers(&[
        ("v.qmp(\"query-sta", "query-status\""),
        ("v.qmp.blockdev_a", "blockdev_add("),
        ("v.qmp.query_stat", "query_status()"),
        ("let x = 1 + v.qmp.ejec", "eject("),
        ("v.qmp(\"blockdev-add\", #{ dri", "driver: "),
        ("v.qmp(\"blockdev-add\", #{ node", "\"node-name\": "),
        ("v.qmp(\"blockdev-add\", #{ \"node", "node-name\": "),
        ("v.qmp.blockdev_add(#{ driver: \"qco", "qcow2\""),
        ("v.qmp.blockdev_add(#{ driver: ", "\"qcow2\""),
        (
            "v.qmp.blockdev_add(#{ driver: \"qcow2\", lazy",
            "\"lazy-refcounts\": ",
        ),
        (
            "v.qmp.blockdev_add(#{ driver: \"raw\", file: #{ driver: \"file\", filen",
            "filename: ",
        ),
        ("v.qmp.blockdev_add(#{ driver: \"raw\", file: ", "#{ "),
        ("v.qmp.blockdev_add(#{ \"read-only\": ", "true"),
        (
            "v.qmp.device_add(#{ driver: \"virtio-blk-p",
            "virtio-blk-pci\"",
        ),
        (
            "v.qmp.device_add(#{ driver: \"virtio-blk-pci\", num",
            "\"num-queues\": ",
        ),
        (
            "v.transaction([#{ type: \"blockdev-snap",
            "blockdev-snapshot\"",
        ),
        (
            "v.transaction([#{ type: \"blockdev-snapshot\", data: #{ ov",
            "overlay: ",
        ),
        ("v.watch(\"DEVICE_DEL", "DEVICE_DELETED\""),
        ("v.watch([\"STOP\", \"RES", "RESUME\""),
        ("`${v.qmp.query_stat", "query_status()"),
        (
            "let w = v; for i in 0..3 { w.qmp(\"query-statu",
            "query-status\"",
        ),
        (":events o", "on"),
        (":time v.qmp.query_stat", "query_status()"),
        (":help v.qmp.query_stat", "query_status()"),
    ]);
    // What another driver would take is not offered, nor what stands there already.
    assert_eq!(
        typist.words("v.qmp.blockdev_add(#{ driver: \"raw\", si"),
        ["size: "]
    );
    assert_eq!(
        typist.at_once("v.qmp.blockdev_add(#{ driver: \"raw\", lazy"),
        [""; 0]
    );
    assert_eq!(typist.at_once("v.qmp.eject(#{ force: true, fo"), [""; 0]);
    // What must be given comes first.
    let keys = typist.words("v.qmp(\"block-commit\", #{ ");
    assert_eq!(keys[0], "device: ", "{keys:?}");
    // In a text that is closed already, no second quote.
    let (start, candidates) = complete(&mut typist.session, "v.qmp(\"query-statu\")", 18);
    assert_eq!((start, candidates[0].text.as_str()), (7, "query-status"));
}

#[test]
fn what_a_vm_has_is_offered_by_what_the_argument_is_called() {
    let qemu = furnished();
    let mut typist = Typist::at(&qemu);
    typist.line(
        "v.qmp(\"blockdev-backup\", #{ \"job-id\": \"nightly\", device: \"disk0\", target: \"spare\", \
         sync: \"full\", speed: 1 });",
    );
    typist.line("v.qmp(\"block-dirty-bitmap-add\", #{ node: \"spare\", name: \"changes\" });");
    typist.offers(&[
        ("v.job(\"", "nightly\""),
        ("v.qmp.job_cancel(#{ id: ", "\"nightly\""),
        ("v.qmp(\"block-job-set-speed\", #{ device: \"", "nightly\""),
        (
            "v.qmp.blockdev_add(#{ driver: \"raw\", file: \"spa",
            "spare\"",
        ),
        ("v.qmp(\"blockdev-del\", #{ \"node-name\": \"", "spare\""),
        (
            "v.qmp.block_dirty_bitmap_remove(#{ node: \"spare\", name: \"",
            "changes\"",
        ),
        ("v.qmp.device_del(#{ id: \"", "vda\""),
        (
            "v.qmp(\"eject\", #{ id: \"/mach",
            "/machine/peripheral/vda/virtio-backend\"",
        ),
        ("v.qmp.netdev_del(#{ id: \"", "net0\""),
        ("v.qmp.chardev_remove(#{ id: \"", "log0\""),
        ("v.qmp.object_del(#{ id: \"", "io0\""),
        ("v.qmp.qom_get(#{ path: \"/mach", "/machine"),
        (
            "v.qmp.qom_list(#{ path: \"/machine/peripheral/v",
            "/machine/peripheral/vda",
        ),
        (
            "v.qmp.qom_get(#{ path: \"/machine/peripheral/vda\", property: \"num-q",
            "num-queues\"",
        ),
    ]);
    // A name that is to be new is none of those that are there.
    assert_eq!(
        typist.at_once("v.qmp.blockdev_add(#{ \"node-name\": \""),
        [""; 0]
    );
    // It is what the VM has now.
    typist.line("v.qmp(\"object-add\", #{ \"qom-type\": \"iothread\", id: \"io1\" });");
    typist.offers(&[("v.qmp.object_del(#{ id: \"", "io1\"")]);
}

#[test]
fn a_vm_is_offered_by_its_names_and_what_it_takes_is_known_from_its_name_alone() {
    let qemu = furnished();
    let clumsy = Qemu::bare()
        .args("-uuid c1c1c1c1-0000-4000-8000-000000000001 -name")
        .arg("clumsy\u{1b}[2J")
        .start();
    let proc = Folder::new();
    let process = clumsy.pid().to_string();
    symlink(format!("/proc/{process}"), proc.join(&process)).unwrap();
    let config = format!(
        "[[discover]]\ntype = \"process\"\nproc = \"{}\"\n\
         [vm.web01]\nqmp = \"{}\"\nuuid = \"0e4d9e6a-0000-4000-8000-000000000001\"\n\
         [vm.\"a \\\"b\\\\\"]\nqmp = \"/run/b\"\n",
        proc.path().display(),
        qemu.qmp().display()
    );
    let mut typist = Typist::with(&config, Mode::ReadOnly);
    typist.offers(&[
        ("vm(\"we", "web01\""),
        ("let w = vm(\"0e4", "0e4d9e6a-0000-4000-8000-000000000001\""),
        ("vms(\"we", "web01\""),
        (":use we", "web01"),
        (":tree we", "web01"),
        (":run guest-report we", "web01"),
        (":run guest-exec --jobs 2 web01 we", "web01"),
        (":events we", "web01"),
        (":events web01 DEVICE_DEL", "DEVICE_DELETED"),
        (":events web01 STOP RES", "RESUME"),
        // A name stays in the text that it stands in, and one that would act on the terminal is no candidate.
        ("vm(\"a", "a \\\"b\\\\\""),
        ("vm(\"web01\").qmp(\"query-sta", "query-status\""),
        ("vm(\"web01\").qmp.blockdev_a", "blockdev_add("),
        ("vm(\"web01\").qmp.device_del(#{ id: \"v", "vda\""),
        (
            "vm(\"web01\").agent.call(\"guest-get-os",
            "guest-get-osinfo\"",
        ),
    ]);
    assert_eq!(typist.at_once("vm(\"clum"), [""; 0]);
    let line = "vm(\"c1c1";
    let (_, candidates) = complete(&mut typist.session, line, line.len());
    assert_eq!(
        candidates[0].shown,
        "c1c1c1c1-0000-4000-8000-000000000001 (clumsy\\x1b[2J)"
    );
    typist.line("if vms(\"clumsy*\").len() != 1 { fail(\"it is not found\") }");
    assert_eq!(typist.at_once(":use a"), [""; 0]);
    let unknown = Instant::now();
    assert_eq!(typist.at_once("vm(\"nobody\").qmp(\""), [""; 0]);
    assert_eq!(typist.at_once("danger(\"x\").qmp(\""), [""; 0]);
    assert!(unknown.elapsed() < BOUND);
    // Nobody is kept from the VM: who comes now is served.
    let mut raw = RawQmp::connect(qemu.qmp());
    raw.call("query-status", &serde_json::Value::Null);
    // And while somebody else is, nobody waits in line: what is known is offered, and nothing else asked.
    assert_eq!(
        typist.at_once("vm(\"web01\").qmp(\"query-statu"),
        ["query-status\""]
    );
    assert_eq!(
        typist.at_once("vm(\"web01\").qmp.object_del(#{ id: \""),
        [""; 0]
    );
    assert_eq!(
        ends_at(&qemu),
        2,
        "the listener and the end of who is served"
    );
    raw.call("query-status", &serde_json::Value::Null);
    drop(raw);
    typist.offers(&[("vm(\"web01\").qmp.object_del(#{ id: \"", "io0\"")]);
}

#[test]
fn one_of_many_stands_for_each_in_loops_and_closures() {
    let qemu = furnished();
    let config = format!(
        "discover = []\n[vm.web01]\nqmp = \"{}\"\n",
        qemu.qmp().display()
    );
    let mut typist = Typist::with(&config, Mode::ReadOnly);
    typist.line("let all = vms(); let maps = [#{ cpu: 1 }];");
    typist.offers(&[
        ("for w in vms() { w.stat", "status"),
        (
            "for w in vms(\"web*\") { w.qmp(\"query-sta",
            "query-status\"",
        ),
        ("vms()[0].qmp.device_del(#{ id: \"v", "vda\""),
        (
            "parallel(all, #{ jobs: 2 }, |w| w.qmp.blockdev_a",
            "blockdev_add(",
        ),
        ("parallel([all[0]], |w| w.watch(\"STO", "STOP\""),
        (
            "all.filter(|w| w.name == \"x\").map(|w| w.qmp.object_del(#{ id: \"",
            "io0\"",
        ),
        ("for map in maps { map.c", "cpu"),
    ]);
    assert_eq!(
        typist.at_once("for w in vms(\"db*\") { w.qmp(\"query-sta"),
        [""; 0]
    );
    assert_eq!(
        typist.at_once("for w in nobody() { w.qmp(\"query-sta"),
        [""; 0]
    );
    // A line's own function of that name gives what nobody knows.
    typist.line("fn vms() { [] }");
    assert_eq!(typist.at_once("vms()[0].qmp(\"query-sta"), [""; 0]);
}

#[test]
fn a_vm_that_is_stopped_costs_a_moment_and_tells_what_is_asked_when_it_goes_on() {
    let mut qemu = furnished();
    let mut typist = Typist::at(&qemu);
    typist.offers(&[
        ("v.qmp.device_del(#{ id: \"", "vda\""),
        ("v.qmp.object_del(#{ id: \"", "io0\""),
    ]);
    let mut other = Typist::at(&qemu);
    for connected in [false, true] {
        if connected {
            typist.line("v.status;");
        }
        qemu.process().stop();
        for _ in 0..10 {
            // From what was told before.
            let words = typist.at_once("v.qmp.device_del(#{ id: \"v");
            assert_eq!(words, ["vda\""]);
            let words = typist.at_once("v.qmp(\"query-statu");
            assert_eq!(words, ["query-status\""]);
            assert_eq!(typist.at_once("v.qmp.netdev_del(#{ id: \""), [""; 0]);
        }
        if !connected {
            assert_eq!(other.at_once("v.qmp(\"query-statu"), [""; 0]);
            // What nobody could tell in time is known the next time, also of a VM that is stopped again by then.
            wait_until("both wait to be served", || {
                // On a busy host the moment may be over before it is asked, or who asks have given up.
                assert_eq!(other.at_once("v.qmp(\"query-statu"), [""; 0]);
                typist.at_once("v.qmp.netdev_del(#{ id: \"");
                ends_at(&qemu) == 3
            });
            qemu.process().cont();
            wait_until("both were served", || ends_at(&qemu) == 1);
            qemu.process().stop();
            let words = other.at_once("v.qmp(\"query-statu");
            assert_eq!(words, ["query-status\""]);
        }
        qemu.process().cont();
    }
    typist.offers(&[("v.qmp.netdev_del(#{ id: \"", "net0\"")]);
}

#[test]
fn an_agents_own_commands_are_offered_and_it_is_left_alone_while_its_guest_is_frozen() {
    let guest = Guest::boot();
    let listed = guest
        .raw_agent()
        .call("guest-info", &serde_json::Value::Null);
    let commands = listed["supported_commands"].as_array().unwrap().iter();
    let enabled = commands.filter(|command| command["enabled"] == true);
    let mut own: Vec<String> = enabled
        .map(|command| format!("{}\"", command["name"].as_str().unwrap()))
        .collect();
    own.sort();
    let mut typist = Typist::new();
    typist.line(&format!("let v = vm({:?});", guest.target()));
    let end = Instant::now() + BOUND;
    // Until it has told, all that any agent has is offered.
    while typist.at_once("v.agent.call(\"") != own {
        assert!(Instant::now() < end, "{own:?}");
    }
    typist.offers(&[
        (
            "let a = v.agent; v.agent.call(\"guest-exec\", #{ pa",
            "path: ",
        ),
        (
            "v.agent.call(\"guest-exec\", #{ \"capture-output\": ",
            "true",
        ),
        ("v.agent.call(\"guest-shutdown\", #{ mod", "mode: "),
    ]);
    // Methods are offered as far as this agent has what they are made of: of QEMU 7.2, or not for Windows only.
    let offered = |typist: &mut Typist, word: &str| typist.at_once(&format!("v.agent.{word}"));
    assert_eq!(offered(&mut typist, "osin"), ["osinfo()"]);
    assert_eq!(
        offered(&mut typist, "file_re"),
        ["file_read(", "file_read_blob("]
    );
    assert_eq!(offered(&mut typist, "comm"), ["command("]);
    assert_eq!(offered(&mut typist, "devi"), [""; 0]);
    assert_eq!(typist.at_once("let a = v.agent; a.devi"), [""; 0]);
    assert_eq!(typist.at_once("vm(\"/nowhere\").agent.devi"), ["devices()"]);
    // A session that freezes its guest, and has asked the agent nothing before, asks it nothing then: to who is frozen most
    // commands are disabled, and here they are not told so.
    let mut typist = Typist::new();
    typist.line(&format!("let v = vm({:?});", guest.target()));
    typist.line("let f = v.agent.fsfreeze(#{ max: \"20s\" });");
    for _ in 0..3 {
        let words = typist.at_once("v.agent.call(\"guest-get-osi");
        assert_eq!(words, ["guest-get-osinfo\""]);
    }
    assert!(guest.is_frozen());
    typist.line("f.release();");
    assert!(!guest.is_frozen());
}

#[test]
fn files_modules_and_scripts_are_offered() {
    let folder = Folder::new();
    std::fs::write(folder.join("mine.rhai"), "").unwrap();
    std::fs::write(folder.join("notes.txt"), "").unwrap();
    std::fs::create_dir(folder.join("deeper")).unwrap();
    let at = folder.path().display();
    let mut typist = Typist::new();
    assert_eq!(
        typist.at_once(&format!("import \"{at}/m")),
        [format!("{at}/mine\"")]
    );
    assert_eq!(
        typist.at_once(&format!("import \"{at}/de")),
        [format!("{at}/deeper/")]
    );
    assert_eq!(typist.at_once(&format!("import \"{at}/n")), [""; 0]);
    assert_eq!(
        typist.at_once(&format!(":save {at}/no")),
        [format!("{at}/notes.txt")]
    );
    assert_eq!(
        typist.at_once(&format!(":use {at}/no")),
        [format!("{at}/notes.txt")]
    );
    assert_eq!(typist.at_once("import \"std/si"), ["std/size\""]);
}

#[test]
fn the_signature_of_the_call_is_hinted() {
    let qemu = furnished();
    let mut typist = Typist::at(&qemu);
    let hint_of =
        |typist: &mut Typist, line: &str| hint(&mut typist.session, line).unwrap_or_default();
    assert_eq!(
        hint_of(&mut typist, "retry("),
        "retry(options: map, work: Fn) -> value"
    );
    assert_eq!(hint_of(&mut typist, "v.job("), "job(id: string) -> job");
    assert_eq!(
        hint_of(&mut typist, "v.qmp("),
        "qmp(command: string) -> value"
    );
    assert_eq!(hint_of(&mut typist, "x + 1"), "");
    // Of a VM that nobody has asked yet, nothing is known but how a command is called.
    assert_eq!(
        hint_of(&mut typist, "v.qmp(\"eject\", "),
        "qmp(command: string, arguments: map) -> value"
    );
    typist.offers(&[("v.qmp(\"ejec", "eject\"")]);
    for line in ["v.qmp(\"eject\", ", "v.qmp.eject(", "v.qmp.eject(#{ id: "] {
        assert_eq!(
            hint_of(&mut typist, line),
            "eject(#{ [id], [force] })",
            "{line}"
        );
    }
    assert_eq!(
        hint_of(&mut typist, "v.qmp.qom_get("),
        "qom-get(#{ path, property })"
    );
    assert_eq!(
        hint_of(&mut typist, "v.agent.call(\"guest-exec\", "),
        "guest-exec(#{ path, [arg], [env], [input-data], [capture-output] })"
    );
}

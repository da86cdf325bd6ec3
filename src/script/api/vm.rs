//! `vm(target)`: a VM, what it is and how it is.

use rhai::{Array, Dynamic, Engine, ImmutableString, Map};

use super::{Outcome, arguments, function, json, method, property, wait};
use crate::inventory::Filter;
use crate::report::Report;
use crate::script::error;
use crate::script::run::current;
use crate::vm::{Arguments, GuestAgent, Target, Vm};

pub(super) fn register(engine: &mut Engine) {
    engine.register_type_with_name::<Vm>("vm");
    engine.register_fn("to_string", |vm: &mut Vm| vm.label().to_owned());
    engine.register_fn("to_debug", |vm: &mut Vm| format!("vm({:?})", vm.label()));
    engine.register_fn("==", |vm: &mut Vm, other: Vm| vm.is_same(&other));
    function(
        "vm",
        &["target: string", "vm"],
        r#"
        A VM, by its UUID, name, label or provider's id (`web01`, `104`; `qmpsh ls` lists them), by at least four digits that
        one UUID alone begins with, by the address of its monitor (`/run/web01.qmp`, `tcp:127.0.0.1:4444`), or of both its
        sockets (`qmp=/run/web01.qmp,agent=/run/web01.qga`). A name that fits several VMs is an error that lists them.
        Nothing is connected until it is asked something. With a monitor alone, the agent's socket is found through it.

        ```rhai
        let v = vm("/run/web01.qmp");
        ```"#,
    )
    .register_into_engine(engine, |target: &str| {
        current()?.vm(target).map_err(error::ended)
    });
    function(
        "vm",
        &["vm: vm", "vm"],
        r#"
        The same VM, so that a function of a script's may take a VM or what names one.

        ```rhai
        let v = vm("/run/web01.qmp");
        print(vm(v) == v);
        ```"#,
    )
    .register_into_engine(engine, |vm: Vm| vm);
    fleets(engine);
    properties(engine);
    method(
        "hmp",
        &["vm", "line: string", "string"],
        r#"
        Runs a line of the human monitor and gives the text that it prints (QMP `human-monitor-command`, QEMU 0.14). The human
        monitor tells its errors as text too.

        ```rhai
        print(v.hmp("info block"));
        ```"#,
    )
    .register_into_engine(engine, |vm: &mut Vm, line: &str| {
        // Its first word only: a password may stand behind it.
        let word = line.split_whitespace().next().unwrap_or_default();
        wait(format_args!("{}: {word}", vm.label()), vm.hmp(line))
    });
    method(
        "transaction",
        &["vm", "actions: array", "()"],
        r#"
        Does all actions or none of them (QMP `transaction`, QEMU 1.1); each is `#{ type, data }`. Waits up to 60 s.

        ```rhai
        v.transaction([
            #{ type: "block-dirty-bitmap-add", data: #{ node: "disk0", name: "b0" } },
            #{ type: "block-dirty-bitmap-add", data: #{ node: "disk1", name: "b0" } },
        ]);
        ```"#,
    )
    .register_into_engine(engine, |vm: &mut Vm, actions: Array| transaction(vm, actions, Arguments::new()));
    method(
        "transaction",
        &["vm", "actions: array", "properties: map", "()"],
        r#"
        The same with properties of the transaction (QEMU 2.5), as `#{ "completion-mode": "grouped" }`.

        ```rhai
        v.transaction([], #{ "completion-mode": "grouped" });
        ```"#,
    )
    .register_into_engine(engine, |vm: &mut Vm, actions: Array, properties: Map| {
        transaction(vm, actions, arguments("transaction", &properties)?)
    });
}

fn fleets(engine: &mut Engine) {
    function(
        "vms",
        &["array"],
        r"
        All VMs that are found here and can be reached, in the order of their names: those that run, and those whose socket
        is there though nobody may listen any more, which the first call tells. Waits up to 2 s for those who look; what
        one of them cannot tell is said on standard error.

        ```rhai
        for v in vms() { print(`${v}`) }
        ```",
    )
    .register_into_engine(engine, || vms(&Filter::default()));
    function(
        "vms",
        &["pattern: string", "array"],
        r#"
        Those of them whose name, label, id or UUID is like the pattern: `*`, `?` and `[...]` as in a shell.

        ```rhai
        let found = parallel(vms("web*"), |v| v.status);
        ```"#,
    )
    .register_into_engine(engine, |pattern: &str| {
        vms(&Filter::called(pattern).map_err(error::usage)?)
    });
    function(
        "vms",
        &["filter: map", "array"],
        r#"
        Those of them for which all of the filter fits: patterns by `name`, `label`, `provider`, `uuid` and `id`.

        ```rhai
        let found = parallel(vms(#{ label: "prod", name: "web*" }), |v| v.status);
        ```"#,
    )
    .register_into_engine(engine, |filter: Map| vms(&filter_of(&filter)?));
}

/// The VMs that are found and admitted.
fn vms(filter: &Filter) -> Outcome<Array> {
    let current = current()?;
    let inventory = current.run().inventory();
    let fleet = inventory.fleet();
    let recording = &fleet.settings().recording;
    // What is found is this host's, so a replay is told.
    let recalled: Option<(Vec<String>, Vec<Target>)> = recording
        .recall("vms()")
        .map_err(|difference| error::thrown(&Report::from(&difference)))?;
    let (troubles, vms): (Vec<String>, Vec<Vm>) = if let Some((troubles, targets)) = recalled {
        let vms = targets.into_iter().map(|target| fleet.vm(target));
        (troubles, vms.collect())
    } else {
        let scan = current.block_on("VMs to be found", inventory.scan())?;
        let admitted = scan.found.iter().filter(|vm| filter.admits(vm));
        let vms = admitted.filter_map(|vm| inventory.reach(vm)).collect();
        (scan.troubles.iter().map(ToString::to_string).collect(), vms)
    };
    let targets: Vec<&Target> = vms.iter().map(Vm::target).collect();
    recording.note_hidden("vms()", &(&troubles, targets));
    for trouble in &troubles {
        // A message that cannot be written ends the run elsewhere.
        let _ = current
            .run()
            .output()
            .message(&format!("warning: {trouble}"));
    }
    Ok(vms.into_iter().map(Dynamic::from).collect())
}

fn filter_of(map: &Map) -> Outcome<Filter> {
    map.iter()
        .try_fold(Filter::default(), |filter, (key, value)| {
            let pattern = value
                .read_lock::<ImmutableString>()
                .ok_or_else(|| error::usage(format!("vms: `{key}` is a text")))?;
            filter.and(key, &pattern).map_err(error::usage)
        })
}

fn properties(engine: &mut Engine) {
    property(
        "vm",
        "name",
        "string",
        r#"
        The name that the VM was started with (QMP `query-name`, QEMU 0.14), or `()`. Waits up to 30 s, as the other
        properties do that ask QEMU.

        ```rhai
        print(v.name ?? "it has no name");
        ```"#,
    )
    .register_into_engine(engine, |vm: &mut Vm| {
        wait(format_args!("{}: query-name", vm.label()), vm.name()).map(or_unit)
    });
    property(
        "vm",
        "uuid",
        "string",
        r#"
        The UUID that the VM was started with (QMP `query-uuid`, QEMU 0.14), or `()`.

        ```rhai
        print(v.uuid ?? "it has no UUID");
        ```"#,
    )
    .register_into_engine(engine, |vm: &mut Vm| {
        wait(format_args!("{}: query-uuid", vm.label()), vm.uuid()).map(or_unit)
    });
    property(
        "vm",
        "status",
        "string",
        r#"
        The run state, as in `running`, `paused` or `prelaunch` (QMP `query-status`, QEMU 0.14).

        ```rhai
        if v.status == "paused" { v.qmp("cont") }
        ```"#,
    )
    .register_into_engine(engine, |vm: &mut Vm| {
        wait(format_args!("{}: query-status", vm.label()), vm.status())
    });
    property(
        "vm",
        "version",
        "string",
        r#"
        QEMU's version, as in `10.0.2`, from the monitor's greeting. Waits up to 5 s for that, if it is the first that is
        asked.

        ```rhai
        v.version.split(".")[0].parse_int() >= 5
        ```"#,
    )
    .register_into_engine(engine, |vm: &mut Vm| {
        wait(
            format_args!("{}: the monitor's greeting", vm.label()),
            vm.version(),
        )
    });
    property(
        "vm",
        "agent",
        "agent",
        r"
        The guest's agent. Nothing is connected until it is asked something; each call then waits up to 5 s for the agent to
        answer at all, and up to 30 s for the command, unless it says otherwise. One call goes on at a time.

        An agent that does not answer is an error of kind `gone`, what it refuses one of kind `agent`, with its words.

        ```rhai
        v.agent.ping();
        ```",
    )
    .register_into_engine(engine, |vm: &mut Vm| -> GuestAgent { vm.agent() });
}

fn or_unit(text: Option<String>) -> Dynamic {
    text.map_or(Dynamic::UNIT, Dynamic::from)
}

fn transaction(vm: &Vm, actions: Array, properties: Arguments) -> Outcome<()> {
    let actions = match json("actions", &actions.into())? {
        serde_json::Value::Array(actions) => actions,
        _ => Vec::new(),
    };
    wait(
        format_args!("{}: transaction", vm.label()),
        vm.transaction(actions, properties),
    )
}

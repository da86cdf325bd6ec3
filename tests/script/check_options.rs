//! `qmpsh check`: options that are written out in a script.

use qmpsh::script::library::standard;

use super::check::{hints, told};

#[test]
fn an_option_that_a_function_does_not_take_is_told_at_its_place() {
    for (call, fault) in [
        (
            "retry(#{ tiems: 3 }, || 1);",
            "2:10 retry: there is no option `tiems`",
        ),
        (
            "retry(#{ delay: 1, times: 0 }, || 1);",
            "2:20 retry: `times` is a number from 1 up, not 0",
        ),
        (
            "parallel([1], #{ job: 3 }, |x| x);",
            "2:18 parallel: there is no option `job`",
        ),
        (
            "v.agent.exec(\"ls\", [], #{ tiemout: 5 });",
            "2:27 exec: there is no option `tiemout`",
        ),
        (
            "let t = v.name;\nv.agent.exec(\"ls\", [], #{ tiemout: t, env: #{ A: t } });",
            "3:27 exec: there is no option `tiemout`",
        ),
        (
            "let t = 5;\nv.agent.exec(\"ls\", [], #{ tiemout: t });",
            "3:27 exec: there is no option `tiemout`",
        ),
        (
            "let o = #{ tiemout: 5 };\nv.agent.shell(\"ls\", o);",
            "2:12 shell: there is no option `tiemout`",
        ),
        (
            "v.agent.shell(\"ls\", #{ check: \"yes\" });",
            "2:24 shell: `check` is true or false, not \"yes\"",
        ),
        (
            "fn f(agent) {\nagent.fsfreeze(#{ mx: 5 }) }",
            "3:19 fsfreeze: there is no option `mx`",
        ),
        (
            "v.agent.fsfreeze(#{ max: \"0s\" });",
            "2:21 fsfreeze: `max` is longer than 0, not \"0s\"",
        ),
        (
            "v.job(\"a\").wait(#{ tiemout: 5 });",
            "2:20 wait: there is no option `tiemout`",
        ),
        (
            "v.migration.wait(#{ tiemout: 5 });",
            "2:21 wait: there is no option `tiemout`",
        ),
    ] {
        let script = format!("let v = vm(\"web01\");\n{call}");
        assert_eq!(told(&script), [fault], "{call}");
    }
}

#[test]
fn options_that_only_a_run_can_know_are_taken_to_be_right() {
    let none: [&str; 0] = [];
    for call in [
        "retry(#{ times: args[0] }, || 1);",
        "let o = #{}; o.nope = 1; retry(o, || 1);",
        "retry(#{ times: 1 } + args[0], || 1);",
        "v.agent.exec(\"ls\", [], #{ check: v.name, input: args[0], env: #{ A: args[1] } });",
        "v.agent.fsfreeze(#{ mountpoints: [args[0]] });",
        "let m = #{ wait: |x| x }; m.wait(#{ nope: 1 });",
        "fn f(w) { w.wait(#{ nope: 1 }) } f(v.watch(\"STOP\"));",
        "fn retry(options, work) { options.nope } retry(#{ nope: 1 }, || 1);",
    ] {
        let script = format!("let v = vm(\"web01\");\n{call}");
        assert_eq!(told(&script), none, "{call}");
    }
}

/// A call of each function of a standard module that takes options, with this as those.
fn calls(options: &str) -> Vec<(String, String)> {
    let mut calls = Vec::new();
    for (module, text) in standard() {
        for line in text.lines().filter_map(|line| line.strip_prefix("fn ")) {
            let (name, rest) = line.split_once('(').unwrap();
            let parameters = rest.split(')').next().unwrap().split(", ");
            let given: Vec<&str> = parameters
                .map(|name| {
                    if name == "options" {
                        options
                    } else {
                        "args[0]"
                    }
                })
                .collect();
            if given.contains(&options) {
                let call = format!("m::{name}({});", given.join(", "));
                calls.push((
                    name.to_owned(),
                    format!("import \"{module}\" as m;\n{call}"),
                ));
            }
        }
    }
    assert!(calls.len() > 15, "{calls:#?}");
    calls
}

#[test]
fn an_option_that_no_standard_module_reads_is_told_with_those_that_it_does() {
    for (name, call) in calls("#{ no_such_option: 1 }") {
        let found = told(&call);
        let message = format!("{name}: there is no option `no_such_option`");
        let column = call.lines().nth(1).unwrap().find("no_such").unwrap() + 1;
        assert!(
            found.contains(&format!("2:{column} {message}")),
            "{call}: {found:#?}"
        );
    }
    // With the names that the module's page has.
    let backup =
        "import \"std/backup\" as b;\ntry { b::take(args[0], args[1], #{ zzz: 1 }) } catch { }";
    let all = "it takes `chain`, `compress`, `disks`, `level`, `max`, `quiesce`, `speed`";
    assert_eq!(hints(backup), [all]);
    let between = "import \"std/migrate\" as m;\nm::between(args[0], args[1], #{ ury: 1 });";
    assert_eq!(hints(between), ["did you mean `uri`?"]);
    for (_, call) in calls("args[1]") {
        let found = told(&call);
        assert!(
            found.iter().all(|fault| !fault.contains("option")),
            "{call}: {found:#?}"
        );
    }
}

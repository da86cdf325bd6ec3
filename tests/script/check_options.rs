//! `qmpsh check`: options that are written out in a script.

use super::check::told;

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
        "let m = #{ wait: |x| x }; m.wait(#{ nope: 1 });",
        "fn f(w) { w.wait(#{ nope: 1 }) } f(v.watch(\"STOP\"));",
        "fn retry(options, work) { options.nope } retry(#{ nope: 1 }, || 1);",
    ] {
        let script = format!("let v = vm(\"web01\");\n{call}");
        assert_eq!(told(&script), none, "{call}");
    }
}

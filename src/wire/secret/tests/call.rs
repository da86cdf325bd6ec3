//! What is hidden in a call as it is typed, and which lines of a session are known to hold a secret.

use super::*;

#[test]
fn a_typed_call_is_hidden_as_the_message_that_it_becomes() {
    let owned = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
    for (words, shown) in [
        (
            vec!["qom_type=secret", "id=s0", "data=x"],
            vec!["qom_type=secret", "id=s0", "data=***"],
        ),
        (
            vec!["path=/a", "property=data", "value=x"],
            vec!["path=/a", "property=data", "value=***"],
        ),
        (
            vec!["command-line=set_password vnc x"],
            vec!["command-line=set_password vnc ***"],
        ),
        (
            vec!["path=mysql", "arg.0=-px", "arg.1=db"],
            vec!["path=mysql", "arg.0=-p***", "arg.1=db"],
        ),
        (
            vec!["path=x", "arg=--password,geheim,y"],
            vec!["path=x", "arg=--password,***,y"],
        ),
        (
            vec!["path=x", "env.0=TOKEN=a", "input_data=b"],
            vec!["path=x", "env.0=TOKEN=***", "input_data=***"],
        ),
        (
            vec!["file={\"password\":\"x\"}", "a.secret.b=y"],
            vec!["file={\"password\":\"***\"}", "a.secret.b=***"],
        ),
        (
            vec!["driver=https", "file.url=https://u:p@h"],
            vec!["driver=https", "file.url=https://u:***@h"],
        ),
        (
            vec!["id=cd0", "force=true", "key-secret=s"],
            vec!["id=cd0", "force=true", "key-secret=s"],
        ),
        (vec!["nonsense"], vec!["***"]),
    ] {
        assert_eq!(hidden_call(&owned(&words)), shown);
    }
}

#[test]
fn a_typed_line_with_a_word_that_goes_with_a_secret_is_known() {
    for line in [
        "v.agent.set_user_password(\"root\", \"x\")",
        "v.qmp(\"set_password\", #{ protocol: \"vnc\", password: \"x\" })",
        "v.qmp(\"block_passwd\", #{})",
        "v.qmp(\"object-add\", #{ \"qom-type\": \"secret\", id: \"s\", data: \"x\" })",
        "v.agent.exec(\"cat\", [], #{ input: \"x\" })",
        "let PASSWORD = \"x\";",
        "v.agent.shell(\"mysql -px\")",
        "v.agent.shell(`mysql -px`)",
        "v.agent.exec(\"mysql\", [\"-px\"])",
        "host.run(\"curl\", [\"-u\", \"a:b\"])",
        "let url = \"https://u:p@h\"",
        "v.hmp(\"change vnc passwd x\")",
        "let MYSQL_PWD='x'",
        "let pw = `x`",
    ] {
        assert!(may_be_in(line), "{line}");
    }
    for line in [
        "v.status",
        "v.qmp(\"query-block\")",
        "v.agent.file_read(\"/etc/hosts\")",
        "let x = \"https://host/x\"; v.agent.shell(\"mkdir -p /x | ls\")",
    ] {
        assert!(!may_be_in(line), "{line}");
    }
}

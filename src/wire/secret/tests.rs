//! What is hidden in a message and in a typed line, and what passes unchanged.

use serde_json::{Value, json};

use super::*;

/// What is hidden is hidden so, and stays so when it is hidden once more.
#[track_caller]
fn shows(message: Value, shown: &Value) {
    assert_eq!(redacted(&message), *shown, "of {message}");
    assert_eq!(redacted(shown), *shown);
}

/// Nothing is hidden in it.
#[track_caller]
fn shows_all(message: &Value) {
    assert_eq!(redacted(message), *message);
}

/// The same of a text, wherever in a message it is.
#[track_caller]
fn text_shows(text: &str, shown: &str) {
    assert_eq!(hidden_text(text), shown);
    assert_eq!(hidden_text(shown), shown);
    shows(json!({ "x": [text] }), &json!({ "x": [shown] }));
}

#[track_caller]
fn words_show(words: &[&str], shown: &[&str]) {
    let owned = |words: &[&str]| words.iter().map(ToString::to_string).collect::<Vec<_>>();
    assert_eq!(hidden_words(&owned(words)), shown);
    assert_eq!(hidden_words(&owned(shown)), shown);
}

#[track_caller]
fn line_shows(line: &str, shown: &str) {
    assert_eq!(line::shell(line), shown);
    assert_eq!(line::shell(shown), shown);
}

#[track_caller]
fn monitor_shows(line: &str, shown: &str) {
    let message = |line: &str| json!({"execute": "human-monitor-command", "arguments": {"command-line": line}});
    shows(message(line), &message(shown));
}

#[test]
fn a_name_is_secret_by_its_words() {
    for name in [
        "password",
        "passwords",
        "DB_PASSWORD",
        "dbPassword",
        "PGPASSWORD",
        "MYSQL_PWD",
        "--password",
        "password2",
        "crypted-password",
        "passphrase",
        "GITHUB_TOKEN",
        "tokens",
        "authToken",
        "clientSecret",
        "AWS_SECRET_ACCESS_KEY",
        "APIKey",
        "x-api-key",
        "private_key",
        "cookie",
        "file.password",
        "server.0.token",
        "secret.value",
        "COOKIE_SECRET",
        "X-Amz-Security-Token",
        "Authorization",
    ] {
        assert!(is_secret(name), "{name}");
    }
    for name in [
        "",
        "key",
        "keys",
        "id",
        "key-secret",
        "password-secret",
        "file.cookie-secret",
        "encrypt.key-secret",
        "keyid",
        "passwordid",
        "tls-creds",
        "tokenizer",
        "compass",
        "bypass",
        "secretary",
        "PWD",
        "password-file",
        "token_ttl",
        "tokenType",
        "secret_keyring",
        "key-offset",
        "master-key-iters",
        "encryption_key_missing",
        "username",
        "hotkey",
    ] {
        assert!(!is_secret(name), "{name}");
    }
}

#[test]
fn members_of_a_secrets_name_are_hidden_with_all_that_is_in_them() {
    for (message, shown) in [
        (
            json!({"execute": "set_password", "arguments": {"protocol": "vnc", "password": "geheim"}, "id": "1"}),
            json!({"execute": "set_password", "arguments": {"protocol": "vnc", "password": "***"}, "id": "1"}),
        ),
        (
            json!({"execute": "guest-set-user-password", "arguments": {"username": "u", "password": "Z2U=", "crypted": false}}),
            json!({"execute": "guest-set-user-password", "arguments": {"username": "u", "password": "***", "crypted": false}}),
        ),
        (
            json!({"execute": "transaction", "arguments": {"actions": [{"data": {"cookie": "a=b", "x": 1}}]}}),
            json!({"execute": "transaction", "arguments": {"actions": [{"data": {"cookie": "***", "x": 1}}]}}),
        ),
        (
            json!({"return": {"password": 1234, "token": {"a": ["b"]}, "secrets": ["x"]}}),
            json!({"return": {"password": "***", "token": "***", "secrets": "***"}}),
        ),
        (
            json!({"return": {"password": null, "token": true}}),
            json!({"return": {"password": null, "token": true}}),
        ),
    ] {
        shows(message, &shown);
    }
}

#[test]
fn ids_keys_and_what_qemu_tells_of_itself_stay_readable() {
    for message in [
        json!(null),
        json!([1]),
        json!({"execute": 1}),
        json!({"execute": "x", "arguments": 3}),
        json!({"execute": "send-key", "arguments": {"keys": [{"type": "qcode", "data": "a"}]}}),
        json!({"execute": "input-send-event", "arguments": {"events": [{"type": "key", "data": {"down": true, "key": {"type": "qcode", "data": "ret"}}}]}}),
        json!({"execute": "blockdev-add", "arguments": {"driver": "luks", "key-secret": "sec0", "node-name": "n", "file": {"driver": "https", "password-secret": "sec1", "url": "https://host:8080/x@y?z=1"}}}),
        json!({"execute": "object-add", "arguments": {"qom-type": "secret", "id": "s0", "keyid": "s1", "iv": "x", "file": "/run/x"}}),
        json!({"execute": "object-add", "arguments": {"qom-type": "iothread", "id": "s", "data": "x"}}),
        json!({"execute": "qom-set", "arguments": {"path": "/a", "property": "size", "value": "x"}}),
        json!({"execute": "change", "arguments": {"device": "ide1-cd0", "target": "/x.iso", "arg": "raw"}}),
        json!({"return": [{"name": "password", "type": "str"}, {"name": "data", "type": "string"}]}),
        json!({"return": [{"name": "rootbus", "type": "x", "value": "y"}]}),
        json!({"return": {"slots": [{"key-offset": 4096, "iters": 1}], "tls-creds": "tls0", "auth": "none"}}),
        json!({"return": {"buf-b64": "dG9rZW49c2VjcmV0token==", "count": 9}}),
        json!({"error": {"class": "GenericError", "desc": "Parameter 'password' is missing"}}),
        json!({"error": {"class": "GenericError", "desc": "JSON parse error, invalid token: ':'"}}),
        json!({"return": "drive0 (#block1): /srv/a=b.qcow2 (qcow2)\r\n    Attached to: /machine/x\r\n"}),
        json!({"execute": "migrate", "arguments": {"uri": "exec:cat > /srv/state"}}),
        json!({"execute": "guest-exec", "arguments": {"path": "mkdir", "arg": ["-p", "/data/x", "ssh -p 22 host", "--token-file=/x"], "env": ["PATH=/bin", "PWD=/", "X"]}}),
    ] {
        shows_all(&message);
    }
}

#[test]
fn the_data_of_secret_objects_is_hidden() {
    let add = |data: &str| json!({"execute": "object-add", "arguments": {"qom-type": "secret", "id": "s", "data": data}});
    shows(add("x"), &add("***"));
    let old = |data: &str| json!({"execute": "object-add", "arguments": {"qom-type": "secret", "props": {"data": data}}});
    shows(old("x"), &old("***"));
    for property in ["data", "rawdata", "password", "secret"] {
        let set = |value: Value| json!({"exec-oob": "qom-set", "arguments": {"property": property, "value": value}});
        shows(set(json!("x")), &set(json!("***")));
    }
    let told =
        |value: &str| json!({"return": [{"name": "data", "type": "string", "value": value}]});
    shows(told("x"), &told("***"));
}

#[test]
fn an_answer_that_is_a_secret_is_known_by_the_question() {
    let get = |property: &str| json!({"execute": "qom-get", "arguments": {"path": "/objects/s0", "property": property}});
    assert!(asks_for(&get("data")) && asks_for(&get("password")));
    assert!(!asks_for(&get("type")) && !asks_for(&get("keyid")));
    let line = |line: &str| json!({"execute": "human-monitor-command", "arguments": {"command-line": line}});
    assert!(asks_for(&line("qom-get /objects/s0 data")));
    assert!(!asks_for(&line("qom-get /objects/s0 type")) && !asks_for(&line("info name")));
    let mut reply = json!({"return": "x", "id": "7"});
    hide_answer(&mut reply);
    assert_eq!(reply, json!({"return": "***", "id": "7"}));
}

#[test]
fn vnc_passwords_of_old_are_hidden() {
    let change = |arg: &str| json!({"execute": "change", "arguments": {"device": "vnc", "target": "password", "arg": arg}});
    shows(change("x"), &change("***"));
}

#[test]
fn passwords_in_urls_are_hidden_and_users_are_not() {
    for (text, shown) in [
        (
            "https://user:geheim@host/x.iso",
            "https://user:***@host/x.iso",
        ),
        (
            "ssh://root:a%40b@host:22/srv/x",
            "ssh://root:***@host:22/srv/x",
        ),
        ("https://user:a@b@host/x", "https://user:***@host/x"),
        ("https://user:a/b@host/x", "https://user:***@host/x"),
        ("https://user:a'b\"c@host/x", "https://user:***@host/x"),
        ("https://:geheim@host", "https://:***@host"),
        (
            "iscsi://user%geheim@10.0.0.1/iqn.x/0",
            "iscsi://user%***@10.0.0.1/iqn.x/0",
        ),
        (
            "Could not open 'http://u:p@h/x': 404",
            "Could not open 'http://u:***@h/x': 404",
        ),
        (
            "a http://u:p@h b ftp://v:q@i",
            "a http://u:***@h b ftp://v:***@i",
        ),
        (
            "https://bucket/x?X-Amz-Signature=1&X-Amz-Security-Token=ab%2F&y=2",
            "https://bucket/x?X-Amz-Signature=1&X-Amz-Security-Token=***&y=2",
        ),
        ("DB=postgres://u:p@db/app", "DB=postgres://u:***@db/app"),
    ] {
        text_shows(text, shown);
    }
    for text in [
        "https://host:8080/a@b:c",
        "https://user@host/x",
        "nbd://10.0.0.1:10809/export",
        "https://[::1]:80/a@b",
        "http://host/a:b@c",
        "://:@",
        "nbd:unix:/run/x:exportname=a",
    ] {
        text_shows(text, text);
    }
}

#[test]
fn lists_of_options_are_hidden_up_to_the_next_option() {
    for (text, shown) in [
        ("driver=ssh,password=a b", "driver=ssh,password=*** b"),
        (
            "file.driver=ssh,file.password=a,,b,id=d0,key-secret=s",
            "file.driver=ssh,file.password=***,id=d0,key-secret=s",
        ),
        (
            "secret,id=s0,data=geheim,format=raw",
            "secret,id=s0,data=***,format=raw",
        ),
        ("data=geheim,qom-type=secret", "data=***,qom-type=secret"),
        (
            "Invalid parameter 'password=a'",
            "Invalid parameter 'password=***'",
        ),
        ("password=\"a b\" x", "password=*** x"),
        ("password=a\"b c\" x", "password=*** x"),
        (
            "rbd:pool/image:id=admin:key=AQ\\:C=:mon_host=a",
            "rbd:pool/image:id=admin:key=***:mon_host=a",
        ),
    ] {
        text_shows(text, shown);
    }
    for text in ["x,data=1", "password=", "if token==1", "pci,key=1", "a=b"] {
        text_shows(text, text);
    }
}

#[test]
fn json_in_texts_is_read_and_where_it_is_cut_off_its_names_are() {
    for (text, shown) in [
        (
            r#"json:{"driver": "https", "password": "p\"q", "url": "https://u:p@h"}"#,
            r#"json:{"driver":"https","password":"***","url":"https://u:***@h"}"#,
        ),
        (r#"{"token": {"a": 1}}"#, r#"{"token":"***"}"#),
        (
            r#"json:{"driver": "https", "password": "ge"#,
            r#"json:{"driver": "https", "password": "***"#,
        ),
        (
            r#"x {"a": 1, "password": "p\"q", "b": 2}"#,
            r#"x {"a": 1, "password": "***", "b": 2}"#,
        ),
        (
            r#"x {\"password\": \"p q\", \"b\": 2}"#,
            r#"x {\"password\": \"***\", \"b\": 2}"#,
        ),
        ("{'password': 'p q'}", "{'password': '***'}"),
        (
            r#"x {"password": 12, "b": 2"#,
            r#"x {"password": ***, "b": 2"#,
        ),
    ] {
        text_shows(text, shown);
    }
    for text in [
        r#"json:{"driver": "https",  "key-secret": "s"}"#,
        r#"x {"password": null}"#,
        r#"[{"name": "password"}]"#,
    ] {
        text_shows(text, text);
    }
}

#[test]
fn words_of_programs_are_hidden() {
    words_show(
        &[
            "x",
            "--password=a b",
            "--password",
            "c",
            "--token",
            "-d1",
            "--user",
            "u",
            "password=a,b=c",
        ],
        &[
            "x",
            "--password=***",
            "--password",
            "***",
            "--token",
            "***",
            "--user",
            "u",
            "password=***,b=c",
        ],
    );
    words_show(
        &["mysql", "-pgeheim", "-p", "db"],
        &["mysql", "-p***", "-p", "db"],
    );
    words_show(
        &["sshpass", "-p", "a", "ssh", "-p", "22"],
        &["sshpass", "-p", "***", "ssh", "-p", "22"],
    );
    words_show(
        &["/usr/bin/curl", "-u", "u:p", "-uv:q", "--user=w:r"],
        &["/usr/bin/curl", "-u", "u:***", "-uv:***", "--user=w:***"],
    );
    words_show(
        &[
            "curl",
            "-H",
            "Authorization: Bearer a",
            "-H",
            "Accept: text",
            "-H",
            "X-Auth-Token: b",
        ],
        &[
            "curl",
            "-H",
            "Authorization: ***",
            "-H",
            "Accept: text",
            "-H",
            "X-Auth-Token: ***",
        ],
    );
    words_show(
        &["openssl", "x", "-passin", "pass:a"],
        &["openssl", "x", "-passin", "pass:***"],
    );
    words_show(
        &["net.exe", "user", "Bob", "Geheim1!", "/add"],
        &["net.exe", "user", "Bob", "***", "/add"],
    );
    words_show(
        &["net", "user", "Bob", "/add"],
        &["net", "user", "Bob", "/add"],
    );
    words_show(
        &["sh", "-c", "PGPASSWORD=a psql -h db"],
        &["sh", "-c", "PGPASSWORD=*** psql -h db"],
    );
    words_show(&["ssh", "h", "mysql -pa x"], &["ssh", "h", "mysql -p*** x"]);
    words_show(
        &["--password", "--host", "h"],
        &["--password", "--host", "h"],
    );
    words_show(
        &[r#"{"password": "x"}"#, "{}"],
        &[r#"{"password":"***"}"#, "{}"],
    );
    words_show(
        &["docker", "run", "-p", "80:80"],
        &["docker", "run", "-p", "80:80"],
    );
}

#[test]
fn lines_of_shell_are_hidden() {
    for (line, shown) in [
        (
            "mysql -uroot -pgeheim db | gzip > /x",
            "mysql -uroot -p*** db | gzip > /x",
        ),
        (
            "A=1 TOKEN=x cmd && curl -u 'u:p q' h",
            "A=1 TOKEN=*** cmd && curl -u u:*** h",
        ),
        ("echo root:geheim | chpasswd", "echo root:*** | chpasswd"),
        (
            "echo 'root:ge heim' | sudo chpasswd -e",
            "echo root:*** | sudo chpasswd -e",
        ),
        (
            "printf '%s\\n' geheim | passwd --stdin root",
            "printf '%s\\n' *** | passwd --stdin root",
        ),
        ("chpasswd <<< root:geheim", "chpasswd <<< root:***"),
        (
            "chpasswd <<EOF\nroot:geheim\nbob:x y\nEOF\nls",
            "chpasswd <<EOF\nroot:***\nbob:*** ***\nEOF\nls",
        ),
        ("echo geheim | sudo -S ls", "echo *** | sudo -S ls"),
        (
            "echo t | docker login --password-stdin -u u",
            "echo *** | docker login --password-stdin -u u",
        ),
        (
            "curl -d '{\"password\": \"x y\"}' h",
            "curl -d '{\"password\": \"***\"}' h",
        ),
        (
            "curl -H \"Authorization: Bearer x\" h",
            "curl -H 'Authorization: ***' h",
        ),
        (
            "psql -c \"ALTER USER u WITH PASSWORD 'x y'\"",
            "psql -c \"ALTER USER u WITH PASSWORD '***'\"",
        ),
        (
            "ssh h \"mysql --password=x\"",
            "ssh h \"mysql --password=***\"",
        ),
        ("curl https://u:p@h/x", "curl https://u:***@h/x"),
    ] {
        line_shows(line, shown);
    }
    for line in [
        "echo hello | cat",
        "mkdir -p /x && cp -p a 'b c'",
        "grep password '/etc/x y'",
        "echo \"$HOME\" | sort",
        "",
    ] {
        line_shows(line, line);
    }
    text_shows(
        "exec:gzip | curl --token=x h",
        "exec:gzip | curl --token=*** h",
    );
}

#[test]
fn lines_of_the_human_monitor_are_hidden() {
    for (line, shown) in [
        ("set_password vnc geheim keep", "set_password vnc ***"),
        (" change vnc password geheim", " change vnc password ***"),
        ("change vnc passwd a b", "change vnc passwd ***"),
        ("block_passwd d0 x", "block_passwd d0 ***"),
        (
            "qom-set /objects/s0 data \"a b\"",
            "qom-set /objects/s0 data ***",
        ),
        (
            "qom-set -j /objects/s0 data \"a\"",
            "qom-set -j /objects/s0 data ***",
        ),
        (
            "object_add secret,id=s0,data=a b",
            "object_add secret,id=s0,data=***",
        ),
        (
            "drive_add 0 file.driver=ssh,file.password=x,id=d0",
            "drive_add 0 file.driver=ssh,file.password=***,id=d0",
        ),
        (
            "drive_add 0 if=none,file=https://u:p@h/x",
            "drive_add 0 if=none,file=https://u:***@h/x",
        ),
        (
            "migrate -d \"exec:curl -u u:p h\"",
            "migrate -d 'exec:curl -u u:*** h'",
        ),
        (
            r#"drive_add 0 id=d,file=json:{"driver":"ssh","password":"a b"}"#,
            r#"drive_add 0 id=d,file=json:{"driver":"ssh","password":"***"}"#,
        ),
        (
            "change ide1-cd0 https://u:p@h/x.iso",
            "change ide1-cd0 https://u:***@h/x.iso",
        ),
    ] {
        monitor_shows(line, shown);
    }
    for line in [
        "info block",
        "change ide1-cd0 /srv/x.iso raw",
        "change vnc :1",
        "qom-set /machine x y",
        "expire_password vnc never",
        "object_add secret,id=s0,file=/run/x",
        "",
    ] {
        monitor_shows(line, line);
    }
}

#[test]
fn what_a_program_in_the_guest_is_handed_is_hidden() {
    let exec = |input: &str, variable: &str, word: &str| json!({"execute": "guest-exec", "arguments": {"path": "/usr/bin/mysql", "arg": ["-u", "u", word], "input-data": input, "env": [variable, "X", "HOME=/"]}});
    shows(
        exec("cHc=", "TOKEN=abc=d e", "-pa"),
        &exec("***", "TOKEN=***", "-p***"),
    );
    let channel = |word: &str| json!({"transport": "exec", "args": ["/bin/sh", "-c", word]});
    shows(channel("mysql -pa x"), &channel("mysql -p*** x"));
}

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

#[test]
fn long_texts_of_peers_are_read_in_time_that_grows_with_them() {
    for part in [
        "a://",
        "data=",
        "key=",
        "'",
        "\"password\":",
        "x=,",
        "\\\"",
        "<<x;passwd ",
    ] {
        let text = part.repeat((1 << 13) / part.len());
        let message = json!({ "return": text, "arg": [text], "command-line": text });
        // It ends: a square of it would be minutes.
        redacted(&message);
    }
}

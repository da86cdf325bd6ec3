//! What is hidden in a message by the names of its members and by what stands beside them, and what passes unchanged.

use serde_json::{Value, json};

use super::*;

/// Nothing is hidden in it.
#[track_caller]
fn shows_all(message: &Value) {
    assert_eq!(redacted(message), *message);
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
fn what_a_program_in_the_guest_is_handed_is_hidden() {
    let exec = |input: &str, variable: &str, word: &str| json!({"execute": "guest-exec", "arguments": {"path": "/usr/bin/mysql", "arg": ["-u", "u", word], "input-data": input, "env": [variable, "X", "HOME=/"]}});
    shows(
        exec("cHc=", "TOKEN=abc=d e", "-pa"),
        &exec("***", "TOKEN=***", "-p***"),
    );
    let channel = |word: &str| json!({"transport": "exec", "args": ["/bin/sh", "-c", word]});
    shows(channel("mysql -pa x"), &channel("mysql -p*** x"));
}

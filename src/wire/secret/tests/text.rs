//! What is hidden in one text: URLs, lists of options, JSON.

use serde_json::json;

use super::*;

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
            "https://bucket/x?X-Amz-Signature=***&X-Amz-Security-Token=***&y=2",
        ),
        (
            "curl 'https://a.blob/x.iso?sv=2024&sig=ab%2Bc%3D' -o 'https://b/?se=1&sig=d&sp=r'",
            "curl 'https://a.blob/x.iso?sv=2024&sig=***' -o 'https://b/?se=1&sig=***&sp=r'",
        ),
        (
            "https://b/x?X-Goog-Signature=1",
            "https://b/x?X-Goog-Signature=***",
        ),
        (
            "https://b/x?Signature=1&y=2",
            "https://b/x?Signature=***&y=2",
        ),
        ("DB=postgres://u:p@db/app", "DB=postgres://u:***@db/app"),
    ] {
        text_shows(text, shown);
    }
    for text in [
        "https://host/x?sign=1&signed=2",
        "sig=9 signature=sha256",
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

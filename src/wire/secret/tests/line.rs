//! What is hidden in command lines: a program's words, lines of shell and of the human monitor.

use serde_json::json;

use super::{shows, text_shows};
use crate::wire::secret::{hidden_words, line};

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
        &["docker", "--debug", "login", "-u", "u", "-p", "a", "host"],
        &["docker", "--debug", "login", "-u", "u", "-p", "***", "host"],
    );
    words_show(
        &["/usr/bin/podman", "login", "-pa", "host"],
        &["/usr/bin/podman", "login", "-p***", "host"],
    );
    words_show(
        &["docker", "run", "-p", "80:80", "image"],
        &["docker", "run", "-p", "80:80", "image"],
    );
    line_shows(
        "docker login -p a host && docker run -p 80:80 image",
        "docker login -p *** host && docker run -p 80:80 image",
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

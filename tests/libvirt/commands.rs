//! The monitor through libvirt: commands, errors in QEMU's words, events.

use harness::Libvirt;

use super::{assert_no_virsh, eval};

#[test]
fn a_domain_is_asked_and_changed_as_over_a_socket() {
    let libvirt = Libvirt::start();
    let domain = libvirt.bare("web01");
    let told = eval(
        &domain.target(),
        r#"
        let before = v.status;
        v.qmp("stop");
        let between = v.status;
        v.qmp("cont");
        [v.name, before, between, v.status, v.version == v.qmp("query-version").qemu.major + "." + v.qmp("query-version").qemu.minor + "." + v.qmp("query-version").qemu.micro]
        "#,
    )
    .run()
    .expect_code(0);
    assert_eq!(
        told.stdout.trim(),
        r#"["web01","running","paused","running",true]"#
    );
    assert_no_virsh(&libvirt);
}

#[test]
fn a_name_with_quotes_and_spaces_and_one_of_digits_and_one_beyond_ascii_are_found() {
    let libvirt = Libvirt::start();
    // The first has the id 1, which is no name of the second's.
    for name in ["7", "1", "it's \"web\" \\ 01;x", "grün"] {
        let domain = libvirt.bare(name);
        let told = eval(&domain.target(), "v.name").run().expect_code(0);
        assert_eq!(told.stdout.trim_end(), name);
    }
}

#[test]
fn an_error_is_told_in_qemus_words_with_its_class() {
    let libvirt = Libvirt::start();
    let domain = libvirt.bare("web01");
    let told = eval(
        &domain.target(),
        r#"let said = (); try { v.qmp("eject", #{ id: "no'such" }) } catch (e) { said = [e.kind, e.class, e.desc]; } said"#,
    )
    .run()
    .expect_code(0);
    assert_eq!(
        told.stdout.trim(),
        r#"["qmp","DeviceNotFound","Device 'no'such' not found"]"#
    );
    let told = eval(&domain.target(), r#"v.qmp("query-statos")"#)
        .run()
        .expect_code(4);
    assert!(
        told.stderr.contains("did you mean `query-stat"),
        "{}",
        told.stderr
    );
}

#[test]
fn text_of_any_kind_crosses_the_line_to_virsh_and_comes_back() {
    let libvirt = Libvirt::start();
    let domain = libvirt.bare("web01");
    let odd = r#"'quoted' "twice" \\ back; semi $x `y` # grün 🖥 \t tab \u007f del \u001b esc"#;
    let told = eval(
        &domain.target(),
        &format!(
            r#"let odd = from_json("\"{}\""); v.qmp("qom-set", #{{ path: "/machine", property: "dumpdtb", value: odd }}); v.qmp("qom-get", #{{ path: "/machine", property: "dumpdtb" }}) == odd"#,
            odd.replace('\\', r"\\").replace('"', r#"\\\""#).replace(r#"\\\\\\\""#, r#"\\\""#)
        ),
    )
    .run()
    .expect_code(0);
    assert_eq!(told.stdout.trim(), "true");
}

#[test]
fn events_come_with_time_and_data_and_none_is_missed_that_was_waited_for_before() {
    let libvirt = Libvirt::start();
    let domain = libvirt.bare("web01");
    let told = eval(
        &domain.target(),
        r#"
        let w = v.watch(["STOP", "JOB_STATUS_CHANGE"]);
        v.qmp("stop");
        let e = w.wait("30s");
        v.qmp("blockdev-add", #{ driver: "null-co", "node-name": "n0" });
        v.qmp("blockdev-add", #{ driver: "null-co", "node-name": "n1" });
        v.qmp("blockdev-backup", #{ "job-id": "j0", device: "n0", target: "n1", sync: "full" });
        let j = w.wait("30s");
        [e.event, e.timestamp.seconds > 1000000000, j.event, j.data.id]
        "#,
    )
    .run()
    .expect_code(0);
    assert_eq!(
        told.stdout.trim(),
        r#"["STOP",true,"JOB_STATUS_CHANGE","j0"]"#
    );
    assert_no_virsh(&libvirt);
}

#[test]
fn an_event_that_another_causes_right_after_the_watch_is_seen() {
    let libvirt = Libvirt::start();
    let domain = libvirt.bare("web01");
    let running = eval(
        &domain.target(),
        r#"let w = v.watch("STOP"); print("watching"); print(w.wait("60s").event)"#,
    )
    .spawn();
    running.wait_for_stdout("watching");
    libvirt.virsh_ok(["suspend", "web01"]);
    let told = running.wait().expect_code(0);
    assert_eq!(told.stdout, "watching\nSTOP\n");
}

#[test]
fn many_calls_at_once_get_each_its_own_answer() {
    let libvirt = Libvirt::start();
    let domain = libvirt.bare("web01");
    let told = eval(
        &domain.target(),
        r#"
        let n = [];
        for i in 0..24 { n.push(i); }
        let r = parallel(n, #{ jobs: 12 }, |i| v.qmp("eject", #{ id: `cd${i}` }));
        r.filter(|x| x.error.desc == `Device 'cd${x.item}' not found`).len()
        "#,
    )
    .run()
    .expect_code(0);
    assert_eq!(told.stdout.trim(), "24");
    assert_no_virsh(&libvirt);
}

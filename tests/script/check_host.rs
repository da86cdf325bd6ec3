//! `qmpsh check`: what a script's header must allow because a module does it.

use super::check::told;
use super::check_modules::told_beside;

const NONE: [&str; 0] = [];

/// A script that allows this.
fn script(allow: &str, rest: &str) -> String {
    format!("//! X.\n//! [allow]\n//! {allow}\n\n{rest}")
}

#[test]
fn what_a_module_does_must_be_allowed_by_the_script_that_calls_it() {
    let backup = "import \"std/backup\" as b;\nb::take(vm(\"a\"), \"/srv\", #{});";
    let folders = "read = [\"/srv\"]\n//! write = [\"/srv\"]";
    assert_eq!(
        told(&script(folders, backup)),
        [
            "7:4 b::take: the script may not run the program `sha256sum`: its header does not declare it"
        ]
    );
    let all = format!("{folders}\n//! run = [\"sha256sum\"]");
    assert_eq!(told(&script(&all, backup)), NONE);
    assert_eq!(
        told(&script(
            "run = [\"sha256sum\"]\n//! write = [\"/srv\"]",
            backup
        )),
        ["7:4 b::take: the script may not read any file: its header declares none"]
    );
    // Also where it is called in a closure or a function, but not in a `try`.
    let each = "import \"std/backup\" as b;\nfn one(v) { b::take(v, \"/srv\", #{}) }\nparallel([], |v| one(v));";
    assert_eq!(told(&script(folders, each)).len(), 1);
    let tried = "import \"std/backup\" as b;\ntry { b::take(vm(\"a\"), \"/srv\", #{}) } catch { }";
    assert_eq!(told(&script(folders, tried)), NONE);
    let revert = "import \"std/chain\" as c;\nc::revert([args[0]], ());";
    assert_eq!(
        told(&script(folders, revert)),
        [
            "7:4 c::revert: the script may not run the program `qemu-img`: its header does not declare it"
        ]
    );
    // Of a program whose name only the run knows, that there is one.
    let start = "import \"std/power\" as p;\np::on(\"a\", \"/srv\", [], #{ program: args[0] });";
    assert_eq!(
        told(&script("write = [\"/srv\"]", start)),
        ["6:4 p::on: the script may not run any program: its header declares none"]
    );
    let run = "write = [\"/srv\"]\n//! run = [\"qemu-system-i386\"]";
    assert_eq!(told(&script(run, start)), NONE);
    // Whoever may write may look.
    assert_eq!(
        told(&script("run = [\"qemu-system-i386\"]", start)),
        ["6:4 p::on: the script may not write any file: its header declares none"]
    );
}

#[test]
fn what_a_module_does_only_for_some_callers_is_left_to_the_run() {
    let module = r#"
        fn save(rows, options) {
            if options.file != () { host.write_text(options.file, "x"); }
            let how = options.how ?? "plain";
            if how == "sorted" { host.run("sort", []); }
            for one in options.copies { host.mkdir(one); }
            for row in rows { if row.file != () { host.env("HOME"); } }
            rows.map(|row| if row.file != () { host.env("HOME") });
            options.text ?? host.read_text("/a");
            try { host.run("xz", []); } catch { }
            if options.dry == true { return; }
            host.run("gzip", []);
        }
        fn both(file) { host.run("md5sum", [file]); }
        fn both(file, other) { if !same(file) { throw "x" } both(file); host.run("cmp", [file]); }
        private fn same(file) { [1].map(|x| host.is_same(file, x))[0] }
    "#;
    let told = |call: &str| {
        let script = script(
            "run = [\"true\"]",
            &format!("import \"shared\" as s;\n{call}"),
        );
        told_beside("11.1", module, &script)
    };
    assert_eq!(told("s::save([], #{});"), NONE);
    assert_eq!(
        told("s::both(\"a\");"),
        [
            "script.rhai:6:4 s::both: the script may not run the program `md5sum`: its header does not declare it"
        ]
    );
    let mut both = told("s::both(\"a\", \"b\");");
    both.sort();
    assert_eq!(both.len(), 3, "{both:#?}");
    assert!(both[0].contains("may not read"), "{both:#?}");
    assert!(
        both[1].contains("`cmp`") && both[2].contains("`md5sum`"),
        "{both:#?}"
    );
}

#[test]
fn what_only_looks_is_told_with_both_permissions() {
    for call in [
        "host.exists(\"/a\")",
        "host.size(args[0])",
        "host.is_same(args[0], args[1])",
    ] {
        let told = super::check::hints(call);
        assert_eq!(told.len(), 1, "{call}");
        assert!(
            told[0].contains("read = [") && told[0].contains("`write`"),
            "{told:?}"
        );
        assert_eq!(super::check::told(&script("write = [\"/b\"]", call)), NONE);
    }
    // Any program may be what the argument names.
    let header =
        "run = [\"{program}\"]\n//! [args]\n//! program = { type = \"string\", help = \"x\" }";
    assert_eq!(told(&script(header, "host.run(\"ls\", []);")), NONE);
}

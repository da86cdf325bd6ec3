//! `import`: where modules are found, and what is said when they are not.

use std::fs;
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU32, Ordering};

use qmpsh::report::Exit;
use qmpsh::script::{Ending, Settings, Source};

use crate::{Stage, failure, value};

/// A folder of its own, removed when dropped.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn new() -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("qmpsh-script-{}-{number}", process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self(folder.canonicalize().unwrap())
    }

    pub(crate) fn path(&self, below: impl AsRef<Path>) -> PathBuf {
        self.0.join(below)
    }

    fn write(&self, below: &str, text: impl AsRef<[u8]>) {
        let path = self.path(below);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn run(&self, stage: &mut Stage) -> String {
        let main = self.path("main.rhai");
        let text = fs::read_to_string(&main).unwrap();
        match stage
            .session
            .run(&Source::new(main.display().to_string(), text))
            .ending
        {
            Ending::Value(value) => value.to_string(),
            Ending::Failed(failure) => failure.drawn.replace(&format!("{}/", self.0.display()), ""),
            other => format!("{other:?}"),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_standard_module_comes_from_the_binary() {
    assert_eq!(
        value("import \"std/size\" as size; size::human(1536) + size::human(0)"),
        "1.5 KiB0 B"
    );
}

#[test]
fn a_module_is_found_beside_the_importing_file_then_in_the_users_folder() {
    let folder = Folder::new();
    folder.write(
        "main.rhai",
        "import \"lib/a\" as a; import \"u\" as u; a::b() + u::f()",
    );
    folder.write("lib/a.rhai", "import \"b\" as b; fn b() { b::f() }");
    folder.write("lib/b.rhai", "fn f() { \"beside \" }");
    folder.write("user/u.rhai", "fn f() { \"user's\" }");
    let mut stage = Stage::with(Settings {
        modules: Some(folder.path("user")),
        ..Settings::default()
    });
    assert_eq!(folder.run(&mut stage), "beside user's");
    folder.write("u.rhai", "fn f() { \"nearer\" }");
    assert_eq!(folder.run(&mut stage), "beside nearer");
}

#[test]
fn a_module_is_run_once_a_session() {
    let folder = Folder::new();
    folder.write(
        "main.rhai",
        "import \"a\" as a; import \"a\" as b; a::f() + b::f()",
    );
    folder.write("a.rhai", "print(\"loaded\"); fn f() { 1 }");
    let mut stage = Stage::new();
    assert_eq!(folder.run(&mut stage), "2");
    assert_eq!(folder.run(&mut stage), "2");
    assert_eq!(stage.printed.text(), "loaded\n");
}

#[test]
fn a_missing_module_names_the_paths_tried() {
    let folder = Folder::new();
    folder.write("main.rhai", "1 +\n  { import \"nope\" as n; 1 }");
    let mut stage = Stage::with(Settings {
        modules: Some(folder.path("user")),
        ..Settings::default()
    });
    let shown = folder.run(&mut stage);
    assert!(
        shown.contains("error: there is no module `nope`"),
        "{shown}"
    );
    assert!(shown.contains("main.rhai:2:"), "{shown}");
    assert!(
        shown.contains(" nope.rhai\n") && shown.contains(" user/nope.rhai"),
        "{shown}"
    );
}

#[test]
fn a_missing_standard_module_names_the_nearest() {
    let shown = failure("import \"std/sise\" as s;");
    assert!(
        shown.contains("there is no module `std/sise` in qmpsh"),
        "{shown}"
    );
    assert!(shown.contains("did you mean `std/size`?"), "{shown}");
}

#[test]
fn a_circle_of_imports_is_shown_as_a_chain() {
    let folder = Folder::new();
    folder.write("main.rhai", "import \"a\" as a;");
    folder.write("a.rhai", "import \"b\" as b;");
    folder.write("b.rhai", "import \"a\" as a;");
    let shown = folder.run(&mut Stage::new());
    assert!(
        shown.contains("modules import each other in a circle: a.rhai -> b.rhai -> a.rhai"),
        "{shown}"
    );
}

#[test]
fn a_circle_through_a_folder_is_found_however_its_files_are_spelled() {
    let folder = Folder::new();
    folder.write("main.rhai", "import \"a\" as a;");
    folder.write("a.rhai", "import \"s/b\" as b;");
    folder.write("s/b.rhai", "import \"../a\" as a;");
    let shown = folder.run(&mut Stage::new());
    assert!(
        shown.contains("modules import each other in a circle: a.rhai -> s/b.rhai -> s/../a.rhai"),
        "{shown}"
    );
}

#[test]
fn a_module_that_does_not_compile_or_is_no_text_is_the_error() {
    let folder = Folder::new();
    folder.write("main.rhai", "\nimport \"a\" as a;");
    folder.write("a.rhai", "fn f() {\n  1 +\n}");
    let shown = folder.run(&mut Stage::new());
    assert!(
        shown.contains("a.rhai:3:1") && shown.contains("main.rhai:2:"),
        "{shown}"
    );
    folder.write("a.rhai", b"\xff\xfe");
    let shown = folder.run(&mut Stage::new());
    assert!(shown.contains("`a.rhai` is not UTF-8 text"), "{shown}");
}

#[test]
fn an_error_in_a_module_ends_the_script_with_its_own_exit_code() {
    let folder = Folder::new();
    folder.write("a.rhai", "fn f() { timeout(\"1ms\", || loop { }) }");
    let main = folder.path("main.rhai").display().to_string();
    let outcome = Stage::new()
        .session
        .run(&Source::new(main, "import \"a\" as a; a::f()"));
    assert_eq!(outcome.exit(), Exit::Deadline);
}

#[test]
fn the_standard_modules_tell_sizes_and_times_as_people_do() {
    assert_eq!(
        value(
            "import \"std/time\" as time;
             [0, -1, 951782400, 951868800.9, 4107542400, 253402300799].map(|t| time::utc(t)).to_string()"
        ),
        "[\"1970-01-01T00:00:00Z\", \"1969-12-31T23:59:59Z\", \"2000-02-29T00:00:00Z\", \"2000-03-01T00:00:00Z\", \
         \"2100-03-01T00:00:00Z\", \"9999-12-31T23:59:59Z\"]"
    );
    assert_eq!(
        value(
            "import \"std/size\" as size;
             [0, 1023, 1024, 1536, 10485760, 1125899906842624].map(|n| size::human(n)).to_string()"
        ),
        "[\"0 B\", \"1023 B\", \"1 KiB\", \"1.5 KiB\", \"10 MiB\", \"1 PiB\"]"
    );
}

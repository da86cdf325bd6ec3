//! `screenshot` and `block-graph`: what is seen of a VM, as files.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::Path;

use harness::{Folder, Outcome, Qemu, RawQmp};
use serde_json::json;

use super::{document, files, machine, qmpsh};

/// A machine whose firmware writes on its screen.
fn with_screen() -> Qemu {
    Qemu::bare()
        .args("-machine pc -accel tcg -m 32 -device VGA,id=video")
        .start()
}

fn run(script: &str, qemu: &Qemu, words: &[&str]) -> Outcome {
    qmpsh(["--json", "run", script])
        .arg(qemu.qmp())
        .args(words)
        .run()
}

/// Size and pixels of a PNG.
fn pixels(file: &Path) -> ((u32, u32), Vec<u8>) {
    let decoder = png::Decoder::new(std::io::BufReader::new(fs::File::open(file).unwrap()));
    let mut reader = decoder.read_info().unwrap();
    let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
    let info = reader.next_frame(&mut pixels).unwrap();
    ((info.width, info.height), pixels)
}

#[test]
fn a_screenshot_is_a_png_of_what_the_screen_shows() {
    let (qemu, folder) = (with_screen(), Folder::new());
    let file = folder.join("web01.png");
    let path = file.to_str().unwrap();
    // The firmware writes its name within a second or two.
    let mut colours = BTreeSet::new();
    while colours.len() < 2 {
        let shot = document(&run("screenshot", &qemu, &[path, "--force"]).expect_code(0));
        let (size, pixels) = pixels(&file);
        assert_eq!(
            (&shot["width"], &shot["height"]),
            (&json!(size.0), &json!(size.1))
        );
        assert!(size.0 >= 640 && size.1 >= 350, "{size:?}");
        colours = pixels.chunks(3).map(<[u8]>::to_vec).collect();
    }
    assert_eq!(files(folder.path(), ""), [file.as_path()]);
    let own = fs::metadata(folder.path()).unwrap().uid();
    assert_eq!(fs::metadata(&file).unwrap().uid(), own);
    // Named as it is meant.
    let device = ["--device", "video", "--head", "0", "--force"];
    run("screenshot", &qemu, &[&[path][..], &device].concat()).expect_code(0);
}

#[test]
fn a_file_that_is_there_stays_unless_it_may_be_replaced() {
    let (qemu, folder) = (with_screen(), Folder::new());
    let file = folder.join("a.png");
    fs::write(&file, "mine").unwrap();
    let path = file.to_str().unwrap();
    let outcome = run("screenshot", &qemu, &[path]).expect_code(1);
    assert!(outcome.stderr.contains("--force"), "{outcome:#?}");
    let code =
        "let m = (); try { vm(args[0]).screenshot(args[1], #{}) } catch (e) { m = e.message } m";
    let folder_path = folder.path().to_str().unwrap();
    let told = qmpsh(["eval", "--allow-write", folder_path, code])
        .arg(qemu.qmp())
        .arg(&file)
        .run()
        .expect_code(0);
    assert!(told.stdout.contains("it exists already"), "{told:#?}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "mine");
    // What a run that was killed has left is no reason to fail.
    fs::write(folder.join("a.png.unfinished"), "left").unwrap();
    run("screenshot", &qemu, &[path, "--force"]).expect_code(0);
    assert_ne!(fs::read(&file).unwrap(), b"mine");
    assert_eq!(files(folder.path(), ""), [file]);
}

#[test]
fn what_is_no_file_is_never_replaced() {
    let (qemu, folder) = (with_screen(), Folder::new());
    let pipe = folder.join("pipe");
    let (kind, mode) = (rustix::fs::FileType::Fifo, 0o600.into());
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, kind, mode, 0).unwrap();
    let words = [pipe.to_str().unwrap(), "--force"];
    let outcome = run("screenshot", &qemu, &words).expect_code(1);
    assert!(
        outcome.stderr.contains("is no regular file"),
        "{outcome:#?}"
    );
    assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn a_vm_without_a_screen_says_so_and_nothing_is_left() {
    let (qemu, folder) = (machine(), Folder::new());
    for (words, told) in [
        (&[][..], "no console to take a screendump from"),
        (&["--device", "disk-a"], "disk-a"),
        (&["--device", "none0"], "none0"),
    ] {
        let path = folder.join("a.png");
        let words = [&[path.to_str().unwrap()][..], words].concat();
        let outcome = run("screenshot", &qemu, &words).expect_code(4);
        let refused = outcome.stderr.to_lowercase();
        assert!(refused.contains(told), "{outcome:#?}");
        assert!(files(folder.path(), "").is_empty());
    }
    let path = folder.join("a.png");
    let words = [path.to_str().unwrap(), "--head", "1"];
    let outcome = run("screenshot", &qemu, &words).expect_code(1);
    assert!(
        outcome.stderr.contains("`device` must be given too"),
        "{outcome:#?}"
    );
    let nowhere = folder.join("none/a.png");
    run("screenshot", &qemu, &[nowhere.to_str().unwrap()]).expect_code(1);
}

#[test]
fn the_block_graph_is_text_or_a_picture() {
    let (qemu, folder) = (machine(), Folder::new());
    let bitmap = json!({ "node": "a", "name": "<b&0>" });
    RawQmp::connect(qemu.qmp()).call("block-dirty-bitmap-add", &bitmap);
    let told = qmpsh(["-v", "run", "block-graph"]).arg(qemu.qmp()).run();
    let told = told.expect_code(0);
    let asked = told.stderr.matches("\"execute\":\"query-block\"").count();
    assert_eq!(asked, 1, "{told:#?}");
    let told = told.stdout;
    assert!(told.contains("disk-a\n└─ a  qcow2"), "{told}");
    let file = folder.join("graph.svg");
    let path = file.to_str().unwrap();
    let graph = document(&run("block-graph", &qemu, &["--svg", path]).expect_code(0));
    let svg = fs::read_to_string(&file).unwrap();
    let nodes = graph["nodes"].as_array().unwrap();
    for name in nodes.iter().map(|node| node["node"].as_str().unwrap()) {
        assert!(svg.contains(&format!(">{name}<")), "{name}: {svg}");
    }
    assert!(svg.contains("bitmap &lt;b&amp;0&gt;"), "{svg}");
    let outcome = run("block-graph", &qemu, &["--svg", path]).expect_code(1);
    assert!(outcome.stderr.contains("--force"), "{outcome:#?}");
    run("block-graph", &qemu, &["--svg", path, "--force"]).expect_code(0);
}

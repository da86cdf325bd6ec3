//! `snapshot-commit` and the names of images: which one is meant, and who stands on one by another name of it.

use std::os::unix::fs::symlink;
use std::path::Path;

use harness::Folder;
use serde_json::json;

use super::commit_failures::{READ_AGAIN, create, guest, other, refuses};
use super::commit_killed::{commits, half_merged, kill, mark};
use super::snapshot::{boot_from, succeeds};
use super::{files, image_info, qmpsh};

fn make(image: &Path) {
    let words = ["create", "-q", "-f", "qcow2", image.to_str().unwrap(), "8M"];
    succeeds("qemu-img", &words);
}

#[test]
fn of_two_images_of_one_name_none_is_guessed() {
    let folder = Folder::new();
    let [old, new] = ["old", "new"].map(|name| folder.join(name));
    for path in [&old, &new] {
        std::fs::create_dir(path).unwrap();
    }
    let [base, middle] = [&old, &new].map(|path| path.join("disk.qcow2"));
    let top = folder.join("top.qcow2");
    make(&base);
    create(&middle, &base);
    create(&top, &middle);
    let words = [
        "more than one image called disk.qcow2",
        base.to_str().unwrap(),
        middle.to_str().unwrap(),
        "by its path",
    ];
    let outcome = qmpsh(["run", "snapshot-revert", top.to_str().unwrap()])
        .args(["--to", "disk.qcow2"])
        .run()
        .expect_code(1);
    for word in words {
        assert!(outcome.stderr.contains(word), "{word}: {outcome:#?}");
    }
    let qemu = other(&top);
    refuses(&qemu, &["--base", "disk.qcow2"], &words);
    refuses(
        &qemu,
        &["--top", "disk.qcow2", "--base", base.to_str().unwrap()],
        &words,
    );
    assert_eq!(image_info(&top)["full-backing-filename"], json!(middle));
    qmpsh(["run", "snapshot-commit", qemu.qmp().to_str().unwrap()])
        .args(["--base", base.to_str().unwrap()])
        .run()
        .expect_code(0);
    assert!(!top.exists() && !middle.exists() && base.exists());
}

#[test]
fn an_overlay_that_the_vm_names_by_a_link_is_not_merged_away_under_it() {
    let (folder, names) = (Folder::new(), Folder::new());
    let base = folder.join("disk0.qcow2");
    let overlay = folder.join("disk0.20261121T080807Z.qcow2");
    make(&base);
    create(&overlay, &base);
    let link = names.join("disk0.qcow2");
    symlink(&overlay, &link).unwrap();
    let qemu = other(&link);
    let base_name = base.to_str().unwrap();
    let commit = ["--base", base_name];
    let sum = std::fs::read(&base).unwrap();
    refuses(
        &qemu,
        &commit,
        &[
            &format!("`{}` could not be removed after a commit", link.display()),
            &format!("it is a link to `{}`", overlay.display()),
            &format!("must name `{base_name}` from then on"),
            "nothing was changed",
        ],
    );
    assert_eq!(std::fs::read(&base).unwrap(), sum);
    assert_eq!(files(folder.path(), "").len(), 2, "no mark");
    let kept = qmpsh(["run", "snapshot-commit", qemu.qmp().to_str().unwrap()])
        .args(commit)
        .arg("--keep")
        .run()
        .expect_code(0);
    let told = format!(
        "left: {}: it was to be kept; do not start a VM with it",
        link.display()
    );
    assert!(kept.stdout.contains(&told), "{kept:#?}");
    drop(qemu);

    // By its own name it is removed, and the link leads nowhere.
    let qemu = other(&overlay);
    qmpsh(["run", "snapshot-commit", qemu.qmp().to_str().unwrap()])
        .args(commit)
        .run()
        .expect_code(0);
    assert!(!overlay.exists() && !link.exists() && base.exists());
}

#[test]
fn images_stand_on_an_image_by_whatever_name_and_format() {
    let (folder, elsewhere, names) = (Folder::new(), Folder::new(), Folder::new());
    let (base, top) = (folder.join("base.qcow2"), folder.join("top.qcow2"));
    make(&base);
    // The VM knows the base by a link in another folder.
    let link = names.join("base.qcow2");
    symlink(&base, &link).unwrap();
    create(&top, &link);
    let qemu = other(&top);
    let commit = ["--base", "base.qcow2"];
    let check = |image: &Path, told: &Path| {
        let told = format!("the image `{}` on top of it needs too", told.display());
        refuses(&qemu, &commit, &[&told, "nothing was changed"]);
        std::fs::remove_file(image).unwrap();
    };

    // By a name that is relative to the link's folder.
    let over = names.join("clone.qcow2");
    create(&over, Path::new("base.qcow2"));
    check(&over, &over);
    // By a link that is beside the base itself, from an image that only a link is beside it for.
    let beside = folder.join("alias.qcow2");
    symlink("base.qcow2", &beside).unwrap();
    let over = elsewhere.join("clone.qcow2");
    create(&over, &beside);
    let led = folder.join("clone.qcow2");
    symlink(&over, &led).unwrap();
    check(&over, &led);
    std::fs::remove_file(&led).unwrap();
    // Of a format from before qcow2.
    for format in ["qed", "qcow"] {
        let over = folder.join("clone");
        let (image, below) = (over.to_str().unwrap(), base.to_str().unwrap());
        // Not all builds of QEMU write it.
        succeeds(
            "qemu-img",
            &[
                "create", "-q", "-f", format, "-F", "qcow2", "-b", below, image,
            ],
        );
        check(&over, &over);
    }
    assert_eq!(files(folder.path(), "").len(), 3);
    qmpsh(["run", "snapshot-commit", qemu.qmp().to_str().unwrap()])
        .args(commit)
        .run()
        .expect_code(0);
    assert!(!top.exists());
}

#[test]
fn a_mark_of_a_vm_that_was_started_by_a_link_is_seen_to_and_the_link_told() {
    let (mut guest, overlay, sum) = guest();
    kill(&guest.target(), &[]);
    guest.process().kill();
    let names = Folder::new();
    let link = names.join("web01.qcow2");
    symlink(&overlay, &link).unwrap();
    let again = boot_from(&[&link]);
    assert_eq!(half_merged(&again.target()), [json!(guest.disk(0))]);
    for options in [&[][..], &["--all"], &["--disk", "disk0"]] {
        let outcome = qmpsh(["run", "snapshot-commit", &again.target()])
            .args(options.iter().copied())
            .run()
            .expect_code(1);
        let told = format!("it is a link to `{}`", overlay.display());
        for part in [&told as &str, "Start the VM with", "nothing was changed"] {
            assert!(outcome.stdout.contains(part), "{outcome:#?}");
        }
    }
    commits(&again.target(), &["--keep"]);
    assert!(overlay.exists() && !mark(&guest).exists());
    assert_eq!(again.shell_ok(READ_AGAIN), sum);
}

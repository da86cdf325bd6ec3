//! Overlays: all or none, and nothing left of those that are not kept.

use std::path::{Path, PathBuf};

use harness::Guest;
use qmpsh::vm::overlay::OverlayPlan;
use qmpsh::vm::{Arguments, Vm};

use super::vm_of;

fn plan(guest: &Guest) -> Vec<OverlayPlan> {
    [0, 1]
        .map(|number| OverlayPlan {
            node: format!("disk{number}"),
            file: overlay(guest, number).to_str().unwrap().to_owned(),
        })
        .to_vec()
}

fn overlay(guest: &Guest, number: usize) -> PathBuf {
    guest.folder().join(format!("overlay{number}.qcow2"))
}

async fn nodes(vm: &Vm) -> Vec<String> {
    let mut arguments = Arguments::new();
    arguments.insert("flat".into(), true.into());
    let reply = vm.call("query-named-block-nodes", arguments).await.unwrap();
    let mut names: Vec<String> = reply
        .as_array()
        .unwrap()
        .iter()
        .map(|node| node["node-name"].as_str().unwrap().to_owned())
        .collect();
    names.sort();
    names
}

#[tokio::test]
async fn kept_overlays_are_on_top_with_absolute_backing_files() {
    let guest = Guest::boot();
    let vm = vm_of(&guest);
    let overlays = vm.overlays(&plan(&guest)).await.unwrap();
    vm.transaction(overlays.actions(), Arguments::new())
        .await
        .unwrap();
    overlays.keep();
    overlays.release().await.unwrap();
    let disks = vm.disks().await.unwrap();
    for (number, attached) in overlays.plan().iter().enumerate() {
        let disk = disks
            .iter()
            .find(|disk| disk.node.as_ref() == Some(&attached.overlay))
            .unwrap();
        assert_eq!(
            disk.path.as_deref(),
            Some(overlay(&guest, number).as_path())
        );
        assert_eq!(disk.backing_depth, Some(1));
        assert_eq!(backing_file(Path::new(&attached.file)), guest.disk(number));
    }
    assert_eq!(
        guest
            .shell_ok("echo later > /data/f; sync; cat /data/f")
            .trim(),
        "later"
    );
}

fn backing_file(image: &Path) -> PathBuf {
    let output = std::process::Command::new("qemu-img")
        .args(["info", "-U", "--output=json"])
        .arg(image)
        .output()
        .unwrap();
    let info: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    info["backing-filename"].as_str().unwrap().into()
}

#[tokio::test]
async fn overlays_that_nobody_attached_vanish_with_their_files_and_nodes() {
    let guest = Guest::boot();
    let vm = vm_of(&guest);
    let before = nodes(&vm).await;
    let overlays = vm.overlays(&plan(&guest)).await.unwrap();
    assert_eq!(nodes(&vm).await.len(), before.len() + 4);
    overlays.release().await.unwrap();
    assert_eq!(nodes(&vm).await, before);
    assert!(!overlay(&guest, 0).exists() && !overlay(&guest, 1).exists());
}

#[tokio::test]
async fn attached_overlays_that_are_not_kept_are_committed_back_without_losing_a_write() {
    let guest = Guest::boot();
    let vm = vm_of(&guest);
    let before = nodes(&vm).await;
    let overlays = vm.overlays(&plan(&guest)).await.unwrap();
    vm.transaction(overlays.actions(), Arguments::new())
        .await
        .unwrap();
    guest.shell_ok("echo written to the overlay > /data/f; sync");
    overlays.release().await.unwrap();
    assert_eq!(nodes(&vm).await, before);
    assert!(!overlay(&guest, 0).exists());
    guest.shell_ok("echo 3 > /proc/sys/vm/drop_caches");
    assert_eq!(
        guest.shell_ok("cat /data/f").trim(),
        "written to the overlay"
    );
    let disks = vm.disks().await.unwrap();
    assert!(
        disks
            .iter()
            .any(|disk| disk.node.as_deref() == Some("disk0"))
    );
}

#[tokio::test]
async fn when_one_overlay_cannot_be_made_none_is_left() {
    let guest = Guest::boot();
    let vm = vm_of(&guest);
    let before = nodes(&vm).await;
    let mut plan = plan(&guest);
    plan[1].file = "/no/such/place/o.qcow2".into();
    let error = vm.overlays(&plan).await.err().unwrap();
    assert!(
        error.to_string().contains("No such file or directory"),
        "{error}"
    );
    assert_eq!(nodes(&vm).await, before);
    assert!(!overlay(&guest, 0).exists());
}

#[tokio::test]
async fn an_existing_file_is_never_overwritten() {
    let guest = Guest::boot();
    let vm = vm_of(&guest);
    std::fs::write(overlay(&guest, 1), "precious").unwrap();
    let error = vm.overlays(&plan(&guest)).await.err().unwrap();
    assert!(error.to_string().contains("exists already"), "{error}");
    assert_eq!(
        std::fs::read_to_string(overlay(&guest, 1)).unwrap(),
        "precious"
    );
    assert!(!overlay(&guest, 0).exists());
}

#[tokio::test]
async fn a_relative_overlay_and_an_unknown_node_are_refused() {
    let guest = Guest::boot();
    let vm = vm_of(&guest);
    for (node, file, part) in [
        ("disk0", "o.qcow2", "relative"),
        ("disk7", "/tmp/o", "`disk7`"),
    ] {
        let plan = [OverlayPlan {
            node: node.into(),
            file: file.into(),
        }];
        let error = vm.overlays(&plan).await.err().unwrap();
        assert!(error.to_string().contains(part), "{error}");
    }
}

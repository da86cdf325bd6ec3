//! What the bitmaps of a disk do not tell: that it was made smaller and larger again, and that what its last backup stands on is gone.

use std::path::Path;

use serde_json::json;

use super::backup_levels::{A, B, Machine, is};
use super::snapshot::succeeds;

/// Has the disk on this node be of other sizes, one after the other.
fn resize(machine: &Machine, node: &str, sizes: &[u64]) {
    for size in sizes {
        let size = json!({ "node-name": node, "size": size << 20 });
        machine.monitor().call("block_resize", &size);
    }
}

#[test]
fn a_disk_that_was_made_smaller_and_larger_again_gets_a_full_backup() {
    let mut machine = Machine::new();
    machine.write("disk-a", "-P 1 0 1M");
    machine.back_up(&[], &[is(A, "the first"), is(B, "the first")]);
    machine.write("disk-a", "-P 9 12M 1M");
    machine.write("disk-b", "-P 9 6M 1M");
    machine.back_up(&[], &[is(A, "inc"), is(B, "inc")]);

    resize(&machine, "a", &[8, 16]);
    resize(&machine, "b", &[4, 8]);
    let again = "smaller and larger again";
    machine.back_up(&[], &[is(A, again), is(B, again)]);
    machine.write("disk-a", "-P 9 12M 1M");
    machine.back_up(&[], &[is(A, "inc"), is(B, "inc")]);

    // A part that is there for a while only costs nothing.
    resize(&machine, "a", &[24, 16]);
    resize(&machine, "b", &[12, 8]);
    machine.back_up(&[], &[is(A, "inc"), is(B, "inc")]);

    // While the VM is shut off. The witness is in the image, as the bitmap is.
    machine.quit_for(|_| {});
    machine.back_up(&[], &[is(A, "inc"), is(B, "cannot keep one")]);
    machine.quit_for(|machine| {
        let image = machine.image("a.qcow2");
        let image = image.to_str().unwrap();
        succeeds("qemu-img", &["resize", "-q", "--shrink", image, "8M"]);
        succeeds("qemu-img", &["resize", "-q", image, "16M"]);
    });
    machine.back_up(&[], &[is(A, again), is(B, "cannot keep one")]);
    machine.back_up(&[], &[is(A, "inc"), is(B, "inc")]);
}

#[test]
fn nothing_is_put_on_a_chain_that_is_broken() {
    let machine = Machine::new();
    let all = [is(A, "the first"), is(B, "the first")];
    machine.back_up(&[], &all);
    machine.write("disk-a", "-P 1 0 1M");
    let middle = machine.back_up(&[], &[is(A, "inc"), is(B, "inc")]);
    machine.write("disk-a", "-P 2 4M 1M");
    machine.back_up(&[], &[is(A, "inc"), is(B, "inc")]);
    std::fs::remove_dir_all(Path::new(middle["folder"].as_str().unwrap())).unwrap();
    machine.write("disk-a", "-P 3 8M 1M");
    machine.back_up(&[], &[is(A, "which is gone"), is(B, "which is gone")]);
    machine.back_up(&[], &[is(A, "inc"), is(B, "inc")]);
}

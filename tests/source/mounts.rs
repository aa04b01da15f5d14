//! Other file systems below and in place of the root.

use std::fs;
use std::path::Path;
use std::process::Command;

use firn::source::Source as _;

use super::kit::{Tree, goes_on, present, read};
use super::support::alone::As;

pub fn mount(dir: &Path) {
    let status = Command::new("mount").args(["-t", "tmpfs", "-o", "size=8m", "tmpfs"]).arg(dir).status().unwrap();
    assert!(status.success());
}

pub fn unmount(dir: &Path) {
    assert!(Command::new("umount").arg(dir).status().unwrap().success());
}

#[tokio::test]
async fn a_mount_below_the_root_is_gone_into() {
    if !goes_on(As::Mounter, "mounts::a_mount_below_the_root_is_gone_into") {
        return;
    }
    let tree = Tree::new();
    fs::create_dir(tree.path("disk")).unwrap();
    mount(&tree.path("disk"));
    tree.write("disk/d/f", "on another device");
    let scanned = tree.scan_with_neighbour().await;
    assert_eq!(scanned.keys(), ["disk/d/f"]);
    assert_eq!(read(&tree.source, scanned.file("disk/d/f")).await, Ok(b"on another device".to_vec()));
    unmount(&tree.path("disk"));
    assert_eq!(tree.scan_with_neighbour().await.keys(), [""; 0]);
}

#[tokio::test]
async fn a_root_on_another_file_system_is_told_by_its_device() {
    if !goes_on(As::Mounter, "mounts::a_root_on_another_file_system_is_told_by_its_device") {
        return;
    }
    let tree = Tree::new();
    let before = tree.source.root().await.unwrap();
    assert!(!before.is_empty && before.device.is_some());
    mount(tree.source.path());
    let during = tree.source.root().await.unwrap();
    assert!(during.is_empty);
    assert_ne!(during.device, before.device);
    assert_eq!(present(&tree.source, "neighbour").await, firn::source::Presence::Absent);
    unmount(tree.source.path());
    assert_eq!(tree.source.root().await.unwrap(), before);
    tree.scan_with_neighbour().await;
}

//! The directory vault: the whole contract, and what stands in its folder.

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};

use firn::base::hash::CheckKind;
use firn::vault::{Head, Item, Vault as _};

use super::subject::{Directory, Subject as _, body, name_in, new_name, stage};
use super::suite;
use super::support::alone::{NOBODY, goes_on};

contract!(contract, crate::subject::Directory::new());

/// Puts an archive; the error's words where it is refused.
async fn try_put(subject: &Directory, name: firn::vault::ArchiveName, bytes: &[u8]) -> Result<(), String> {
    let put = stage(&subject.staging(), CheckKind::Xxh3, name, bytes);
    subject.open().put(put).await.map(|_| ()).map_err(|e| e.to_string())
}

#[tokio::test]
async fn an_archive_is_an_ordinary_file_and_the_staged_one_is_moved() {
    let subject = Directory::new();
    let (name, bytes) = (name_in(0xab), body(3000, 1));
    suite::put(&subject, name, &bytes).await.unwrap();
    let path = subject.path(&format!("archives/ab/{}.m7.tar", name.uuid));
    assert_eq!(path, subject.stored(name));
    assert_eq!(fs::read(path).unwrap(), bytes);
    assert_eq!(fs::read_dir(subject.staging()).unwrap().count(), 0);
    assert_eq!(fs::read_dir(subject.path("incoming")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_put_that_was_interrupted_goes_on_from_what_is_there() {
    let subject = Directory::new();
    let (name, bytes) = (new_name(7), body(3000, 1));
    // Moved to where it is checked, and no further.
    let put = stage(&subject.staging(), CheckKind::Xxh3, name, &bytes);
    fs::rename(subject.staging().join(&put.file), subject.path(&format!("incoming/{}.tar", name.uuid))).unwrap();
    assert_eq!(subject.open().head(name.uuid).await.unwrap(), Head::Absent);
    subject.open().put(put.clone()).await.unwrap();
    assert_eq!(put.progress.bytes(), 3000, "read back");
    suite::holds(&subject, name, &bytes).await.unwrap();

    // What lies there is not what was sent: it is not kept, and the next try finds nothing in its way.
    let (name, bytes) = (new_name(7), body(3000, 2));
    fs::write(subject.path(&format!("incoming/{}.tar", name.uuid)), body(3000, 3)).unwrap();
    let told = try_put(&subject, name, &bytes).await.unwrap_err();
    assert!(told.contains(" where xxh3-128 ") && told.ends_with("it was not kept and is sent again"), "{told}");
    try_put(&subject, name, &bytes).await.unwrap();
    suite::holds(&subject, name, &bytes).await.unwrap();
}

#[tokio::test]
async fn links_and_files_where_its_folders_should_be_are_refused() {
    for (folder, shard) in [("archives", false), ("incoming", false), ("archives/aa", true)] {
        for is_link in [true, false] {
            let subject = Directory::new();
            let (name, bytes) = (name_in(0xaa), body(100, 1));
            let outside = subject.outside("outside");
            fs::create_dir(&outside).unwrap();
            let _ = fs::remove_dir(subject.path(folder));
            if is_link {
                symlink(&outside, subject.path(folder)).unwrap();
            } else {
                fs::write(subject.path(folder), "").unwrap();
            }
            let told = try_put(&subject, name, &bytes).await.unwrap_err();
            let expected = format!("the vault cold: cannot open the folder {}: ", subject.path(folder).display());
            assert!(told.starts_with(&expected), "{told}");
            assert_eq!(fs::read_dir(&outside).unwrap().count(), 0, "nothing is written by way of a link");
            if shard {
                // The other shards go on, and the inventory tells it.
                try_put(&subject, name_in(0xab), &bytes).await.unwrap();
                assert_eq!(suite::archives(&subject).await.unwrap().len(), 1);
                let foreign = Item::Foreign(folder.as_bytes().to_vec());
                assert!(suite::inventory(&subject).await.unwrap().contains(&foreign));
            } else {
                assert!(subject.open().ready().await.is_err());
            }
        }
    }
}

#[tokio::test]
async fn a_link_in_place_of_an_archive_is_not_followed() {
    let subject = Directory::new();
    let (name, bytes) = (name_in(0xaa), body(100, 1));
    let remote_id = suite::put(&subject, name, &bytes).await.unwrap().remote_id;
    fs::rename(subject.stored(name), subject.outside("elsewhere")).unwrap();
    symlink(subject.outside("elsewhere"), subject.stored(name)).unwrap();
    let told = subject.open().head(name.uuid).await.unwrap_err().to_string();
    assert!(told.contains(&format!("cannot open {}: ", subject.stored(name).display())), "{told}");
    assert!(suite::thaw(&subject, &remote_id, None).await.is_err());
    let told = suite::inventory(&subject).await.unwrap();
    assert_eq!(told, [Item::Foreign(remote_id.clone())]);
    // Deleting it removes the link and not what it leads to.
    subject.open().delete(&remote_id).await.unwrap();
    assert_eq!(fs::read(subject.outside("elsewhere")).unwrap(), bytes);
}

#[tokio::test]
async fn a_folder_of_foreign_files_is_told_by_its_first_thousand() {
    let subject = Directory::new();
    for n in 0..1500 {
        fs::write(subject.path(&format!("x{n}")), "").unwrap();
    }
    suite::put(&subject, new_name(1), &body(10, 1)).await.unwrap();
    let told = suite::inventory(&subject).await.unwrap();
    let foreign = told.iter().filter(|item| matches!(item, Item::Foreign(_))).count();
    assert!((1000..1003).contains(&foreign), "{foreign}");
    assert_eq!(told.len() - foreign, 1, "the archive is listed all the same");
}

#[tokio::test]
async fn a_page_that_it_never_gave_is_refused() {
    let subject = Directory::new();
    let told = subject.open().inventory(Some("zz\x1b".to_owned())).await.unwrap_err().to_string();
    assert_eq!(told, "the vault cold has no page \"zz\\u{1b}\"");
}

#[tokio::test]
async fn a_folder_that_may_not_be_written_is_told_and_nothing_is_lost() {
    if !goes_on(NOBODY, "directory::a_folder_that_may_not_be_written_is_told_and_nothing_is_lost") {
        return;
    }
    let allow = |path: std::path::PathBuf, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    for folder in ["incoming", "archives"] {
        let subject = Directory::new();
        let (name, bytes) = (new_name(1), body(100, 1));
        allow(subject.path(folder), 0o500);
        let put = stage(&subject.staging(), CheckKind::Xxh3, name, &bytes);
        let e = subject.open().put(put.clone()).await.unwrap_err();
        assert!(e.is_about_the_vault(), "{e}");
        let (told, place) = (e.to_string(), subject.path(folder).display().to_string());
        assert!(told.starts_with("the vault cold: cannot ") && told.contains(&place), "{told}");
        assert!(told.ends_with("Permission denied (os error 13)"), "{told}");
        assert_eq!(subject.open().head(name.uuid).await.unwrap(), Head::Absent);
        allow(subject.path(folder), 0o700);
        subject.open().put(put).await.unwrap();
        suite::holds(&subject, name, &bytes).await.unwrap();
    }
    let subject = Directory::new();
    allow(subject.path(""), 0o000);
    let e = subject.open().ready().await.unwrap_err();
    assert!(e.is_about_the_vault(), "{e}");
    let place = subject.path("").display().to_string();
    assert!(e.to_string().contains(place.trim_end_matches('/')), "{e}");
    let head = subject.open().head(new_name(1).uuid).await.unwrap();
    let Head::CannotTell(why) = head else { panic!("{head:?}") };
    assert!(why.ends_with("Permission denied (os error 13)"), "{why}");
    allow(subject.path(""), 0o700);
}

//! Tests that need a process of their own: another user, or a mount namespace.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Who runs it.
#[derive(Debug, Clone, Copy)]
pub enum As {
    /// An ordinary user of this number, if this one is root; this one else.
    User(u32),
    /// Root in a mount namespace of its own (where mounts may be made and end with the process).
    Mounter,
}

pub const NOBODY: As = As::User(65534);

const CHILD: &str = "FIRN_TEST_CHILD";
/// Where the child finds a folder made by its parent.
const GIVEN: &str = "FIRN_TEST_GIVEN";

/// Whether the test named `test` is to go on here. If not, it has been run in a process of its own and has passed
/// there, or cannot be run at all, which is said.
pub fn goes_on(who: As, test: &str) -> bool {
    goes_on_given(who, test, |_| {})
}

/// The same, where the child is given a folder that `fill` was called with by its parent.
pub fn goes_on_given(who: As, test: &str, fill: impl FnOnce(&Path)) -> bool {
    if std::env::var_os(CHILD).is_some_and(|name| name == test) {
        return true;
    }
    let id = if let As::User(id) = who { id } else { 0 };
    let (user, group) = (format!("--reuid={id}"), format!("--regid={id}"));
    let user = ["setpriv", &user, &group, "--clear-groups"];
    let ways: &[&[&str]] = match who {
        As::User(_) if !rustix::process::geteuid().is_root() => return true,
        As::User(_) => &[&user],
        As::Mounter => &[&["unshare", "-m"], &["unshare", "-Urm"]],
    };
    let probe = match who {
        As::User(_) => "true",
        As::Mounter => "d=$(mktemp -d) && mount -t tmpfs tmpfs $d && umount $d; s=$?; rmdir $d; exit $s",
    };
    let works = |way: &&&[&str]| {
        let output = Command::new(way[0]).args(&way[1..]).args(["sh", "-c", probe]).output();
        output.is_ok_and(|output| output.status.success())
    };
    let Some(way) = ways.iter().find(works) else {
        eprintln!("{test}: not tested here: {who:?} is not to be had ({} does not work)", ways[0].join(" "));
        return false;
    };
    // A copy, since the way to the original may be closed to the other user.
    let temp = tempfile::Builder::new().prefix("firn-test-child").tempdir().unwrap();
    fs::set_permissions(temp.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let exe = temp.path().join("tests");
    // By a process of its own: a file that this one writes stays open in what other threads start meanwhile, and what is
    // open for writing cannot be executed.
    let copied = Command::new("cp").arg("--").arg(std::env::current_exe().unwrap()).arg(&exe).status().unwrap();
    assert!(copied.success(), "the test program cannot be copied to {}", exe.display());
    let given = temp.path().join("given");
    fs::create_dir(&given).unwrap();
    fill(&given);
    let mut command = Command::new(way[0]);
    command.args(&way[1..]).arg(exe).args(["--exact", test, "--nocapture", "--include-ignored"]);
    let output = command.env(CHILD, test).env(GIVEN, given).current_dir("/").output().unwrap();
    let told = [output.stdout, output.stderr].map(|told| String::from_utf8_lossy(&told).into_owned());
    assert!(output.status.success(), "as {who:?}:\n{}\n{}", told[0], told[1]);
    assert!(told[0].contains("1 passed"), "no test is named {test}: {}", told[0]);
    false
}

/// What this process was given; nothing when it is no child.
pub fn given() -> Option<PathBuf> {
    std::env::var_os(GIVEN).map(PathBuf::from)
}

/// A tmpfs, which a [`As::Mounter`] can have; taken away when dropped.
pub struct Small(PathBuf);

impl Small {
    pub fn mount(path: &Path, size: &str) -> Self {
        fs::create_dir_all(path).unwrap();
        let size = format!("size={size}");
        let done = Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(path).status().unwrap();
        assert!(done.success(), "no tmpfs of {size} at {}", path.display());
        Self(path.to_owned())
    }

    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        // Whoever still has a file there keeps it until then.
        let _ = Command::new("umount").arg("--lazy").arg(&self.0).status();
    }
}

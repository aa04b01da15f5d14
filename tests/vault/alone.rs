//! Tests that need a process of their own: another user, or a mount namespace.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

/// Who runs it.
#[derive(Debug, Clone, Copy)]
pub enum As {
    /// An ordinary user, if this one is root; this one else.
    Nobody,
    /// Root in a mount namespace of its own (where mounts end with the process).
    Mounter,
}

const CHILD: &str = "FIRN_TEST_CHILD";

/// Whether the test named `test` is to go on here. If not, it has been run in a process of its own and has passed
/// there, or cannot be run at all, which is said.
pub fn goes_on(who: As, test: &str) -> bool {
    if std::env::var_os(CHILD).is_some_and(|name| name == test) {
        return true;
    }
    let root = rustix::process::geteuid().is_root();
    let ways: &[&[&str]] = match who {
        As::Nobody if !root => return true,
        As::Nobody => &[&["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]],
        As::Mounter => &[&["unshare", "-m"], &["unshare", "-Urm"]],
    };
    let probe = match who {
        As::Nobody => "true",
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
    let temp = tempfile::Builder::new().prefix("firn-vault-child").tempdir().unwrap();
    fs::set_permissions(temp.path(), fs::Permissions::from_mode(0o755)).unwrap();
    let exe = temp.path().join("tests");
    fs::copy(std::env::current_exe().unwrap(), &exe).unwrap();
    let mut command = Command::new(way[0]);
    command.args(&way[1..]).arg(exe).args(["--exact", test, "--nocapture", "--include-ignored"]);
    let output = command.env(CHILD, test).current_dir("/").output().unwrap();
    let told = [output.stdout, output.stderr].map(|told| String::from_utf8_lossy(&told).into_owned());
    assert!(output.status.success(), "as {who:?}:\n{}\n{}", told[0], told[1]);
    assert!(told[0].contains("1 passed"), "no test is named {test}: {}", told[0]);
    false
}

/// Runs a command that must succeed.
pub fn run(command: &str, args: &[&str], dir: &Path) {
    let output = Command::new(command).args(args).arg(dir).output().unwrap();
    assert!(output.status.success(), "{command} {args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

//! Several firn on one state.

use std::fs;

use crate::kit::{Home, LONG, eventually, noise, plain_tree, put};

/// A state, a vault, and nothing in them.
fn begun(home: &Home) {
    home.firn(&["run", "--until-idle"]).expect(0);
}

#[test]
fn two_at_once_archive_each_file_once() {
    let home = Home::small("64KiB");
    begun(&home);
    plain_tree(&home.photos(), 400);
    let both = [0, 1].map(|_| home.start(home.command(["run", "--until-idle"])));
    for one in both {
        one.wait(LONG).expect(0);
    }
    assert_eq!(home.check_tars(), (400, 400));
    assert_eq!(home.status()["stored"]["files"], 400);
    home.restores_whole();
}

/// The two also race to make state and vault.
#[test]
fn two_at_once_on_a_new_state_make_one_vault() {
    for _ in 0..4 {
        let home = Home::small("64KiB");
        plain_tree(&home.photos(), 50);
        let both = [0, 1].map(|_| home.start(home.command(["run", "--until-idle"])));
        for one in both {
            one.wait(LONG).expect(0);
        }
        assert_eq!(home.check_tars(), (50, 50));
    }
}

#[test]
fn one_is_killed_at_work_and_the_other_finishes() {
    let home = Home::small("64KiB");
    begun(&home);
    for n in 0..600 {
        put(&home.photos().join(format!("f{n}")), &noise(n, 20_000), 0o644, (7, 7));
    }
    let victim = home.start(home.command(["run"]));
    let other = home.start(home.command(["run", "--workers", "fetch,upload,reconcile"]));
    eventually(LONG, "the work has begun", || home.status()["stored"]["files"].as_u64().filter(|n| *n > 0));
    victim.signal("KILL");
    assert_eq!(victim.wait(LONG).code, -1);
    // The scan may have died with it; whoever comes next goes on with it.
    let last = home.start(home.command(["run", "--until-idle"]));
    last.wait(LONG).expect(0);
    eventually(LONG, "all is stored", || home.status()["stored"]["files"].as_u64().filter(|n| *n == 600));
    other.signal("TERM");
    other.wait(LONG).expect(0);
    let (files, members) = home.check_tars();
    assert_eq!(files, 600);
    // What lay in a bundle that died unsealed is there once more only if the vault had it already.
    assert_eq!(members, 600);
    home.restores_whole();
    let left: Vec<_> = fs::read_dir(home.path("staging")).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

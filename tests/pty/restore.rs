//! A list of requests from a paste to files, through a terminal: verdicts, plan, question, done; a hang-up in the middle
//! and another console that looks on, or goes on.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use super::place::Place;
use super::pty::{LONG, Pty};
use super::support::dice::noise;
use super::support::waiting::found;

/// Lines of the list.
const LINES: usize = 400;
/// Those that are wrong, from 0.
const WRONG: [usize; 7] = [3, 50, 51, 200, 201, 202, 399];

/// Pastes the list into the editor of requests.
#[track_caller]
fn paste(pty: &mut Pty, out: &Path) {
    let line = |n: usize| {
        let source = if WRONG.contains(&n) { "ugd" } else { "ugc" };
        format!("{source}:{n:04}.jpg {}/", out.display())
    };
    pty.press("2");
    pty.wait_for("no plan yet");
    pty.press("b");
    pty.wait_for("Batch: line 1 of 1");
    pty.paste(&(0..LINES).map(line).collect::<Vec<_>>().join("\n"));
    pty.wait_for("393 ok  7 wrong  0 empty");
}

/// Makes a plan of the list, without what is wrong.
#[track_caller]
fn plan(pty: &mut Pty) {
    pty.press("f2");
    pty.wait_for("left out: 7");
    pty.wait_for("within");
    pty.press("enter");
    pty.wait_for("393 files");
}

#[test]
fn a_pasted_list_is_judged_planned_confirmed_and_delivered() {
    let place = Place::backed_up(LINES);
    let out = place.path("out");
    let mut pty = place.console(&["--no-workers"]);
    paste(&mut pty, &out);
    pty.press("f3");
    pty.wait_for("Batch: line 4 of 400");
    pty.wait_for("did you mean \"ugc\"?");
    // The line breaks down; the list is there in the next console.
    assert!(pty.hang_up(), "it ends with its terminal");
    let mut pty = place.console(&["--no-workers"]);
    pty.press("2 b");
    pty.wait_for("393 ok  7 wrong  0 empty");
    plan(&mut pty);
    assert!(!out.exists(), "nothing is done before it is confirmed");
    assert_eq!(place.number("SELECT count(*) FROM plan WHERE state = 1"), 1, "it is saved");
    // A second console confirms it, and carries it out.
    let mut second = place.console(&[]);
    second.press("2");
    second.wait_for("to be confirmed");
    second.press("c");
    second.wait_for("the ceiling is set aside");
    second.press("right enter");
    second.wait_for("393/393");
    // The first one hears who was faster.
    pty.press("right enter");
    pty.wait_until("who was faster", |screen| screen.contents().contains("confirmed by"));
    assert_eq!(place.number("SELECT count(*) FROM plan WHERE confirmed_at IS NOT NULL"), 1);
    for n in 0..LINES {
        let path = out.join(format!("{n:04}.jpg"));
        if WRONG.contains(&n) {
            assert!(!path.exists(), "{n}");
        } else {
            assert_eq!(fs::read_to_string(path).unwrap(), format!("picture {n}"));
        }
    }
    pty.press("esc");
    pty.wait_for("Batch: line");
    pty.press("esc");
    pty.wait_gone("Batch: line");
    for pty in [pty, second] {
        pty.leave();
    }
}

/// Many small archives, which are made readable a few a second: the delivery lasts.
const SLOW: &str = r#"
[backup]
bundle_size = "64KiB"
bundle_age = "1s"
[restore]
slots = 2
new_per_second = 20
[worker]
lease = "1h"
[console]
refresh = "1s"
"#;

/// What file `n` holds.
fn holds(n: usize) -> Vec<u8> {
    noise(n as u64, 20_000)
}

/// What has its name at the destination, with its inode: written anew it would have another.
fn named(out: &Path) -> BTreeMap<String, u64> {
    let Ok(dir) = fs::read_dir(out) else { return BTreeMap::new() };
    let entries = dir.map(Result::unwrap).filter_map(|entry| {
        let name = entry.file_name().into_string().unwrap();
        // What has only a name of firn's may be gone by now.
        (!name.starts_with(".firn-part-")).then(|| (name, entry.metadata().unwrap().ino()))
    });
    entries.collect()
}

/// Waits until something holds; else says what is shown.
#[track_caller]
fn until(what: &str, holds: impl Fn() -> bool, shown: impl Fn() -> String) {
    let held = found(LONG, || holds().then_some(())).is_some();
    assert!(held, "not within {LONG:?}: {what}; the terminal shows:\n{}", shown());
}

/// Waits until so many files have their name, and takes the terminal away. What had its name then, and of how many of
/// these the state does not know yet.
#[track_caller]
fn hung_up_at(place: &Place, pty: Pty, out: &Path, files: usize) -> (BTreeMap<String, u64>, i64) {
    until(&format!("{files} files come"), || named(out).len() >= files, || pty.text());
    assert!(pty.hang_up(), "it ends with its terminal");
    let there = named(out);
    assert!((files..LINES - WRONG.len()).contains(&there.len()), "in the middle: {}", there.len());
    let known = place.number("SELECT delivered FROM plan");
    (there.clone(), i64::try_from(there.len()).unwrap() - known)
}

/// The console that delivers is hung up, and so is the one that goes on; the third finishes.
#[test]
fn a_console_that_is_hung_up_while_it_delivers_is_gone_on_with_by_the_next() {
    let place = Place::with(SLOW, LINES, holds);
    place.back_up();
    let archives = place.number("SELECT count(*) FROM archive WHERE state = 3");
    assert!(archives > 100, "{archives} archives");
    let out = place.path("out");
    let mut pty = place.console(&[]);
    paste(&mut pty, &out);
    plan(&mut pty);
    pty.press("right enter");
    let (first, told_late) = hung_up_at(&place, pty, &out, 30);
    let mut second = place.console(&[]);
    second.press("2");
    second.wait_for("/393");
    let (more, told_later) = hung_up_at(&place, second, &out, first.len() + 60);
    let mut third = place.console(&[]);
    third.press("2");
    third.wait_for("393/393");
    let all = named(&out);
    for before in [&first, &more] {
        assert!(
            before.iter().all(|(name, inode)| all.get(name) == Some(inode)),
            "what has its name is not written anew"
        );
    }
    for n in 0..LINES {
        let bytes = fs::read(out.join(format!("{n:04}.jpg"))).ok();
        assert!(bytes == (!WRONG.contains(&n)).then(|| holds(n)), "{n}");
    }
    // Nothing else lies there, under a name of firn's or any.
    assert_eq!(fs::read_dir(&out).unwrap().count(), 393);
    // Each file came out once. Those whose name was newer than the state's knowledge were found there.
    until("the plan ends", || place.number("SELECT state FROM plan") == 3, || third.text());
    assert_eq!(place.number("SELECT count(*) FROM plan"), 1);
    assert_eq!(place.number("SELECT delivered FROM plan"), 393);
    assert_eq!(place.number("SELECT there FROM plan"), told_late + told_later);
    assert_eq!(place.number("SELECT failed FROM plan"), 0);
    assert_eq!(place.number("SELECT count(DISTINCT file) FROM restore WHERE state IN (1, 2)"), 393);
    assert_eq!(place.number("SELECT count(*) FROM restore WHERE archive > 0"), 393);
    assert_eq!(place.number("SELECT count(*) FROM plan_part WHERE live = 1 OR owner IS NOT NULL"), 0);
    // The sessions of those who went were closed by those who came.
    let open = place.number("SELECT count(DISTINCT pid) FROM worker WHERE ended_at IS NULL");
    assert_eq!(open, 1);
    third.press("q");
    third.wait_for("Leave the console");
    third.press("right enter");
    third.end().exactly(0);
}

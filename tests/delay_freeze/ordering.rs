//! What operators order of a make-believe replica: up to a place, on for good, let go of, a promotion, the freeze again.

use firn::delay::freeze::machine::{self, Act};
use firn::delay::freeze::orders;
use firn::delay::freeze::record::{Asked, Phase};
use firn::delay::freeze::report;
use firn::delay::freeze::statement::{Spot, Statement};
use firn::delay::freeze::steps::Step;

use super::machine::{Dies, GAP, NOW, Site, asked};
use super::world::{FILE, place};

#[test]
fn it_runs_up_to_a_place_and_no_further() {
    let mut site = Site::new();
    let early = orders::ask_until(&site.stored, Spot::Position(place(1_500)), "anna", &site.line(), NOW).unwrap_err();
    assert_eq!(
        early.to_string(),
        "db14 is not proven to stand (asked); wait until it is frozen, then let it run up to a place"
    );
    site.rounds(GAP + 5);
    let behind = Spot::Position(place(900));
    let said = orders::ask_until(&site.stored, behind, "anna", &site.line(), site.world.now).unwrap_err().to_string();
    assert_eq!(
        said,
        "db14 cannot run up to binlog.000007:900: the replica has executed the source's log up to binlog.000007:1000, beyond binlog.000007:900"
    );
    let until = Spot::Position(place(1_500));
    let next = orders::ask_until(&site.stored, until.clone(), "anna", &site.line(), site.world.now);
    site.order(next);
    assert_eq!(site.says(), "let run up to binlog.000007:1500, and no further");
    assert_eq!(site.round(true, false, Dies::No), Act::StartSql(Some(until)));
    site.rounds(GAP + 10);
    assert!(site.is_frozen());
    assert_eq!((site.world.at, site.world.io), (1_500, false));
    assert_eq!(site.stored.restarts, 0);
    assert!(
        site.told
            .iter()
            .any(|(what, text)| *what == "freeze.advanced" && text.ends_with("stopped at binlog.000007:1500"))
    );
}

#[test]
fn one_that_runs_past_the_place_is_stopped_and_told() {
    let mut site = Site::new();
    site.rounds(GAP + 5);
    let next = orders::ask_until(&site.stored, Spot::Position(place(1_500)), "anna", &site.line(), site.world.now);
    site.order(next);
    site.round(true, false, Dies::No);
    // The transaction that begins before the place ends behind it.
    site.world.until = None;
    site.world.pass(6);
    assert_eq!(site.round(true, false, Dies::No), Act::StopSql);
    assert_eq!(
        site.told.last().unwrap(),
        &("freeze.past", "the replica went past binlog.000007:1500 to binlog.000007:1600".to_owned())
    );
}

#[test]
fn resuming_starts_both_and_ends_the_watch() {
    let mut site = Site::new();
    site.rounds(GAP + 5);
    let next = orders::ask_resume(&site.stored, "anna on db1", site.world.now);
    site.order(next);
    assert_eq!(site.says(), "being resumed");
    assert_eq!(site.round(true, false, Dies::No), Act::StartIo);
    assert_eq!(site.round(true, false, Dies::No), Act::StartSql(None));
    site.round(true, false, Dies::No);
    assert!(site.stored.is_over() && site.world.sql && site.world.io);
    assert_eq!(site.told.last().unwrap().1, "resumed (IO Yes, SQL Yes) as anna on db1 asked");
    assert_eq!(site.stored.left_at.as_ref().unwrap().place_words(), "binlog.000007:1000");
    let over = orders::ask_resume(&site.stored, "anna", site.world.now).unwrap_err();
    assert_eq!(over.to_string(), "the freeze of db14 is over; ask for a new one: firn delay freeze");
}

#[test]
fn a_thread_that_would_stop_at_a_place_is_stopped_before_it_is_started_for_good() {
    let mut site = Site::new();
    site.rounds(GAP + 5);
    let next = orders::ask_until(&site.stored, Spot::Position(place(5_000)), "anna", &site.line(), site.world.now);
    site.order(next);
    site.round(true, false, Dies::No);
    assert!(site.world.sql && site.world.until.is_some());
    // Asked for twice, it is the same.
    for _ in 0..2 {
        let next = orders::ask_resume(&site.stored, "anna", site.world.now);
        site.order(next);
    }
    site.rounds(60);
    assert!(site.stored.is_over() && site.world.sql && site.world.io, "{}", site.says());
    assert_eq!(site.world.until, None);
}

#[test]
fn a_place_that_was_taken_back_does_not_stop_the_thread_after_it_was_resumed() {
    let mut site = Site::new();
    site.rounds(GAP + 5);
    let next = orders::ask_until(&site.stored, Spot::Position(place(5_000)), "anna", &site.line(), site.world.now);
    site.order(next);
    // The statement was sent, and whoever sent it died; what was asked for is thought over twice before anybody looks.
    assert!(matches!(site.round(true, false, Dies::AfterItActed), Act::StartSql(Some(_))));
    let next = orders::ask_again(&site.stored, asked(), site.world.now);
    site.order(next);
    let next = orders::ask_resume(&site.stored, "anna", site.world.now);
    site.order(next);
    assert_eq!(site.round(true, false, Dies::No), Act::StopSql);
    site.rounds(60);
    assert!(site.stored.is_over() && site.world.sql && site.world.io, "{}", site.says());
    assert_eq!(site.world.until, None);
}

#[test]
fn where_a_tool_drives_the_sql_thread_only_io_is_started() {
    let mut site = Site::new();
    site.stored.external = true;
    site.rounds(GAP + 5);
    let next = orders::ask_resume(&site.stored, "anna", site.world.now);
    site.order(next);
    site.rounds(3);
    assert!(site.stored.is_over());
    assert_eq!((site.world.io, site.world.sql), (true, false), "started by firn it would apply all of it at once");
    assert!(site.told.last().unwrap().1.ends_with("; the delay tool starts the SQL thread"));
}

#[test]
fn a_start_that_does_not_hold_is_told_and_not_repeated_in_haste() {
    let mut site = Site::new();
    site.rounds(GAP + 5);
    let next = orders::ask_resume(&site.stored, "anna", site.world.now);
    site.order(next);
    let mut starts = 0;
    for _ in 0..60 {
        let now = site.world.now;
        let mut sight = site.world.sight();
        sight.sql = Some(false);
        sight.sql_error = Some((1_062, "Duplicate entry '5'".to_owned()));
        let next = machine::next(&site.stored, Ok(sight), now);
        let act = next.act.clone();
        site.store(next);
        starts += u32::from(act == Act::StartSql(None));
        site.world.act(&act);
        let next = machine::acted(&site.stored, &act, Ok(()), now);
        site.store(next);
        site.world.pass(1);
    }
    assert!((5..=8).contains(&starts), "{starts}");
    assert!(
        site.says().contains("cannot start the replica")
            && site.says().contains("the SQL thread stands with error 1062: Duplicate entry '5'"),
        "{}",
        site.says()
    );
}

#[test]
fn the_watch_is_ended_without_starting_anything() {
    let mut site = Site::new();
    site.rounds(GAP + 5);
    let next = orders::ask_release(&site.stored, "anna", site.world.now);
    site.order(next);
    site.rounds(5);
    assert!(site.stored.is_over() && !site.world.sql && !site.world.io);
}

#[test]
fn what_is_promoted_or_in_somebodys_hands_is_left_alone() {
    let mut site = Site::new();
    site.rounds(GAP + 5);
    let now = site.world.now;
    let next = orders::tick(&site.stored, Step::Promoted, true, "anna", now, now);
    site.order(next);
    site.world.sql = true;
    site.rounds(5);
    assert!(site.world.sql, "a primary is not stopped");
    assert_eq!(site.says(), "promoted; it is not watched any more, recovery steps remain");
    let said = orders::ask_resume(&site.stored, "anna", now).unwrap_err().to_string();
    assert_eq!(
        said,
        "db14 was promoted: nothing is started on it; end the freeze with: firn delay resume db14 --no-start"
    );
    // It was not, after all.
    let next = orders::tick(&site.stored, Step::Promoted, false, "anna", now, now);
    site.order(next);
    site.rounds(GAP + 5);
    assert!(site.is_frozen());
    let next = orders::ask_by_hand(&site.stored, "anna", site.world.now);
    site.order(next);
    site.world.sql = true;
    site.rounds(5);
    assert!(site.world.sql && site.stored.restarts == 0);
    assert_eq!(site.says(), "in somebody's hands: it is not watched, recovery steps remain");
    let next = orders::ask_again(&site.stored, asked(), site.world.now);
    site.order(next);
    site.rounds(GAP + 5);
    assert!(site.is_frozen());
}

#[test]
fn a_promotion_taken_back_stops_only_what_it_had_released() {
    let mut site = Site::new();
    site.rounds(GAP + 5);
    let now = site.world.now;
    let next = orders::ask_by_hand(&site.stored, "anna", now);
    site.order(next);
    let tick = |site: &mut Site, done| {
        let next = orders::tick(&site.stored, Step::Promoted, done, "anna", now, now);
        site.order(next);
    };
    tick(&mut site, true);
    site.world.sql = true;
    assert!(!orders::stops(&site.stored));
    tick(&mut site, false);
    site.rounds(5);
    assert!(site.world.sql, "it was in somebody's hands before");
    assert_eq!(site.says(), "in somebody's hands: it is not watched, recovery steps remain");
    // Frozen anew, a promotion is what lets go of it.
    let next = orders::ask_again(&site.stored, asked(), now);
    site.order(next);
    site.rounds(GAP + 5);
    tick(&mut site, true);
    assert!(orders::stops(&site.stored));
    tick(&mut site, false);
    assert_eq!(site.stored.phase, Phase::Asked);
}

#[test]
fn its_own_line_says_that_it_is_kept_stopped() {
    let mut site = Site::new();
    let frozen = |site: &Site| report::line_of(&site.stored, Some(site.line())).map(|line| line.frozen);
    assert_eq!(frozen(&site), None, "it was never seen");
    site.round(true, false, Dies::No);
    assert_eq!(frozen(&site), Some(false), "the SQL thread may still run");
    site.rounds(GAP + 5);
    assert_eq!(frozen(&site), Some(true));
    let next = orders::ask_resume(&site.stored, "anna", site.world.now);
    site.order(next);
    assert_eq!(frozen(&site), Some(false));
}

#[test]
fn asked_for_again_it_keeps_what_it_knew() {
    let mut site = Site::new();
    site.rounds(GAP + 5);
    let next = orders::ask_resume(&site.stored, "anna", site.world.now);
    site.order(next);
    let again = Asked { statement: Statement { time: Some(NOW), spot: None }, who: "bert".to_owned(), ..asked() };
    let next = orders::ask_again(&site.stored, again, site.world.now);
    site.order(next);
    assert_eq!(site.stored.phase, Phase::Asked);
    assert_eq!(site.stored.statement.words(), format!("at {FILE}:50000, of 2026-11-23T12:00:00Z"));
    site.rounds(GAP + 5);
    assert!(site.is_frozen());
}

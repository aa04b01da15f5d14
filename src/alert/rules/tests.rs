//! The rules by cases, and against a site that behaves as it likes.

use proptest::prelude::*;

use super::*;
use crate::store::TellerRow;

const LIMITS: Limits = Limits {
    least: Severity::Unknown,
    critical: Duration::from_hours(4),
    other: Duration::from_hours(24),
    digest: Duration::from_hours(1),
};
const MIN: u64 = 60;
const HOUR: u64 = 3600;

/// A site in memory: what the state would hold, for one sender that always gets through.
struct Site {
    limits: Limits,
    view: AlertView,
    sent: Vec<(u64, Outgoing)>,
}

impl Site {
    fn new(limits: Limits) -> Self {
        let teller = TellerRow {
            sender: "mail".to_owned(),
            since: Time::from_secs(0),
            last_sent: None,
            last_made: None,
            broke: false,
            failures: 0,
            failing_since: None,
            error: None,
            next_try: None,
        };
        let view = AlertView {
            now: Time::from_secs(0),
            notices: Vec::new(),
            turns: Vec::new(),
            told: Vec::new(),
            teller: Some(teller),
            pending: None,
        };
        Self { limits, view, sent: Vec::new() }
    }

    fn at(&mut self, secs: u64) -> &mut Self {
        self.view.now = Time::from_secs(i64::try_from(secs).unwrap());
        self
    }

    fn secs(&self) -> u64 {
        u64::try_from(self.view.now.as_micros() / 1_000_000).unwrap()
    }

    /// The finding holds now, that badly; or it does not.
    fn set(&mut self, object: &str, severity: Option<Severity>) -> &mut Self {
        let now = self.view.now;
        let place = self.view.notices.iter().position(|row| row.object == object);
        let was = place.map(|place| self.view.notices[place].severity);
        if was == severity {
            return self;
        }
        let turn = self.view.turns.iter_mut().find(|row| row.object == object);
        let (rule, object) = ("rule".to_owned(), object.to_owned());
        match turn {
            Some(turn) => {
                turn.changes += 1;
                turn.changed_at = now;
                turn.severity = severity.unwrap_or(turn.severity);
            }
            None => self.view.turns.push(TurnRow {
                rule: rule.clone(),
                object: object.clone(),
                severity: severity.unwrap(),
                value: "seen".to_owned(),
                since: now,
                changes: 1,
                first_at: now,
                changed_at: now,
            }),
        }
        match (place, severity) {
            (Some(place), Some(severity)) => {
                let row = &mut self.view.notices[place];
                if severity > row.severity {
                    row.ack_until = None;
                }
                row.severity = severity;
                row.worst = row.worst.max(severity);
            }
            (Some(place), None) => drop(self.view.notices.remove(place)),
            (None, Some(severity)) => self.view.notices.push(NoticeRow {
                rule,
                object,
                scope: String::new(),
                severity,
                worst: severity,
                value: "seen".to_owned(),
                limit: "none".to_owned(),
                since: now,
                seen_at: now,
                next_step: "mend it".to_owned(),
                ack_until: None,
            }),
            (None, None) => {}
        }
        self
    }

    fn ack(&mut self, object: &str, secs: u64) -> &mut Self {
        let until = self.view.now.plus(Duration::from_secs(secs));
        let row = self.view.notices.iter_mut().find(|row| row.object == object);
        row.unwrap().ack_until = Some(until);
        self
    }

    /// Looks, and sends what is to be sent; what went out, as `change object` each.
    fn look(&mut self) -> Option<Vec<String>> {
        let out = decide("mail", &self.view, &self.limits)?;
        let now = self.view.now;
        for item in &out.items {
            let tells = &item.tells;
            let before = self.view.told.iter().position(|row| row.object == tells.object);
            let before = before.map(|place| self.view.told.remove(place));
            self.view.told.push(ToldRow {
                rule: tells.rule.clone(),
                object: tells.object.clone(),
                severity: tells.severity,
                open: tells.open,
                at: now,
                critical_at: tells.critical.then_some(now).or(before.and_then(|row| row.critical_at)),
                changes: tells.changes,
            });
        }
        let teller = self.view.teller.as_mut().unwrap();
        (teller.last_sent, teller.last_made, teller.broke) = (Some(now), Some(now), out.broke);
        let words = out.items.iter().map(|item| format!("{} {}", item.change.word(), item.notice.object)).collect();
        let secs = self.secs();
        self.sent.push((secs, out));
        Some(words)
    }

    /// Looks at that time.
    fn look_at(&mut self, secs: u64) -> Vec<String> {
        self.at(secs).look().unwrap_or_default()
    }
}

use Severity::{Critical, Unknown, Warning};

#[test]
fn what_is_new_is_told_at_once_and_only_once() {
    let mut site = Site::new(LIMITS);
    assert_eq!(site.look(), None);
    assert_eq!(site.at(5).set("disk", Some(Warning)).look().unwrap(), ["new disk"]);
    for secs in [10, HOUR, 23 * HOUR] {
        assert_eq!(site.look_at(secs), [""; 0]);
    }
}

/// Up and down at each look, all hour: one message, and one digest that says how often.
#[test]
fn a_finding_that_flaps_every_poll_for_an_hour_sends_one_message_and_one_digest() {
    for severity in [Warning, Critical] {
        let mut site = Site::new(LIMITS);
        for poll in 0..720 {
            let holds = (poll % 2 == 0).then_some(severity);
            site.at(poll * 5).set("disk", holds).look();
        }
        // It has come to rest.
        for secs in (HOUR..30 * HOUR).step_by(5) {
            site.at(secs).look();
        }
        let told: Vec<_> = site
            .sent
            .iter()
            .map(|(at, out)| (*at, out.broke, out.items.iter().map(|i| (i.change, i.changes)).collect::<Vec<_>>()))
            .collect();
        assert_eq!(told, [(0, false, vec![(Change::New, 1)]), (HOUR, false, vec![(Change::Over, 719)])], "{severity}");
    }
}

/// One that flaps for ever is told once an interval, and never comes to be passed over.
#[test]
fn a_finding_that_flaps_all_day_is_told_every_hour() {
    let mut site = Site::new(LIMITS);
    for poll in 0..24 * 720 {
        let holds = (poll % 3 != 2).then_some(Critical);
        site.at(poll * 5).set("disk", holds).look();
    }
    assert_eq!(site.sent.iter().map(|(at, _)| *at).collect::<Vec<_>>(), (0..24).map(|h| h * HOUR).collect::<Vec<_>>());
    assert!(site.sent[1..].iter().all(|(_, out)| out.items[0].changes >= 479), "{:?}", site.sent);
}

#[test]
fn within_the_interval_everything_is_gathered_the_worst_first() {
    let mut site = Site::new(LIMITS);
    site.set("first", Some(Warning)).look();
    site.at(60).set("second", Some(Warning)).look();
    site.at(120).set("first", None).set("third", Some(Unknown)).look();
    site.at(180).set("passing", Some(Warning)).look();
    site.at(240).set("passing", None).look();
    assert_eq!(site.look_at(HOUR - 1), [""; 0]);
    assert_eq!(site.look_at(HOUR), ["new second", "new third", "over first", "passed passing"]);
    assert_eq!(site.look_at(2 * HOUR), [""; 0]);
}

#[test]
fn critical_breaks_in_once_between_two_messages_that_kept_the_interval() {
    let mut site = Site::new(LIMITS);
    site.set("a", Some(Warning)).look();
    assert_eq!(site.at(60).set("a", Some(Critical)).look().unwrap(), ["worse a"]);
    assert!(site.sent[1].1.broke);
    assert_eq!(site.at(120).set("b", Some(Critical)).look(), None, "not a second time");
    assert_eq!(site.look_at(60 + HOUR), ["new b"]);
    assert!(!site.sent[2].1.broke);
    // Now it may be broken again.
    assert_eq!(site.at(60 + HOUR + 5).set("c", Some(Critical)).look().unwrap(), ["new c"]);
}

#[test]
fn what_stays_is_told_again_sooner_when_it_is_critical() {
    let mut site = Site::new(LIMITS);
    site.set("bad", Some(Critical)).set("poor", Some(Warning)).look();
    let mut told = Vec::new();
    for secs in (0..=24 * HOUR).step_by(300) {
        told.extend(site.look_at(secs).into_iter().map(|word| (secs / HOUR, word)));
    }
    let still = |hour: u64, object: &str| (hour, format!("still {object}"));
    let bad: Vec<_> = [4, 8, 12, 16, 20, 24].map(|hour| still(hour, "bad")).into();
    assert_eq!(told, [bad, vec![still(24, "poor")]].concat());
}

#[test]
fn an_acknowledged_finding_is_quiet_until_the_acknowledgement_expires() {
    let mut site = Site::new(LIMITS);
    site.set("bad", Some(Critical)).look();
    site.at(60).ack("bad", 10 * HOUR);
    for secs in (60..60 + 10 * HOUR).step_by(600) {
        assert_eq!(site.look_at(secs), [""; 0]);
    }
    assert_eq!(site.look_at(60 + 10 * HOUR), ["still bad"]);
    assert_eq!(site.look_at(60 + 11 * HOUR), [""; 0], "and then as any other");
    assert_eq!(site.look_at(60 + 14 * HOUR), ["still bad"]);
    // What was acknowledged and is over is told to be over.
    site.ack("bad", 24 * HOUR);
    assert_eq!(site.at(20 * HOUR).set("bad", None).look().unwrap(), ["over bad"]);
}

#[test]
fn what_has_become_worse_speaks_through_its_acknowledgement() {
    let mut site = Site::new(LIMITS);
    site.set("a", Some(Warning)).look();
    site.ack("a", 100 * HOUR);
    assert_eq!(site.at(2 * HOUR).set("a", Some(Critical)).look().unwrap(), ["worse a"]);
}

#[test]
fn below_the_least_severity_nothing_is_told_but_that_it_got_there() {
    let mut site = Site::new(Limits { least: Critical, ..LIMITS });
    assert_eq!(site.set("a", Some(Warning)).look(), None);
    assert_eq!(site.at(60).set("a", Some(Critical)).look().unwrap(), ["new a"]);
    assert_eq!(site.at(2 * HOUR).set("a", Some(Warning)).look().unwrap(), ["eased a"]);
    assert_eq!(site.at(4 * HOUR).set("a", None).look(), None, "for this sender it was over");
    assert_eq!(site.at(5 * HOUR).set("b", Some(Warning)).look(), None);
    assert_eq!(site.at(6 * HOUR).set("b", None).look(), None);
}

#[test]
fn what_lasted_less_than_a_look_is_told_all_the_same() {
    let mut site = Site::new(LIMITS);
    site.at(3).set("mount", Some(Critical));
    site.at(4).set("mount", None);
    assert_eq!(site.look_at(5), ["passed mount"]);
    assert_eq!(site.look_at(9 * HOUR), [""; 0]);
}

#[test]
fn a_sender_does_not_tell_that_it_cannot_send_and_others_do() {
    let mut site = Site::new(LIMITS);
    site.set("mail", Some(Warning));
    site.view.notices[0].rule = CANNOT_SEND.to_owned();
    site.view.turns[0].rule = CANNOT_SEND.to_owned();
    site.view.teller.as_mut().unwrap().failures = 1;
    assert_eq!(decide("mail", &site.view, &LIMITS), None);
    assert_eq!(decide("command", &site.view, &LIMITS).unwrap().items.len(), 1);
}

#[test]
fn a_sender_that_works_tells_the_others_whom_it_does_not_reach() {
    let mut site = Site::new(LIMITS);
    site.set("mail", Some(Warning));
    site.view.notices[0].rule = CANNOT_SEND.to_owned();
    site.view.turns[0].rule = CANNOT_SEND.to_owned();
    let told = |site: &Site| decide("mail", &site.view, &LIMITS).map(|outgoing| outgoing.items.len());
    assert_eq!(told(&site), Some(1), "its last message arrived, though not everywhere");
    site.view.teller.as_mut().unwrap().failures = 1;
    assert_eq!(told(&site), None);
    // What came and went while nothing arrived is no news afterwards.
    site.view.teller.as_mut().unwrap().failures = 0;
    site.view.notices.clear();
    assert_eq!(told(&site), None);
}

#[test]
fn what_came_and_went_before_a_sender_was_in_service_is_none_of_its_news() {
    let mut site = Site::new(LIMITS);
    site.at(10).set("old", Some(Critical));
    site.at(20).set("old", None);
    site.view.teller.as_mut().unwrap().since = Time::from_secs(30);
    assert_eq!(site.look_at(40), [""; 0]);
    assert_eq!(site.at(50).set("old", Some(Critical)).look().unwrap(), ["new old"]);
}

#[derive(Debug, Clone)]
enum Step {
    Set(usize, Option<Severity>),
    Ack(usize, u64),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let severity = prop_oneof![Just(None), Just(Some(Unknown)), Just(Some(Warning)), Just(Some(Critical))];
    let step = prop_oneof![
        4 => (0..4usize, severity).prop_map(|(n, severity)| Step::Set(n, severity)),
        1 => (0..4usize, 1..6 * HOUR).prop_map(|(n, secs)| Step::Ack(n, secs)),
        3 => (1..50 * MIN).prop_map(Step::Wait),
    ];
    proptest::collection::vec(step, 1..120)
}

proptest! {
    /// Whatever findings do: never more than two messages an interval; nothing critical is kept back beyond it; what is
    /// told to be over had been told to hold; and at rest everything has been told as it is.
    #[test]
    fn never_too_many_and_never_too_late(steps in steps(), least in prop_oneof![Just(Unknown), Just(Warning), Just(Critical)]) {
        let names = ["a", "b", "c", "d"];
        let mut site = Site::new(Limits { least, ..LIMITS });
        // When each became critical without having been told so, or was last acknowledged.
        let mut untold: [Option<u64>; 4] = [None; 4];
        for step in steps {
            let mut wait = 0;
            match step {
                Step::Set(n, severity) => drop(site.set(names[n], severity)),
                Step::Ack(n, secs) if site.view.notices.iter().any(|row| row.object == names[n]) => drop(site.ack(names[n], secs)),
                Step::Ack(..) => {}
                Step::Wait(secs) => wait = secs,
            }
            let end = site.secs() + wait;
            loop {
                site.look();
                for (n, untold) in untold.iter_mut().enumerate() {
                    let row = site.view.notices.iter().find(|row| row.object == names[n]);
                    let quiet = row.is_none_or(|row| row.severity < Critical || row.ack_until.is_some_and(|until| until > site.view.now));
                    let told = site.view.told.iter().any(|row| row.object == names[n] && row.open && row.severity == Critical);
                    if quiet || told { *untold = None } else { untold.get_or_insert(site.secs()); }
                    let late = untold.map_or(0, |since| site.secs() - since);
                    prop_assert!(late < HOUR, "{} is critical for {late} s and nobody knows", names[n]);
                }
                if site.secs() >= end { break; }
                let next = (site.secs() + 60).min(end);
                site.at(next);
            }
        }
        let rest = site.secs();
        for secs in (rest..rest + 8 * HOUR).step_by(300) {
            site.at(secs).look();
        }
        for name in names {
            let holds = site.view.notices.iter().find(|row| row.object == name && row.severity >= least);
            let told = site.view.told.iter().find(|row| row.object == name && row.open);
            let severities = (holds.map(|row| row.severity), told.map(|row| row.severity));
            prop_assert!(severities.0 == severities.1, "{name} holds, and was told: {severities:?}");
        }
        for pair in site.sent.windows(3) {
            prop_assert!(pair[2].0 - pair[0].0 >= HOUR, "three messages within an hour");
        }
        let mut open = std::collections::BTreeSet::new();
        for (at, out) in &site.sent {
            for item in &out.items {
                let object = item.notice.object.clone();
                let was = if item.tells.open { !open.insert(object.clone()) } else { open.remove(&object) };
                let fits = match item.change {
                    Change::New | Change::Passed => !was,
                    _ => was,
                };
                prop_assert!(fits, "{object} at {at}: {:?}, and it was told to hold: {was}", item.change);
            }
        }
    }
}

//! What comes from outside is letters, wherever it is shown: names, errors of servers, words of the judge, hosts.

use std::sync::Arc;

use firn::console::glyphs::{Charts, Glyphs, Look};
use firn::console::msg::{Msg, Reply};
use firn::console::theme::{Depth, Theme};
use firn::delay::seen::{Heartbeat, Position};
use firn::delay::snapshot::{DelaySnapshot, Frozen, ReplicaLine};

use super::{critical, delays, job, over};
use crate::kit::{assert_printable, go, paint_as, press, screen, send};
use crate::sweep::EVIL;

fn evil() -> String {
    EVIL.to_owned()
}

/// A replica all of whose words are full of what terminals obey.
pub fn evil_line(n: usize) -> ReplicaLine {
    let mut line = critical();
    line.name = format!("db{n}{EVIL}");
    line.group = Some(evil());
    line.judged = line.judged.map(|(_, at)| (evil(), at));
    line.jobs = vec![job(EVIL, 900, None), job(EVIL, 9_000, Some(4_000))];
    if n == 2 {
        line.frozen = Some(Frozen { proven: true, words: evil(), ..Frozen::default() });
    }
    let limits = Arc::make_mut(&mut line.limits);
    limits.jobs[0].name = evil();
    if let Some(verdict) = &mut line.verdict {
        (verdict.text, verdict.hint) = (format!("Replication delay {EVIL}"), Some(evil()));
        for found in &mut verdict.matches {
            found.text = evil();
        }
        for one in &mut verdict.measured {
            one.name = evil();
        }
    }
    let position = Position { file: evil(), at: 4 };
    let state = Arc::make_mut(&mut line.state);
    state.blind = Some((line.judged.as_ref().unwrap().1, evil()));
    state.began_why = Some(evil());
    for moved in [&mut state.received, &mut state.executed].into_iter().flatten() {
        moved.value.position = Some(position.clone());
        moved.value.gtid = Some(evil());
    }
    for turn in &mut state.turns {
        turn.text = evil();
    }
    let (_, seen) = state.seen.as_mut().unwrap();
    (seen.version, seen.notes) = (Some(evil()), vec![evil()]);
    (seen.local, seen.primary) = (Some(Heartbeat::NoRow(evil())), Some(Heartbeat::Unread(evil())));
    let status = seen.status.as_mut().unwrap();
    status.channel = evil();
    (status.io_errno, status.sql_errno) = (Some(2003), Some(1062));
    for text in [
        &mut status.io_error,
        &mut status.sql_error,
        &mut status.io_state,
        &mut status.sql_state,
        &mut status.source_host,
        &mut status.until,
    ] {
        *text = Some(evil());
    }
    status.relay = Some(position);
    line
}

/// Replicas of that kind.
pub fn evil_delays() -> DelaySnapshot {
    DelaySnapshot { replicas: (1..=3).map(evil_line).collect(), ..delays() }
}

#[test]
fn nothing_from_outside_acts_on_the_terminal() {
    let theme = Theme::named("default", Depth::True).unwrap();
    for keys in ["", "enter", "w", "w enter", "enter w", "down enter", "F"] {
        let mut model = over(evil_delays());
        go(&mut model, keys);
        for _ in 0..12 {
            for size in [(60, 20), (80, 24), (140, 40), (220, 60)] {
                for (glyphs, charts) in [(Glyphs::utf8(), Charts::Braille), (Glyphs::ascii(), Charts::Ascii)] {
                    let (buffer, report) = paint_as(&model, &Look { theme: &theme, glyphs, charts }, size);
                    assert_printable(&buffer, keys);
                    model.drawn(report);
                }
            }
            press(&mut model, "pgdn");
        }
        if keys != "F" {
            let text = screen(&model, (220, 60));
            assert!(text.contains("\\x1b[31m"), "{keys}: it is spelled out\n{text}");
        }
    }
    let mut model = over(evil_delays());
    let query = super::asked(&press(&mut model, "enter"));
    send(&mut model, Msg::Reply(Reply::DelayChart(query, Err(evil()))));
    assert_printable(&crate::kit::paint(&model, (140, 40)).0, "why a chart was not read");
}

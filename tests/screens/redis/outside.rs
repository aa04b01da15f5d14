//! What comes from outside is letters, wherever it is shown: names, errors of servers, words of the judge.

use std::sync::Arc;

use firn::console::details::Group;
use firn::console::glyphs::{Charts, Glyphs, Look};
use firn::console::model::Model;
use firn::console::msg::{BenchTold, Msg, Reply};
use firn::console::theme::{Depth, Theme};
use firn::redis::bench::Outcome;
use firn::redis::finding::Object;
use firn::redis::snapshot::Health;

use super::{addr, disputed, finding, load, one, over, read};
use crate::delays::asked;
use crate::kit::{assert_printable, go, paint_as, press, screen, send};
use crate::sweep::EVIL;

fn evil() -> String {
    EVIL.to_owned()
}

/// A cluster all of whose words are full of what terminals obey.
fn evil_health() -> Health {
    let mut health = disputed();
    health.line.name = evil();
    health.line.state = Some(evil());
    for row in &mut health.nodes {
        (row.version, row.trouble) = (Some(evil()), Some(evil()));
    }
    for found in health.findings.iter_mut().chain(&mut health.notices) {
        (found.text, found.next, found.command) = (evil(), Some(evil()), Some(evil()));
        found.silenced = found.silenced.as_ref().map(|_| evil());
    }
    let host = finding("B10", firn::base::Severity::Warning, Object::Host(evil()), EVIL);
    let node = finding("A1", firn::base::Severity::Critical, Object::Node(addr(19_101)), EVIL);
    health.findings.extend([host, node]);
    for event in &mut health.events {
        event.text = evil();
    }
    health
}

fn sweep(mut model: Model, what: &str) {
    let theme = Theme::named("default", Depth::True).unwrap();
    for _ in 0..4 {
        for size in [(60, 20), (80, 24), (140, 40), (220, 60)] {
            for (glyphs, charts) in [(Glyphs::utf8(), Charts::Braille), (Glyphs::ascii(), Charts::Ascii)] {
                let (buffer, report) = paint_as(&model, &Look { theme: &theme, glyphs, charts }, size);
                assert_printable(&buffer, what);
                model.drawn(report);
            }
        }
        press(&mut model, "pgdn");
    }
    press(&mut model, "home");
    let text = screen(&model, (220, 60));
    assert!(text.contains("\\x1b[31m"), "{what}: it is spelled out\n{text}");
}

#[test]
fn nothing_from_outside_acts_on_the_terminal() {
    for keys in ["", "right", "right enter", "e", "F", "right f", "o"] {
        let mut model = over(one(evil_health()));
        go(&mut model, keys);
        sweep(model, keys);
    }
    // The same in the list of clusters.
    let mut several = one(evil_health());
    several.clusters.push(read(disputed()));
    sweep(over(several), "clusters");
    let mut model = over(one(disputed()));
    send(&mut model, Msg::Redis(Err(evil())));
    sweep(model, "why nothing is looked at");
    for result in [Err(evil()), {
        let mut group = Group::new(EVIL);
        group.line(EVIL, EVIL);
        Ok(vec![group])
    }] {
        let mut model = over(one(evil_health()));
        go(&mut model, "right enter");
        let query = asked(&press(&mut model, "right"));
        send(&mut model, Msg::Reply(Reply::RedisPanel(query, result)));
        sweep(model, "a panel");
    }
    let mut model = load::running();
    let mut outcome: Outcome = load::outcome();
    outcome.counts.error(EVIL, EVIL);
    send(&mut model, Msg::Bench(BenchTold::Ended(Arc::new(outcome))));
    sweep(model, "errors of a run");
}

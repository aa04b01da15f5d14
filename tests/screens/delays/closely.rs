//! One replica looked at closely.

use firn::console::glyphs::{Charts, Glyphs, Look};
use firn::console::run;
use firn::console::theme::{Depth, Theme};

use super::tab;
use crate::kit::{go, paint_as, press, screen};
use crate::pictures::compare;

#[test]
fn pictures() {
    for name in ["db01", "db11", "db09", "db14", "db20", "db03"] {
        let mut model = tab();
        let at = model.delay.list.ids.iter().position(|id| id.starts_with(name)).unwrap();
        model.delay.list.select(at);
        go(&mut model, "enter");
        for size in [(80, 24), (140, 40)] {
            compare(&format!("delay-{name}-{}x{}.txt", size.0, size.1), &screen(&model, size));
        }
        let theme = Theme::named("mono", Depth::None).unwrap();
        let look = Look { theme: &theme, glyphs: Glyphs::ascii(), charts: Charts::Ascii };
        compare(&format!("delay-{name}-ascii.txt"), &run::text(&paint_as(&model, &look, (80, 24)).0));
        let look = Look { theme: &theme, glyphs: Glyphs::utf8(), charts: Charts::Braille };
        compare(&format!("delay-{name}-braille.txt"), &run::text(&paint_as(&model, &look, (140, 40)).0));
    }
}

use ratatui::style::{Color, Modifier, Style};

use super::colour::{self, Colour, distance, linear};
use super::*;
use crate::base::Severity;

const SEVERITIES: [Severity; 4] = [Severity::Ok, Severity::Unknown, Severity::Warning, Severity::Critical];

/// What eyes without one kind of cone see of linear RGB, by rows: Machado, Oliveira and Fernandes (2009), "A
/// Physiologically-based Model for Simulation of Color Vision Deficiency", severity 1.0.
const PROTANOPIA: [[f64; 3]; 3] =
    [[0.152_286, 1.052_583, -0.204_868], [0.114_503, 0.786_281, 0.099_216], [-0.003_882, -0.048_116, 1.051_998]];
const DEUTERANOPIA: [[f64; 3]; 3] =
    [[0.367_322, 0.860_646, -0.227_968], [0.280_085, 0.672_501, 0.047_413], [-0.011_820, 0.042_940, 0.968_881]];
const TRITANOPIA: [[f64; 3]; 3] =
    [[1.255_528, -0.076_749, -0.178_779], [-0.078_411, 0.930_809, 0.147_602], [0.004_733, 0.691_367, 0.303_900]];

fn every() -> impl Iterator<Item = Theme> {
    Theme::names().flat_map(|name| Depth::ALL.map(|depth| Theme::named(name, depth).unwrap()))
}

fn seen(matrix: &[[f64; 3]; 3], rgb: (u8, u8, u8)) -> (u8, u8, u8) {
    let light = linear(rgb);
    let part = |row: &[f64; 3]| {
        let v: f64 = row.iter().zip(light).map(|(a, b)| a * b).sum::<f64>().clamp(0.0, 1.0);
        let v = if v <= 0.003_130_8 { v * 12.92 } else { 1.055 * v.powf(1.0 / 2.4) - 0.055 };
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // between 0 and 255
        let v = (v * 255.0).round() as u8;
        v
    };
    (part(&matrix[0]), part(&matrix[1]), part(&matrix[2]))
}

fn pairs() -> Vec<(Severity, Severity)> {
    SEVERITIES.into_iter().flat_map(|a| SEVERITIES.into_iter().filter(move |b| a < *b).map(move |b| (a, b))).collect()
}

#[test]
fn the_default_theme_says_every_role_and_every_theme_has_it() {
    let default = Theme::named("default", Depth::True).unwrap();
    assert!(default.listing().iter().all(|line| line.from == From::Own), "{:?}", default.listing());
    for theme in every() {
        let listing = theme.listing();
        assert_eq!(listing.len(), Role::COUNT);
        assert!(listing.iter().all(|line| line.from != From::Default), "{}", theme.name());
    }
}

#[test]
fn names_of_roles_are_unique_and_read_back() {
    for role in Role::ALL {
        assert_eq!(Role::named(role.name()), Some(role));
    }
}

#[test]
fn only_high_contrast_sets_a_background() {
    for theme in every().filter(|theme| theme.depth() != Depth::None) {
        let sets = Role::ALL.iter().any(|role| theme.style(*role).bg.is_some());
        assert_eq!(sets, theme.name() == "high-contrast", "{} at {}", theme.name(), theme.depth());
    }
}

#[test]
fn there_is_no_colour_without_colour_and_none_in_mono() {
    let plain = every().filter(|theme| theme.depth() == Depth::None || theme.name() == "mono");
    let coloured: Vec<_> = plain
        .flat_map(|theme| theme.listing())
        .filter(|line| line.style.fg.is_some() || line.style.bg.is_some())
        .collect();
    assert_eq!(coloured, []);
}

#[test]
fn no_colour_goes_beyond_the_depth() {
    for theme in every() {
        for colour in theme.listing().iter().flat_map(|line| [line.style.fg, line.style.bg]).flatten() {
            let needs = colour::of(colour).map(Colour::needs);
            assert!(needs <= Some(theme.depth()), "{} at {}: {colour:?}", theme.name(), theme.depth());
        }
    }
}

#[test]
fn severities_differ_by_modifiers_everywhere_even_when_selected() {
    for theme in every() {
        for ground in [Style::new(), theme.style(Role::Selected)] {
            for (a, b) in pairs() {
                let style = |severity| theme.style(Role::of(severity)).patch(ground).add_modifier & !Modifier::DIM;
                assert_ne!(style(a), style(b), "{} at {}: {a} and {b}", theme.name(), theme.depth());
            }
        }
    }
}

#[test]
fn severities_differ_by_colour_wherever_there_is_colour() {
    for theme in every().filter(|theme| theme.depth() != Depth::None && theme.name() != "mono") {
        for (a, b) in pairs() {
            let colour = |severity| theme.style(Role::of(severity)).fg;
            assert_ne!(colour(a), colour(b), "{} at {}: {a} and {b}", theme.name(), theme.depth());
        }
    }
}

#[test]
fn severities_differ_for_the_eyes_a_theme_is_made_for() {
    let eyes = [
        ("deuteranopia", "deuteranopia", DEUTERANOPIA),
        ("deuteranopia", "protanopia", PROTANOPIA),
        ("tritanopia", "tritanopia", TRITANOPIA),
    ];
    for (name, eye, matrix) in eyes {
        for depth in [Depth::Ansi16, Depth::Ansi256, Depth::True] {
            let theme = Theme::named(name, depth).unwrap();
            for (a, b) in pairs() {
                let colour = |severity| {
                    let fg = theme.style(Role::of(severity)).fg.and_then(colour::of);
                    seen(&matrix, fg.and_then(Colour::rgb).unwrap())
                };
                let apart = distance(colour(a), colour(b));
                // Six times what is just seen.
                assert!(apart > 0.12, "{name} at {depth}, {eye}: {a} and {b} are {apart:.3} apart");
            }
        }
    }
    // The measure is one that can fail: to a deuteranope this red and this olive are nearly one.
    let alike = distance(seen(&DEUTERANOPIA, (163, 58, 30)), seen(&DEUTERANOPIA, (98, 98, 0)));
    assert!(alike < 0.12, "{alike}");
}

#[test]
fn down_conversion_takes_the_nearest() {
    let cases = [
        ("#ff0000", Depth::True, Some(Color::Rgb(255, 0, 0))),
        ("#ff0000", Depth::Ansi256, Some(Color::Indexed(196))),
        ("#ff0000", Depth::Ansi16, Some(Color::LightRed)),
        ("#ff0000", Depth::None, None),
        ("#080808", Depth::Ansi256, Some(Color::Indexed(232))),
        ("#5f87af", Depth::Ansi256, Some(Color::Indexed(67))),
        ("#fefefe", Depth::Ansi16, Some(Color::White)),
        ("#808080", Depth::Ansi16, Some(Color::DarkGray)),
        ("203", Depth::True, Some(Color::Indexed(203))),
        ("203", Depth::Ansi16, Some(Color::LightRed)),
        ("9", Depth::True, Some(Color::LightRed)),
        ("light-red", Depth::Ansi256, Some(Color::LightRed)),
        ("default", Depth::True, None),
    ];
    for (text, depth, color) in cases {
        assert_eq!(Colour::read(text).unwrap().at(depth), color, "{text} at {depth}");
    }
    for text in ["", "#fff", "#gggggg", "256", "-1", "+5", "Red", "#éé00", "reset"] {
        assert_eq!(Colour::read(text), None, "{text}");
    }
}

#[test]
fn a_palette_says_what_stands_for_a_colour() {
    let text = "[palette]\nalarm = [\"#d06020\", \"yellow\"]";
    let fg = |depth| Theme::from_text("mine", text, depth, &|_| None).unwrap().style(Role::Critical).fg;
    assert_eq!(fg(Depth::True), Some(Color::Rgb(0xd0, 0x60, 0x20)));
    assert_eq!(fg(Depth::Ansi256), Some(Color::Yellow));
    assert_eq!(fg(Depth::Ansi16), Some(Color::Yellow));
    assert_eq!(fg(Depth::None), None);
}

#[test]
fn what_a_theme_inherits_takes_the_colours_of_its_own_palette_and_says_where_it_comes_from() {
    let lookup = |name: &str| (name == "./house.toml").then(|| "[roles]\nkey = { fg = \"blue\" }".to_owned());
    let text =
        "inherits = \"./house.toml\"\n[palette]\nalarm = 201\n[roles]\ntitle = { fg = \"alarm\", add = [\"italic\"] }";
    let theme = Theme::from_text("mine", text, Depth::Ansi256, &lookup).unwrap();
    assert_eq!(theme.style(Role::Title), Style::new().fg(Color::Indexed(201)).add_modifier(Modifier::ITALIC));
    assert_eq!(theme.style(Role::Key), Style::new().fg(Color::Blue));
    assert_eq!(theme.style(Role::Critical).fg, Some(Color::Indexed(201)));
    let line = |role: Role| theme.listing().into_iter().find(|line| line.role == role).unwrap();
    let told = |role| format!("{}: {} ({})", line(role).role.name(), line(role).words(), line(role).from);
    assert_eq!(told(Role::Title), "title: fg 201, italic (theme)");
    assert_eq!(told(Role::Key), "key: fg blue (inherited from ./house.toml)");
    assert_eq!(told(Role::Critical), "critical: fg 201, bold, underline (default)");
    assert_eq!(told(Role::Text), "text: plain (default)");
}

#[test]
fn a_theme_that_cannot_be_used_says_where_and_what_to_do() {
    let lookup = |name: &str| match name {
        "a.toml" => Some("inherits = \"b.toml\"".to_owned()),
        "b.toml" => Some("inherits = \"a.toml\"".to_owned()),
        _ => None,
    };
    let names = "one of the 16 names (\"red\", \"light-red\", …), \"default\", \"#rrggbb\", a number from 0 to 255, or a name of [palette]";
    let rule = "{ fg = colour, bg = colour, add = [\"bold\", …] }";
    let pure = "a name of the 16, \"default\", \"#rrggbb\", a number from 0 to 255, or a list of those, best first";
    let words = "\"bold\", \"dim\", \"italic\", \"underline\", \"reverse\"";
    let known = "\"default\", \"light\", \"mono\", \"high-contrast\", \"deuteranopia\", \"tritanopia\"";
    let cases = [
        (
            "[roles]\n\ncritcal = {}".to_owned(),
            "mine:3: roles: found \"critcal\"; allowed is a role that `firn config theme` lists; did you mean \"critical\"?".to_owned(),
        ),
        ("[roles]\nkey = \"red\"".to_owned(), format!("mine:2: key: found \"red\"; allowed is {rule}")),
        (
            "[roles]\nkey = { color = \"red\" }".to_owned(),
            format!("mine:2: key: found \"color\"; allowed is {rule}"),
        ),
        (
            "[roles]\nkey = { fg = \"rad\" }".to_owned(),
            format!("mine:2: colour: found \"rad\"; allowed is {names}; did you mean \"red\"?"),
        ),
        (
            "[roles]\nkey = { fg = \"#12345\" }".to_owned(),
            format!("mine:2: key.fg: found \"#12345\"; allowed is {names}"),
        ),
        ("[roles]\nkey = { bg = 256 }".to_owned(), format!("mine:2: key.bg: found 256; allowed is {names}")),
        (
            "[roles]\nkey = { bg = true }".to_owned(),
            format!("mine:2: key.bg: found a value of type boolean; allowed is {names}"),
        ),
        (
            "[roles]\nkey = { add = [\"bald\"] }".to_owned(),
            format!("mine:2: key.add: found \"bald\"; allowed is {words}; did you mean \"bold\"?"),
        ),
        (
            "[roles]\nkey = { add = \"bold\" }".to_owned(),
            "mine:2: key.add: found \"bold\"; allowed is a list of words, such as [\"bold\"]".to_owned(),
        ),
        ("[palette]\nalarm = \"rad\"".to_owned(), {
            format!("mine:2: palette.alarm: found \"rad\"; allowed is {pure}; did you mean \"red\"?")
        }),
        (
            "[palette]\nalarm = []".to_owned(),
            format!("mine:2: palette.alarm: found a value of type array; allowed is {pure}"),
        ),
        (
            "[role]\nkey = {}".to_owned(),
            "mine:1: the file: found \"role\"; allowed is inherits, [palette] and [roles]; did you mean \"roles\"?".to_owned(),
        ),
        ("roles = 1".to_owned(), "mine:1: roles: found 1; allowed is a table, [roles]".to_owned()),
        (
            "inherits = 5".to_owned(),
            "mine:1: inherits: found 5; allowed is the name of a theme in quotes".to_owned(),
        ),
        (
            "\ninherits = \"defalt\"".to_owned(),
            format!(
                "mine:2: inherits: no theme is called \"defalt\"; the themes are {known}; or write the path of a file; did you mean \"default\"?"
            ),
        ),
        (
            "inherits = \"a.toml\"".to_owned(),
            "b.toml:1: inherits: \"mine\" → \"a.toml\" → \"b.toml\" → \"a.toml\" is a circle; one of them must inherit another, such as \"default\"".to_owned(),
        ),
        (
            "inherits = \"mine\"".to_owned(),
            "mine:1: inherits: \"mine\" → \"mine\" is a circle; one of them must inherit another, such as \"default\"".to_owned(),
        ),
        (
            "[roles]\nkey = { fg = \"a\x1b\" }".to_owned(),
            "mine:2: not TOML: ".to_owned(),
        ),
        ("[roles\n".to_owned(), "mine:1: not TOML: ".to_owned()),
    ];
    for (text, sentence) in cases {
        let error = Theme::from_text("mine", &text, Depth::True, &lookup).unwrap_err().to_string();
        if sentence.ends_with("not TOML: ") {
            assert!(error.starts_with(&format!("theme {sentence}")) && error.len() > sentence.len() + 6, "{error}");
        } else {
            assert_eq!(error, format!("theme {sentence}"), "{text}");
        }
        assert!(!error.contains(|c: char| c.is_control()), "{error:?}");
    }
    assert_eq!(
        Theme::named("dark", Depth::True).unwrap_err().to_string(),
        format!("no theme is called \"dark\"; the themes are {known}; or write the path of a file")
    );
}

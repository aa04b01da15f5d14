//! Where keys are text: what is typed, what is pasted, what was done before.

use firn::console::effect::Effect;
use firn::console::model::Model;
use firn::console::msg::Msg;
use firn::console::overlay::Overlay;

use super::kit::{WAYS, assert_printable, desk, go, open, paint, press, said, send, top, type_in};

/// The text of whatever is being typed.
fn typed(model: &Model) -> Option<&str> {
    match model.overlays.last()? {
        Overlay::Help(search) | Overlay::Palette(search) => Some(search.query.text()),
        Overlay::Prompt(prompt) => Some(prompt.edit.text()),
        Overlay::Confirm(confirm) => Some(confirm.typed.text()),
        Overlay::Form => Some(model.restore.form.source.text()),
        Overlay::Freeze(form) => Some(form.edit.text()),
        Overlay::Bench => model.redis.bench.form.as_ref().map(|form| form.hosts.text()),
        Overlay::Batch => model.restore.editor.lines().last().map(String::as_str),
        _ => None,
    }
}

#[test]
fn pasted_commands_are_letters_in_a_field_and_nothing_elsewhere() {
    let paste = "a\x1b[201~b\x07\x1b]52;c;AAAA\x07\x00\u{202e}\nq\rA\x03";
    for (name, way) in WAYS.iter().chain([&("the tab", "")]) {
        let mut model = if way.is_empty() { desk() } else { open(way) };
        let before = model.overlays.len();
        let effects = send(&mut model, Msg::Paste(paste.to_owned()));
        let harmless = effects.iter().all(|effect| matches!(effect, Effect::Draft { .. } | Effect::Check { .. }));
        assert!(harmless && model.overlays.len() == before, "{name}: {effects:?}");
        if let Some(text) = typed(&model) {
            assert!(!text.chars().any(char::is_control), "{name}: {text:?}");
        } else {
            assert_eq!(said(&model), "pasted text was dropped: nothing is being typed here", "{name}");
        }
        for effect in effects {
            let Effect::Draft { text, .. } = effect else { continue };
            // A list has lines.
            assert!(!text.chars().any(|c| c.is_control() && c != '\n'), "{name}: {text:?}");
        }
        for size in [(40, 10), (80, 24), (140, 40)] {
            assert_printable(&paint(&model, size).0, name);
        }
    }
}

#[test]
fn printable_keys_are_text_where_text_is_typed() {
    for (name, way) in WAYS {
        let mut model = open(way);
        if !model.overlays.last().unwrap().takes_text() {
            continue;
        }
        press(&mut model, "ctrl-u");
        let before = model.overlays.len();
        let effects = type_in(&mut model, "qApx:?zLT 1+");
        let harmless = effects.iter().all(|effect| matches!(effect, Effect::Draft { .. } | Effect::Check { .. }));
        assert!(harmless, "{name}: {effects:?}");
        assert_eq!(typed(&model), Some("qApx:?zLT 1+"), "{name}");
        press(&mut model, "ctrl-w left backspace");
        assert_eq!(typed(&model), Some("qApx:?zL "), "{name}");
        press(&mut model, "esc");
        assert_eq!(model.overlays.len(), before - 1, "{name}");
    }
}

#[test]
fn what_is_typed_is_kept() {
    let mut model = desk();
    press(&mut model, "f ctrl-u");
    let effects = type_in(&mut model, "ph");
    assert_eq!(effects.last(), Some(&Effect::Draft { name: "find", text: "ph".to_owned() }));
    press(&mut model, "esc");
    press(&mut model, "f");
    assert_eq!(typed(&model), Some("ph"));
    // What cannot be used stays, with what is wrong with it.
    let mut model = desk();
    press(&mut model, "R ctrl-u");
    type_in(&mut model, "here");
    press(&mut model, "enter");
    assert_eq!((top(&model), typed(&model)), ("prompt", Some("here")));
}

#[test]
fn the_palette_finds_completes_and_remembers() {
    let mut model = desk();
    press(&mut model, ":");
    type_in(&mut model, "hol");
    press(&mut model, "tab");
    assert_eq!(typed(&model), Some("hold"));
    press(&mut model, "enter");
    assert!(model.held.is_some() && model.overlays.is_empty());
    go(&mut model, "z L esc : up");
    // The newest first; what moves a list is not remembered.
    let mut seen = Vec::new();
    for _ in 0..6 {
        seen.push(typed(&model).unwrap().to_owned());
        press(&mut model, "up");
    }
    assert!(seen.iter().any(|id| id == "hold") && seen.iter().any(|id| id == "log"), "{seen:?}");
    // Down again to the empty line.
    press(&mut model, "down down down down down down down down");
    assert_eq!(typed(&model), Some(""));
    // Nothing like that, and what was meant.
    type_in(&mut model, "backup.pausee");
    assert_eq!(press(&mut model, "enter"), []);
    assert_eq!(said(&model), "there is no action like that here; did you mean backup.pause?");
    assert_eq!(top(&model), "palette");
}

#[test]
fn the_wheel_and_the_arrows_move_the_selection_of_the_palette() {
    let mut model = desk();
    press(&mut model, ":");
    press(&mut model, "down down");
    let Some(Overlay::Palette(search)) = model.overlays.last() else { panic!("no palette") };
    assert_eq!(search.selected, 2);
    press(&mut model, "up");
    let Some(Overlay::Palette(search)) = model.overlays.last() else { panic!("no palette") };
    assert_eq!((search.selected, search.query.text()), (1, ""), "rows that were gone down to are gone up again");
}

//! Requests as they are written: the form, and the editor for a list.

use firn::console::effect::{Effect, Query, Written};
use firn::console::msg::{Msg, Reply};
use firn::console::overlay::Overlay;
use firn::restore::view::VerdictPage;

use super::{checked, list, reply, tab, verdict};
use crate::kit::{press, said, screen, send, top, type_in};
use crate::pictures::compare;

#[test]
fn a_pasted_list_is_judged_line_by_line_and_gone_through() {
    let mut model = tab();
    let wrong = [3, 50, 51, 200, 201, 202, 399];
    list(&mut model, 400, &wrong);
    for size in [(80, 24), (140, 40)] {
        let text = screen(&model, size);
        compare(&format!("restore-batch-{}x{}.txt", size.0, size.1), &text);
        assert!(text.contains("393 ok  7 wrong  0 empty"), "{text}");
    }
    // The cursor stands behind what was pasted, on the last line; from there round.
    let mut found = Vec::new();
    for _ in 0..8 {
        press(&mut model, "f3");
        found.push(model.restore.editor.cursor().0);
    }
    assert_eq!(found, [3, 50, 51, 200, 201, 202, 399, 3]);
    let text = screen(&model, (80, 24));
    assert!(text.contains("there is no source \"avatr\" (line 4); did you mean \"avatar\"?"), "{text}");
    assert_eq!(said(&model), "");
}

#[test]
fn a_verdict_of_an_older_text_is_never_drawn() {
    let mut model = tab();
    press(&mut model, "b");
    let before = checked(&type_in(&mut model, "avatr:x"));
    let now = checked(&type_in(&mut model, "y"));
    assert!(now > before);
    send(
        &mut model,
        Msg::Verdicts(Written::Batch, VerdictPage { revision: before, verdicts: vec![verdict(0, false)] }),
    );
    send(&mut model, Msg::Checked(Written::Batch, before, Err("it was too slow".to_owned())));
    assert_eq!((model.restore.editor.verdict(0), model.restore.editor.is_checked()), (None, false));
    let text = screen(&model, (140, 40));
    assert!(text.contains("looking …") && !text.contains("avatar") && !text.contains("too slow"), "{text}");
    send(&mut model, Msg::Verdicts(Written::Batch, VerdictPage { revision: now, verdicts: vec![verdict(0, false)] }));
    send(&mut model, Msg::Checked(Written::Batch, now, Ok(())));
    assert!(screen(&model, (140, 40)).contains("0 ok  1 wrong  0 empty"));
    // A line that is not there has none.
    let beyond = VerdictPage { revision: now, verdicts: vec![verdict(7, true)] };
    send(&mut model, Msg::Verdicts(Written::Batch, beyond));
    assert_eq!(model.restore.editor.counts().ok, 0);
    // Nothing of it can be planned.
    assert_eq!(press(&mut model, "f2"), []);
    assert_eq!(said(&model), "batch.plan: no line of the list can be planned; each says why");
    // What could not be looked at says so, and may be planned: each line is looked at again then.
    let now = checked(&type_in(&mut model, "z"));
    send(&mut model, Msg::Checked(Written::Batch, now, Err("the state is locked".to_owned())));
    assert!(screen(&model, (80, 24)).contains("the state is locked"));
    assert_eq!(press(&mut model, "f2").len(), 1);
}

#[test]
fn what_is_written_is_kept_undone_and_never_thrown_away() {
    let mut model = tab();
    list(&mut model, 3, &[]);
    let effects = type_in(&mut model, "!");
    let [Effect::Check { .. }, Effect::Draft { name: "batch", text }] = &effects[..] else { panic!("{effects:?}") };
    assert!(text.ends_with("photos:a/2.jpg /srv/x/!"), "{text}");
    let text = text.clone();
    press(&mut model, "f8");
    assert!(model.restore.editor.is_empty() && said(&model).starts_with("the list is empty; alt-u brings it back"));
    press(&mut model, "alt-u");
    assert_eq!(model.restore.editor.text(), text);
    press(&mut model, "alt-r");
    assert!(model.restore.editor.is_empty());
    press(&mut model, "alt-u esc");
    assert_eq!(top(&model), "");
    press(&mut model, "b");
    assert_eq!(model.restore.editor.text(), text);
    // A long one is not written at each key, but every second and when it is left.
    let long = "photos:a/b.jpg /srv/x/\n".repeat(5_000);
    let effects = send(&mut model, Msg::Paste(long));
    assert!(matches!(&effects[..], [Effect::Check { .. }]), "{effects:?}");
    let effects = send(&mut model, Msg::Tick);
    assert!(matches!(&effects[..], [Effect::Draft { name: "batch", .. }]), "{effects:?}");
    assert_eq!(send(&mut model, Msg::Tick), []);
    type_in(&mut model, "x");
    assert!(matches!(&press(&mut model, "esc")[..], [Effect::Draft { name: "batch", .. }]));
    // Nor is more put in than a list holds.
    press(&mut model, "b");
    let before = model.restore.editor.revision();
    assert_eq!(send(&mut model, Msg::Paste("x".repeat(17 << 20))), []);
    assert!(said(&model).contains("nothing was put in; `firn restore --batch` reads any number"), "{}", said(&model));
    assert_eq!(model.restore.editor.revision(), before);
}

#[test]
fn control_characters_are_letters_in_a_list() {
    let mut model = tab();
    press(&mut model, "b");
    send(&mut model, Msg::Paste("\u{feff}a\x1b[2Jb\tc\r\n\u{202e}d\x07".to_owned()));
    assert_eq!(model.restore.editor.lines(), ["a\\x1b[2Jb\tc", "\\u{202e}d\\x07"]);
    let text = screen(&model, (80, 24));
    assert!(text.contains("a\\x1b[2Jb c"), "{text}");
    // Keys of the list: words, lines, and back.
    press(&mut model, "ctrl-home ctrl-k enter");
    type_in(&mut model, "one two");
    press(&mut model, "ctrl-w left backspace");
    assert_eq!(model.restore.editor.lines()[1], "on ");
    press(&mut model, "tab shift-tab pgdn pgup ctrl-end");
    assert_eq!(model.restore.editor.cursor().0, 2);
    assert_eq!(top(&model), "batch");
}

#[test]
fn a_list_is_read_from_a_file_and_written_to_one() {
    let mut model = tab();
    press(&mut model, "b f5");
    type_in(&mut model, "requests.txt");
    press(&mut model, "enter");
    let wrong = "\"requests.txt\" is no file's absolute path; write it from the root";
    assert!(screen(&model, (140, 40)).contains(wrong));
    press(&mut model, "ctrl-u");
    type_in(&mut model, "~/requests.txt");
    let effects = press(&mut model, "enter");
    let path = std::path::PathBuf::from("/home/robin/requests.txt");
    assert_eq!(effects, [Effect::Load(path.clone())]);
    let effects = send(&mut model, Msg::Reply(Reply::Loaded(path.clone(), Ok("photos:a /srv/\n# b\n".to_owned()))));
    assert!(checked(&effects) > 0 && said(&model) == "2 lines of /home/robin/requests.txt were put in");
    send(&mut model, Msg::Reply(Reply::Loaded(path.clone(), Err("line 2 is not UTF-8".to_owned()))));
    assert_eq!(said(&model), "/home/robin/requests.txt was not read: line 2 is not UTF-8");
    // To where it came from it is written over; to another place only where nothing is.
    let effects = press(&mut model, "f6 enter");
    let [Effect::Save { path: to, replace: true, text }] = &effects[..] else { panic!("{effects:?}") };
    assert_eq!((to, &**text), (&path, "photos:a /srv/\n# b\n"));
    press(&mut model, "f6 ctrl-u");
    type_in(&mut model, "/srv/other.txt");
    let effects = press(&mut model, "enter");
    assert!(matches!(&effects[..], [Effect::Save { replace: false, .. }]), "{effects:?}");
    let told = Reply::Saved("/srv/other.txt".into(), Err("there is a file of that name; name another".to_owned()));
    send(&mut model, Msg::Reply(told));
    assert!(said(&model).ends_with("there is a file of that name; name another"));
    // Put into another list, a file is not what that list is written over.
    let other = "/home/robin/other.txt";
    send(&mut model, Msg::Reply(Reply::Loaded(other.into(), Ok("photos:c /srv/\n".to_owned()))));
    let effects = press(&mut model, "f6 enter");
    assert!(matches!(&effects[..], [Effect::Save { path: to, replace: true, .. }] if *to == path), "{effects:?}");
}

#[test]
fn a_form_is_one_line_of_a_list() {
    let mut model = tab();
    press(&mut model, "n");
    type_in(&mut model, "photos:a/b.jpg");
    press(&mut model, "tab");
    type_in(&mut model, "/srv/x/");
    press(&mut model, "tab");
    let effects = type_in(&mut model, "2026-11-22");
    let Some(Effect::Check { of: Written::Form, revision, text, dest }) =
        effects.iter().rev().find(|effect| matches!(effect, Effect::Check { .. }))
    else {
        panic!("{effects:?}")
    };
    assert_eq!(&**text, "photos:a/b.jpg /srv/x/ as-of 2026-11-22");
    assert_eq!(dest.as_deref(), Some("file:/home/robin/restored/"));
    let page = |revision, usable| VerdictPage { revision, verdicts: vec![verdict(0, usable)] };
    send(&mut model, Msg::Verdicts(Written::Form, page(revision - 1, false)));
    assert_eq!(model.restore.form.verdict, None, "of an older text");
    send(&mut model, Msg::Verdicts(Written::Form, page(*revision, false)));
    compare("restore-form-80x24.txt", &screen(&model, (80, 24)));
    // A line that cannot be planned is not.
    assert_eq!(press(&mut model, "enter"), []);
    assert!(said(&model).starts_with("form.plan: column 1: there is no source"), "{}", said(&model));
    send(&mut model, Msg::Verdicts(Written::Form, page(*revision, true)));
    press(&mut model, "tab right right right");
    let effects = press(&mut model, "enter");
    let [Effect::Ask(query @ Query::Draft { tier: Some("bulk"), .. })] = &effects[..] else { panic!("{effects:?}") };
    send(&mut model, Msg::Reply(reply(query).unwrap()));
    let Some(Overlay::Quotes(quotes)) = model.overlays.last() else { panic!("{}", said(&model)) };
    assert_eq!(quotes.selected, 2, "the tier that was wished for");
    // What is typed is there again.
    press(&mut model, "esc esc n");
    assert_eq!(model.restore.form.source.text(), "photos:a/b.jpg");
    // A comment in one line of it would silence the others.
    press(&mut model, "tab");
    type_in(&mut model, " # 12");
    assert_eq!(press(&mut model, "enter"), []);
    let why = "source: a # begins a comment; leave it out, or put the name in quotes: '#1.jpg'";
    assert!(said(&model).ends_with(why) && screen(&model, (120, 40)).contains(why), "{}", said(&model));
    press(&mut model, "ctrl-u");
    type_in(&mut model, "'photos:a/b #1.jpg'");
    assert_eq!(model.restore.form.commented(), None);
}

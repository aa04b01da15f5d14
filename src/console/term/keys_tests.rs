use super::*;
use proptest::prelude::*;

/// Everything at once, and then nothing more.
fn read(bytes: &[u8]) -> Vec<Input> {
    let mut parser = Parser::new(0x7f);
    let mut found = Vec::new();
    parser.feed(bytes, &mut found);
    parser.idle(&mut found);
    assert_eq!(parser.pending(), Pending::Nothing, "{bytes:?}");
    found
}

/// Keys as people write them, separated by spaces.
fn keys(bytes: &[u8]) -> String {
    let names = read(bytes).into_iter().map(|input| match input {
        Input::Key(chord) => chord.to_string(),
        other => panic!("{other:?} is no key"),
    });
    names.collect::<Vec<_>>().join(" ")
}

#[test]
fn keys_as_terminals_send_them() {
    let cases: [(&[u8], &str); 60] = [
        (b"a", "a"),
        (b"A", "A"),
        (b"?", "?"),
        (b" ", "space"),
        ("ü".as_bytes(), "ü"),
        ("€😀".as_bytes(), "€ 😀"),
        (b"\r", "enter"),
        (b"\n", "ctrl-j"),
        (b"\t", "tab"),
        (b"\x7f", "backspace"),
        (b"\x08", "ctrl-h"),
        (b"\x00", "ctrl-space"),
        (b"\x03", "ctrl-c"),
        (b"\x1a", "ctrl-z"),
        (b"\x1c", "ctrl-\\"),
        (b"\x1f", "ctrl-_"),
        (b"\x1b", "esc"),
        (b"\x1b\x1b", "esc esc"),
        (b"\x1b\x1b[A", "esc up"),
        (b"\x1bx", "alt-x"),
        (b"\x1b\x18", "ctrl-alt-x"),
        (b"\x1b\r", "alt-enter"),
        (b"\x1b\x7f", "alt-backspace"),
        ("\x1bü".as_bytes(), "alt-ü"),
        (b"\x1b[", "alt-["),
        (b"\x1bO", "alt-O"),
        (b"\x1b[A", "up"),
        (b"\x1b[B", "down"),
        (b"\x1b[C", "right"),
        (b"\x1b[D", "left"),
        (b"\x1bOA", "up"),
        (b"\x1bOH", "home"),
        (b"\x1bOM", "enter"),
        (b"\x1b[H", "home"),
        (b"\x1b[F", "end"),
        (b"\x1b[1~", "home"),
        (b"\x1b[4~", "end"),
        (b"\x1b[7~", "home"),
        (b"\x1b[8~", "end"),
        (b"\x1b[2~", "insert"),
        (b"\x1b[3~", "delete"),
        (b"\x1b[5~", "pgup"),
        (b"\x1b[6~", "pgdn"),
        (b"\x1b[Z", "shift-tab"),
        (b"\x1bOP\x1bOS", "f1 f4"),
        (b"\x1b[[A\x1b[[E", "f1 f5"),
        (b"\x1b[11~\x1b[15~", "f1 f5"),
        (b"\x1b[17~\x1b[21~\x1b[23~\x1b[24~", "f6 f10 f11 f12"),
        (b"\x1b[1;5A", "ctrl-up"),
        (b"\x1b[1;3D", "alt-left"),
        (b"\x1b[1;2C", "right"),
        (b"\x1b[5;5~", "ctrl-pgup"),
        (b"\x1b[1;7P", "ctrl-alt-f1"),
        (b"\x1b[97;5u", "ctrl-a"),
        (b"\x1b[65;6u", "ctrl-a"),
        (b"\x1b[97;2u", "A"),
        (b"\x1b[13;3u", "alt-enter"),
        (b"\x1b[9;2u", "shift-tab"),
        (b"\x1b[27;5;105~", "ctrl-i"),
        (b"\x1b[27u", "esc"),
    ];
    for (bytes, expected) in cases {
        assert_eq!(keys(bytes), expected, "{:?}", String::from_utf8_lossy(bytes));
    }
}

#[test]
fn what_is_no_key_is_dropped_and_what_follows_is_not() {
    let cases: [&[u8]; 18] = [
        b"",
        b"\xff",
        b"\xc3",
        b"\xe2\x82",
        b"\xc2\x9b",
        b"\x1b[I",
        b"\x1b[O",
        b"\x1b[?62;1c",
        b"\x1b[1;2;3",
        b"\x1b[99~",
        b"\x1b[16~",
        b"\x1b[99999999999~",
        b"\x1b[97;5:3u",
        b"\x1b[97;1:2u",
        b"\x1b[57358u",
        b"\x1b[201~",
        b"\x1bOz",
        b"\x1b[<0;1",
    ];
    for bytes in cases {
        assert_eq!(read(bytes), [], "{bytes:?}");
    }
    assert_eq!(keys(b"\x1b[12\x1b[A"), "up");
    assert_eq!(keys(b"\x1b[12\x03"), "ctrl-c");
    assert_eq!(keys(b"\xe2\x82q"), "q");
    assert_eq!(keys(b"\x1b[99~q"), "q");
}

#[test]
fn a_terminal_whose_backspace_is_ctrl_h_says_so() {
    let mut found = Vec::new();
    Parser::new(0x08).feed(b"\x08\x7f", &mut found);
    assert_eq!(found, [Press::Backspace; 2].map(|press| Input::Key(Chord::plain(press))));
}

#[test]
fn an_escape_waits_for_what_it_may_begin() {
    let mut parser = Parser::new(0x7f);
    let mut found = Vec::new();
    parser.feed(b"\x1b", &mut found);
    assert_eq!((found.len(), parser.pending()), (0, Pending::Key));
    parser.feed(b"[", &mut found);
    assert_eq!((found.len(), parser.pending()), (0, Pending::Key));
    parser.feed(b"A", &mut found);
    assert_eq!(found, [Input::Key(Chord::plain(Press::Up))]);
    parser.feed(b"\x1b", &mut found);
    parser.idle(&mut found);
    assert_eq!(found.last(), Some(&Input::Key(Chord::plain(Press::Esc))));
}

#[test]
fn the_mouse_in_both_encodings() {
    let at = |kind, column, row| Input::Mouse { kind, column, row };
    let cases: [(&[u8], Option<Input>); 12] = [
        (b"\x1b[<0;1;1M", Some(at(MouseKind::Click, 0, 0))),
        (b"\x1b[<0;1;1m", None),
        (b"\x1b[<16;300;200M", Some(at(MouseKind::Click, 299, 199))),
        (b"\x1b[<64;5;6M", Some(at(MouseKind::WheelUp, 4, 5))),
        (b"\x1b[<65;5;6M", Some(at(MouseKind::WheelDown, 4, 5))),
        (b"\x1b[<2;5;6M", None),
        (b"\x1b[<32;5;6M", None),
        (b"\x1b[<35;5;6M", None),
        (b"\x1b[<0;0;6M", None),
        (b"\x1b[<0;70000;6M", None),
        (b"\x1b[M \x21\x22", Some(at(MouseKind::Click, 0, 1))),
        (b"\x1b[M\x23!!", None),
    ];
    for (bytes, expected) in cases {
        assert_eq!(read(bytes), Vec::from_iter(expected), "{:?}", String::from_utf8_lossy(bytes));
    }
}

fn paste(text: &str, cut: bool) -> Input {
    Input::Paste { text: text.to_owned(), cut }
}

#[test]
fn a_paste_is_text_and_never_keys() {
    assert_eq!(
        read(b"\x1b[200~q\r\nrm -rf\r\x1b[A\x03\xff\x1b[201~x"),
        [paste("q\nrm -rf\n\x1b[A\x03\u{fffd}", false), Input::Key(Chord::char('x'))]
    );
    assert_eq!(read(b"\x1b[200~\x1b[201~"), [paste("", false)]);
    // Its end was lost.
    assert_eq!(read(b"\x1b[200~abc\x1b[20"), [paste("abc\x1b[20", false)]);
}

#[test]
fn a_paste_is_cut_at_its_limit_and_its_rest_does_not_become_keys() {
    for extra in [0, 1, 70_000] {
        let mut bytes = b"\x1b[200~".to_vec();
        bytes.resize(bytes.len() + PASTE_LIMIT + extra, b'x');
        bytes.extend_from_slice(b"\x1b[201~");
        let mut parser = Parser::new(0x7f);
        let mut found = Vec::new();
        for part in bytes.chunks(4096) {
            parser.feed(part, &mut found);
            assert!(parser.buffer.len() <= 4096 + PASTE_END.len());
        }
        let [Input::Paste { text, cut }] = found.as_slice() else { panic!("{} inputs", found.len()) };
        assert_eq!((text.len(), *cut), (PASTE_LIMIT, extra > 0));
    }
    // A byte that is not UTF-8 takes three where it is replaced.
    let mut bytes = b"\x1b[200~".to_vec();
    bytes.resize(bytes.len() + PASTE_LIMIT, 0xff);
    bytes.extend_from_slice(b"\x1b[201~");
    let found = read(&bytes);
    let [Input::Paste { text, cut: true }] = found.as_slice() else { panic!("{} inputs", found.len()) };
    assert!(text.len() <= PASTE_LIMIT && text.chars().all(|c| c == '\u{fffd}'));
}

/// Bytes out of which sequences are made, and others.
fn bytes() -> impl Strategy<Value = Vec<u8>> {
    let part = prop_oneof![
        proptest::sample::select(b"\x1b[O<;:0129~MmuABZ\x7f\x08\xc3\xbc\xe2\x82\xac".to_vec()).prop_map(|b| vec![b]),
        proptest::sample::select(vec![&b"\x1b[200~"[..], b"\x1b[201~", b"\x1b[<0;3;4M", b"\x1b[1;5A", b"\x1b[M"])
            .prop_map(<[u8]>::to_vec),
        any::<u8>().prop_map(|b| vec![b]),
    ];
    proptest::collection::vec(part, 0..40).prop_map(|parts| parts.concat())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]
    #[test]
    fn how_bytes_are_cut_into_reads_makes_no_difference(bytes in bytes(), cuts in proptest::collection::vec(0_usize..80, 0..8)) {
        let whole = read(&bytes);
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(bytes.len())).chain([0, bytes.len()]).collect();
        cuts.sort_unstable();
        let mut parser = Parser::new(0x7f);
        let mut found = Vec::new();
        for pair in cuts.windows(2) {
            parser.feed(&bytes[pair[0]..pair[1]], &mut found);
        }
        parser.idle(&mut found);
        prop_assert_eq!(found, whole);
    }

    #[test]
    fn nothing_is_held_back_for_ever(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        let mut parser = Parser::new(0x7f);
        let mut found = Vec::new();
        parser.feed(&bytes, &mut found);
        prop_assert!(parser.paste.is_some() || parser.buffer.len() <= LONGEST + 3);
        parser.idle(&mut found);
        prop_assert_eq!(parser.pending(), Pending::Nothing);
    }

    #[test]
    fn every_key_typed_is_read_back(text in "[ -~à-ÿА-я一-龥]{0,40}") {
        let typed: Vec<char> = read(text.as_bytes()).into_iter().filter_map(|input| match input {
            Input::Key(chord) => chord.typed(),
            _ => None,
        }).collect();
        prop_assert_eq!(typed, text.chars().collect::<Vec<_>>());
    }
}

//! `firn demo` without a terminal: its screen as text and as a picture.

use crate::kit::Home;

/// Half a minute of it, on so many threads.
fn screen(home: &Home, threads: &str, more: &[&str]) -> String {
    let demo = ["demo", "--scenario", "bad-night", "--until", "30s", "--print", "100x30", "--threads", threads];
    home.firn(&[&demo, more].concat()).expect(0).clean().out
}

#[test]
fn a_picture_is_the_same_each_time_and_says_what_the_text_says() {
    let home = Home::new();
    let utf8 = ["--set", "console.glyphs=utf8"];
    let text = screen(&home, "1", &utf8);
    assert_eq!(text.lines().count(), 30);
    let picture = screen(&home, "1", &["--svg"]);
    assert_eq!(picture, screen(&home, "4", &["--svg"]));
    // Words stand in the picture in the order of the text; blocks and lines are drawn.
    let letters: Vec<&str> = picture
        .lines()
        .filter_map(|line| line.strip_prefix("<text ")?.strip_suffix("</text>")?.split_once('>'))
        .map(|(_, text)| text)
        .collect();
    let drawn = |c: char| matches!(c, ' ' | '\n' | '▁'..='▏' | '░' | '─' | '│' | '┌' | '┐' | '└' | '┘');
    let letters = letters.concat().replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
    assert_eq!(letters, text.replace(drawn, ""));
    assert!(letters.contains("DEMObad-night"), "{letters}");
    assert!(picture.starts_with("<svg ") && picture.ends_with("</svg>\n"));
    // `auto` follows no terminal, for there is none; what is asked for holds.
    let plain = screen(&home, "1", &["--svg", "--set", "console.glyphs=ascii", "--set", "console.theme=mono"]);
    assert!(plain.is_ascii() && plain != picture);
}

#[test]
fn what_only_goes_together_is_told() {
    let home = Home::new();
    home.firn(&["demo", "--print", "80x24"]).expect(2).says(&["--until <SPAN>"]);
    home.firn(&["demo", "--until", "1s", "--svg"]).expect(2).says(&["--print <COLUMNSxROWS>"]);
    home.firn(&["demo", "--until", "1s", "--print", "80*24"])
        .expect(2)
        .says(&["\"80*24\" is no size; write columns and rows, each from 1 to 1000, such as 140x40"]);
}

use std::path::PathBuf;

use proptest::prelude::*;

use super::lines::{Parsed, Reader};
use super::*;
use crate::base::ids::Key;

fn rule(pattern: &str, source: Option<&str>) -> UrlRule {
    UrlRule::new(pattern, source, None).unwrap()
}

fn names() -> Names {
    Names::of(["docs", "photos", "avatar", "archive"]).with_urls([
        rule("https://cdn.example.com/{domain}/{key}", None),
        rule("https://{source}.files.example.com/{key}", None),
        rule("https://img.example.com/{key}", Some("photos")),
    ])
}

fn read(line: &str, names: &Names) -> String {
    match parse_line(line, names) {
        None => String::new(),
        Some(Ok(ask)) => ask.to_string(),
        Some(Err(error)) => format!("{error} [{}]", error.length),
    }
}

fn check(names: &Names, cases: &[(&str, &str)]) {
    for (line, expected) in cases {
        assert_eq!(read(line, names), *expected, "of: {line}");
    }
}

const UUID: &str = "0193561e-7c2b-7d4e-8f10-112233445566";

#[test]
fn every_source_and_destination_is_read_and_written_in_one_spelling() {
    check(
        &names(),
        &[
            ("docs:a/b.jpg /srv/x", "docs:a/b.jpg file:/srv/x"),
            ("docs:a/b.jpg\t  file:/srv//./x/ ", "docs:a/b.jpg file:/srv/x/"),
            ("docs:a/ /srv/x", "docs:a/ file:/srv/x/"),
            ("docs: /srv/x", "docs: file:/srv/x/"),
            ("docs /srv/x", "docs: file:/srv/x/"),
            ("source:docs /srv/x", "docs: file:/srv/x/"),
            ("docs:: /", "docs:: file:/"),
            ("source:docs:a /x", "docs:a file:/x"),
            ("source:archive:a /x", "source:archive:a file:/x"),
            ("prefix:docs:a/b /x", "prefix:docs:a/b file:/x/"),
            ("prefix:archive: /x", "prefix:archive: file:/x/"),
            ("prefix:docs /x", "prefix:docs: file:/x/"),
            ("fid:88123 mogile:", "fid:88123 mogile:"),
            ("fid:0088123 s3://bucket/key", "fid:88123 s3://bucket/key"),
            ("mogile://avatar/a/b.jpg file:/srv/x", "mogile://avatar/a/b.jpg file:/srv/x"),
            ("mogile://avatar/50%20off mogile://lost/", "mogile://avatar/50%20off mogile://lost/"),
            ("mogile://avatar/a mogile://lost", "mogile://avatar/a mogile://lost/"),
            ("mogile://avatar/a mogile://lost/b", "mogile://avatar/a mogile://lost/b"),
            ("https://cdn.example.com/avatar/a%20b.jpg?w=1 mogile:", "\"mogile://avatar/a b.jpg\" mogile:"),
            ("HTTP://DOCS.files.example.com/A/b.jpg#x /x", "docs:A/b.jpg file:/x"),
            ("https://img.example.com/a /x", "photos:a file:/x"),
            ("version:17 /x", "version:17 file:/x"),
            (&format!("archive:{UUID} /x"), &format!("archive:{UUID} file:/x/")),
            (
                "between:2026-11-01..2026-11-22T12:30:00+02:00 /x",
                "between:2026-11-01T00:00:00Z..2026-11-22T10:30:00Z file:/x/",
            ),
            (
                "between:docs:2026-11-01T00:00:00.000001Z..2026-11-02 /x",
                "between:docs:2026-11-01T00:00:00.000001Z..2026-11-02T00:00:00Z file:/x/",
            ),
            ("everything: s3://bucket", "everything: s3://bucket/"),
            ("everything: s3://bucket/lost", "everything: s3://bucket/lost/"),
            ("docs:a s3://bucket/lost/", "docs:a s3://bucket/lost/"),
            ("docs:a file:///srv/x", "docs:a file:/srv/x"),
            ("docs:a /x as-of 2026-11-22", "docs:a file:/x as-of 2026-11-22T00:00:00Z"),
            (
                "docs:a /x overwrite as-of 2026-11-22T12:00:00.5Z # as it was",
                "docs:a file:/x as-of 2026-11-22T12:00:00.5Z overwrite",
            ),
        ],
    );
}

#[test]
fn blanks_quotes_and_bytes() {
    check(
        &names(),
        &[
            ("", ""),
            ("   \t", ""),
            ("# docs:a /x", ""),
            ("  # docs:a /x", ""),
            ("docs:\"a b\".jpg '/srv/x y'", "\"docs:a b.jpg\" \"file:/srv/x y\""),
            ("'docs:a \"b\" \\x41' /x", "\"docs:a \\\"b\\\" \\\\x41\" file:/x"),
            ("\"docs:\\xff\\x0a\\u{202e}\\\\\\\"\" /x", "\"docs:\\xff\\x0a\\u{202e}\\\\\\\"\" file:/x"),
            ("docs:a#b /x#y", "docs:a#b file:/x#y"),
            ("docs:a \"/x\" overwrite", "docs:a file:/x overwrite"),
            (
                "docs:a '#' # no folder of that name",
                "column 8: \"#\" is no destination; there are file:/PATH, mogile:, mogile://DOMAIN/KEY and s3://BUCKET/KEY [3]",
            ),
            ("docs:é\u{200d}ü /x", "\"docs:é\\u{200d}ü\" file:/x"),
            ("docs:a\\b /x", "\"docs:a\\\\b\" file:/x"),
        ],
    );
    let raw = parse_line(b"docs:\xff /\xfe".as_slice(), &names()).unwrap().unwrap();
    assert_eq!(raw.to_string(), "\"docs:\\xff\" \"file:/\\xfe\"");
}

#[test]
fn every_kind_of_wrong_line_has_its_sentence_and_its_place() {
    let dests = "there are file:/PATH, mogile:, mogile://DOMAIN/KEY and s3://BUCKET/KEY";
    let known = "there are: docs, photos, avatar, archive";
    let dest = |found: &str, rest: &str| format!("\"{found}\" is no destination{rest}");
    let cases: &[(&str, String)] = &[
        ("docs:'a b /x", "column 6: the quote ' that opens here is never closed [7]".into()),
        ("docs:é\"a b /x", "column 7: the quote \" that opens here is never closed [7]".into()),
        ("\"docs:\\q\" /x", "column 7: \\q is no escape; in double quotes there are \\\", \\\\, \\xNN (a byte) and \\u{N} (a character) [2]".into()),
        ("\"docs:\\x4\" /x", "column 7: \\x4\" is no escape; in double quotes there are \\\", \\\\, \\xNN (a byte) and \\u{N} (a character) [4]".into()),
        ("docs:a\x1b[2J /x", "column 7: here is a control character; in double quotes it is written \\x1b [1]".into()),
        ("docs:a\u{a0}/x", "column 7: here is U+00A0, a blank that does not separate words; put a plain one there, or quotes around the name [1]".into()),
        ("avatr:a /x", "column 1: there is no source \"avatr\"; did you mean \"avatar\"? [5]".into()),
        ("  nowhere:a /x", format!("column 3: there is no source \"nowhere\"; {known} [7]")),
        ("doc /x", "column 1: there is no source \"doc\"; did you mean \"docs\"? [3]".into()),
        ("everything /x", "column 1: there is no source \"everything\"; did you mean \"everything:\"? [10]".into()),
        ("fdi:88123 /x", "column 1: there is no source \"fdi\"; did you mean \"fid\"? [3]".into()),
        (":a /x", format!("column 1: there is no source \"\"; {known} [2]")),
        ("a/b.jpg /x", format!("column 1: \"a/b.jpg\" does not say of which source; write NAME:PATH ({known}) [7]")),
        ("'' /x", format!("column 1: \"\" does not say of which source; write NAME:PATH ({known}) [2]")),
        ("88123 /x", "column 1: \"88123\" is only a number; write fid:88123 for a MogileFS file, version:88123 for a version by firn's number [5]".into()),
        ("archive:a/b.jpg /x", "column 1: \"archive:\" is a word of the grammar; for the source of that name write source:archive:PATH [8]".into()),
        ("file:/x docs:a", "column 1: \"file:\" is a destination; a line is SOURCE DEST, the source first [5]".into()),
        ("s3://b/k docs:a", "column 1: \"s3:\" is a destination; a line is SOURCE DEST, the source first [3]".into()),
        ("source:dosc:a /x", "column 8: there is no source \"dosc\"; did you mean \"docs\"? [4]".into()),
        ("prefix:dosc:a /x", "column 8: there is no source \"dosc\"; did you mean \"docs\"? [4]".into()),
        ("fid:88a /x", "column 5: \"88a\" is no fid; a fid is a whole number from 1 on, such as fid:88123 [3]".into()),
        ("fid:0 /x", "column 5: \"0\" is no fid; a fid is a whole number from 1 on, such as fid:88123 [1]".into()),
        ("fid:99999999999999999999 /x", "column 5: \"99999999999999999999\" is no fid; a fid is a whole number from 1 on, such as fid:88123 [20]".into()),
        ("fid: /x", "column 1: \"\" is no fid; a fid is a whole number from 1 on, such as fid:88123 [4]".into()),
        ("version:-1 /x", "column 9: \"-1\" is no number of a version; it is a whole number from 1 on, as `firn find` shows it [2]".into()),
        ("everything:all /x", "column 12: \"everything:\" stands alone; for everything of a source write NAME: [3]".into()),
        ("between:yesterday /x", "column 1: \"yesterday\" are no two times; write between:FROM..TO or between:NAME:FROM..TO, such as between:2026-11-01..2026-11-22 [17]".into()),
        ("between:2026-11-22..2026-11-22 /x", "column 1: nothing lies between 2026-11-22T00:00:00Z and 2026-11-22T00:00:00Z: FROM is before TO, and TO itself is not in it [30]".into()),
        ("between:dosc:2026-11-21..2026-11-22 /x", "column 9: there is no source \"dosc\"; did you mean \"docs\"? [4]".into()),
        ("mogile:avatar/a /x", "column 1: \"mogile:avatar/a\" names no file of MogileFS; write mogile://DOMAIN/KEY [15]".into()),
        ("mogile://avatar/ /x", "column 1: \"mogile://avatar/\" names no file of MogileFS; write mogile://DOMAIN/KEY [16]".into()),
        ("https:///a /x", "column 1: a URL has a host after its scheme, such as https://cdn.example.com/a.jpg [10]".into()),
        ("http:/x /x", "column 1: a URL has a host after its scheme, such as https://cdn.example.com/a.jpg [7]".into()),
        ("https://img.example.com/a%2 /x", "column 26: \"%\" in a URL is followed by two hexadecimal digits; a percent sign itself is %25 [2]".into()),
        ("https://example.com/a /x", "column 1: no pattern fits this URL; `firn config show` lists them ([[url]]) [21]".into()),
        ("https://dosc.files.example.com/a /x", "column 1: there is no source \"dosc\"; did you mean \"docs\"? [32]".into()),
        ("docs:a", "column 7: the destination is missing; write SOURCE DEST, such as file:/srv/restored/ [0]".into()),
        ("docs:a as-of 2026-11-22", "column 7: the destination is missing; write SOURCE DEST, such as file:/srv/restored/ [0]".into()),
        ("docs:a x", format!("column 8: {}", dest("x", &format!("; {dests} [1]")))),
        ("docs:my photo.jpg /x", format!("column 9: {}", dest("photo.jpg", &format!("; {dests}; a name with blanks stands in quotes [9]")))),
        ("docs:a flie:/x", format!("column 8: {}", dest("flie:/x", &format!("; did you mean \"file:\"?; {dests} [7]")))),
        ("docs:a S3://b/k", format!("column 8: {}", dest("S3://b/k", &format!("; did you mean \"s3:\"?; {dests} [8]")))),
        ("docs:a file:", format!("column 8: {}", dest("file:", &format!("; {dests} [5]")))),
        ("docs:a x/y", "column 8: \"x/y\" is a relative path; write the whole of it, from \"/\" on [3]".into()),
        ("docs:a file:x", "column 8: \"x\" is a relative path; write the whole of it, from \"/\" on [6]".into()),
        ("docs:a file://host/x", "column 8: \"file:\" takes a path of this machine; write file:/PATH [13]".into()),
        ("docs:a /srv/../etc", "column 8: the path goes up (\"..\"); write the path that is meant [11]".into()),
        ("docs:a \"/x\\x00y\"", "column 8: the path has a part of over 255 bytes, a zero byte, or over 4,095 bytes; no file system takes it [9]".into()),
        ("docs:a s3:bucket/key", "column 8: \"\" is no bucket's name; it is 3 to 63 small letters, digits, \".\" and \"-\"; write s3://BUCKET/KEY [13]".into()),
        ("docs:a s3://My_Bucket/k", "column 8: \"My_Bucket\" is no bucket's name; it is 3 to 63 small letters, digits, \".\" and \"-\"; write s3://BUCKET/KEY [16]".into()),
        ("docs:a mogile:avatar", "column 8: \"mogile:avatar\" names no file of MogileFS; write mogile://DOMAIN/KEY [13]".into()),
        ("docs: mogile://avatar/a", "column 7: many files cannot go to one key; write mogile: (each under its own), or mogile://avatar/ [17]".into()),
        ("docs:a /x y", "column 11: \"y\" is one word too many; after SOURCE DEST come as-of TIME and overwrite, and a name with blanks stands in quotes [1]".into()),
        ("docs:a /x overwrit", "column 11: \"overwrit\" is one word too many; did you mean \"overwrite\"?; after SOURCE DEST come as-of TIME and overwrite, and a name with blanks stands in quotes [8]".into()),
        ("docs:a /x overwrite overwrite", "column 21: \"overwrite\" stands here a second time [9]".into()),
        ("docs:a /x as-of 2026-11-22 as-of 2026-11-22", "column 28: \"as-of\" stands here a second time [5]".into()),
        ("docs:a /x as-of", "column 11: \"as-of\" is followed by a time, such as 2026-11-22 or 2026-11-22T12:00:00Z [5]".into()),
        ("docs:a /x as-of 2026-13-22", "column 17: \"2026-13-22\" is no time; write 2026-11-22 or 2026-11-22T12:00:00Z (UTC) [10]".into()),
        ("docs:a /x as-of 2026-11-22T12:00:00", "column 17: \"2026-11-22T12:00:00\" is no time; write 2026-11-22 or 2026-11-22T12:00:00Z (UTC) [19]".into()),
        ("docs:a /x as-of 2026-11-22T12:00:00[America/New_York]", "column 17: \"2026-11-22T12:00:00[America/New_York]\" is no time; write 2026-11-22 or 2026-11-22T12:00:00Z (UTC) [37]".into()),
        ("fid:1 /x as-of 2026-11-22", "column 10: \"as-of\" does not go with fid:, which names its versions itself [16]".into()),
    ];
    for (line, sentence) in cases {
        assert_eq!(read(line, &names()), *sentence, "of: {line}");
    }
    let no_archive = Names::of(["docs"]);
    check(
        &no_archive,
        &[
            (
                "archive:0193 /x",
                "column 9: \"0193\" is no archive's name; an archive is named by its whole UUID, as `firn show` prints it [4]",
            ),
            (
                "https://example.com/a /x",
                "column 1: a URL is found by the patterns of the configuration, and it has none; add [[url]] with a pattern [21]",
            ),
        ],
    );
    check(
        &Names::default(),
        &[("x:a /x", "column 1: there is no source \"x\"; no source is configured, and the state knows none [1]")],
    );
    let domains = names().with_domains(["avatar", "photos"]);
    check(
        &domains,
        &[
            ("mogile://avatr/a /x", "column 10: there is no domain \"avatr\"; did you mean \"avatar\"? [5]"),
            ("mogile://products/a /x", "column 10: there is no domain \"products\"; there are: avatar, photos [8]"),
            (
                "https://cdn.example.com/avatr/a /x",
                "column 1: there is no domain \"avatr\"; did you mean \"avatar\"? [31]",
            ),
        ],
    );
}

#[test]
fn what_is_too_long_is_refused_and_not_kept() {
    let tail = " /x";
    let fits = format!("docs:{}{tail}", "a".repeat(LINE_LIMIT - 5 - tail.len()));
    assert!(matches!(parse_line(format!("{fits}\r\n"), &names()), Some(Ok(_))));
    let over = parse_line(format!("{fits}x"), &names()).unwrap().unwrap_err();
    assert_eq!(
        over.to_string(),
        "column 8193: the line goes on for over 8192 bytes; a line names one source and one destination"
    );
    let long = "x".repeat(300);
    assert_eq!(
        read(&format!("docs:a /{long}"), &names()),
        "column 8: the path has a part of over 255 bytes, a zero byte, or over 4,095 bytes; no file system takes it [301]"
    );
    assert_eq!(
        read(&format!("docs:a mogile://d/{}", "x".repeat(256)), &names()),
        "column 8: the key has 256 bytes; MogileFS takes 255 at most [267]"
    );
    assert_eq!(
        read(&format!("docs:a s3://bucket/{}", "x".repeat(1025)), &names()),
        "column 8: the key has 1025 bytes; S3 takes 1024 at most [1037]"
    );
    let found = read(&format!("{long} /x"), &names());
    assert!(found.starts_with(&format!("column 1: \"{}…\" does not say", "x".repeat(80))), "{found}");
}

#[test]
fn a_form_gives_its_destination_and_a_command_line_its_folder() {
    let form = names().with_dest(DestSpec::read(b"/srv/out", false, &names()).unwrap());
    check(
        &form,
        &[
            ("docs:a", "docs:a file:/srv/out"),
            ("docs:", "docs: file:/srv/out/"),
            ("docs:a overwrite", "docs:a file:/srv/out overwrite"),
            ("docs:a as-of 2026-11-22", "docs:a file:/srv/out as-of 2026-11-22T00:00:00Z"),
            ("docs:a /x", "docs:a file:/x"),
        ],
    );
    let key = names().with_dest(DestSpec::read(b"mogile://lost/x", false, &names()).unwrap());
    check(
        &key,
        &[(
            "docs:",
            "column 1: many files cannot go to one key; write mogile: (each under its own), or mogile://lost/ [5]",
        )],
    );
    let here = names().with_base(PathBuf::from("/home/me/work"));
    check(
        &here,
        &[
            ("docs:a out", "docs:a file:/home/me/work/out"),
            ("docs:a out/", "docs:a file:/home/me/work/out/"),
            ("docs:a .", "docs:a file:/home/me/work/"),
            ("docs:a ../../x", "docs:a file:/home/x"),
            ("docs:a file:./x:y", "docs:a file:/home/me/work/x:y"),
            ("docs:a x/../y", "column 8: the path goes up (\"..\"); write the path that is meant [6]"),
            (
                "docs:a overwrite",
                "column 7: the destination is missing; write SOURCE DEST, such as file:/srv/restored/ [0]",
            ),
            ("docs:a 'overwrite'", "docs:a file:/home/me/work/overwrite"),
            (
                "docs:a s4://b/k",
                "column 8: \"s4://b/k\" is no destination; did you mean \"s3:\"?; there are file:/PATH, mogile:, mogile://DOMAIN/KEY and s3://BUCKET/KEY [8]",
            ),
        ],
    );
}

fn all(text: &[u8]) -> Vec<(usize, Parsed)> {
    lines(text, &names()).filter(|(_, line)| line.is_some()).collect()
}

fn streamed(text: &[u8], buffer: usize) -> Vec<(usize, Parsed)> {
    let mut reader = Reader::new(std::io::BufReader::with_capacity(buffer, text));
    let mut found = Vec::new();
    while let Some(line) = reader.next(&names()).unwrap() {
        found.push(line);
    }
    found.retain(|(_, line)| line.is_some());
    found
}

#[test]
fn line_ends_and_a_byte_order_mark_are_no_matter() {
    let unix = "docs:a /x\n\n# docs:b\ndocs:c /y\nwrong";
    let plain = all(unix.as_bytes());
    let numbers: Vec<usize> = plain.iter().map(|(number, _)| *number).collect();
    assert_eq!(numbers, [1, 4, 5]);
    for text in [unix.replace('\n', "\r\n"), format!("\u{feff}{unix}"), format!("\u{feff}{unix}\r\n")] {
        assert_eq!(all(text.as_bytes()), plain, "{text:?}");
        for buffer in [1, 3, 8192] {
            assert_eq!(streamed(text.as_bytes(), buffer), plain, "{text:?}");
        }
    }
    assert_eq!(
        read("docs:a /x\rdocs:b", &names()),
        "column 10: here is a control character; in double quotes it is written \\x0d [1]"
    );
    let elsewhere = all("docs:a /x\n\u{feff}docs:b /y".as_bytes());
    assert!(elsewhere[1].1.as_ref().unwrap().is_err(), "only at the start of a text it is no matter");
    let long = format!("docs:a /x\n{}\ndocs:b /y\n", "z".repeat(100_000));
    assert_eq!(streamed(long.as_bytes(), 64), all(long.as_bytes()));
    assert_eq!(all(long.as_bytes()).len(), 3, "the lines around it are read");
}

#[test]
fn the_grammar_in_short_names_every_word_of_it() {
    for word in [
        "fid:",
        "mogile:",
        "https:",
        "source:",
        "prefix:",
        "archive:",
        "version:",
        "between:",
        "everything:",
        "file:",
        "s3:",
        "as-of",
        "overwrite",
    ] {
        assert!(GRAMMAR.contains(word), "{word}");
    }
    assert!(GRAMMAR.lines().all(|line| line.chars().count() <= 100), "{GRAMMAR}");
}

fn words() -> impl Strategy<Value = Vec<u8>> {
    let name = prop_oneof![Just("docs"), Just("archive"), Just("photos")];
    prop_oneof![
        proptest::collection::vec(any::<u8>(), 0..12),
        (name.clone(), proptest::collection::vec(any::<u8>(), 0..12)).prop_map(|(name, key)| [
            name.as_bytes(),
            b":",
            &key
        ]
        .concat()),
        (name, "[a-z/. ]{0,8}").prop_map(|(name, key)| format!("source:{name}:{key}").into_bytes()),
        "(fid|version|archive|between|prefix|mogile|everything|https?|file|s3)(:|://|:/)[a-z0-9/.:-]{0,12}"
            .prop_map(String::into_bytes),
        "/[a-z/. #]{0,12}".prop_map(String::into_bytes),
        Just(b"as-of".to_vec()),
        Just(b"overwrite".to_vec()),
        Just(b"2026-11-22".to_vec()),
    ]
}

proptest! {
    #[test]
    fn what_is_read_is_written_and_read_again_as_the_same(all in proptest::collection::vec(words(), 0..5)) {
        let line = all.iter().map(|word| words::quoted(word)).collect::<Vec<_>>().join(" ");
        let options = ["as-of", "overwrite"];
        // Quoted they are names.
        prop_assume!(!all.iter().any(|word| options.iter().any(|option| word == option.as_bytes() && words::quoted(word) != *option)));
        if let Some(Ok(ask)) = parse_line(&line, &names()) {
            let written = ask.to_string();
            prop_assert!(written.chars().all(|c| !c.is_control()));
            let again = parse_line(&written, &names());
            prop_assert_eq!(again, Some(Ok(ask)), "{}", written);
        }
    }

    #[test]
    fn a_path_of_any_bytes_reads_back(key in proptest::collection::vec(any::<u8>(), 1..40)) {
        let source = SourceSpec::Path { source: "docs".into(), key: Key::new(key) };
        let ask = Ask { dest: DestSpec::Local { path: "/x".into(), folder: source.is_many() }, source, at: None, overwrite: true };
        prop_assert_eq!(parse_line(ask.to_string(), &names()), Some(Ok(ask)));
    }

    #[test]
    fn any_bytes_are_lines_with_a_verdict_inside_them(text: Vec<u8>) {
        for (number, line) in lines(&text, &names()) {
            if let Some(Err(error)) = line {
                prop_assert!(number > 0 && error.column > 0, "{}", error);
                prop_assert!(error.to_string().chars().all(|c| !c.is_control()));
            }
        }
    }

    #[test]
    fn any_text_is_the_same_in_a_stream(text in "([a-z:/ \r\n\u{feff}\"#]|docs:a /x\n){0,60}", buffer in 1usize..9) {
        prop_assert_eq!(streamed(text.as_bytes(), buffer), all(text.as_bytes()));
    }
}

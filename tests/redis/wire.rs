//! The parsers over recorded replies: in pieces, cut at every byte, and damaged.

#![allow(clippy::unwrap_used, clippy::panic)] // helpers of tests

use std::fs;
use std::path::{Path, PathBuf};

use firn::redis::info::Info;
use firn::redis::nodes;
use firn::redis::resp::{Bounds, Reader, RespError, Value, request};
use firn::redis::trouble::{Says, Trouble};
use proptest::prelude::*;

/// Recorded files whose names end so.
fn captures(end: &str) -> Vec<(PathBuf, Vec<u8>)> {
    let homes = ["demo-data/redis", "tests/redis/captures"];
    let mut folders = homes.map(|home| Path::new(env!("CARGO_MANIFEST_DIR")).join(home)).to_vec();
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_string_lossy().ends_with(end) {
                found.push((path.clone(), fs::read(&path).unwrap()));
            }
        }
    }
    found.sort();
    assert!(!found.is_empty(), "nothing recorded ends with {end}");
    found
}

/// Replies as they were on the wire.
fn wires() -> Vec<(PathBuf, Vec<u8>)> {
    [captures(".resp2"), captures(".resp3")].concat()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// All values of some bytes, fed in pieces of these lengths in turn.
fn read(bytes: &[u8], pieces: &[usize]) -> Result<Vec<Value>, RespError> {
    let (mut reader, mut rest, mut all) = (Reader::new(Bounds::MONITOR), bytes, Vec::new());
    for length in pieces.iter().cycle() {
        while let Some(value) = reader.read()? {
            all.push(value);
        }
        if rest.is_empty() {
            break;
        }
        let (piece, more) = rest.split_at((*length).clamp(1, rest.len()));
        reader.feed(piece);
        rest = more;
    }
    Ok(all)
}

#[test]
fn a_recorded_reply_cut_anywhere_is_waited_for_and_never_taken_for_another() {
    for (path, bytes) in wires() {
        let whole = read(&bytes, &[usize::MAX]).unwrap();
        assert_eq!(whole.len(), 1, "{}", path.display());
        for cut in 0..bytes.len() {
            let mut reader = Reader::new(Bounds::MONITOR);
            reader.feed(&bytes[..cut]);
            assert_eq!(reader.read(), Ok(None), "{} cut at {cut}", path.display());
            reader.feed(&bytes[cut..]);
            assert_eq!(reader.read(), Ok(Some(whole[0].clone())), "{} cut at {cut}", path.display());
            assert!(reader.is_empty());
        }
    }
}

#[test]
fn the_newer_protocol_says_the_same_of_the_same_moment() {
    let two = captures("role.resp2").swap_remove(0).1;
    let three = captures("role.resp3").swap_remove(0).1;
    let role = |bytes: &[u8]| read(bytes, &[7]).unwrap()[0].array().unwrap()[0].text();
    assert_eq!((role(&two), role(&three)), (Some("master".to_owned()), Some("master".to_owned())));
    let three = captures("memory-stats.resp3").swap_remove(0).1;
    let shown = read(&three, &[64]).unwrap()[0].to_string();
    assert!(shown.starts_with("[peak.allocated, "), "a map is names and values in turn: {shown}");
}

#[test]
fn info_cut_anywhere_tells_nothing_that_the_whole_does_not_but_in_its_last_line() {
    for (path, bytes) in captures("info-everything.txt") {
        let whole = Info::parse(&text(&bytes));
        let fine = path.to_string_lossy().contains("01-healthy/19101");
        for cut in (0..bytes.len()).step_by(if fine { 1 } else { 97 }) {
            let info = Info::parse(&text(&bytes[..cut]));
            let fields: Vec<_> = info.sections().flat_map(|(_, fields)| fields).collect();
            let of_whole: Vec<_> = whole.sections().flat_map(|(_, fields)| fields).collect();
            let last = fields.len().saturating_sub(1);
            assert!(fields.len() <= of_whole.len());
            for (place, (cut_field, field)) in fields.iter().zip(&of_whole).enumerate() {
                let same = cut_field == field;
                let begun = place == last && cut_field.0 == field.0 && field.1.starts_with(&cut_field.1);
                assert!(same || begun, "{} cut at {cut}: {cut_field:?}, {field:?}", path.display());
            }
        }
    }
}

#[test]
fn a_view_cut_anywhere_is_refused_or_is_the_beginning_of_the_whole() {
    for (path, bytes) in captures("cluster-nodes.txt") {
        let Ok(whole) = nodes::parse(&text(&bytes)) else { continue };
        for cut in 0..bytes.len() {
            match nodes::parse(&text(&bytes[..cut])) {
                Ok(view) => {
                    assert!(view.len() <= whole.len());
                    let before = view.len().saturating_sub(1);
                    assert_eq!(view[..before], whole[..before], "{} cut at {cut}", path.display());
                    let (last, of_whole) = (&view[before], &whole[before]);
                    assert_eq!((&last.id, &last.addr, &last.flags), (&of_whole.id, &of_whole.addr, &of_whole.flags));
                }
                Err(why) => assert!(why.to_string().contains("CLUSTER NODES is none: "), "{why}"),
            }
        }
    }
}

#[test]
fn every_recorded_view_is_read_whole() {
    let mut read = 0;
    for (path, bytes) in captures("cluster-nodes.txt") {
        let text = text(&bytes);
        if text.starts_with(['-', '[']) {
            continue;
        }
        let view = nodes::parse(&text).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
        assert_eq!(view.len(), text.lines().filter(|line| !line.trim().is_empty()).count());
        read += 1;
    }
    assert!(read > 0);
}

#[test]
fn views_are_read_as_newer_servers_write_them_and_what_is_none_is_named() {
    let id = "0123456789abcdef0123456789abcdef01234567";
    let other = "fedcba9876543210fedcba9876543210fedcba98";
    let line = format!(
        "{id} 10.0.0.1:7000@17000,cache-1.example.org,shard-id=x myself,master,nofailover - 0 0 7 connected 0-5 9 \
         [8->-{other}] [7-<-{other}]"
    );
    let view = nodes::parse(&line).unwrap();
    let node = &view[0];
    assert_eq!(node.hostname.as_deref(), Some("cache-1.example.org"));
    assert_eq!((node.slots.count(), node.epoch, node.owns()), (7, 7, true));
    let open: Vec<_> = node.open.iter().map(|open| (open.slot, open.importing)).collect();
    assert_eq!(open, [(8, false), (7, true)]);
    let ipv6 = nodes::parse(&format!("{id} fd00::7:7000@17000 myself,slave {other} 0 0 1 disconnected")).unwrap();
    assert_eq!(ipv6[0].addr.as_ref().unwrap().to_string(), "[fd00::7]:7000");
    assert_eq!((ipv6[0].connected, ipv6[0].master.as_ref().unwrap().as_str()), (false, other));
    let lost = nodes::parse(&format!("{id} :0@0 myself,master,noaddr,later - 0 0 1 connected")).unwrap();
    assert_eq!(lost[0].addr, None);
    for (line, why) in [
        (format!("{id} 10.0.0.1:7000@1 master - 0 0 1 connected"), "no line is the node's own (myself)"),
        (format!("{id} 10.0.0.1:7000@1 myself - 0 0 x connected"), "its epoch is no number"),
        (format!("{id} 10.0.0.1:7000@1 myself - 0 0 1 maybe"), "its line is neither connected nor disconnected"),
        (format!("{id} 10.0.0.1:7000@1 myself - 0 0 1 connected 16384"), "a slot is no number below 16,384"),
        (format!("{id} 10.0.0.1:7000@1 myself - 0 0 1 connected 7-3"), "a range of slots ends before it begins"),
        (format!("{id} 10.0.0.1:7000@1 myself - 0 0 1 connected [7]"), "an open slot goes neither in nor out"),
        ("x 10.0.0.1:7000@1 myself - 0 0 1 connected".to_owned(), "its name is not 40 hexadecimal digits"),
        (format!("{id} 10.0.0.1 myself - 0 0 1 connected"), "its address has no port"),
    ] {
        let said = nodes::parse(&line).unwrap_err().to_string();
        assert!(said.contains(why), "{line}: {said}");
    }
}

/// Attributes of nothing hold nothing that would count, and each stands before the next.
#[test]
fn attributes_without_an_end_are_refused() {
    for one in ["|-1\r\n", "|0\r\n"] {
        let mut reader = Reader::new(Bounds::MONITOR);
        reader.feed(one.repeat(200_000).as_bytes());
        let refused = reader.read().unwrap_err();
        assert!(matches!(refused, RespError::TooLarge { what: "arrays in each other", .. }), "{refused}");
    }
}

/// Errors as redis 7.0 and valkey 8.0 answered them.
#[test]
fn errors_are_told_by_their_first_word() {
    for (text, says) in [
        ("NOAUTH Authentication required.", Says::Blind),
        ("WRONGPASS invalid username-password pair or user is disabled.", Says::Blind),
        ("NOPERM this user has no permissions to run the 'get' command", Says::Blind),
        ("DENIED Redis is running in protected mode because protected mode is enabled", Says::Blind),
        ("ERR invalid password", Says::Blind),
        ("ERR Client sent AUTH, but no password is set", Says::Blind),
        ("ERR wrong number of arguments for 'auth' command", Says::Blind),
        ("ERR AUTH <password> called without any password configured for the default user.", Says::Blind),
        ("LOADING Redis is loading the dataset in memory", Says::Loading),
        ("BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.", Says::Busy),
        ("ERR max number of clients reached", Says::Full),
        ("ERR max number of clients + cluster connections reached", Says::Full),
        ("ERR This instance has cluster support disabled", Says::Other),
        ("ERR unknown command 'INFO', with args beginning with: ", Says::Other),
        (
            "MISCONF Redis is configured to save RDB snapshots, but it's currently unable to persist to disk.",
            Says::Other,
        ),
        ("", Says::Other),
    ] {
        assert_eq!(Trouble::of_error(text).says(), says, "{text}");
    }
    // As redis 5 and 7 repeat a command that they do not know.
    for text in [
        "ERR unknown command `AUTH`, with args beginning with: `sekrit`, ",
        "ERR unknown command 'HELLO', with args beginning with: '3' 'AUTH' 'x' 'sekrit' ",
    ] {
        assert!(!format!("{:?}", Trouble::of_error(text)).contains("sekrit"), "{text}");
    }
    assert_eq!(Trouble::of_error("ERR This instance has cluster support disabled"), Trouble::NoCluster);
    let long = Trouble::of_error(&format!("ERR \u{1b}]0;x\u{7}{}", "x".repeat(10_000))).to_string();
    assert!(long.len() < 400 && !long.contains('\u{1b}'), "{long}");
    assert_eq!(Trouble::Own("too many open files".to_owned()).says(), Says::Blind, "that is not the node's");
}

#[test]
fn what_is_announced_is_refused_before_it_has_come() {
    for (bytes, what) in [
        ("$16777217\r\n", "bytes of a string"),
        ("*262145\r\n", "elements"),
        ("%131073\r\n", "elements"),
        (&"*1\r\n".repeat(17), "arrays in each other"),
        (&"|0\r\n".repeat(1 << 20), "arrays in each other"),
    ] {
        let mut reader = Reader::new(Bounds::MONITOR);
        reader.feed(bytes.as_bytes());
        let said = reader.read().unwrap_err();
        assert!(matches!(&said, RespError::TooLarge { what: found, .. } if found.contains(what)), "{bytes}: {said}");
    }
    // Many announced, few come: nothing is set aside for what is not there.
    let mut reader = Reader::new(Bounds::MONITOR);
    reader.feed("*262144\r\n".repeat(15).as_bytes());
    assert_eq!(reader.read(), Ok(None));
    // Small strings beyond the bound of the whole.
    let (mut reader, piece) = (Reader::new(Bounds { reply: 1_000, ..Bounds::MONITOR }), "$10\r\n0123456789\r\n");
    reader.feed(b"*1000\r\n");
    let refused = (0..1_000).find_map(|_| {
        reader.feed(piece.as_bytes());
        reader.read().err()
    });
    assert!(matches!(refused, Some(RespError::TooLarge { what: "bytes", .. })), "{refused:?}");
}

fn value() -> impl Strategy<Value = Value> {
    let bytes = || prop::collection::vec(any::<u8>(), 0..40);
    let line = || "[ -~]{0,20}".prop_map(String::into_bytes);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<i64>().prop_map(Value::Integer),
        any::<bool>().prop_map(Value::Boolean),
        bytes().prop_map(Value::Bulk),
        line().prop_map(Value::Simple),
        line().prop_map(Value::Error),
    ];
    leaf.prop_recursive(4, 64, 8, |inner| prop::collection::vec(inner, 0..8).prop_map(Value::Array))
}

fn write(to: &mut Vec<u8>, value: &Value) {
    let line = |to: &mut Vec<u8>, kind: u8, text: &[u8]| {
        to.push(kind);
        to.extend_from_slice(text);
        to.extend_from_slice(b"\r\n");
    };
    match value {
        Value::Null => line(to, b'_', b""),
        Value::Integer(number) => line(to, b':', number.to_string().as_bytes()),
        Value::Boolean(truth) => line(to, b'#', if *truth { b"t" } else { b"f" }),
        Value::Simple(text) => line(to, b'+', text),
        Value::Error(text) => line(to, b'-', text),
        Value::Bulk(text) => {
            line(to, b'$', text.len().to_string().as_bytes());
            to.extend_from_slice(text);
            to.extend_from_slice(b"\r\n");
        }
        Value::Array(all) => {
            line(to, b'*', all.len().to_string().as_bytes());
            for one in all {
                write(to, one);
            }
        }
        other => panic!("{other:?} is not made here"),
    }
}

proptest! {
    #[test]
    fn what_is_written_is_read_in_whatever_pieces_it_comes(
        values in prop::collection::vec(value(), 1..5),
        pieces in prop::collection::vec(1_usize..50, 1..10),
    ) {
        let mut bytes = Vec::new();
        for value in &values {
            write(&mut bytes, value);
        }
        prop_assert_eq!(read(&bytes, &pieces).unwrap(), values);
    }

    #[test]
    fn a_request_is_an_array_of_its_words(words in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..40), 1..6)) {
        let mut bytes = Vec::new();
        request(&mut bytes, &words);
        let expected: Vec<_> = words.into_iter().map(Value::Bulk).collect();
        prop_assert_eq!(read(&bytes, &[3]).unwrap(), vec![Value::Array(expected)]);
    }

    /// Whatever is said, it is read or refused, the same in one piece and in many.
    #[test]
    fn damage_is_read_or_refused_the_same_in_whatever_pieces(
        place in any::<prop::sample::Index>(),
        damage in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        pieces in prop::collection::vec(1_usize..500, 1..10),
    ) {
        let all = wires();
        let mut bytes = place.get(&all).1.clone();
        for (at, byte) in damage {
            let at = at.index(bytes.len());
            bytes[at] = byte;
        }
        prop_assert_eq!(read(&bytes, &[usize::MAX]).ok(), read(&bytes, &pieces).ok());
    }

    #[test]
    fn noise_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = read(&bytes, &[1]);
        let text = text(&bytes);
        let _ = (Info::parse(&text), nodes::parse(&text), Trouble::of_error(&text).to_string());
    }

    #[test]
    fn damaged_views_and_info_are_read_or_refused(
        at in any::<prop::sample::Index>(), with in "[ -~\r\n]{0,4}", length in 0_usize..6,
    ) {
        let (path, view) = captures("cluster-nodes.txt").swap_remove(0);
        let damaged = |bytes: &[u8]| {
            let from = at.index(bytes.len());
            let to = (from + length).min(bytes.len());
            text(&[&bytes[..from], with.as_bytes(), &bytes[to..]].concat())
        };
        if let Ok(view) = nodes::parse(&damaged(&view)) {
            prop_assert!(view.iter().filter(|line| line.is(nodes::Flag::Myself)).count() == 1, "{}", path.display());
        }
        let info = Info::parse(&damaged(&captures("info-everything.txt")[0].1));
        let _ = (info.keys(), info.attached(), info.version(), info.float("mem_fragmentation_ratio"));
    }
}

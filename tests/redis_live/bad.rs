//! Servers that are none, or say something else.

use std::io::Write as _;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use firn::base::Clock;
use firn::redis::addr::NodeAddr;
use firn::redis::conn::Account;
use firn::redis::line::Line;
use firn::redis::moves::moves;
use firn::redis::probe::{LARGE_VIEW, NetProbe, Probe as _, Topology};
use firn::redis::trouble::{Says, Trouble};

use crate::kit::{END, Fake, GREETED, INFO, alone, bulk, of, probe, settings, trouble};

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_no_redis_server_is_told_by_what_it_says() {
    let http = "HTTP/1.1 400 Bad Request\r\nServer: x\u{1b}[31m\r\n\r\n";
    let cases: Vec<(&str, Fake, &str, Says)> = vec![
        (
            "a web server",
            Fake::says(http.as_bytes()),
            "\"HTTP/1.1 400 Bad Request\\x0d\\x0aServer: x\\x1b[31m\" begins no reply of a redis server; is it one, and is \
             tls set as the server has it?",
            Says::Other,
        ),
        (
            "who says nothing and closes",
            Fake::new(|_, _| None),
            "closed the connection before it had answered",
            Says::Hung,
        ),
        (
            "half a reply, and no more",
            Fake::says(format!("{GREETED}$100\r\nredis_ver").as_bytes()),
            "takes connections and does not answer within 1 s",
            Says::Hung,
        ),
        (
            "half a reply, then the end",
            Fake::says(format!("{GREETED}$100\r\nredis_ver{END}").as_bytes()),
            "closed the connection before it had answered",
            Says::Hung,
        ),
        (
            "who speaks TLS",
            Fake::says(b"\x15\x03\x03\x00\x02\x02\x46"),
            "TLS fails: the server speaks TLS on this port, and tls is off here",
            Says::Blind,
        ),
        (
            "a reply beyond all bounds",
            Fake::says(format!("{GREETED}$99999999999\r\n").as_bytes()),
            "a reply announces bytes of a string of 99999999999, and at most 16777216 is kept; ask a smaller question, or \
             another server",
            Says::Other,
        ),
        (
            "an array beyond all bounds",
            Fake::says(format!("{GREETED}*2000000000\r\n").as_bytes()),
            "a reply announces elements of 2000000000, and at most 262144 is kept; ask a smaller question, or another server",
            Says::Other,
        ),
        (
            "a length that is none",
            Fake::says(format!("{GREETED}$seven\r\n").as_bytes()),
            "\"seven\" is no bytes of a string; the server and firn are out of step",
            Says::Other,
        ),
        (
            "a string that does not end",
            Fake::says(format!("{GREETED}$3\r\nabcdefgh").as_bytes()),
            "a string of 3 bytes does not end with a line break; the server and firn are out of step",
            Says::Other,
        ),
        (
            "more answers than questions",
            Fake::says(format!("{GREETED}{}+OK\r\n", bulk(INFO)).as_bytes()),
            "firn's questions answered with more than one answer each",
            Says::Other,
        ),
        (
            "an array where text should be",
            Fake::says(format!("{GREETED}*1\r\n:7\r\n").as_bytes()),
            "INFO answered with [7]",
            Says::Other,
        ),
        (
            "who takes no more clients",
            Fake::says(format!("-ERR max number of clients reached\r\n{END}").as_bytes()),
            "takes no more clients: ERR max number of clients reached",
            Says::Full,
        ),
        (
            "protected mode",
            Fake::says(format!("-DENIED Redis is running in protected mode because\r\n{END}").as_bytes()),
            "takes connections from its own host alone (protected mode)",
            Says::Blind,
        ),
        (
            "a script that does not end",
            Fake::says(
                format!("{}{}", GREETED.replace("+OK", "-BUSY x"), "-BUSY Redis is busy running a script.\r\n")
                    .as_bytes(),
            ),
            "is blocked by a script or a function: BUSY Redis is busy running a script.",
            Says::Busy,
        ),
    ];
    let nodes = cases.iter().map(|(_, fake, _, _)| fake.addr()).collect();
    let looks = probe(Topology::Nodes { nodes }).tick().await;
    for (what, fake, words, says) in &cases {
        let look = of(&looks, &fake.addr());
        let why = trouble(look);
        let text = why.to_string();
        assert_eq!((text.as_str(), why.says()), (*words, *says), "{what}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_at_an_address_is_told_from_an_address_that_is_nowhere() {
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let closed = NodeAddr::new("127.0.0.1", closed).unwrap();
    let unknown = NodeAddr::new("no-such-host.invalid", 6379).unwrap();
    let looks = probe(Topology::Nodes { nodes: vec![closed.clone(), unknown.clone()] }).tick().await;
    assert_eq!(trouble(of(&looks, &closed)), Trouble::Refused);
    let why = trouble(of(&looks, &unknown));
    assert!(matches!(&why, Trouble::Resolve { host, .. } if host == "no-such-host.invalid"), "{why:?}");
    assert_eq!(why.says(), Says::Blind, "a name that does not resolve says nothing of the node");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reply_of_the_newer_protocol_is_taken_and_what_was_not_asked_for_is_left_out() {
    let text =
        format!("{GREETED}>2\r\n+invalidate\r\n*1\r\n+x\r\n|1\r\n+ttl\r\n:3\r\n={}\r\ntxt:{INFO}\r\n", INFO.len() + 4);
    let fake = Fake::new(move |_, _| Some(text.clone().into_bytes()));
    let look = alone(&fake.addr(), Account::default()).await;
    assert_eq!(look.info().unwrap().get("run_id"), Some("abc"), "{look:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_does_not_know_all_of_info_is_asked_for_what_it_knows() {
    // Redis 5 answers sections that it does not know with nothing.
    let fake = Fake::new(|piece, asked| {
        let everything = String::from_utf8_lossy(asked).contains("everything");
        let info = if everything { bulk("") } else { bulk(INFO) };
        Some(if piece == 0 { format!("{GREETED}{info}") } else { info }.into_bytes())
    });
    let probe = probe(Topology::Nodes { nodes: vec![fake.addr()] });
    for _ in 0..3 {
        let looks = probe.tick().await;
        assert_eq!(looks[0].info().unwrap().version().as_deref(), Some("redis 7.0.15"));
    }
    let heard = String::from_utf8(fake.heard.lock().unwrap().clone()).unwrap();
    assert_eq!((heard.matches("everything").count(), heard.matches("$3\r\nall").count()), (1, 3), "{heard}");
    assert_eq!(fake.connections.load(Ordering::SeqCst), 1);
}

/// A server answers the question of before when the next has been asked: that line is not used again.
#[tokio::test(flavor = "multi_thread")]
async fn a_late_answer_never_answers_the_next_question() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let addr = NodeAddr::new("127.0.0.1", listener.local_addr().unwrap().port()).unwrap();
    let server = std::thread::spawn(move || {
        let mut late = Vec::new();
        for (n, stream) in listener.incoming().take(2).enumerate() {
            let mut stream = stream.unwrap();
            if n == 0 {
                // Kept, and answered once the next connection is there.
                late.push(stream);
                continue;
            }
            let old = format!("{GREETED}{}", bulk("run_id:old\r\n"));
            let _ = late[0].write_all(old.as_bytes());
            let new = format!("{GREETED}{}", bulk("run_id:new\r\n"));
            stream.write_all(new.as_bytes()).unwrap();
            late.push(stream);
        }
        late
    });
    let settings = firn::redis::probe::Settings {
        account: Account { answer_within: Duration::from_millis(200), ..Account::default() },
        ..settings()
    };
    let probe = NetProbe::new(Topology::Nodes { nodes: vec![addr.clone()] }, settings, Clock::system());
    let looks = probe.tick().await;
    assert_eq!(trouble(&looks[0]), Trouble::Silent(Duration::from_millis(200)));
    let looks = probe.tick().await;
    assert_eq!(looks[0].info().unwrap().get("run_id"), Some("new"));
    drop(server.join().unwrap());
}

/// A tick that is given up leaves nothing behind that the next would read.
#[tokio::test(flavor = "multi_thread")]
async fn a_tick_that_was_given_up_costs_the_connection_and_nothing_else() {
    let fake = Fake::new(|piece, _| {
        let info = bulk(&format!("run_id:{piece}\r\n"));
        Some(if piece == 0 { format!("{GREETED}{info}") } else { info }.into_bytes())
    });
    let probe = probe(Topology::Nodes { nodes: vec![fake.addr()] });
    let looks = probe.tick().await;
    assert_eq!(looks[0].info().unwrap().get("run_id"), Some("0"));
    for _ in 0..20 {
        // Polled once: the questions may have left.
        let _ = tokio::time::timeout(Duration::ZERO, probe.tick()).await;
        let looks = probe.tick().await;
        let look = &looks[0];
        assert!(look.info().unwrap().number("run_id").is_some(), "{look:?}");
    }
}

/// One line each for so many nodes; the first is the one that answers.
fn view(nodes: usize, own: u16) -> String {
    let line = |n: usize| {
        let (port, flags) = if n == 0 { (own, "myself,master") } else { (1, "master,noaddr") };
        let addr = if n == 0 { format!("127.0.0.1:{port}@{port}") } else { ":0@0".to_owned() };
        format!("{n:040x} {addr} {flags} - 0 0 {n} connected\n")
    };
    (0..nodes).map(line).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_view_is_asked_for_seldom_and_at_once_when_something_moved() {
    let epoch = Arc::new(std::sync::atomic::AtomicU64::new(7));
    let (told, port) = (epoch.clone(), Arc::new(std::sync::atomic::AtomicU16::new(0)));
    let own = port.clone();
    let fake = Fake::new(move |piece, asked| {
        let asked = String::from_utf8_lossy(asked).into_owned();
        let mut answer = if piece == 0 { GREETED.to_owned() } else { String::new() };
        answer += &bulk(INFO);
        if asked.contains("NODES") {
            answer += &bulk(&view(1_000, own.load(Ordering::SeqCst)));
        }
        answer += &bulk(&format!("cluster_current_epoch:{}\r\n", told.load(Ordering::SeqCst)));
        Some(answer.into_bytes())
    });
    port.store(fake.addr().port(), Ordering::SeqCst);
    assert!(view(1_000, 1).len() > LARGE_VIEW);
    let (clock, hand) = Clock::manual(firn::base::Time::from_secs(0));
    let probe = NetProbe::new(Topology::Cluster { seeds: vec![fake.addr()] }, settings(), clock);
    let asked = || {
        let heard = String::from_utf8(std::mem::take(&mut *fake.heard.lock().unwrap())).unwrap();
        heard.matches("NODES").count()
    };
    let mut seen = Vec::new();
    for tick in 0..14 {
        let looks = probe.tick().await;
        assert_eq!(looks[0].view().map(<[_]>::len), Some(1_000), "{tick}: the view of before stands");
        seen.push(asked());
        hand.advance(Duration::from_secs(1));
        if tick == 11 {
            epoch.store(8, Ordering::SeqCst);
        }
    }
    assert_eq!(seen, [1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 1]);
}

/// As the manuals of valkey 9 and redis 8.4 write the replies.
#[tokio::test(flavor = "multi_thread")]
async fn tasks_that_move_slots_are_read_as_either_server_tells_them() {
    let map = |fields: &[(&str, &str)]| {
        let parts: String = fields.iter().map(|(name, value)| bulk(name) + &bulk(value)).collect();
        format!("*{}\r\n{parts}", fields.len() * 2)
    };
    let valkey = [
        ("name", "0fe1"),
        ("operation", "EXPORT"),
        ("slot_ranges", "0-9 20-29"),
        ("target_node", "x"),
        ("state", "failed"),
        ("message", "target went away"),
    ];
    let redis =
        [("id", "24cf"), ("slots", "100-199,7"), ("operation", "import"), ("state", "streaming"), ("last_error", "")];
    let unknown = "-ERR unknown subcommand\r\n";
    let cases = [
        (format!("*1\r\n{}{unknown}", map(&valkey)), ("0fe1", "0-9, 20-29", "failed", Some("target went away"))),
        (format!("{unknown}*1\r\n{}", map(&redis)), ("24cf", "7, 100-199", "streaming", None)),
    ];
    for (answer, expected) in cases {
        let fake = Fake::says(format!("{GREETED}{answer}").as_bytes());
        let line = Line::new(fake.addr(), Arc::new(Account::default()), Clock::system());
        let all = moves(&line).await.unwrap();
        let one = &all[0];
        let told = (one.id.as_str(), one.slots.to_string(), one.state.as_str(), one.error.as_deref());
        assert_eq!((told.0, told.1.as_str(), told.2, told.3), expected);
    }
}

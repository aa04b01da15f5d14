//! The line to a server.

use std::io::Read as _;
use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

use firn::base::{Clock, task};
use firn::delay::connect::{Link, LinkError, Server, Tls};

use crate::support::mariadb::{Mariadb, shared};
use crate::support::waiting::{LONG, in_time};

fn root(server: &Mariadb) -> Server {
    Server::new("127.0.0.1", server.port(), "root", None, Tls::Off)
}

/// The only value of an answer.
async fn one(link: &Link, sql: &str) -> Result<String, LinkError> {
    link.ask("a question", sql).await.map(|table| table.rows[0][0].clone().unwrap())
}

#[tokio::test]
async fn a_statement_that_was_given_up_never_answers_the_next() {
    let server = Server { answer_within: Duration::from_millis(300), ..root(&shared().primary) };
    let link = Link::new(server);
    assert_eq!(one(&link, "SELECT 6").await.unwrap(), "6");
    for n in 7..12 {
        // By its own time-out, and by whoever asks dropping the question.
        if n % 2 == 0 {
            let told = one(&link, "SELECT 11+SLEEP(20)").await.unwrap_err().to_string();
            assert_eq!(
                told,
                format!("{}: a question is not answered within 300ms; the connection was given up", link.server())
            );
        } else {
            let dropped = tokio::time::timeout(Duration::from_millis(50), one(&link, "SELECT 12+SLEEP(20)")).await;
            assert!(dropped.is_err());
        }
        for next in [n, n + 100] {
            assert_eq!(one(&link, &format!("SELECT {next}")).await.unwrap(), next.to_string());
        }
    }
}

#[tokio::test]
async fn what_was_given_up_does_not_pile_up_on_the_server() {
    let pair = shared();
    let server = Server { answer_within: Duration::from_millis(100), ..root(&pair.replica) };
    let link = Link::new(server);
    for _ in 0..5 {
        assert!(one(&link, "SELECT 'piled up', SLEEP(30)").await.is_err());
    }
    assert_eq!(one(&link, "SELECT 1").await.unwrap(), "1");
    let count = "SELECT COUNT(*) FROM information_schema.processlist WHERE info LIKE 'SELECT \\'piled up%'";
    in_time(Duration::from_secs(25), "nobody sleeps there", async || (pair.replica.sql(count) == "0").then_some(()))
        .await;
}

/// After a restart the number of a connection that was given up is somebody else's.
#[tokio::test]
async fn a_strangers_connection_with_the_number_of_one_given_up_survives() {
    let mut server = Mariadb::start(9, &[]);
    // So many as a start may need are not enough to reach the number.
    while server.sql("SELECT CONNECTION_ID()").parse::<u32>().unwrap() < 60 {}
    let limits = Server { answer_within: Duration::from_millis(300), ..root(&server) };
    let link = Link::new(limits);
    let number: u32 = one(&link, "SELECT CONNECTION_ID()").await.unwrap().parse().unwrap();
    assert!(one(&link, "SELECT 'given up', SLEEP(30)").await.is_err());
    server.restart();
    while server.sql("SELECT CONNECTION_ID()").parse::<u32>().unwrap() < number - 1 {}
    // The same account from the same host, and it may take its time.
    let other = Link::new(Server { answer_within: Duration::from_mins(1), ..root(&server) });
    assert_eq!(one(&other, "SELECT CONNECTION_ID()").await.unwrap(), number.to_string());
    let stranger = task::spawn(async move { one(&other, "SELECT 'a stranger', SLEEP(30)").await });
    let there =
        format!("SELECT COUNT(*) FROM information_schema.processlist WHERE id = {number} AND info LIKE '%stranger%'");
    in_time(Duration::from_secs(25), "the stranger asks", async || (server.sql(&there) == "1").then_some(())).await;
    assert_eq!(one(&link, "SELECT 1").await.unwrap(), "1");
    assert_eq!(server.sql(&there), "1", "it was ended");
    stranger.abort();
}

#[tokio::test]
async fn sessions_are_in_utc_and_see_what_is_there_now() {
    let pair = shared();
    pair.primary.sql("CREATE DATABASE IF NOT EXISTS link; CREATE OR REPLACE TABLE link.t (n INT) ENGINE=InnoDB; INSERT INTO link.t VALUES (1)");
    let link = Link::new(Server {
        begin: vec!["SET SESSION autocommit=0".to_owned(), "SET SESSION autocommit=1".to_owned()],
        ..root(&pair.primary)
    });
    assert_eq!(one(&link, "SELECT @@time_zone").await.unwrap(), "+00:00");
    assert_eq!(one(&link, "SELECT n FROM link.t").await.unwrap(), "1");
    pair.primary.sql("UPDATE link.t SET n = 2");
    assert_eq!(one(&link, "SELECT n FROM link.t").await.unwrap(), "2");
    // What is over is given up by the server, too.
    assert_eq!(one(&link, "SELECT @@max_statement_time").await.unwrap(), "4.000000");
}

#[tokio::test]
async fn a_connection_that_the_server_ended_is_made_anew_without_a_word() {
    let pair = shared();
    let link = Link::new(root(&pair.primary));
    let first = one(&link, "SELECT CONNECTION_ID()").await.unwrap();
    pair.primary.sql(&format!("KILL {first}"));
    let second = one(&link, "SELECT CONNECTION_ID()").await.unwrap();
    assert_ne!(first, second);
    link.close().await;
    let gone = format!("SELECT COUNT(*) FROM information_schema.processlist WHERE id = {second}");
    in_time(LONG, "it said goodbye", async || (pair.primary.sql(&gone) == "0").then_some(())).await;
}

#[tokio::test]
async fn a_refusal_names_server_account_and_mend_and_leaves_the_line_as_it_was() {
    let pair = shared();
    let (folder, port) = (tempfile::tempdir().unwrap(), pair.primary.port());
    std::fs::write(folder.path().join("pw"), "hunter2").unwrap();
    let password = firn::base::secret::SecretRef::File(folder.path().join("pw"));
    let nobody = Link::new(Server::new("127.0.0.1", port, "nobody", Some(password), Tls::Off));
    let error = one(&nobody, "SELECT 1").await.unwrap_err();
    assert_eq!(error.code(), Some(1045));
    let told = error.to_string();
    assert_eq!(
        told,
        format!(
            "127.0.0.1:{port} refuses nobody: error 1045: Access denied for user 'nobody'@'127.0.0.1' (using password: YES); \
             check the account's password and the host it may come from"
        )
    );
    assert!(!format!("{told}{nobody:?}").contains("hunter2"));
    std::fs::remove_file(folder.path().join("pw")).unwrap();
    let told = one(&nobody, "SELECT 1").await.unwrap_err().to_string();
    assert!(told.starts_with("no password for nobody: cannot read the secret file "), "{told}");

    let link = Link::new(root(&pair.primary));
    let id = one(&link, "SELECT CONNECTION_ID()").await.unwrap();
    let error = one(&link, "SELECT * FROM nowhere.table_x").await.unwrap_err();
    assert!(matches!(error.code(), Some(1049 | 1146)), "{error}");
    assert!(error.to_string().starts_with(&format!("127.0.0.1:{port}: a question: error 1")), "{error}");
    assert_eq!(one(&link, "SELECT CONNECTION_ID()").await.unwrap(), id, "a refusal costs no connection");
}

#[tokio::test]
async fn an_answer_that_is_too_long_is_not_read_to_its_end() {
    let link = Link::new(root(&shared().primary));
    let told = link.ask("numbers", "SELECT seq FROM mysql.seq_1_to_1000000").await.unwrap_err().to_string();
    assert_eq!(told, format!("{}: numbers answers with more than 10,000 rows; it is not read further", link.server()));
    assert_eq!(one(&link, "SELECT 5").await.unwrap(), "5");
    let table =
        link.ask("a long value", "SELECT REPEAT('x', 20000) AS a, REPEAT('y', 16384) AS b, NULL AS c").await.unwrap();
    assert_eq!(table.value(0, "A"), None);
    assert_eq!(table.value(0, "b").map(str::len), Some(16_384));
    assert_eq!(table.cut.iter().map(|cut| cut.column.as_str()).collect::<Vec<_>>(), ["a"]);
    // It can be told from another all the same.
    let sql = "SELECT REPEAT('x', 20000) AS a UNION ALL SELECT REPEAT('x', 20001) UNION ALL SELECT REPEAT('x', 20000)";
    let table = link.ask("long values", sql).await.unwrap();
    let [one, two, three] = [0, 1, 2].map(|row| table.digest(row, "A").unwrap());
    assert!(one == three && one != two && one.starts_with("xxh3-128:") && one.len() == 41, "{table:?}");
}

/// A server that takes connections and says nothing costs its time-out, again and again.
#[tokio::test]
async fn who_accepts_and_says_nothing_costs_the_time_out_and_no_more() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let server = Server {
        connect_within: Duration::from_millis(200),
        ..Server::new("127.0.0.1", listener.local_addr().unwrap().port(), "u", None, Tls::Off)
    };
    let link = Link::new(server);
    let clock = Clock::system();
    for _ in 0..3 {
        let began = clock.mono();
        let told = one(&link, "SELECT 1").await.unwrap_err().to_string();
        let took = clock.mono().since(began);
        assert_eq!(
            told,
            format!(
                "{} does not answer within 200ms; is it up, and does a firewall let firn's host through?",
                link.server()
            )
        );
        assert!(took < Duration::from_secs(2), "{took:?}");
        // And nothing of it is left open: the other end finds the end at once, though the server never spoke.
        let (mut end, _) = listener.accept().unwrap();
        end.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        let mut told = Vec::new();
        assert_eq!(end.read_to_end(&mut told).unwrap(), 0);
    }
}

#[tokio::test]
async fn who_is_not_there_is_told_as_such() {
    let port = {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.local_addr().unwrap().port()
    };
    let link = Link::new(Server::new("127.0.0.1", port, "u", None, Tls::Off));
    let told = one(&link, "SELECT 1").await.unwrap_err().to_string();
    assert!(
        told.starts_with(&format!("cannot reach 127.0.0.1:{port}: ")) && told.contains("Connection refused"),
        "{told}"
    );
    // No route, or none that answers: TEST-NET-1 (RFC 5737).
    let clock = Clock::system();
    let began = clock.mono();
    let server =
        Server { connect_within: Duration::from_millis(200), ..Server::new("192.0.2.1", 3306, "u", None, Tls::Off) };
    let told = one(&Link::new(server), "SELECT 1").await.unwrap_err().to_string();
    assert!(told.contains("192.0.2.1:3306"), "{told}");
    assert!(clock.mono().since(began) < Duration::from_secs(2));
}

/// A hung server (stopped in its tracks: the kernel still accepts) costs its time-outs; when it goes on it answers again.
#[tokio::test]
async fn a_hung_server_costs_its_time_outs_and_answers_again_when_it_goes_on() {
    let mut server = Mariadb::start(7, &[]);
    let limits = Server {
        connect_within: Duration::from_millis(300),
        answer_within: Duration::from_millis(300),
        ..root(&server)
    };
    let link = Link::new(limits);
    assert_eq!(one(&link, "SELECT 1").await.unwrap(), "1");
    server.freeze();
    let clock = Clock::system();
    let mut told = Vec::new();
    for _ in 0..3 {
        let began = clock.mono();
        told.push(one(&link, "SELECT 2").await.unwrap_err().to_string());
        assert!(clock.mono().since(began) < Duration::from_secs(2));
    }
    assert!(told[0].contains("a question is not answered within 300ms"), "{told:?}");
    assert!(told[1].contains("does not answer within 300ms") && told[1] == told[2], "{told:?}");
    server.thaw();
    in_time(LONG, "it answers again", async || one(&link, "SELECT 3").await.ok().filter(|n| n == "3")).await;
    // Killed and started again on the same port: refused meanwhile, then as before.
    server.kill();
    let told = one(&link, "SELECT 4").await.unwrap_err().to_string();
    assert!(told.contains("cannot reach") || told.contains("the connection broke"), "{told}");
    server.restart();
    in_time(LONG, "it answers again", async || one(&link, "SELECT 5").await.ok().filter(|n| n == "5")).await;
}

/// Makes an authority and a certificate for 127.0.0.1, in PEM.
fn certificates(dir: &std::path::Path) {
    let script = "set -e; cd \"$0\"; exec 2>openssl.log
        openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 2 -subj /CN=firn-test-ca
        openssl req -newkey rsa:2048 -nodes -keyout key.pem -out csr.pem -subj /CN=localhost
        printf 'subjectAltName=IP:127.0.0.1' >ext
        openssl x509 -req -in csr.pem -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile ext -out cert.pem";
    let done = Command::new("sh").args(["-c", script]).arg(dir).status().unwrap();
    assert!(done.success(), "{}", std::fs::read_to_string(dir.join("openssl.log")).unwrap());
}

#[tokio::test]
async fn tls_with_an_authority_of_ones_own_and_without_a_check_and_never_the_wrong_way() {
    let keys = tempfile::tempdir().unwrap();
    certificates(keys.path());
    let path = |name: &str| keys.path().join(name);
    let options = ["ssl-cert=cert.pem", "ssl-key=key.pem"].map(|option| {
        let (key, name) = option.split_once('=').unwrap();
        format!("--{key}={}", path(name).display())
    });
    let server = Mariadb::start(8, &[&options[0], &options[1]]);
    let with = |tls: Tls, port| Link::new(Server::new("127.0.0.1", port, "root", None, tls));
    let cipher = "SELECT variable_value FROM information_schema.session_status WHERE variable_name = 'Ssl_version'";
    for tls in [Tls::Required(Some(path("ca.pem"))), Tls::Insecure] {
        let link = with(tls, server.port());
        assert_eq!(one(&link, cipher).await.unwrap(), "TLSv1.3");
    }
    // The public authorities did not sign it.
    let told = one(&with(Tls::Required(None), server.port()), cipher).await.unwrap_err().to_string();
    assert!(
        told.starts_with(&format!("no TLS with 127.0.0.1:{}: ", server.port())) && told.contains("UnknownIssuer"),
        "{told}"
    );
    assert!(
        told.ends_with("name the authority that signed its certificate as tls_ca, or set tls = \"insecure\""),
        "{told}"
    );
    let missing = path("missing.pem");
    let told = one(&with(Tls::Required(Some(missing.clone())), server.port()), cipher).await.unwrap_err().to_string();
    assert!(told.starts_with(&format!("cannot read tls_ca {}: No such file", missing.display())), "{told}");
    // Nor is its certificate for this name.
    let other = Server {
        host: "localhost".to_owned(),
        ..Server::new("", server.port(), "root", None, Tls::Required(Some(path("ca.pem"))))
    };
    let told = one(&Link::new(other), cipher).await.unwrap_err().to_string();
    assert!(told.contains("no TLS with localhost:") && told.contains("not valid for name"), "{told}");
    // A server without TLS is not spoken to in the open where TLS was asked for.
    let plain = shared().primary.port();
    let told = one(&with(Tls::Insecure, plain), cipher).await.unwrap_err().to_string();
    assert_eq!(
        told,
        format!("127.0.0.1:{plain} speaks no TLS; give it a certificate, or set tls = \"off\" where nobody can listen")
    );
}

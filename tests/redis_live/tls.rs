//! TLS: one's own authority, certificates on both sides, names, and ports that speak something else.

use std::path::{Path, PathBuf};
use std::process::Command;

use firn::base::Clock;
use firn::redis::addr::NodeAddr;
use firn::redis::conn::Account;
use firn::redis::probe::{NetProbe, Probe as _, Settings, Topology};
use firn::redis::tls::{Check, Identity, Tls, TlsWays};
use firn::redis::trouble::Says;

use crate::kit::{alone, settings, trouble};
use crate::support::redis::{Redis, free_port};
use crate::support::waiting::{LONG, eventually, in_time};

fn openssl(dir: &Path, args: &str) {
    let args: Vec<&str> = args.split_whitespace().collect();
    let output = Command::new("openssl").args(&args).current_dir(dir).output().unwrap();
    assert!(output.status.success(), "{args:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// An authority `ca`, and by it `server` (for 127.0.0.1), `other` (for another name) and `firn`; and `stranger`, an authority
/// of somebody else.
fn certificates(dir: &Path) {
    let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes";
    for name in ["ca", "stranger"] {
        openssl(dir, &format!("req -x509 {key} -keyout {name}.key -out {name}.pem -days 2 -subj /CN={name}"));
    }
    for (name, of) in [("server", "IP:127.0.0.1"), ("other", "DNS:cache.example.org"), ("firn", "DNS:firn")] {
        openssl(dir, &format!("req {key} -keyout {name}.key -out {name}.csr -subj /CN={name}"));
        std::fs::write(dir.join(format!("{name}.ext")), format!("subjectAltName={of}\n")).unwrap();
        let sign =
            format!("x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -days 2 -extfile {name}.ext");
        openssl(dir, &format!("{sign} -out {name}.pem"));
    }
}

/// A server that speaks TLS on the second port, and asks for a certificate.
fn server(dir: &Path, certificate: &str) -> (Redis, NodeAddr) {
    let path = |name: &str| dir.join(name).display().to_string();
    let port = free_port();
    let node = Redis::start(&[
        "--tls-port",
        &port.to_string(),
        "--tls-cert-file",
        &path(&format!("{certificate}.pem")),
        "--tls-key-file",
        &path(&format!("{certificate}.key")),
        "--tls-ca-cert-file",
        &path("ca.pem"),
        "--tls-auth-clients",
        "yes",
    ]);
    let addr = NodeAddr::new("127.0.0.1", port).unwrap();
    eventually(LONG, "its second port", || std::net::TcpStream::connect(("127.0.0.1", port)).ok().map(drop));
    (node, addr)
}

fn account(check: Check, authority: Option<PathBuf>, identity: Option<&Path>) -> Account {
    let of = |dir: &Path| Identity { certificate: dir.join("firn.pem"), key: dir.join("firn.key") };
    let ways = TlsWays { check, authority, identity: identity.map(of) };
    Account { tls: Tls::On(ways), ..Account::default() }
}

#[tokio::test(flavor = "multi_thread")]
async fn who_is_to_be_trusted_is_checked_on_both_sides() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    certificates(dir);
    let (mut node, addr) = server(dir, "server");
    let ca = Some(dir.join("ca.pem"));
    let fine = account(Check::Name, ca.clone(), Some(dir));
    let settings = Settings { account: fine.clone(), ..settings() };
    let kept = NetProbe::new(Topology::Nodes { nodes: vec![addr.clone()] }, settings, Clock::system());
    assert!(kept.tick().await[0].info().is_some() && kept.tick().await[0].info().is_some());
    assert!(!kept.is_cut());
    let look = alone(&addr, fine.clone()).await;
    assert!(look.info().is_some(), "{look:?}");
    let told = |look: &firn::redis::look::Look| {
        let why = trouble(look);
        (why.says(), why.to_string())
    };
    // Nobody it knows.
    let (says, text) = told(&alone(&addr, account(Check::Name, None, Some(dir))).await);
    assert!(text.contains("UnknownIssuer") && text.contains("tls_ca"), "{text}");
    assert_eq!(says, Says::Blind);
    let (_, text) = told(&alone(&addr, account(Check::Name, Some(dir.join("stranger.pem")), Some(dir))).await);
    assert!(text.contains("tls_ca"), "{text}");
    let (_, text) = told(&alone(&addr, account(Check::Signer, Some(dir.join("stranger.pem")), Some(dir))).await);
    assert!(text.contains("tls_ca"), "the signer alone is checked, and is not the one: {text}");
    assert!(alone(&addr, account(Check::Nothing, None, Some(dir))).await.info().is_some());
    // It asks who we are.
    let (says, text) = told(&alone(&addr, account(Check::Name, ca.clone(), None)).await);
    assert_eq!(says, Says::Blind, "{text}");
    assert!(text.starts_with("TLS fails: "), "{text}");
    // The files.
    let (says, text) = told(&alone(&addr, account(Check::Name, Some(dir.join("none.pem")), Some(dir))).await);
    assert!(
        says == Says::Blind && text.starts_with("firn cannot ask: cannot read ") && text.contains("none.pem"),
        "{text}"
    );
    let (_, text) = told(&alone(&addr, account(Check::Name, Some(dir.join("ca.key")), Some(dir))).await);
    assert!(text.contains("there is no certificate (PEM) in it"), "{text}");

    // TLS on the port that speaks none, and none on the one that does.
    let (says, text) = told(&alone(&node.addr(), fine).await);
    // One that never spoke TLS is not seen; one that did hangs: that is judged by what is known of it.
    assert!(says == Says::Hung && text.starts_with("TLS fails: no answer to the beginning"), "{text}");
    let (_, text) = told(&alone(&addr, Account::default()).await);
    assert!(text.contains("the server speaks TLS on this port") || text.contains("closed the connection"), "{text}");

    // Who dies is missed below TLS as well.
    node.kill();
    in_time(LONG, "its connection is closed", async || kept.is_cut().then_some(())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_for_another_name_is_refused_unless_the_signer_is_enough() {
    let temp = tempfile::tempdir().unwrap();
    let dir = temp.path();
    certificates(dir);
    let (_node, addr) = server(dir, "other");
    let ca = Some(dir.join("ca.pem"));
    let why = trouble(&alone(&addr, account(Check::Name, ca.clone(), Some(dir))).await).to_string();
    assert!(why.contains("check the signer alone"), "{why}");
    assert!(alone(&addr, account(Check::Signer, ca, Some(dir))).await.info().is_some());
}

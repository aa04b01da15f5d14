//! What the tool takes itself: its clients against an answerer in this process that answers at once.
//!
//! What is measured holds the tool's own work, the kernel's loopback and the answerer's wake-up; none of it is a server's or
//! a network's. A figure of a run that comes near it says more about this machine than about the server.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token};

use super::outcome::Overhead;
use super::prepare::prepare;
use super::run::{drive, rate, share};
use super::spec::{BenchError, RunId, Spec, Work};
use super::tally::latency;
use crate::base::{Clock, Stop, task};
use crate::redis::addr::NodeAddr;

/// How long each of the two is measured.
const SPAN: Duration = Duration::from_millis(500);
const WARM_UP: Duration = Duration::from_millis(100);

/// Ends the answerer when nobody measures any more.
struct End(Arc<AtomicBool>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Measures with one client, and with as many as a host gets.
pub(super) async fn measure(spec: &Spec, clock: &Clock, stop: &Stop) -> Result<Overhead, BenchError> {
    let mut listener = TcpListener::bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    let to = listener.local_addr()?;
    let poll = Poll::new()?;
    poll.registry().register(&mut listener, Token(0), Interest::READABLE)?;
    let over = Arc::new(AtomicBool::new(false));
    let end = End(Arc::clone(&over));
    let answering = task::spawn(task::blocking(move || answer(poll, &listener, &over)));
    let mut figures = Vec::new();
    for clients in [1, spec.clients] {
        let host = NodeAddr::new("127.0.0.1", to.port()).into_iter().collect();
        let one = Spec {
            clients,
            span: SPAN,
            warm_up: WARM_UP,
            keys: spec.keys,
            value: spec.value,
            threads: Some(1),
            ..Spec::new(host, Work::GetSet)
        };
        let id = RunId::new()?;
        let shared = Arc::new(share(prepare_blocking(one, id).await?, clock, stop)?);
        let driven = drive(&shared, &mut |_| {}).await?;
        let trips = driven.total.all_trips();
        figures.push((latency(&trips), rate(trips.len(), driven.span)));
    }
    drop(end);
    // It ends within its own wait; what it says is of no interest.
    drop(answering);
    let many = figures.pop().unwrap_or((None, 0.0));
    Ok(Overhead { one: figures.pop().and_then(|(one, _)| one), many: many.0, rate: many.1 })
}

async fn prepare_blocking(spec: Spec, id: RunId) -> Result<super::prepare::Ready, BenchError> {
    let prefix = id.prefix();
    let told = task::blocking(move || prepare(&spec, &id, 0)).await;
    told.map_err(|source| BenchError::Thread { source, prefix })?
}

/// Answers each request as soon as it is there: `GET` with nothing, `SET` with `+OK`.
fn answer(mut poll: Poll, listener: &TcpListener, over: &AtomicBool) {
    let mut events = Events::with_capacity(1024);
    let mut lines: Vec<Option<TcpStream>> = Vec::new();
    let mut bytes = vec![0; 64 << 10];
    while !over.load(Ordering::Relaxed) {
        if poll.poll(&mut events, Some(Duration::from_millis(20))).is_err() {
            continue;
        }
        for event in &events {
            if event.token() == Token(0) {
                while let Ok((mut line, _)) = listener.accept() {
                    let _ = line.set_nodelay(true);
                    let token = Token(lines.len() + 1);
                    if poll.registry().register(&mut line, token, Interest::READABLE).is_ok() {
                        lines.push(Some(line));
                    }
                }
                continue;
            }
            let place = event.token().0 - 1;
            let Some(line) = lines.get_mut(place).and_then(Option::as_mut) else { continue };
            let gone = loop {
                match line.read(&mut bytes) {
                    Ok(0) => break true,
                    Ok(n) => {
                        // A request is answered when its end is here; a long one comes in parts.
                        if bytes[..n].ends_with(b"\r\n") && line.write_all(reply(&bytes[..n])).is_err() {
                            break true;
                        }
                    }
                    Err(e) if e.kind() == ErrorKind::WouldBlock => break false,
                    Err(e) if e.kind() == ErrorKind::Interrupted => {}
                    Err(_) => break true,
                }
            };
            if gone {
                lines[place] = None;
            }
        }
    }
}

/// `*2…`: `GET`; anything else, and the last part of what came in parts, is `SET`.
fn reply(request: &[u8]) -> &'static [u8] {
    if request.starts_with(b"*2\r\n") { b"$-1\r\n" } else { b"+OK\r\n" }
}

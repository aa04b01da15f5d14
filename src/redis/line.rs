//! The line to a node: one connection that is kept, made anew when there is none. Never more than one.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::timeout;

use super::addr::NodeAddr;
use super::conn::{Account, Batch, Conn, resolve};
use super::resp::Value;
use super::tls::Tls;
use super::trouble::Trouble;
use crate::base::Clock;
use crate::base::task::{self, JoinHandle};
use crate::base::units::Span;

/// The line to a node. Whoever asks takes its turn; dropped before it is answered, a question takes the connection along.
#[derive(Debug)]
pub struct Line {
    addr: NodeAddr,
    account: Arc<Account>,
    clock: Clock,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    conn: Option<Conn>,
    /// Whether the last question found the kept connection closed, and nobody there to make another.
    lost: bool,
    /// Where the name led when it last led anywhere.
    places: Vec<SocketAddr>,
    /// A name that is being looked up: that cannot be cancelled, and is waited for by whoever comes next.
    lookup: Option<JoinHandle<Result<Vec<SocketAddr>, Trouble>>>,
    /// Whether TLS came about here before.
    shaken: bool,
}

/// What was answered, and how long it took.
#[derive(Debug, Clone, PartialEq)]
pub struct Answered {
    /// An answer to each question.
    pub values: Vec<Value>,
    /// From the questions' last byte to the answers' last; with making the connection, where there was none.
    pub took: Duration,
    /// Whether a connection was made for it: `took` says more than the node's round trip.
    pub fresh: bool,
}

impl Line {
    /// Not connected yet.
    pub fn new(addr: NodeAddr, account: Arc<Account>, clock: Clock) -> Self {
        Self { addr, account, clock, state: Mutex::default() }
    }

    /// Where it leads.
    pub fn addr(&self) -> &NodeAddr {
        &self.addr
    }

    /// Asks. A kept connection that turns out to be closed is replaced once.
    pub async fn ask(&self, batch: &Batch) -> Result<Answered, Trouble> {
        let within = self.account.answer_within;
        // Another question on this line ends by itself within its own time.
        let mut state = timeout(within * 2, self.state.lock()).await.map_err(|_| Trouble::Silent(within))?;
        state.lost = false;
        if let Some(conn) = state.conn.take() {
            match self.once(&mut state, conn, batch, false).await {
                // It may have been idle for longer than the server keeps, or the server is another since.
                Err(Trouble::Closed) => state.lost = true,
                other => return other,
            }
        }
        let conn = self.connect(&mut state).await?;
        state.lost = false;
        self.once(&mut state, conn, batch, true).await
    }

    /// Asks on a connection made for it, and never twice: for what should not be done twice.
    pub async fn ask_once(&self, batch: &Batch) -> Result<Answered, Trouble> {
        let within = self.account.answer_within;
        let mut state = timeout(within * 2, self.state.lock()).await.map_err(|_| Trouble::Silent(within))?;
        state.conn = None;
        let conn = self.connect(&mut state).await?;
        self.once(&mut state, conn, batch, true).await
    }

    /// Gives the connection up, once nobody asks any more.
    pub async fn close(&self) {
        self.state.lock().await.conn = None;
    }

    /// Whether the connection that was kept has been closed by the other side, by now or as the last question found, and none
    /// was made since. While somebody asks it is not known.
    pub fn is_cut(&self) -> bool {
        self.state.try_lock().is_ok_and(|state| state.lost || state.conn.as_ref().is_some_and(Conn::is_cut))
    }

    async fn once(&self, state: &mut State, conn: Conn, batch: &Batch, fresh: bool) -> Result<Answered, Trouble> {
        let began = self.clock.mono();
        let (values, conn) = conn.ask(batch, self.account.answer_within).await?;
        state.conn = Some(conn);
        Ok(Answered { values, took: self.clock.mono().since(began), fresh })
    }

    async fn connect(&self, state: &mut State) -> Result<Conn, Trouble> {
        let looked = self.places(state).await;
        if let Ok(places) = &looked {
            state.places.clone_from(places);
        }
        let opened = if state.places.is_empty() {
            looked.and(Err(Trouble::Refused))
        } else {
            let opened = Conn::open(&self.addr, &state.places, &self.account).await;
            // A name that leads nowhere any more: where it led is as good while somebody answers there, and says nothing
            // when nobody does.
            match (opened, looked) {
                (Err(_), Err(unresolved)) => Err(unresolved),
                (opened, _) => opened,
            }
        };
        match opened {
            Ok(conn) => {
                state.shaken = true;
                Ok(conn)
            }
            // It takes connections and does not begin to speak TLS: where it never did, it may be none that does.
            Err(Trouble::Silent(within)) if self.account.tls != Tls::Off && !state.shaken => {
                Err(Trouble::Handshake(within))
            }
            Err(why) => Err(why),
        }
    }

    async fn places(&self, state: &mut State) -> Result<Vec<SocketAddr>, Trouble> {
        if self.addr.ip().is_some() {
            return resolve(self.addr.clone()).await;
        }
        let mut lookup = state.lookup.take().unwrap_or_else(|| task::spawn(resolve(self.addr.clone())));
        if let Ok(found) = timeout(self.account.connect_within, &mut lookup).await {
            return found.map_err(|why| Trouble::Own(why.to_string())).flatten();
        }
        state.lookup = Some(lookup);
        let why = format!("no answer within {}", Span(self.account.connect_within));
        Err(Trouble::Resolve { host: self.addr.host().to_owned(), why })
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpListener;

    use super::*;

    /// A name that no resolver knows, of which it is known where it led.
    #[tokio::test]
    async fn a_name_that_stops_resolving_leads_where_it_led_while_somebody_answers_there() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let place = listener.local_addr().unwrap();
        let server = std::thread::spawn(move || {
            let mut stream = listener.accept().unwrap().0;
            let mut heard = [0; 1024];
            let _ = stream.read(&mut heard).unwrap();
            stream.write_all(b"+PONG\r\n").unwrap();
        });
        let addr = NodeAddr::new("no-such-host.invalid", place.port()).unwrap();
        let account = Arc::new(Account { named: false, ..Account::default() });
        let line = Line::new(addr, account, Clock::system());
        let unresolved = |answer: Result<Answered, Trouble>| match answer {
            Err(Trouble::Resolve { host, .. }) => host == "no-such-host.invalid",
            _ => false,
        };
        let ping = Batch::of(&[&["PING"]]);
        assert!(unresolved(line.ask(&ping).await), "it is not known where it led");
        line.state.lock().await.places = vec![place];
        assert_eq!(line.ask(&ping).await.unwrap().values, [Value::Simple(b"PONG".to_vec())]);
        server.join().unwrap();
        assert!(unresolved(line.ask(&ping).await), "that nobody is there any more says nothing of the node");
    }
}

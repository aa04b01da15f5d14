//! A statement that was given up and may still run on its server.

use mysql_async::Conn;
use mysql_async::prelude::Queryable as _;

use super::answer::{Fault, Table, read};

/// A reading that was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Abandoned {
    /// The server's number of its connection. It says little: after a restart, or behind an address that has moved, it is
    /// somebody else's.
    pub id: u32,
    /// What was asked.
    pub statement: String,
}

impl Abandoned {
    /// What shows who has that number now, and who asks.
    fn look(&self) -> String {
        format!(
            "SELECT USER, HOST, INFO, USER() AS ASKED_BY FROM information_schema.PROCESSLIST WHERE ID = {}",
            self.id
        )
    }

    /// Whether what the server shows under the number is what was given up: the same account, from the same host, with the
    /// same statement. A stranger's must not be ended, and an account that may stop replication may end anybody's.
    fn is(&self, shown: &Table) -> bool {
        let part = |column| shown.value(0, column);
        let Some((own, from)) = part("ASKED_BY").and_then(|asker| asker.rsplit_once('@')) else { return false };
        let host = part("HOST").map(|host| host.rsplit_once(':').map_or(host, |(host, _)| host));
        part("USER") == Some(own) && host == Some(from) && part("INFO") == Some(self.statement.as_str())
    }

    /// Ends it, if it is still there. What the server refuses is left to its own time-out.
    pub async fn end(&self, conn: &mut Conn) -> mysql_async::Result<()> {
        // A number that is not below is another server's.
        if self.id >= conn.id() {
            return Ok(());
        }
        let ended = match read(conn, &self.look()).await {
            Ok(shown) if self.is(&shown) => conn.query_drop(format!("KILL CONNECTION {}", self.id)).await,
            Ok(_) | Err(Fault::TooMuch(_)) => Ok(()),
            Err(Fault::Driver(e)) => Err(e),
        };
        ended.or_else(|e| if e.is_fatal() { Err(e) } else { Ok(()) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_was_given_up_is_ended() {
        let given_up = Abandoned { id: 7, statement: "SHOW REPLICA STATUS".to_owned() };
        let shown = |row: [&str; 4]| Table {
            columns: ["USER", "HOST", "INFO", "ASKED_BY"].map(str::to_owned).to_vec(),
            rows: vec![row.iter().map(|text| (!text.is_empty()).then(|| (*text).to_owned())).collect()],
            ..Table::default()
        };
        let own = ["moni@tor", "10.0.0.7:51234", "SHOW REPLICA STATUS", "moni@tor@10.0.0.7"];
        assert!(given_up.is(&shown(own)));
        for (at, other) in [
            (0, "Moni@tor"),
            (0, "backup"),
            (1, "10.0.0.8:51234"),
            (2, "SHOW REPLICA STATUS FOR CHANNEL 'a'"),
            (2, ""),
            (3, "moni@10.0.0.7"),
            (3, ""),
        ] {
            let mut row = own;
            row[at] = other;
            assert!(!given_up.is(&shown(row)), "{row:?}");
        }
        assert!(!given_up.is(&Table { rows: Vec::new(), ..shown(own) }), "it has ended");
        let six = ["u", "2001:db8::7:51234", "SHOW REPLICA STATUS", "u@2001:db8::7"];
        assert!(given_up.is(&shown(six)));
    }
}

//! Why nothing, or not everything, is seen of a node.

use std::time::Duration;

use crate::base::Shown;
use crate::base::units::Span;

use super::resp::RespError;

/// What a node answered instead, or that it did not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Trouble {
    /// It was not asked that, or a recording does not have it. That says nothing of the node.
    #[error("was not asked")]
    NotAsked,
    /// Its name has no address.
    #[error("{} cannot be resolved: {}", Shown::text(host), Shown::text(why))]
    Resolve {
        /// The name.
        host: String,
        /// Why.
        why: String,
    },
    /// Nobody listens there.
    #[error("connection refused")]
    Refused,
    /// The network says no.
    #[error("no way there: {}", Shown::text(.0))]
    Network(String),
    /// Nobody answers the connection.
    #[error("no connection within {}", Span(*.0))]
    Connect(Duration),
    /// It takes connections and does not answer.
    #[error("takes connections and does not answer within {}", Span(*.0))]
    Silent(Duration),
    /// It closed the line.
    #[error("closed the connection before it had answered")]
    Closed,
    /// TLS does not come about.
    #[error("TLS fails: {}", Shown::text(.0))]
    Tls(String),
    /// It takes connections and does not begin to speak TLS.
    #[error(
        "TLS fails: no answer to the beginning of TLS within {}; it hangs, or speaks none on this port",
        Span(*.0)
    )]
    Handshake(Duration),
    /// firn itself cannot: a password or a certificate that cannot be read, no file descriptor left.
    #[error("firn cannot ask: {}", Shown::text(.0))]
    Own(String),
    /// What it says is not the protocol.
    #[error(transparent)]
    Wire(#[from] RespError),
    /// It answered something else than was asked for.
    #[error("{what} answered with {}", Shown::text(found))]
    Odd {
        /// What was asked.
        what: &'static str,
        /// What came.
        found: String,
    },
    /// `-LOADING`
    #[error("is loading its dataset")]
    Loading,
    /// `-BUSY`
    #[error("is blocked by a script or a function: {}", Shown::text(.0))]
    Busy(String),
    /// `-NOAUTH`
    #[error("wants a password, and none was given")]
    NoAuth,
    /// `-WRONGPASS`
    #[error("does not take this user and password")]
    WrongPass,
    /// It has no password, and was given one.
    #[error("has no password, and one was given")]
    NoPassword,
    /// It knows no users, as redis before 6, and was given one.
    #[error("knows no users (redis before 6), and one was given")]
    NoUsers,
    /// `-NOPERM`
    #[error("the user may not do that: {}", Shown::text(.0))]
    NoPerm(String),
    /// `-DENIED`: protected mode.
    #[error("takes connections from its own host alone (protected mode)")]
    Denied,
    /// `max number of clients reached`
    #[error("takes no more clients: {}", Shown::text(.0))]
    Full(String),
    /// Cluster support is off.
    #[error("is no node of a cluster (cluster support is disabled)")]
    NoCluster,
    /// Any other error, as it was answered.
    #[error("{}", Shown::text(.0))]
    Error(String),
}

/// Bytes kept of an error's text.
const TEXT: usize = 300;

/// What a [`Trouble`] says of the node.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Says {
    /// It serves nobody: nobody listens, or no way leads there.
    Down,
    /// It serves nobody: it takes connections and does nothing.
    Hung,
    /// It serves nobody until it has read its data.
    Loading,
    /// It serves nobody until a script has ended.
    Busy,
    /// It serves those who are in, and lets nobody else in.
    Full,
    /// Nothing: it serves others, for all that is known, and does not let us look.
    Blind,
    /// It is not what it should be.
    Other,
    /// Nothing at all.
    Nothing,
}

impl Trouble {
    /// An error reply by its first word.
    /// Source: the errors of redis 7.0 and valkey 8.0 as they were recorded, and `src/server.c` of both.
    pub fn of_error(text: &str) -> Self {
        // A server that does not know a command repeats its arguments, and those of AUTH are a password.
        let told = text.split_once(", with args beginning with").map_or(text, |(told, _)| told);
        let kept: String = told.chars().take(TEXT).collect();
        let (code, rest) = text.split_once(' ').unwrap_or((text, ""));
        match code {
            "LOADING" => Self::Loading,
            "BUSY" => Self::Busy(kept),
            "NOAUTH" => Self::NoAuth,
            "WRONGPASS" => Self::WrongPass,
            "NOPERM" => Self::NoPerm(kept),
            "DENIED" => Self::Denied,
            "ERR" if rest.starts_with("max number of clients") => Self::Full(kept),
            "ERR" if rest.contains("cluster support disabled") => Self::NoCluster,
            // A node without a password, asked with one by the old form of AUTH; the others are of redis 5.
            "ERR" if rest.starts_with("AUTH ") || rest.starts_with("Client sent AUTH") => Self::NoPassword,
            "ERR" if rest == "invalid password" => Self::WrongPass,
            "ERR" if rest.starts_with("wrong number of arguments for 'auth'") => Self::NoUsers,
            _ => Self::Error(kept),
        }
    }

    /// An error reply to `AUTH`: what is told in words that are not known may repeat the password, as proxies do in their
    /// own.
    pub fn of_login(text: &str) -> Self {
        match Self::of_error(text) {
            Self::Error(kept) if kept.starts_with("ERR unknown command") => {
                Self::Error("ERR unknown command 'AUTH'".to_owned())
            }
            Self::Error(_) => Self::Error("AUTH is refused in words that may have the password in them".to_owned()),
            known => known,
        }
    }

    /// Whether it is the same trouble; a command that may not be done is told with its name, which differs.
    pub fn alike(&self, other: &Self) -> bool {
        self == other || matches!((self, other), (Self::NoPerm(_), Self::NoPerm(_)))
    }

    /// What that says of the node.
    pub fn says(&self) -> Says {
        match self {
            Self::NotAsked => Says::Nothing,
            Self::Refused | Self::Network(_) | Self::Connect(_) => Says::Down,
            Self::Silent(_) | Self::Handshake(_) | Self::Closed => Says::Hung,
            Self::Loading => Says::Loading,
            Self::Busy(_) => Says::Busy,
            Self::Full(_) => Says::Full,
            // A name that does not resolve here may resolve elsewhere.
            Self::Resolve { .. }
            | Self::Own(_)
            | Self::Tls(_)
            | Self::NoAuth
            | Self::WrongPass
            | Self::NoPassword
            | Self::NoUsers
            | Self::NoPerm(_)
            | Self::Denied => Says::Blind,
            Self::Wire(_) | Self::Odd { .. } | Self::NoCluster | Self::Error(_) => Says::Other,
        }
    }
}

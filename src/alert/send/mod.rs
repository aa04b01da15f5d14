//! Senders: each takes a message somewhere, within a time, and says what came of it.

pub mod command;
pub mod mail;
pub mod ping;

use async_trait::async_trait;

use crate::store::AlertMessage;

/// A message that went out, though not all of it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sent {
    /// What did not: a phrase for the operator, such as which recipients the server refused.
    pub but: Option<String>,
}

/// A message that did not go out, or perhaps not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{text}")]
pub struct SendError {
    /// What happened, where, and what to mend: safe to show, without any secret.
    pub text: String,
    /// Whether nothing can have arrived. Else it may have, and is sent again under the same name.
    pub certain: bool,
}

impl SendError {
    /// Nothing can have arrived.
    pub fn certain(text: impl Into<String>) -> Self {
        Self { text: text.into(), certain: true }
    }

    /// It may have arrived.
    pub fn perhaps(text: impl Into<String>) -> Self {
        Self { text: text.into(), certain: false }
    }
}

/// Something that sends messages.
#[async_trait]
pub trait Sender: Send + Sync {
    /// Its name: a word that commands, findings and the state know it by.
    fn name(&self) -> &'static str;

    /// Sends the message; answers within a time of its own.
    async fn send(&self, message: &AlertMessage) -> Result<Sent, SendError>;
}

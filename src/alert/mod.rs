//! Findings become notices that are sent: by mail, by a command, and by a ping that stays away when nobody watches.
//!
//! | file | what it is for |
//! | --- | --- |
//! | [`rules`] | what is told, and when: pure |
//! | [`message`] | the words |
//! | [`send`] | the senders: mail, command, ping |
//! | [`worker`] | who sends: a duty, so that of many processes one does it |
//!
//! Each sender has its own memory of what it has told ([`crate::store::ToldRow`]): a mail server that is down keeps
//! nothing from the command. A message is written into the state before it is sent, and again once it has been: a
//! process that dies in between leaves one that may have arrived, and it is sent once more under the same name.

pub mod message;
pub mod rules;
pub mod send;
pub mod worker;

use std::sync::Arc;

pub use message::Origin;
pub use rules::Limits;
pub use worker::{Means, run};

use self::send::Sender;
use self::send::command::CommandSender;
use self::send::mail::{self, MailError, MailSender};
use self::send::ping::Ping;
use crate::base::secret::SecretRef;

/// The word for this worker where workers are named.
pub const KIND: &str = "alert";

/// What is configured.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// When what is told.
    pub limits: Limits,
    /// Mail, if there is any.
    pub mail: Option<mail::Settings>,
    /// A program and its arguments.
    pub command: Option<(String, Vec<String>)>,
    /// Where the address of the ping stands, and how often it is asked for.
    pub ping: Option<(SecretRef, std::time::Duration)>,
}

/// The senders of a configuration.
#[derive(Clone, Default)]
pub struct Senders {
    /// Those that send messages.
    pub messages: Vec<Arc<dyn Sender>>,
    /// The ping.
    pub ping: Option<Arc<Ping>>,
}

impl Senders {
    /// Sets them up; nothing is connected to yet. `host` is what this host is called.
    pub fn new(settings: &Settings, host: &str) -> Result<Self, MailError> {
        let mut senders = Self::default();
        if let Some(mail) = &settings.mail {
            senders.messages.push(Arc::new(MailSender::new(mail.clone(), host)?));
        }
        if let Some((program, args)) = &settings.command {
            senders.messages.push(Arc::new(CommandSender::new(program.clone(), args.clone())));
        }
        senders.ping = settings.ping.as_ref().map(|(place, every)| Arc::new(Ping::new(place.clone(), *every)));
        Ok(senders)
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.messages.is_empty() && self.ping.is_none()
    }

    /// Their names.
    pub fn names(&self) -> Vec<&'static str> {
        let messages = self.messages.iter().map(|sender| sender.name());
        messages.chain(self.ping.iter().map(|_| Ping::NAME)).collect()
    }
}

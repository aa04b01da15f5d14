//! Mail over SMTP (RFC 5321), as plain text.
//!
//! The conversation is held step by step rather than by one call: so a recipient whom the server refuses does not keep
//! the mail from the others, an error names the step it came from, and it is known whether the text had been handed over
//! when the line broke. Only then may the mail have arrived.

use std::fmt::Display;
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use lettre::Address;
use lettre::message::{Mailbox, Message, header};
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, Certificate, TlsParameters};
use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};

use super::{SendError, Sender, Sent};
use crate::base::Shown;
use crate::base::escape::shown_again;
use crate::base::secret::SecretRef;
use crate::store::AlertMessage;

/// A whole conversation takes no longer.
pub const WITHIN: Duration = Duration::from_secs(30);

/// QUIT and its answer are waited for no longer.
const FAREWELL: Duration = Duration::from_secs(2);

/// Of what a server answers, so many characters are repeated.
const ANSWER: usize = 300;

/// How the line to the server is kept from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tls {
    /// The line begins in the open and must turn to TLS before anything else is said (RFC 3207).
    StartTls,
    /// TLS from the first byte (RFC 8314).
    Wrapped,
    /// None.
    Never,
}

/// Where mail goes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The server's name or address.
    pub server: String,
    /// Its port.
    pub port: u16,
    /// TLS or not.
    pub tls: Tls,
    /// Whether mail without TLS may leave this host.
    pub insecure: bool,
    /// Who logs in, and where the password stands.
    pub login: Option<(String, SecretRef)>,
    /// From whom.
    pub from: String,
    /// To whom.
    pub to: Vec<String>,
    /// Certificates in PEM that are trusted beside the usual ones.
    pub ca: Option<PathBuf>,
}

/// Mail that cannot be set up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MailError {
    /// No address.
    #[error("[alert] {key}: \"{found}\" is no mail address ({detail}); write one such as ops@example.org")]
    Address {
        /// The setting.
        key: &'static str,
        /// What stands there.
        found: String,
        /// What is wrong with it.
        detail: String,
    },
    /// Nobody to send to.
    #[error("[alert] mail_to names nobody; write one address or more, comma-separated")]
    Nobody,
    /// The text would cross a network as it is.
    #[error(
        "[alert] mail_tls is \"none\" and the server {server} is another host; use \"starttls\" or \"tls\", or \"insecure\" to send mail that anybody on the way can read and change"
    )]
    Open {
        /// The server.
        server: String,
    },
}

/// Sends mail.
pub struct MailSender {
    settings: Settings,
    from: Address,
    to: Vec<Address>,
    hello: ClientId,
    within: Duration,
}

impl MailSender {
    /// A sender; nothing is connected to yet. `host` is what it calls itself.
    pub fn new(settings: Settings, host: &str) -> Result<Self, MailError> {
        let address = |key: &'static str, text: &str| {
            let wrong = |detail: String| MailError::Address { key, found: Shown::text(text).to_string(), detail };
            let parsed = text.trim().parse::<Address>().map_err(|e| wrong(e.to_string()))?;
            // Such an address needs SMTPUTF8 of every server on the way.
            if text.is_ascii() { Ok(parsed) } else { Err(wrong("it is not ASCII".to_owned())) }
        };
        let from = address("mail_from", &settings.from)?;
        let to = settings.to.iter().map(|text| address("mail_to", text)).collect::<Result<Vec<_>, _>>()?;
        if to.is_empty() {
            return Err(MailError::Nobody);
        }
        if settings.tls == Tls::Never && !settings.insecure && !is_this_host(&settings.server) {
            return Err(MailError::Open { server: Shown::text(&settings.server).to_string() });
        }
        let plain = !host.is_empty() && host.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '-'));
        let hello = if plain { ClientId::Domain(host.to_owned()) } else { ClientId::default() };
        Ok(Self { settings, from, to, hello, within: WITHIN })
    }

    /// Another limit for a whole conversation.
    #[must_use]
    pub fn within(mut self, within: Duration) -> Self {
        self.within = within;
        self
    }

    /// The mail as it goes over the line.
    fn mail(&self, message: &AlertMessage) -> Result<Vec<u8>, SendError> {
        let micros = u64::try_from(message.made_at.as_micros()).unwrap_or(0);
        let mut mail = Message::builder()
            .from(Mailbox::new(Some("firn".to_owned()), self.from.clone()))
            .subject(&message.subject)
            .date(SystemTime::UNIX_EPOCH + Duration::from_micros(micros))
            .message_id(Some(format!("<{}@{}>", message.id, self.from.domain())))
            .header(header::ContentType::TEXT_PLAIN)
            .header(header::MIME_VERSION_1_0);
        for to in &self.to {
            mail = mail.to(Mailbox::new(None, to.clone()));
        }
        // The end of the text brings a line end of its own.
        let mail = mail.body(message.text.trim_end().to_owned());
        let mail = mail.map_err(|e| SendError::certain(format!("the mail cannot be written: {}", said(&e))))?;
        Ok(mail.formatted())
    }

    fn tls(&self) -> Result<Option<TlsParameters>, SendError> {
        if self.settings.tls == Tls::Never {
            return Ok(None);
        }
        let mut tls = TlsParameters::builder(self.settings.server.clone());
        if let Some(path) = &self.settings.ca {
            let place = Shown::path(path).to_string();
            let wrong = |e: &dyn Display| {
                let text =
                    format!("[alert] mail_ca: {place} holds no certificates in PEM that can be used: {}", said(e));
                SendError::certain(text)
            };
            let pem = read_ca(path).map_err(|e| wrong(&e))?;
            let mut blocks = 0;
            for block in pem_blocks(&pem) {
                tls = tls.add_root_certificate(Certificate::from_pem(block.as_bytes()).map_err(|e| wrong(&e))?);
                blocks += 1;
            }
            if blocks == 0 {
                return Err(wrong(&"no BEGIN CERTIFICATE in it"));
            }
        }
        let made = tls.build_rustls();
        made.map(Some).map_err(|e| SendError::certain(format!("TLS cannot be set up: {}", said(&e))))
    }

    fn at(&self, step: &str, what: impl Display) -> String {
        let server = Shown::text(&self.settings.server);
        format!("mail to {server}:{}: {step}: {}", self.settings.port, said(&what))
    }

    /// The conversation. `handed_over` becomes true when the server may have the mail from then on.
    async fn converse(&self, mail: &[u8], handed_over: &mut bool) -> Result<(Sent, AsyncSmtpConnection), String> {
        let tls = self.tls().map_err(|e| e.text)?;
        let password = match &self.settings.login {
            Some((_, place)) => Some(place.read().map_err(|e| format!("[alert] mail_password: {}", said(&e)))?),
            None => None,
        };
        let server = (self.settings.server.as_str(), self.settings.port);
        let wrapped = tls.clone().filter(|_| self.settings.tls == Tls::Wrapped);
        let connected = AsyncSmtpConnection::connect_tokio1(server, Some(self.within), &self.hello, wrapped, None);
        let mut line = connected.await.map_err(|e| self.at("the connection", e))?;
        if let (Tls::StartTls, Some(tls)) = (self.settings.tls, tls) {
            line.starttls(tls, &self.hello).await.map_err(|e| self.at("STARTTLS", e))?;
        }
        if let (Some((user, _)), Some(password)) = (&self.settings.login, password) {
            let login = Credentials::new(user.clone(), password.reveal().to_owned());
            line.auth(&[Mechanism::Plain, Mechanism::Login], &login).await.map_err(|e| self.at("the login", e))?;
        }
        let mut options = Vec::new();
        if line.server_info().supports_feature(Extension::EightBitMime) && !mail.is_ascii() {
            options.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        let from = Mail::new(Some(self.from.clone()), options);
        line.command(from).await.map_err(|e| self.at(&format!("the sender {}", self.from), e))?;
        let mut refused = Vec::new();
        for to in &self.to {
            match line.command(Rcpt::new(to.clone(), Vec::new())).await {
                Ok(_) => {}
                // A line that is broken takes no other recipient either.
                Err(e) if e.status().is_none() => return Err(self.at(&format!("the recipient {to}"), e)),
                Err(e) => refused.push(self.at(&format!("the recipient {to}"), e)),
            }
        }
        if refused.len() == self.to.len() {
            line.abort().await;
            return Err(refused.join("; "));
        }
        line.command(Data).await.map_err(|e| self.at("DATA", e))?;
        *handed_over = true;
        if let Err(e) = line.message(mail).await {
            // An answer that refuses it is an answer.
            *handed_over = e.status().is_none();
            return Err(self.at("the text", e));
        }
        Ok((Sent { but: (!refused.is_empty()).then(|| refused.join("; ")) }, line))
    }
}

#[async_trait]
impl Sender for MailSender {
    fn name(&self) -> &'static str {
        "mail"
    }

    async fn send(&self, message: &AlertMessage) -> Result<Sent, SendError> {
        let mail = self.mail(message)?;
        let mut handed_over = false;
        let said = match tokio::time::timeout(self.within, self.converse(&mail, &mut handed_over)).await {
            Ok(Ok((sent, mut line))) => {
                // The mail is theirs, whatever becomes of the farewell.
                let _ = tokio::time::timeout(FAREWELL, line.abort()).await;
                return Ok(sent);
            }
            Ok(Err(said)) => said,
            Err(_) => self.at("no end", format!("it took longer than {} s", self.within.as_secs_f32())),
        };
        Err(SendError { text: said, certain: !handed_over })
    }
}

/// What a server or a library said, on one line, of bounded length.
fn said(what: &(impl Display + ?Sized)) -> String {
    let text = shown_again(&what.to_string());
    if text.chars().count() <= ANSWER { text } else { text.chars().take(ANSWER).chain(['…']).collect() }
}

fn is_this_host(server: &str) -> bool {
    server.eq_ignore_ascii_case("localhost") || server.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// A file of certificates is at most 1 MiB.
fn read_ca(path: &std::path::Path) -> std::io::Result<String> {
    use std::io::Read as _;
    let mut text = String::new();
    std::fs::File::open(path)?.take(1 << 20).read_to_string(&mut text)?;
    Ok(text)
}

/// Each certificate of a file.
fn pem_blocks(pem: &str) -> impl Iterator<Item = String> {
    const BEGIN: &str = "-----BEGIN CERTIFICATE-----";
    const END: &str = "-----END CERTIFICATE-----";
    pem.split(BEGIN).skip(1).filter_map(|rest| Some(format!("{BEGIN}{}{END}\n", rest.split_once(END)?.0)))
}

//! The dead-man's ping: as long as it comes, somebody watches; what waits for it raises the alarm when it stays away.

use std::time::Duration;

use super::SendError;
use crate::base::escape::shown_again;
use crate::base::secret::SecretRef;
use crate::base::{Shown, task};

/// A ping takes no longer.
pub const WITHIN: Duration = Duration::from_secs(20);

/// More redirections than this are none of ours to follow.
const REDIRECTIONS: u32 = 3;

/// Asks for an address, now and then.
pub struct Ping {
    place: SecretRef,
    /// How often.
    pub every: Duration,
    within: Duration,
}

impl Ping {
    /// The word it is known by.
    pub const NAME: &'static str = "ping";

    /// A ping of the address that stands at `place`: whoever knows it could ping in our stead, so it is a secret.
    pub fn new(place: SecretRef, every: Duration) -> Self {
        Self { place, every, within: WITHIN }
    }

    /// Another limit for one ping.
    #[must_use]
    pub fn within(mut self, within: Duration) -> Self {
        self.within = within;
        self
    }

    /// Asks once; the answer must be one of success.
    pub async fn ping(&self) -> Result<(), SendError> {
        let (place, within) = (self.place.clone(), self.within);
        let asked = task::blocking(move || ask(&place, within)).await;
        asked.unwrap_or_else(|e| Err(SendError::certain(format!("the ping fell over: {e}"))))
    }
}

fn ask(place: &SecretRef, within: Duration) -> Result<(), SendError> {
    let address =
        place.read().map_err(|e| SendError::certain(format!("[alert] ping_url: {}", shown_again(&e.to_string()))))?;
    let host = host(address.reveal()).ok_or_else(|| {
        SendError::certain("[alert] ping_url: what it points at is no address such as https://host/path; it is not shown, for it may be a secret")
    })?;
    let agent = ureq::Agent::config_builder()
        .timeout_global(Some(within))
        .max_redirects(REDIRECTIONS)
        .user_agent("firn")
        .build()
        .new_agent();
    let asked = agent.get(address.reveal()).call();
    asked.map(drop).map_err(|e| SendError::certain(format!("ping of {host}: {}", words(&e, within))))
}

/// The error without the address: many of the library's own texts repeat it.
fn words(error: &ureq::Error, within: Duration) -> String {
    match error {
        ureq::Error::StatusCode(code) => format!("the server answered with status {code}"),
        ureq::Error::Timeout(_) => format!("no answer within {} s", within.as_secs_f32()),
        ureq::Error::HostNotFound => "there is no such host".to_owned(),
        ureq::Error::ConnectionFailed => "no connection".to_owned(),
        ureq::Error::TooManyRedirects | ureq::Error::RedirectFailed => {
            format!("it was sent on more than {REDIRECTIONS} times, or to nowhere")
        }
        ureq::Error::Io(e) => shown_again(&e.to_string()),
        ureq::Error::Tls(text) => format!("TLS: {text}"),
        ureq::Error::Rustls(e) => format!("TLS: {}", shown_again(&e.to_string())),
        ureq::Error::Protocol(_) => "the answer is not HTTP".to_owned(),
        _ => "the request could not be made".to_owned(),
    }
}

/// The host alone: neither user nor path nor query, any of which may be the secret.
fn host(address: &str) -> Option<String> {
    let rest = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://"))?;
    let authority = rest.split(['/', '?', '#']).next()?;
    let host = authority.rsplit('@').next()?;
    let fine = !host.is_empty() && host.len() <= 260 && !address.contains(|c: char| c.is_control() || c == ' ');
    fine.then(|| Shown::text(host).to_string())
}

#[cfg(test)]
mod tests {
    use super::host;

    #[test]
    fn of_an_address_the_host_alone_is_shown() {
        assert_eq!(host("https://user:pw@hc.example.org:8443/uuid?key=1#x").as_deref(), Some("hc.example.org:8443"));
        assert_eq!(host("http://[::1]:80").as_deref(), Some("[::1]:80"));
        for wrong in ["hc.example.org/secret", "ftp://a/b", "https:///secret", "https://a/b\r\nX: y", "https://a b/"] {
            assert_eq!(host(wrong), None, "{wrong}");
        }
    }
}

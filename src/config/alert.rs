//! The section `[alert]`: who is told what is wrong.

use std::path::PathBuf;
use std::time::Duration;

use super::layers::Section;
use super::problem::{MISSING, Origin, Problem};
use super::validate::{Paths, number, span, text};
use crate::base::Severity;
use crate::base::secret::SecretRef;

/// Who is told what, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertConfig {
    /// What is less bad is not told.
    pub min_severity: Severity,
    /// How often a critical finding is told that stays.
    pub repeat_critical: Duration,
    /// How often any other is.
    pub repeat: Duration,
    /// The least time between two messages of a sender.
    pub digest: Duration,
    /// Mail.
    pub mail: Option<MailConfig>,
    /// A program, then its arguments.
    pub command: Option<(String, Vec<String>)>,
    /// Where the address of the ping stands.
    pub ping_url: Option<SecretRef>,
    /// How often it is asked for.
    pub ping_every: Duration,
}

/// Mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailConfig {
    /// The server.
    pub server: String,
    /// Its port.
    pub port: u16,
    /// `starttls`, `tls`, `none` or `insecure`.
    pub tls: String,
    /// Who logs in, and where the password stands.
    pub login: Option<(String, SecretRef)>,
    /// From whom.
    pub from: String,
    /// To whom.
    pub to: Vec<String>,
    /// A file of certificates.
    pub ca: Option<PathBuf>,
}

/// Reads the section.
pub(super) fn build(read: &Paths<'_>, section: &Section, problems: &mut Vec<Problem>) -> Option<AlertConfig> {
    let min_severity = match text(section, "min_severity")?.as_str() {
        "critical" => Severity::Critical,
        "warning" => Severity::Warning,
        _ => Severity::Unknown,
    };
    let command = text(section, "command").and_then(|line| match words(&line) {
        Ok(words) => words.split_first().map(|(program, args)| (program.clone(), args.to_vec())),
        Err(why) => {
            problems.push(wrong(section, "command", format!("{why}; allowed is a program and its arguments, such as \"/usr/local/bin/page --team 'cold storage'\"")));
            None
        }
    });
    Some(AlertConfig {
        min_severity,
        repeat_critical: span(section, "repeat_critical")?,
        repeat: span(section, "repeat")?,
        digest: span(section, "digest")?,
        mail: mail(read, section, problems),
        command,
        ping_url: secret(read, section, "ping_url", problems),
        ping_every: span(section, "ping_every")?,
    })
}

fn mail(read: &Paths<'_>, section: &Section, problems: &mut Vec<Problem>) -> Option<MailConfig> {
    let made = |key: &str| section.get(key).is_some_and(|setting| setting.origin != Origin::Default);
    let Some(server) = text(section, "mail_server") else {
        let keys = ["port", "tls", "user", "password", "from", "to", "ca"].map(|key| format!("mail_{key}"));
        if let Some(key) = keys.iter().find(|key| made(key)) {
            problems.push(missing(section, key, "mail_server", "the name of the SMTP server that the mail goes to"));
        }
        return None;
    };
    let mut needed = |key: &'static str, what: &str| {
        let found = text(section, key);
        if found.is_none() {
            problems.push(missing(section, "mail_server", key, what));
        }
        found
    };
    let (from, to) = (needed("mail_from", "the sender's address"), needed("mail_to", "one address or more"));
    let password = secret(read, section, "mail_password", problems);
    let login = match (text(section, "mail_user"), section.contains_key("mail_password")) {
        (None, true) => {
            problems.push(missing(section, "mail_password", "mail_user", "who logs in with the password"));
            None
        }
        (Some(_), false) => {
            problems.push(missing(section, "mail_user", "mail_password", "\"env:NAME\" or \"file:PATH\""));
            None
        }
        (user, _) => user.zip(password),
    };
    let tls = text(section, "mail_tls")?;
    let usual = match tls.as_str() {
        "starttls" => 587,
        "tls" => 465,
        _ => 25,
    };
    let port = number(section, "mail_port").and_then(|port| u16::try_from(port).ok()).unwrap_or(usual);
    let to = to?.split(',').map(|address| address.trim().to_owned()).collect();
    Some(MailConfig { server, port, tls, login, from: from?, to, ca: read.path(section, "mail_ca") })
}

/// The place of a secret. What stands there instead may be the secret itself: it is not repeated.
fn secret(read: &Paths<'_>, section: &Section, key: &str, problems: &mut Vec<Problem>) -> Option<SecretRef> {
    let found = SecretRef::parse(&text(section, key)?, read.base);
    found.map_err(|e| problems.push(wrong(section, key, e.to_string()))).ok()
}

fn wrong(section: &Section, key: &str, text: String) -> Problem {
    let origin = section.get(key).map_or(Origin::Default, |setting| setting.origin.clone());
    Problem { origin, key: format!("alert.{key}"), text }
}

/// `key` is not there, and `beside` needs it.
fn missing(section: &Section, beside: &str, key: &str, what: &str) -> Problem {
    let text = format!("{MISSING}, and {beside} needs it; allowed is {what}");
    Problem { key: format!("alert.{key}"), ..wrong(section, beside, text) }
}

/// Words with blanks between them. Quotes of either kind group; within double quotes and outside, a backslash takes the
/// next character as it is. Nothing else means anything: there is no shell.
fn words(line: &str) -> Result<Vec<String>, &'static str> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            c if c.is_whitespace() => words.extend(word.take()),
            '\\' => word.get_or_insert_default().push(chars.next().ok_or("found a backslash at its end")?),
            quote @ ('\'' | '"') => {
                let word = word.get_or_insert_default();
                loop {
                    match chars.next().ok_or("found a quote that is not closed")? {
                        c if c == quote => break,
                        '\\' if quote == '"' => word.push(chars.next().ok_or("found a quote that is not closed")?),
                        c => word.push(c),
                    }
                }
            }
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    match words.first() {
        None => Err("found no program"),
        Some(program) if program.is_empty() => Err("found a program without a name"),
        Some(_) => Ok(words),
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{Config, ConfigError};
    use super::*;

    fn parse(text: &str) -> Result<AlertConfig, Vec<String>> {
        match Config::parse(Some((Path::new("/c/firn.toml"), text)), &[], &[]) {
            Ok(config) => Ok(config.alert),
            Err(ConfigError::Wrong(problems)) => Err(problems.iter().map(ToString::to_string).collect()),
            Err(other) => panic!("{other}"),
        }
    }

    #[test]
    fn nobody_is_told_unless_somebody_says_so() {
        let alert = parse("").unwrap();
        assert_eq!((alert.mail, alert.command, alert.ping_url), (None, None, None));
        assert_eq!((alert.repeat_critical, alert.digest), (Duration::from_hours(4), Duration::from_hours(1)));
        assert_eq!(alert.min_severity, Severity::Unknown);
    }

    #[test]
    fn the_port_follows_from_tls_unless_it_is_said() {
        let mail =
            "mail_server = \"mx\"\nmail_from = \"firn@example.org\"\nmail_to = \"a@example.org , b@example.org\"\n";
        for (more, port) in [
            ("", 587),
            ("mail_tls = \"tls\"", 465),
            ("mail_tls = \"none\"", 25),
            ("mail_tls = \"insecure\"", 25),
            ("mail_tls = \"tls\"\nmail_port = 2525", 2525),
        ] {
            let found = parse(&format!("[alert]\n{mail}{more}\n")).unwrap().mail.unwrap();
            assert_eq!(found.port, port, "{more}");
            assert_eq!(found.to, ["a@example.org", "b@example.org"]);
        }
    }

    #[test]
    fn what_mail_needs_is_asked_for_and_a_password_in_the_open_is_not_repeated() {
        let cases = [
            (
                "mail_to = \"a@example.org\"",
                vec![
                    "/c/firn.toml:2: alert.mail_server: it is missing, and mail_to needs it; allowed is the name of the SMTP server that the mail goes to",
                ],
            ),
            (
                "mail_server = \"mx\"",
                vec![
                    "/c/firn.toml:2: alert.mail_from: it is missing, and mail_server needs it; allowed is the sender's address",
                    "/c/firn.toml:2: alert.mail_to: it is missing, and mail_server needs it; allowed is one address or more",
                ],
            ),
            (
                "mail_server = \"mx\"\nmail_from = \"a@b\"\nmail_to = \"a@b\"\nmail_user = \"kim\"",
                vec![
                    "/c/firn.toml:5: alert.mail_password: it is missing, and mail_user needs it; allowed is \"env:NAME\" or \"file:PATH\"",
                ],
            ),
            (
                "mail_server = \"mx\"\nmail_from = \"a@b\"\nmail_to = \"a@b\"\nmail_user = \"kim\"\nmail_password = \"hunter2\"",
                vec![
                    "/c/firn.toml:6: alert.mail_password: a secret is not written into the configuration; write \"env:NAME\" or \"file:PATH\" to say where it stands",
                ],
            ),
            (
                "ping_url = \"https://hc.example.org/uuid\"",
                vec![
                    "/c/firn.toml:2: alert.ping_url: a secret is not written into the configuration; write \"env:NAME\" or \"file:PATH\" to say where it stands",
                ],
            ),
            (
                "command = \"page 'now\"",
                vec![
                    "/c/firn.toml:2: alert.command: found a quote that is not closed; allowed is a program and its arguments, such as \"/usr/local/bin/page --team 'cold storage'\"",
                ],
            ),
        ];
        for (text, told) in cases {
            assert_eq!(parse(&format!("[alert]\n{text}\n")).unwrap_err(), told, "{text}");
        }
    }

    #[test]
    fn a_command_is_words_and_no_shell() {
        let cases: [(&str, Result<&[&str], &str>); 9] = [
            ("page", Ok(&["page"])),
            ("  /bin/page\t--team  x ", Ok(&["/bin/page", "--team", "x"])),
            ("page 'cold storage' \"a \\\" b\" c\\ d", Ok(&["page", "cold storage", "a \" b", "c d"])),
            ("page '' $HOME; rm *", Ok(&["page", "", "$HOME;", "rm", "*"])),
            ("page a'b'\"c\"", Ok(&["page", "abc"])),
            ("page 'a\\b'", Ok(&["page", "a\\b"])),
            ("page \\", Err("found a backslash at its end")),
            ("  ", Err("found no program")),
            ("'' x", Err("found a program without a name")),
        ];
        for (line, expected) in cases {
            let expected = expected.map(|words| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>());
            assert_eq!(words(line), expected, "{line}");
        }
    }
}

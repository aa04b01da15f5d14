//! A message in words: what failed, how far it reaches, what it should be, since when, and what to do.

use std::fmt::Write as _;

use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

use super::rules::{Change, Item, Outgoing};
use crate::base::encode::hex;
use crate::base::escape::shown_again;
use crate::base::units::{Count, Span};
use crate::base::{Severity, Shown, Time};
use crate::store::{AlertMessage, NoticeRow};

/// A subject has at most this many characters: what a list of mails shows, and far below what a header may hold
/// (RFC 5322, 2.1.1).
const SUBJECT: usize = 160;
/// A phrase of a finding has at most this many characters.
const PHRASE: usize = 1000;
/// So many findings are told in full; of more, the number.
const IN_FULL: usize = 50;

/// Where messages come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    /// What the installation is called.
    pub environment: String,
    /// The host that sends.
    pub host: String,
}

/// The message that tells it, to be sent by `sender`. `open` are the findings that hold now.
pub fn compose(outgoing: &Outgoing, sender: &str, from: &Origin, open: &[NoticeRow], now: Time) -> AlertMessage {
    let (environment, host) = (shown(&from.environment), shown(&from.host));
    let items = &outgoing.items;
    let subject = subject(items, &environment);
    let mut text = format!("firn {environment}, seen by {host} at {now}\n");
    for item in items.iter().take(IN_FULL) {
        text.push('\n');
        describe(&mut text, item, now);
    }
    if items.len() > IN_FULL {
        let _ = write!(text, "\nand {} more: `firn findings` lists what holds\n", Count(count(items.len() - IN_FULL)));
    }
    let _ = write!(
        text,
        "\n{}\n`firn findings` lists what holds; `firn ack RULE OBJECT` keeps a finding quiet for a while.\n",
        totals(open, now)
    );
    let body = json!({
        "kind": "findings",
        "environment": from.environment,
        "host": from.host,
        "time": now.to_string(),
        "subject": subject,
        "severity": worst(items).map(Severity::word),
        "findings": items.iter().take(IN_FULL).map(|item| as_json(item, now)).collect::<Vec<_>>(),
        "more": count(items.len().saturating_sub(IN_FULL)),
    });
    let id = name(sender, &subject, &text);
    let Value::Object(mut body) = body else { return empty(now) };
    body.insert("id".to_owned(), Value::from(id.clone()));
    let json = Value::Object(body).to_string();
    let tells = items.iter().map(|item| item.tells.clone()).collect();
    AlertMessage { id, made_at: now, broke: outgoing.broke, subject, text, json, tells }
}

/// A message that tells nothing but that it arrived.
pub fn test(sender: &str, from: &Origin, now: Time) -> AlertMessage {
    let (environment, host) = (shown(&from.environment), shown(&from.host));
    let subject = cut(&format!("[firn {environment}] test of the sender {sender}"), SUBJECT);
    let text = format!(
        "firn {environment}, sent by {host} at {now}\n\n`firn alert test` asked for this message. Nothing is wrong; what is wrong would be told this way.\n"
    );
    let id = name(sender, &subject, &text);
    let json = json!({
        "kind": "test",
        "id": id,
        "environment": from.environment,
        "host": from.host,
        "time": now.to_string(),
        "subject": subject,
        "severity": Value::Null,
        "findings": [],
        "more": 0,
    });
    AlertMessage { json: json.to_string(), subject, text, id, ..empty(now) }
}

fn empty(now: Time) -> AlertMessage {
    AlertMessage {
        id: String::new(),
        made_at: now,
        broke: false,
        subject: String::new(),
        text: String::new(),
        json: String::new(),
        tells: Vec::new(),
    }
}

/// Made from the content alone: a message that is sent twice bears one name.
fn name(sender: &str, subject: &str, text: &str) -> String {
    let mut hash = Sha256::new();
    for part in [sender, subject, text] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part.as_bytes());
    }
    hex(&hash.finalize()[..16])
}

fn shown(text: &str) -> String {
    cut(&Shown::text(text).to_string(), 100)
}

/// A phrase that is safe to show already, and may yet be long or come from a state that somebody else wrote.
fn phrase(text: &str) -> String {
    cut(&shown_again(text), PHRASE)
}

fn cut(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    text.chars().take(most.saturating_sub(1)).chain(['…']).collect()
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

/// How bad the worst is of what holds; nothing if all of it is over.
fn worst(items: &[Item]) -> Option<Severity> {
    items.iter().filter(|item| item.change.holds()).map(|item| item.notice.severity).max()
}

fn subject(items: &[Item], environment: &str) -> String {
    let Some(first) = items.first() else { return String::new() };
    let row = &first.notice;
    let what = format!("{} {}", shown(&row.rule), shown(&row.object));
    let what = match first.change {
        Change::Over => format!("OVER {what}"),
        Change::Passed => format!("PASSED {} {what}", row.severity),
        _ => format!("{} {what}: {}", row.severity, phrase(&row.value)),
    };
    let more = items.len() - 1;
    let more = if more == 0 { String::new() } else { format!(" (and {} more)", Count(count(more))) };
    let head = cut(&format!("[firn {environment}] {what}"), SUBJECT.saturating_sub(more.chars().count()));
    format!("{head}{more}")
}

fn describe(text: &mut String, item: &Item, now: Time) {
    let row = &item.notice;
    let key = format!("{} {}", shown(&row.rule), shown(&row.object));
    let said = |before: Option<(Severity, Time)>| {
        before.map_or_else(String::new, |(severity, at)| format!("; told as {severity} at {at}"))
    };
    let head = match item.change {
        Change::New => format!("{} {key}", row.severity),
        Change::Worse => format!("{} {key}: it has become worse{}", row.severity, said(item.before)),
        Change::Still => format!("{} {key}: it still holds{}", row.severity, said(item.before)),
        Change::Eased => format!("{} {key}: it is less bad now{}", row.severity, said(item.before)),
        Change::Flapped => format!("{} {key}: it comes and goes{}", row.severity, said(item.before)),
        Change::Over => format!("OVER {key}: it no longer holds{}", said(item.before)),
        Change::Passed => format!("PASSED {key}: it was {}, and is over", row.severity),
    };
    let _ = writeln!(text, "{head}");
    let mut line = |name: &str, what: &str| {
        if !what.is_empty() {
            let _ = writeln!(text, "  {name:<8} {what}");
        }
    };
    let gone = !item.change.holds();
    line(if gone { "was" } else { "found" }, &phrase(&row.value));
    line("limit", &phrase(&row.limit));
    if gone {
        line("over", &format!("at {} ({} ago)", row.seen_at, Span(now.since(row.seen_at))));
    } else {
        line("since", &format!("{} ({})", row.since, Span(now.since(row.since))));
    }
    // One change is what the head says already.
    if item.changes > 1 {
        let since = if item.before.is_some() { "since it was last told" } else { "so far" };
        line("changed", &format!("{} times {since}", Count(item.changes)));
    }
    if row.worst > row.severity {
        line("worst", row.worst.word());
    }
    line("do", &phrase(&row.next_step));
}

/// `Open now: 1 CRITICAL, 2 WARNING (1 of them acknowledged).`
fn totals(open: &[NoticeRow], now: Time) -> String {
    let kinds = [Severity::Critical, Severity::Warning, Severity::Unknown];
    let counted: Vec<String> = kinds
        .into_iter()
        .map(|kind| (kind, open.iter().filter(|row| row.severity == kind).count()))
        .filter(|(_, number)| *number > 0)
        .map(|(kind, number)| format!("{} {kind}", Count(count(number))))
        .collect();
    if counted.is_empty() {
        return "Open now: nothing.".to_owned();
    }
    let acked = open.iter().filter(|row| row.ack_until.is_some_and(|until| until > now)).count();
    let acked = if acked == 0 { String::new() } else { format!(" ({} of them acknowledged)", Count(count(acked))) };
    format!("Open now: {}{acked}.", counted.join(", "))
}

fn as_json(item: &Item, now: Time) -> Value {
    let row = &item.notice;
    let holds = item.change.holds();
    json!({
        "change": item.change.word(),
        "holds": holds,
        "severity": row.severity.word(),
        "rule": cut(&row.rule, PHRASE),
        "object": cut(&row.object, PHRASE),
        "value": phrase(&row.value),
        "limit": phrase(&row.limit),
        "since": row.since.to_string(),
        "seconds": now.since(row.since).as_secs(),
        "over_at": (!holds).then(|| row.seen_at.to_string()),
        "next_step": phrase(&row.next_step),
        "changes": item.changes,
        "told_at": item.before.map(|(_, at)| at.to_string()),
        "told_severity": item.before.map(|(severity, _)| severity.word()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Telling;

    fn item(change: Change, severity: Severity, object: &str) -> Item {
        let notice = NoticeRow {
            rule: "archive.damaged".to_owned(),
            object: object.to_owned(),
            scope: "vault".to_owned(),
            severity,
            worst: severity,
            value: "3 archives hold 40 files whose bytes are wrong".to_owned(),
            limit: "none".to_owned(),
            since: Time::from_secs(1000),
            seen_at: Time::from_secs(4000),
            next_step: "restore them from the other vault".to_owned(),
            ack_until: None,
        };
        let tells = Telling {
            rule: notice.rule.clone(),
            object: object.to_owned(),
            severity,
            open: change.holds(),
            critical: false,
            changes: 1,
        };
        Item { change, notice, before: None, changes: 1, tells, breaks: false }
    }

    fn from() -> Origin {
        Origin { environment: "prod".to_owned(), host: "alpha".to_owned() }
    }

    fn message(items: Vec<Item>) -> AlertMessage {
        let open: Vec<_> = items.iter().filter(|i| i.change.holds()).map(|i| i.notice.clone()).collect();
        compose(&Outgoing { items, broke: false }, "mail", &from(), &open, Time::from_secs(4600))
    }

    #[test]
    fn it_says_what_failed_how_far_it_reaches_and_what_to_do() {
        let mut over = item(Change::Over, Severity::Warning, "ugc");
        over.before = Some((Severity::Warning, Time::from_secs(1200)));
        over.changes = 720;
        let made = message(vec![item(Change::New, Severity::Critical, "cold"), over]);
        assert_eq!(
            made.subject,
            "[firn prod] CRITICAL archive.damaged cold: 3 archives hold 40 files whose bytes are wrong (and 1 more)"
        );
        let expected = "\
firn prod, seen by alpha at 1970-01-01T01:16:40Z

CRITICAL archive.damaged cold
  found    3 archives hold 40 files whose bytes are wrong
  limit    none
  since    1970-01-01T00:16:40Z (60 min)
  do       restore them from the other vault

OVER archive.damaged ugc: it no longer holds; told as WARNING at 1970-01-01T00:20:00Z
  was      3 archives hold 40 files whose bytes are wrong
  limit    none
  over     at 1970-01-01T01:06:40Z (10 min ago)
  changed  720 times since it was last told
  do       restore them from the other vault

Open now: 1 CRITICAL.
`firn findings` lists what holds; `firn ack RULE OBJECT` keeps a finding quiet for a while.
";
        assert_eq!(made.text, expected);
        let body: Value = serde_json::from_str(&made.json).unwrap();
        assert_eq!((&body["severity"], &body["id"]), (&json!("CRITICAL"), &json!(made.id)));
        assert_eq!((&body["findings"][1]["changes"], &body["findings"][1]["holds"]), (&json!(720), &json!(false)));
        assert_eq!(body["findings"][0]["over_at"], Value::Null);
    }

    #[test]
    fn nothing_from_outside_makes_a_line_or_is_endless() {
        let mut bad = item(Change::New, Severity::Warning, "ugc\r\nBcc: everybody@example.org\u{202e}");
        bad.notice.value = format!("a\r\n.\r\nMAIL FROM:<x>{}", "é".repeat(5000));
        let made = message(vec![bad]);
        assert!(made.subject.starts_with("[firn prod] WARNING archive.damaged ugc\\x0d\\x0aBcc: everybody"));
        assert_eq!(made.subject.chars().count(), SUBJECT);
        assert!(made.subject.chars().all(|c| !c.is_control()) && made.text.lines().all(|line| line.len() < 4 * PHRASE));
        assert!(made.text.contains("  found    a\\x0d\\x0a.\\x0d\\x0aMAIL FROM:<x>éé"), "{}", made.text);
        assert!(!made.text.contains('\r'));
    }

    #[test]
    fn one_content_has_one_name_and_another_another() {
        let made = |object| message(vec![item(Change::New, Severity::Warning, object)]);
        assert_eq!(made("a"), made("a"));
        assert_ne!(made("a").id, made("b").id);
        assert!(made("a").id.len() == 32 && made("a").id.bytes().all(|b| b.is_ascii_hexdigit()));
    }

    #[test]
    fn of_very_many_the_first_are_told_in_full_and_the_rest_counted() {
        let items: Vec<_> = (0..IN_FULL + 7).map(|n| item(Change::New, Severity::Warning, &format!("o{n}"))).collect();
        let made = message(items);
        assert_eq!(made.tells.len(), IN_FULL + 7);
        assert!(made.text.contains("\nand 7 more: `firn findings` lists what holds\n"), "{}", made.text);
        assert!(!made.text.contains("o50"));
    }
}

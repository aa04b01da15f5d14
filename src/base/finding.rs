//! A finding: one thing that is wrong, in words an operator can act on.

use std::fmt;

use super::{Shown, Time};

/// How bad. The order is the order everywhere: tabs, totals, exit codes, sorting.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Severity {
    /// Nothing is wrong.
    #[default]
    Ok,
    /// firn cannot see; not the same as fine.
    Unknown,
    /// Will hurt if left alone.
    Warning,
    /// Data are not safe, or soon will not be.
    Critical,
}

impl Severity {
    /// The word used everywhere.
    pub fn word(self) -> &'static str {
        match self {
            Severity::Ok => "OK",
            Severity::Unknown => "UNKNOWN",
            Severity::Warning => "WARNING",
            Severity::Critical => "CRITICAL",
        }
    }

    /// The exit code of a command that reports it, as monitoring plugins use them.
    pub fn exit_code(self) -> u8 {
        match self {
            Severity::Ok => 0,
            Severity::Warning => 1,
            Severity::Critical => 2,
            Severity::Unknown => 3,
        }
    }
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// What a finding is about and which rule found it. Two findings with one key are the same finding.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FindingKey {
    /// The rule, such as `source.root`. Stable: scripts and acknowledgements name it.
    pub rule: &'static str,
    /// The object, such as the source's name. From outside: shown escaped.
    pub object: String,
}

/// One thing that is wrong. `value`, `limit` and `next_step` are whole sentences or phrases, already safe to show.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// Rule and object.
    pub key: FindingKey,
    /// How bad.
    pub severity: Severity,
    /// What was measured or seen.
    pub value: String,
    /// What it should be.
    pub limit: String,
    /// Since when, as far as firn knows.
    pub since: Time,
    /// What an operator does about it.
    pub next_step: String,
    /// Until when somebody wants to hear nothing of it, where that was said beforehand and for more than this finding.
    pub quiet_until: Option<Time>,
}

impl Finding {
    /// A finding that holds from `since`.
    pub fn new(rule: &'static str, object: impl Into<String>, severity: Severity, since: Time) -> Self {
        let key = FindingKey { rule, object: object.into() };
        let (value, limit, next_step) = (String::new(), String::new(), String::new());
        Self { key, severity, value, limit, since, next_step, quiet_until: None }
    }

    /// Sets what was seen.
    #[must_use]
    pub fn value(mut self, value: impl Into<String>) -> Self {
        self.value = value.into();
        self
    }

    /// Sets what it should be.
    #[must_use]
    pub fn limit(mut self, limit: impl Into<String>) -> Self {
        self.limit = limit.into();
        self
    }

    /// Sets what to do about it.
    #[must_use]
    pub fn next(mut self, next_step: impl Into<String>) -> Self {
        self.next_step = next_step.into();
        self
    }

    /// Sets until when it is silenced.
    #[must_use]
    pub fn quiet(mut self, until: Option<Time>) -> Self {
        self.quiet_until = until;
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}: {}", self.severity, self.key.rule, Shown::text(&self.key.object), self.value)?;
        if !self.limit.is_empty() {
            write!(f, " (should be: {})", self.limit)?;
        }
        if !self.next_step.is_empty() {
            write!(f, "; {}", self.next_step)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_order_and_the_plugin_exit_codes() {
        let mut all = [Severity::Warning, Severity::Ok, Severity::Critical, Severity::Unknown];
        all.sort_unstable();
        assert_eq!(all.map(Severity::word), ["OK", "UNKNOWN", "WARNING", "CRITICAL"]);
        assert_eq!(all.map(Severity::exit_code), [0, 3, 1, 2]);
    }

    #[test]
    fn a_finding_reads_as_a_sentence_and_escapes_its_object() {
        let finding = Finding::new("source.root", "ugc\n", Severity::Critical, Time::from_secs(0))
            .value("/srv/ugc is empty; the last scan saw 12 files")
            .limit("a mounted disk")
            .next("mount it");
        assert_eq!(
            finding.to_string(),
            "CRITICAL source.root ugc\\x0a: /srv/ugc is empty; the last scan saw 12 files (should be: a mounted disk); mount it"
        );
    }
}

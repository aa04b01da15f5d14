//! The keys of delayed replicas: what `[delay]` says holds for all, `[[replica_group]]` for a group, `[[replica]]` for one.

use super::super::schema::{DAY, Key, Kind, key};

/// Keys that `[delay]`, a group and a replica share.
const SHARED: usize = 28;

/// The sections, in the order of the template.
pub const KEYS: &[Key] = &joined::<{ SHARED * 3 + 1 + 9 + 12 }>(&[
    &shared("delay"),
    &[key("replica_group", "name", Kind::Name, None, "the group's name")],
    &shared("replica_group"),
    REPLICA,
    &shared("replica"),
    HEARTBEAT,
]);

const REPLICA: &[Key] = &[
    key("replica", "name", Kind::Name, None, "the replica's name, for commands and reports"),
    key("replica", "host", Kind::Text, None, "its host name or address"),
    key("replica", "group", Kind::Name, None, "the group whose settings hold for it"),
    key("replica", "channel", Kind::Text, None, "the one channel to watch (default: each by itself)"),
    key(
        "replica",
        "heartbeat_source",
        Kind::Number(1, u32::MAX as u64),
        None,
        "the server_id whose heartbeat counts (default: that of the source, as the status has it)",
    ),
    key("replica", "primary_host", Kind::Text, None, "the primary, where its own heartbeat is to be read as well"),
    key("replica", "primary_port", Kind::Number(1, 65535), Some("3306"), "its port"),
    key("replica", "primary_user", Kind::Text, None, "the account there (default: the same)"),
    key("replica", "primary_password", Kind::Text, None, "where its password stands: env:NAME or file:PATH"),
];

const HEARTBEAT: &[Key] = &[
    key("heartbeat", "name", Kind::Name, None, "a name for the server that heartbeats are written to"),
    key("heartbeat", "host", Kind::Text, None, "its host name or address"),
    key("heartbeat", "port", Kind::Number(1, 65535), Some("3306"), "its port"),
    key("heartbeat", "user", Kind::Text, None, "the account that writes"),
    key("heartbeat", "password", Kind::Text, None, "where its password stands: env:NAME or file:PATH"),
    key("heartbeat", "tls", TLS, Some("required"), "as for replicas"),
    key("heartbeat", "tls_ca", Kind::Path, None, "the certificate authority, PEM"),
    key("heartbeat", "table", Kind::Text, Some("percona.heartbeat"), "the table, as DATABASE.TABLE"),
    key("heartbeat", "create", Kind::Flag, Some("false"), "whether a table that is missing is created"),
    key(
        "heartbeat",
        "local",
        Kind::Flag,
        Some("false"),
        "whether it is a replica's own heartbeat: it is kept out of the binary log",
    ),
    key("heartbeat", "interval", Kind::Span(1, 3600), Some("1s"), "how often it is written"),
    key("heartbeat", "clock", Kind::Text, Some("utc"), "what its times are in: utc, or +hh:mm from it"),
];

/// How a line to a server is kept from others.
const TLS: Kind = Kind::Word(&["required", "insecure", "off"]);

/// Spans of limits, seconds: from one to thirty days.
const LIMIT: Kind = Kind::Span(1, 30 * DAY);

/// Keys that stand in a section of their own with defaults, and in the lists without any.
const fn shared(section: &'static str) -> [Key; SHARED] {
    [
        shared_key(section, "port", Kind::Number(1, 65535), Some("3306"), "the port"),
        shared_key(section, "user", Kind::Text, None, "the account that looks; `firn delay doctor` says what it needs"),
        shared_key(section, "password", Kind::Text, None, "where its password stands: env:NAME or file:PATH"),
        shared_key(
            section,
            "tls",
            TLS,
            Some("required"),
            "how the line is kept from others; insecure: without a check of the certificate; off: in the open",
        ),
        shared_key(section, "tls_ca", Kind::Path, None, "the certificate authority, PEM (default: the public ones)"),
        shared_key(
            section,
            "heartbeat",
            Kind::Text,
            Some("percona.heartbeat"),
            "the heartbeat table, as DATABASE.TABLE",
        ),
        shared_key(
            section,
            "heartbeat_clock",
            Kind::Text,
            Some("utc"),
            "what its times are in: utc, or +hh:mm from it",
        ),
        shared_key(
            section,
            "local_heartbeat",
            Kind::Flag,
            Some("false"),
            "whether a heartbeat is written on the replica itself, too",
        ),
        shared_key(
            section,
            "jobs_query",
            Kind::Text,
            None,
            "a SELECT that tells jobs: class, start and end (NULL: it runs), times in UTC",
        ),
        shared_key(section, "freeze_user", Kind::Text, None, "the account that may stop and start replication threads"),
        shared_key(section, "freeze_password", Kind::Text, None, "where its password stands: env:NAME or file:PATH"),
        shared_key(
            section,
            "max_seconds_behind",
            LIMIT,
            Some("60s"),
            "age of the local heartbeat, and of the primary's own",
        ),
        shared_key(section, "max_relay_behind", LIMIT, Some("8h"), "since the executed position last changed"),
        shared_key(section, "max_master_behind", LIMIT, Some("30m"), "since the received position last changed"),
        shared_key(section, "max_backup_behind", LIMIT, Some("18h"), "how long a backup may run"),
        shared_key(section, "max_deshard_behind", LIMIT, Some("9h"), "how long a deshard may run"),
        shared_key(
            section,
            "max_last_seen",
            LIMIT,
            Some("60s"),
            "since the worker last wrote, and since the newest sample",
        ),
        shared_key(section, "min_delay_time", LIMIT, Some("90m"), "the least delay"),
        shared_key(section, "max_delay_time", LIMIT, Some("150m"), "the greatest delay"),
        shared_key(section, "max_recovery_time", LIMIT, Some("6h"), "after a job has ended, for the delay to be back"),
        shared_key(section, "max_trend_time", LIMIT, Some("150m"), "for a trend to lead the delay back"),
        shared_key(
            section,
            "jobs",
            Kind::Text,
            Some("none"),
            "more classes of jobs and how long one may run, such as \"reindex:4h, copy:90m\"",
        ),
        shared_key(section, "jobs_stop_io", Kind::Text, Some("none"), "classes of jobs that stop the IO thread, too"),
        shared_key(section, "window", Kind::Span(3, 10 * DAY), Some("10m"), "what the trend is fitted over"),
        shared_key(section, "interval", Kind::Span(1, 3600), Some("10s"), "between two samples"),
        shared_key(
            section,
            "io_grace",
            Kind::Span(0, DAY),
            Some("60s"),
            "how long an IO thread may fail to connect before that is critical",
        ),
        shared_key(
            section,
            "delay_by",
            Kind::Word(&["native", "external"]),
            Some("native"),
            "who delays: the server, or a tool that stops and starts the SQL thread",
        ),
        shared_key(section, "tool_interval", Kind::Span(1, 3600), Some("60s"), "how often that tool looks"),
    ]
}

/// A key that has its default in `[delay]` alone: elsewhere it is what the section above says.
const fn shared_key(
    section: &'static str,
    name: &'static str,
    kind: Kind,
    default: Option<&'static str>,
    about: &'static str,
) -> Key {
    // A string in a constant is compared by its bytes: of the three sections one is this long.
    let default = if section.len() == "delay".len() { default } else { None };
    key(section, name, kind, default, about)
}

/// Some lists of keys as one.
pub const fn joined<const N: usize>(lists: &[&[Key]]) -> [Key; N] {
    let mut all = [key("", "", Kind::Flag, None, ""); N];
    let (mut at, mut list) = (0, 0);
    while list < lists.len() {
        let mut n = 0;
        while n < lists[list].len() {
            all[at] = lists[list][n];
            (at, n) = (at + 1, n + 1);
        }
        list += 1;
    }
    // Fewer than there is room for would leave keys without a name; more do not compile.
    assert!(at == N, "the lists of keys have another length");
    all
}

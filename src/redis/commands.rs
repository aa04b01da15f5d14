//! The command that would repair something, as an operator types it. firn never carries one out.

use super::addr::NodeAddr;
use super::nodes::NodeId;

/// A word for a shell: quoted, unless nothing in it could mean anything to one.
pub fn quote(word: &str) -> String {
    let plain =
        |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_' | ':' | '/' | ',' | '+' | '=' | '@' | '%');
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', "'\\''"))
    }
}

/// `redis-cli -h HOST -p PORT …`
pub fn redis_cli(to: &NodeAddr, words: &[&str]) -> String {
    let words: Vec<String> = words.iter().map(|word| quote(word)).collect();
    format!("redis-cli -h {} -p {} {}", quote(to.host()), to.port(), words.join(" "))
}

/// `CLUSTER SETSLOT n STABLE`, for slots from one to another: a command for each.
pub fn stable(to: &NodeAddr, slots: &[(u16, u16)]) -> String {
    match slots {
        [(from, last)] if from == last => redis_cli(to, &["CLUSTER", "SETSLOT", &from.to_string(), "STABLE"]),
        _ => {
            let all: Vec<String> = slots.iter().map(|(from, last)| format!("$(seq {from} {last})")).collect();
            let begin = format!("redis-cli -h {} -p {}", quote(to.host()), to.port());
            format!("for slot in {}; do {begin} CLUSTER SETSLOT $slot STABLE; done", all.join(" "))
        }
    }
}

/// `CLUSTER MEET`: makes a node known to another.
pub fn meet(to: &NodeAddr, other: &NodeAddr) -> String {
    redis_cli(to, &["CLUSTER", "MEET", other.host(), &other.port().to_string()])
}

/// `CLUSTER FORGET` at every node that one knows.
pub fn forget_everywhere(by: &NodeAddr, id: &NodeId) -> String {
    format!("redis-cli --cluster call {} CLUSTER FORGET {id}", quote(&by.to_string()))
}

/// `CLUSTER SETSLOT n NODE id`
pub fn set_slot(to: &NodeAddr, slot: u16, id: &NodeId) -> String {
    redis_cli(to, &["CLUSTER", "SETSLOT", &slot.to_string(), "NODE", id.as_str()])
}

/// `CLUSTER FAILOVER`, or with a word such as `TAKEOVER`.
pub fn failover(to: &NodeAddr, word: Option<&str>) -> String {
    let words: Vec<&str> = ["CLUSTER", "FAILOVER"].into_iter().chain(word).collect();
    redis_cli(to, &words)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_shell_would_read_is_quoted() {
        assert_eq!(quote("a b'c;$x"), "'a b'\\''c;$x'");
        assert_eq!(quote(""), "''");
        assert_eq!(quote("10.0.0.1:7000"), "10.0.0.1:7000");
        let addr = NodeAddr::new("fd00::1", 7000).unwrap();
        assert_eq!(
            redis_cli(&addr, &["CLIENT", "KILL", "TYPE", "replica"]),
            "redis-cli -h fd00::1 -p 7000 CLIENT KILL TYPE replica"
        );
        assert_eq!(stable(&addr, &[(7, 7)]), "redis-cli -h fd00::1 -p 7000 CLUSTER SETSLOT 7 STABLE");
        assert_eq!(
            stable(&addr, &[(7, 9), (12, 12)]),
            "for slot in $(seq 7 9) $(seq 12 12); do redis-cli -h fd00::1 -p 7000 CLUSTER SETSLOT $slot STABLE; done"
        );
    }
}

//! The rule of an account that may look and do nothing else.

/// A name that is none.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("\"{}\" is no name of a user: it has 1 to 64 characters out of a-z, A-Z, 0-9, \".\", \"_\" and \"-\"", crate::base::Shown::text(.0))]
pub struct UserError(String);

/// What the probe and the panels ask. `AUTH` needs no leave.
/// Source: tried command by command on redis 7.0.
pub const LOOKS: [&str; 12] = [
    "info",
    "role",
    "cluster|info",
    "cluster|nodes",
    "cluster|countkeysinslot",
    "client|setname",
    "client|no-evict",
    "client|list",
    "slowlog|get",
    "latency|latest",
    "memory|stats",
    "config|get",
];
/// What the confirmed acts of [`act`](super::act) ask besides.
pub const ACTS: [&str; 3] = ["cluster|failover", "cluster|setslot", "client|kill"];
/// What is asked of a sentinel.
pub const SENTINEL: [&str; 4] = ["client|setname", "client|no-evict", "sentinel|masters", "sentinel|replicas"];

/// For whom a rule is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rights {
    /// It looks.
    Look,
    /// It looks, and carries out what an operator confirmed.
    Act,
    /// It looks at a sentinel.
    Sentinel,
}

impl Rights {
    fn commands(self) -> Vec<&'static str> {
        match self {
            Self::Look => LOOKS.to_vec(),
            Self::Act => LOOKS.iter().chain(&ACTS).copied().collect(),
            Self::Sentinel => SENTINEL.to_vec(),
        }
    }
}

/// The rule, for redis 6 and later: `reset resetkeys … +info`. It reads no key, and subscribes to nothing.
pub fn rule(rights: Rights) -> String {
    let mut rule = "resetkeys resetchannels -@all".to_owned();
    for command in rights.commands() {
        rule.push_str(" +");
        rule.push_str(command);
    }
    rule
}

/// The command that makes the account, as `redis-cli` takes it at its own prompt; `PASSWORD` is to be replaced.
pub fn command(user: &str, rights: Rights) -> Result<String, UserError> {
    let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    if user.is_empty() || user.len() > 64 || !user.chars().all(fine) {
        return Err(UserError(user.chars().take(80).collect()));
    }
    Ok(format!("ACL SETUSER {user} reset on >PASSWORD {}", rule(rights)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rule_allows_what_is_listed_and_a_name_that_could_be_more_is_refused() {
        let line = command("firn", Rights::Look).unwrap();
        assert_eq!(
            line,
            "ACL SETUSER firn reset on >PASSWORD resetkeys resetchannels -@all +info +role +cluster|info \
             +cluster|nodes +cluster|countkeysinslot +client|setname +client|no-evict +client|list +slowlog|get +latency|latest +memory|stats \
             +config|get"
        );
        assert!(command("firn", Rights::Act).unwrap().ends_with("+cluster|failover +cluster|setslot +client|kill"));
        let said = command("x +@all", Rights::Look).unwrap_err().to_string();
        assert!(said.starts_with("\"x +@all\" is no name of a user: it has 1 to 64 characters"), "{said}");
        assert!(command("", Rights::Look).is_err() && command(&"x".repeat(65), Rights::Look).is_err());
    }
}

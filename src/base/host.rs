//! Which process this is, so that another one on the same host can tell whether it still lives.

use std::fs;

/// A process as the state database remembers it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessIdentity {
    /// The host's name.
    pub host: String,
    /// `/etc/machine-id`: two hosts of one name are told apart by it.
    pub machine_id: String,
    /// Changes with every boot.
    pub boot_id: String,
    /// The namespace its process numbers are counted in: two containers on one host cannot see each other's processes.
    pub pid_namespace: String,
    /// Process number.
    pub pid: u32,
    /// Clock ticks after boot at which it started: a number used again is another process.
    pub pid_start: u64,
}

/// What one process can say about another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Life {
    /// It runs.
    Alive,
    /// It certainly does not run any more.
    Dead,
    /// It may run where this process cannot look; only its lease tells.
    CannotTell,
}

impl ProcessIdentity {
    /// This process. A fact that `/proc` does not give is left empty, and then never taken for a match.
    pub fn own() -> Self {
        let pid = std::process::id();
        Self {
            host: rustix::system::uname().nodename().to_string_lossy().into_owned(),
            machine_id: read_word("/etc/machine-id"),
            boot_id: read_word("/proc/sys/kernel/random/boot_id"),
            pid_namespace: namespace(),
            pid,
            pid_start: stat_of(pid).map_or(0, |stat| stat.started),
        }
    }

    /// Names the machine in the state: who can reach its folders.
    pub fn host_key(&self) -> String {
        let machine: String = self.machine_id.chars().take(12).collect();
        // A machine that gets another name keeps its folders.
        if machine.is_empty() { self.host.clone() } else { machine }
    }

    /// Whether `other` still lives, judged from this process.
    pub fn judges(&self, other: &ProcessIdentity) -> Life {
        self.judges_by(other, process)
    }

    fn judges_by(&self, other: &ProcessIdentity, process: impl Fn(u32) -> Process) -> Life {
        if self.host_key() != other.host_key() || self.boot_id.is_empty() || other.boot_id.is_empty() {
            return Life::CannotTell;
        }
        if self.boot_id != other.boot_id {
            // The same machine has been started anew, so the process is gone. A name alone is not the machine.
            let same_machine = !self.machine_id.is_empty() && self.machine_id == other.machine_id;
            return if same_machine { Life::Dead } else { Life::CannotTell };
        }
        if self.pid_namespace.is_empty() || self.pid_namespace != other.pid_namespace || other.pid_start == 0 {
            return Life::CannotTell;
        }
        match process(other.pid) {
            Process::Started(at) if at == other.pid_start => Life::Alive,
            Process::Started(_) | Process::None => Life::Dead,
            Process::Hidden => Life::CannotTell,
        }
    }
}

/// What the system says of a process number.
enum Process {
    /// There is none.
    None,
    /// There is one that started then.
    Started(u64),
    /// There may be one, and this user may not see it.
    Hidden,
}

fn process(pid: u32) -> Process {
    let number = i32::try_from(pid).ok().and_then(rustix::process::Pid::from_raw);
    match (stat_of(pid), number.map(rustix::process::test_kill_process)) {
        (Some(stat), _) if stat.over => Process::None,
        (Some(stat), _) => Process::Started(stat.started),
        (None, None | Some(Err(rustix::io::Errno::SRCH))) => Process::None,
        (None, Some(_)) => Process::Hidden,
    }
}

fn read_word(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default().trim().to_owned()
}

fn namespace() -> String {
    fs::read_link("/proc/self/ns/pid").map(|link| link.to_string_lossy().into_owned()).unwrap_or_default()
}

/// What is read of `/proc/PID/stat`.
struct Stat {
    /// Clock ticks after boot at which it started.
    started: u64,
    /// Nothing of it runs any more; its parent has not asked how it ended. In a container whose first process never asks,
    /// it stays so.
    over: bool,
}

/// Fields 3 (state), 20 (threads) and 22 (start) of `/proc/PID/stat` (proc(5)), counted after the name's closing bracket
/// (the name may hold blanks and brackets).
fn stat_of(pid: u32) -> Option<Stat> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_ascii_whitespace().collect();
    let number = |n: usize| fields.get(n).and_then(|field| field.parse::<u64>().ok());
    // Threads that are in the middle of a call to the system live on until that returns.
    let over = matches!(fields.first(), Some(&("Z" | "X"))) && number(17).is_none_or(|threads| threads <= 1);
    Some(Stat { started: number(19)?, over })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_sees_itself_alive() {
        let own = ProcessIdentity::own();
        assert_eq!(own.judges(&own), Life::Alive);
        assert!(own.pid_start > 0 && !own.boot_id.is_empty());
    }

    #[test]
    fn a_number_used_again_is_another_process_and_another_namespace_tells_nothing() {
        let own = ProcessIdentity::own();
        let before = ProcessIdentity { pid_start: own.pid_start + 1, ..own.clone() };
        assert_eq!(own.judges(&before), Life::Dead);
        assert_eq!(own.judges_by(&own, |_| Process::None), Life::Dead);
        assert_eq!(own.judges_by(&own, |_| Process::Hidden), Life::CannotTell);
        let elsewhere = ProcessIdentity { pid_namespace: "pid:[1]".to_owned(), ..before.clone() };
        assert_eq!(own.judges(&elsewhere), Life::CannotTell);
        let machine = ProcessIdentity { machine_id: "m".to_owned(), ..own.clone() };
        let other_boot = ProcessIdentity { boot_id: "x".to_owned(), ..machine.clone() };
        assert_eq!(machine.judges(&other_boot), Life::Dead);
        let other_machine = ProcessIdentity { machine_id: "n".to_owned(), ..other_boot };
        assert_eq!(machine.judges(&other_machine), Life::CannotTell);
    }

    /// Its parent, this process, has not asked how it ended.
    #[test]
    fn a_process_that_has_ended_and_that_nobody_waited_for_is_dead() {
        let mut child = std::process::Command::new("sleep").arg("1000").spawn().unwrap();
        let own = ProcessIdentity::own();
        let pid = child.id();
        let other = ProcessIdentity { pid, pid_start: stat_of(pid).unwrap().started, ..own.clone() };
        assert_eq!(own.judges(&other), Life::Alive);
        child.kill().unwrap();
        let clock = crate::base::Clock::system();
        let began = clock.mono();
        while own.judges(&other) != Life::Dead {
            assert!(clock.mono().since(began) < std::time::Duration::from_secs(20), "it is dead, and taken to live");
            clock.pause(std::time::Duration::from_millis(1));
        }
        assert!(fs::read_to_string(format!("/proc/{pid}/stat")).unwrap().contains(") Z "), "nobody waited for it");
        child.wait().unwrap();
        assert_eq!(own.judges(&other), Life::Dead);
    }
}

//! A scenario: what a demo plays. Data alone, read from a file (`read`); the schedule of what goes wrong is in
//! spans from its start.

mod clusters;
mod read;
mod replicas;

use std::path::{Path, PathBuf};
use std::time::Duration;

pub use self::clusters::{ActSpec, ClusterSpec};
pub use self::replicas::{JobSpec, Moment, ReplicaSpec};
use crate::base::{Shown, Time};
use crate::config::{BudgetConfig, Problem, RestoreConfig, nearest};
use crate::vault::Tier;

/// The scenarios that are part of the program: name and text.
const EMBEDDED: [(&str, &str); 5] = [
    ("calm", include_str!("../../../demo-data/calm.toml")),
    ("bad-night", include_str!("../../../demo-data/bad-night.toml")),
    ("restore", include_str!("../../../demo-data/restore.toml")),
    ("delay", include_str!("../../../demo-data/delay.toml")),
    ("redis", include_str!("../../../demo-data/redis.toml")),
];

/// A scenario file may have this many bytes.
const LONGEST: u64 = 1 << 20;

/// A scenario that cannot be played.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// There is none of that name.
    #[error("there is no scenario {}{}; there are {}, or name a file: --scenario ./mine.toml", .found, .near, names())]
    NoSuch {
        /// The name, safe to show.
        found: String,
        /// What may have been meant.
        near: String,
    },
    /// Its file cannot be read.
    #[error("cannot read the scenario {}: {source}", Shown::path(.path))]
    Unread {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Its file is too long to be one.
    #[error("the scenario {} has over 1 MiB; it is something else: name the right file with --scenario", Shown::path(.path))]
    TooLong {
        /// The file.
        path: PathBuf,
    },
    /// It says what it must not.
    #[error("the scenario cannot be played:\n{}", .0.iter().map(|problem| format!("  {problem}")).collect::<Vec<_>>().join("\n"))]
    Wrong(Vec<Problem>),
}

/// What a demo plays.
#[derive(Debug, Clone, PartialEq)]
pub struct Scenario {
    /// Its name.
    pub name: String,
    /// What it shows, in a line.
    pub about: String,
    /// What the clock says when it begins.
    pub start: Time,
    /// Seconds of its clock to a real one, where nobody says otherwise.
    pub speed: u32,
    /// How bundles are made.
    pub backup: Backup,
    /// The vault.
    pub vault: VaultSpec,
    /// How restores work.
    pub restore: RestoreConfig,
    /// What they may cost.
    pub budget: BudgetConfig,
    /// The hosts, the one of this process first.
    pub hosts: Vec<Host>,
    /// The sources.
    pub sources: Vec<SourceSpec>,
    /// What goes wrong at the vault.
    pub weather: Vec<Spell>,
    /// What goes wrong at the sources.
    pub troubles: Vec<Trouble>,
    /// What operators order.
    pub orders: Vec<Order>,
    /// What operators acknowledge.
    pub acks: Vec<Ack>,
    /// What operators restore.
    pub restores: Vec<Restore>,
    /// What goes wrong where restores go.
    pub places: Vec<PlaceTrouble>,
    /// Delayed replicas.
    pub replicas: Vec<ReplicaSpec>,
    /// Jobs on them.
    pub jobs: Vec<JobSpec>,
    /// Redis clusters.
    pub clusters: Vec<ClusterSpec>,
}

/// How bundles are made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Backup {
    /// A bundle is closed at this many bytes …
    pub bundle_size: u64,
    /// … or at this age.
    pub bundle_age: Duration,
    /// What bundles may take of each host's staging folder, bytes.
    pub staging_budget: u64,
    /// A file that failed this often is given up.
    pub attempts: u32,
    /// An unknown archive is sent again after this; nothing: never.
    pub repeat_unknown_after: Option<Duration>,
    /// How long a lease holds.
    pub lease: Duration,
}

/// The vault.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultSpec {
    /// Its name.
    pub name: String,
    /// What each request takes.
    pub request: Duration,
    /// Bytes that one connection carries a second.
    pub rate: u64,
    /// Up to so many per cent are added to the time of a request.
    pub jitter: u32,
    /// How often it is listed.
    pub inventory_every: Duration,
    /// How long what a retrieval made readable stays so.
    pub output_lives: Duration,
    /// What it charges: the name of a tariff.
    pub tariff: String,
}

/// A host with a pipeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Host {
    /// Its name.
    pub name: String,
    /// The process number of its worker.
    pub pid: u32,
    /// How many fetch at once.
    pub fetchers: u32,
    /// How many upload at once.
    pub uploaders: u32,
    /// Its worker kinds, comma-separated; those of the first host are the console's.
    pub workers: String,
    /// When it begins.
    pub begins: Duration,
    /// When it falls over, without a word, if it does.
    pub dies: Option<Duration>,
}

/// A source and how its files come and go.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceSpec {
    /// Its name.
    pub name: String,
    /// Where it says it is.
    pub place: String,
    /// The first folder of its keys.
    pub folder: String,
    /// The ending of its keys.
    pub ending: String,
    /// Files that are there at the start.
    pub history: u64,
    /// Half of the files are smaller, bytes.
    pub median: u64,
    /// One of the files at the start in so many is large; 0: none.
    pub large_one_in: u64,
    /// About the size of a large one, bytes.
    pub large: u64,
    /// One key in so many has an odd name; 0: none.
    pub odd_one_in: u64,
    /// New files a minute, at an hour of the day that is neither busy nor quiet.
    pub arrive: u32,
    /// Files a minute that change.
    pub change: u32,
    /// Files a minute that are deleted.
    pub delete: u32,
    /// About how long a read takes before its first byte.
    pub latency: Duration,
    /// How often everything is looked at again.
    pub rescan: Duration,
    /// Times at which more files arrive.
    pub bursts: Vec<Burst>,
}

/// More files than usual arrive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Burst {
    /// From then …
    pub from: Duration,
    /// … until before then.
    pub until: Duration,
    /// So many times as many.
    pub times: u32,
}

/// Something goes wrong at the vault for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spell {
    /// From then …
    pub from: Duration,
    /// … until before then.
    pub until: Duration,
    /// What.
    pub fault: crate::vault::fake::Fault,
}

/// Something goes wrong at a source for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trouble {
    /// Which source.
    pub source: String,
    /// From then …
    pub from: Duration,
    /// … until before then.
    pub until: Duration,
    /// What.
    pub kind: TroubleKind,
    /// It hits one file in so many.
    pub one_in: u64,
}

/// What can go wrong at a source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TroubleKind {
    /// Its root is not there.
    Away,
    /// Its root is there, and empty.
    Empty,
    /// Files cannot be opened.
    Permission,
    /// Files cannot be read.
    Io,
    /// Files are written all the time.
    Changing,
    /// Scans meet folders that cannot be opened.
    Unreadable,
}

/// An operator's order to a pool.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Order {
    /// When.
    pub at: Duration,
    /// To which host.
    pub host: String,
    /// To which pool.
    pub pool: String,
    /// What.
    pub action: Action,
    /// How long a pause or a drain holds; nothing: until further notice.
    pub holds: Option<Duration>,
    /// Who.
    pub who: String,
}

/// What a pool can be ordered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    /// Stand still.
    Pause,
    /// Go on.
    Resume,
    /// Only finish what it has.
    Drain,
    /// Have so many places.
    Resize(u32),
}

/// An operator acknowledges a finding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ack {
    /// When.
    pub at: Duration,
    /// Its rule.
    pub rule: String,
    /// Its object.
    pub object: String,
    /// For how long.
    pub holds: Duration,
    /// Who.
    pub who: String,
}

/// An operator restores files: what `firn restore` does, step by step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restore {
    /// When.
    pub at: Duration,
    /// On which host, to whose folders.
    pub host: String,
    /// Who.
    pub who: String,
    /// What it is called; nothing: after what is asked for.
    pub title: Option<String>,
    /// What.
    pub wish: RestoreWish,
    /// How fast.
    pub tier: Tier,
    /// Whether the plan is confirmed; else it waits for somebody to do so.
    pub confirm: bool,
    /// So many of the files are spoilt in their archives, which the vault does not know.
    pub corrupt: u32,
    /// So many of the retrievals come to nothing at their end, the first ones.
    pub failing: u32,
}

/// What an operator asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RestoreWish {
    /// Lines, as they are written.
    Lines(String),
    /// Files of a source, spread evenly over the archives that the vault took last and that have enough of them.
    Some {
        /// The source.
        source: String,
        /// How many files.
        files: u32,
        /// Of how many archives, the newest.
        archives: u32,
        /// Below which folder.
        to: PathBuf,
    },
}

/// Something goes wrong with a folder that files are restored to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlaceTrouble {
    /// The folder.
    pub place: PathBuf,
    /// From then …
    pub from: Duration,
    /// … until before then.
    pub until: Duration,
    /// What.
    pub kind: PlaceTroubleKind,
}

/// What can go wrong with such a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PlaceTroubleKind {
    /// It goes away, as a mount does.
    Away,
    /// A file stands in its place.
    File,
}

/// The names of the scenarios that are part of the program, with what each shows.
pub fn known() -> Vec<&'static str> {
    EMBEDDED.iter().map(|(name, _)| *name).collect()
}

fn names() -> String {
    let names = known();
    names.split_last().map_or_else(String::new, |(last, others)| format!("{} and {last}", others.join(", ")))
}

impl Scenario {
    /// Finds a scenario: by its name, or, where the name has a slash or ends in `.toml`, in a file.
    pub fn find(name: &str) -> Result<Self, ScenarioError> {
        let is_file = name.contains('/') || Path::new(name).extension().is_some_and(|ending| ending == "toml");
        if is_file {
            return Self::of_file(Path::new(name));
        }
        let Some((name, text)) = EMBEDDED.iter().find(|(known, _)| *known == name) else {
            let near = nearest(name, known()).map_or_else(String::new, |near| format!(" (did you mean {near:?}?)"));
            return Err(ScenarioError::NoSuch { found: Shown::text(name).to_string(), near });
        };
        Self::parse(name, Path::new(&format!("{name}.toml")), text)
    }

    fn of_file(path: &Path) -> Result<Self, ScenarioError> {
        use std::io::Read as _;
        let unread = |source| ScenarioError::Unread { path: path.to_owned(), source };
        let mut text = String::new();
        let file = std::fs::File::open(path).map_err(unread)?;
        file.take(LONGEST + 1).read_to_string(&mut text).map_err(unread)?;
        if text.len() as u64 > LONGEST {
            return Err(ScenarioError::TooLong { path: path.to_owned() });
        }
        let name = path.file_stem().map_or_else(String::new, |stem| Shown::path(Path::new(stem)).to_string());
        Self::parse(&name, path, &text)
    }

    /// Reads a scenario; everything that is wrong with it is told at once. `path` is for the messages.
    pub fn parse(name: &str, path: &Path, text: &str) -> Result<Self, ScenarioError> {
        read::scenario(name, path, text).map_err(ScenarioError::Wrong)
    }
}

#[cfg(test)]
mod tests;

//! What the console knows. Changed by [`super::update`] alone, drawn by [`super::draw`]; no clock, no await, no I/O.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ratatui::layout::Rect;

use super::effect::Ticket;
use super::keymap::Keymap;
use super::overlay::Overlay;
use super::tabs::{TabId, backup, delay, redis, restore};
use crate::backup::snapshot::Snapshot;
use crate::base::escape::shown_again;
use crate::base::{Money, Severity, Shown, Time};
use crate::log::Line;
use crate::store::NoticeRow;
use crate::worker::supervisor::Standing;

/// What does not change while the console runs.
#[derive(Debug, Clone)]
pub struct Setup {
    /// What the installation is called.
    pub environment: String,
    /// Whether lives depend on it.
    pub production: bool,
    /// Nothing may be changed.
    pub read_only: bool,
    /// What else the header must say, such as that nothing here is real.
    pub badge: Option<String>,
    /// This host.
    pub host: String,
    /// This process, as the state knows it.
    pub pid: u32,
    /// Who sits here: written beside orders.
    pub who: String,
    /// Workers that run in this process; nothing: none.
    pub workers: Option<String>,
    /// How long they may take to finish.
    pub stop_within: Duration,
    /// How often the state is read.
    pub refresh: Duration,
    /// Areas that are configured.
    pub areas: Vec<(TabId, Area)>,
    /// Names of themes.
    pub themes: Vec<String>,
    /// The operator's home.
    pub home: Option<PathBuf>,
    /// Where to restore into unless something else is typed.
    pub restore_into: String,
    /// Plans with a higher ceiling want a typed word before they are confirmed.
    pub confirm_above: Money,
    /// Why no job can be made faster that is under way; nothing: the vault can.
    pub no_faster: Option<String>,
    /// The configuration file, if there is one.
    pub config_place: Option<String>,
    /// Where the log is kept.
    pub log_place: String,
}

/// The rule of a finding that only the console sees: its own workers do not run.
pub const CONSOLE_WORKERS: &str = "console.workers";
/// The same: a look from here finds a cluster in trouble.
pub const REDIS_HERE: &str = "redis.here";
/// The same: the state cannot be read.
pub const CONSOLE_STATE: &str = "console.state";
const HERE: &str = "console";

fn seen_here(rule: &str, object: &str, severity: Severity, now: Time) -> NoticeRow {
    NoticeRow {
        rule: rule.to_owned(),
        object: object.to_owned(),
        scope: HERE.to_owned(),
        severity,
        worst: severity,
        value: String::new(),
        limit: String::new(),
        since: now,
        seen_at: now,
        next_step: String::new(),
        ack_until: None,
    }
}

/// Whether an area can be looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Area {
    /// It is configured.
    On,
    /// It is not; these lines would switch it on.
    Off(&'static [&'static str]),
    /// This version has no such area; what there is instead.
    Absent(&'static str),
}

/// How something far away stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Connection {
    /// Not heard of yet.
    Connecting,
    /// It answers.
    Fine,
    /// It does not, since then, for this reason.
    Trouble(Time, String),
}

/// Something said for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Flash {
    /// How bad.
    pub severity: Severity,
    /// What.
    pub text: String,
    /// Until when.
    pub until: Time,
}

/// What a drawing reports back.
#[derive(Debug, Clone, Default)]
pub struct Report {
    /// Rows of each list that were shown.
    pub heights: BTreeMap<&'static str, u16>,
    /// The first row of each list of the Backup tab.
    pub tops: BTreeMap<backup::Pane, usize>,
    /// The first row of each list of the Restore tab.
    pub restore_tops: BTreeMap<restore::Pane, usize>,
    /// The first row of the list of replicas.
    pub delay_top: Option<usize>,
    /// The first row of each list of the Redis tab.
    pub redis_tops: BTreeMap<redis::List, usize>,
    /// Where something can be clicked.
    pub hits: Vec<(Rect, Hit)>,
}

/// Something that can be clicked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Hit {
    /// A tab's title.
    Tab(TabId),
    /// A row of a list of the tab: the pane, the place on the list.
    Row(backup::Pane, usize),
    /// A row of a list of the Restore tab.
    Plan(restore::Pane, usize),
    /// A row of the list of replicas.
    Replica(usize),
    /// A row of a list of the Redis tab.
    Redis(redis::List, usize),
}

/// How the console is leaving.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Leaving {
    /// It is not.
    No,
    /// Its workers finish what they have.
    Since(Time),
}

/// Everything.
#[derive(Debug, Clone)]
pub struct Model {
    /// What does not change.
    pub setup: Setup,
    /// The time of the newest message.
    pub now: Time,
    /// When a key was last pressed.
    pub touched: Time,
    /// The tab.
    pub tab: TabId,
    /// What lies over it, the topmost last.
    pub overlays: Vec<Overlay>,
    /// What is shown.
    pub shown: Option<Arc<Snapshot>>,
    /// The newest there is: the same, but while the screen is held.
    pub newest: Option<Arc<Snapshot>>,
    /// Whatever is wrong, worst first.
    pub all: Vec<NoticeRow>,
    /// When it came, by the console's clock.
    pub read_at: Option<Time>,
    /// Since when the screen is held.
    pub held: Option<Time>,
    /// The state database.
    pub state: Connection,
    /// The vault.
    pub vault: Connection,
    /// The workers of this process.
    pub workers: Option<Standing>,
    /// The Backup tab.
    pub backup: backup::State,
    /// The Restore tab.
    pub restore: restore::State,
    /// The Delay tab.
    pub delay: delay::State,
    /// The Redis tab.
    pub redis: redis::State,
    /// What is being said.
    pub flash: Option<Flash>,
    /// The newest lines of the log.
    pub log: Vec<Arc<Line>>,
    /// Lines that have been dropped.
    pub log_dropped: u64,
    /// Keys.
    pub keymap: Arc<Keymap>,
    /// The theme in use.
    pub theme: String,
    /// The mouse is the console's.
    pub mouse: bool,
    /// Columns and rows.
    pub size: (u16, u16),
    /// What the last drawing reported.
    pub report: Report,
    /// Deeds that have not been answered, with what they are about.
    pub under_way: BTreeMap<Ticket, String>,
    /// The next ticket.
    pub next_ticket: Ticket,
    /// Actions done by name, the newest last.
    pub recent: Vec<&'static str>,
    /// What was being written, by name.
    pub drafts: BTreeMap<&'static str, String>,
    /// Whether it is leaving.
    pub leaving: Leaving,
    /// The screen must be drawn anew.
    pub dirty: bool,
}

impl Model {
    /// A console that has not heard of anything yet.
    pub fn new(setup: Setup, keymap: Arc<Keymap>, theme: String, mouse: bool, now: Time, size: (u16, u16)) -> Self {
        Self {
            setup,
            now,
            touched: now,
            tab: TabId::Backup,
            overlays: Vec::new(),
            shown: None,
            newest: None,
            all: Vec::new(),
            read_at: None,
            held: None,
            state: Connection::Connecting,
            vault: Connection::Connecting,
            workers: None,
            backup: backup::State::default(),
            restore: restore::State::default(),
            delay: delay::State::default(),
            redis: redis::State::default(),
            flash: None,
            log: Vec::new(),
            log_dropped: 0,
            keymap,
            theme,
            mouse,
            size,
            report: Report::default(),
            under_way: BTreeMap::new(),
            next_ticket: 1,
            recent: Vec::new(),
            drafts: BTreeMap::new(),
            leaving: Leaving::No,
            dirty: true,
        }
    }

    /// What lies over the tab, but for help and palette: what they are about is beneath them.
    pub fn beneath(&self) -> Option<&Overlay> {
        self.overlays.iter().rev().find(|overlay| !matches!(overlay, Overlay::Help(_) | Overlay::Palette(_)))
    }

    /// Says something for a while.
    pub fn tell(&mut self, severity: Severity, text: impl Into<String>) {
        let span = if severity == Severity::Ok { 6 } else { 12 };
        self.flash = Some(Flash { severity, text: text.into(), until: self.now.plus(Duration::from_secs(span)) });
        self.dirty = true;
    }

    /// Looks anew at what is wrong: open findings of the newest snapshot, and what this console itself sees.
    pub fn look_again(&mut self) {
        let mut all = self.newest.as_ref().map_or_else(Vec::new, |snapshot| snapshot.findings.clone());
        if let Some(Standing::Stopped { reason, failures, again }) = &self.workers {
            let mut row = seen_here(CONSOLE_WORKERS, &self.setup.host, Severity::Critical, self.state_now());
            row.value = format!("the workers of this console stopped ({failures} in a row): {reason}");
            "workers that run".clone_into(&mut row.limit);
            row.next_step =
                format!("mend that; they are started again at {}", crate::console::format::utc_second(*again));
            all.push(row);
        }
        if let Connection::Trouble(_, why) = &self.state {
            let mut row = seen_here(CONSOLE_STATE, "state", Severity::Unknown, self.state_now());
            row.value = format!("the state cannot be read: {why}");
            "a state that answers".clone_into(&mut row.limit);
            "what is shown is what was read last; it is tried again all the time".clone_into(&mut row.next_step);
            all.push(row);
        }
        let clusters = self.clusters_here(&all);
        all.extend(clusters);
        // Since when: what was seen before keeps its time.
        for row in &mut all {
            let known = self.all.iter().find(|known| known.rule == row.rule && known.object == row.object);
            if let Some(known) =
                known.filter(|known| known.scope == HERE && row.scope == HERE && row.rule != REDIS_HERE)
            {
                row.since = known.since;
            }
        }
        // What somebody has seen to comes after what nobody has.
        all.sort_by_key(|row| (self.is_quiet(row), std::cmp::Reverse(row.severity)));
        self.all = all;
    }

    /// What looks from here find of clusters, where it is worse than what the state says of them: nobody waits for a duty.
    fn clusters_here(&self, told: &[NoticeRow]) -> Vec<NoticeRow> {
        let now = self.state_now();
        let mut rows = Vec::new();
        for one in self.redis.newest.iter().flat_map(|read| &read.clusters) {
            let Some(health) = one.health.as_ref().filter(|health| health.severity > Severity::Ok) else { continue };
            let known = |row: &&NoticeRow| {
                TabId::of_rule(&row.rule) == TabId::Redis
                    && row.severity >= health.severity
                    && row.object.split_whitespace().any(|word| word == one.name)
            };
            if told.iter().any(|row| known(&row)) {
                continue;
            }
            let Some(worst) = redis::wrong::worst(health) else { continue };
            let mut row = seen_here(REDIS_HERE, &one.name, health.severity, now);
            let more = health.findings.iter().filter(|finding| finding.silenced.is_none()).count() - 1;
            let more = if more > 0 { format!(" (and {more} more)") } else { String::new() };
            row.value = format!("{}{more}", redis::wrong::sentence(worst));
            "a cluster without findings".clone_into(&mut row.limit);
            row.next_step = worst.next.as_deref().map_or_else(|| "look at the Redis tab".to_owned(), shown_again);
            row.since = redis::clusters::since(health).unwrap_or(now);
            rows.push(row);
        }
        if let Some(why) = &self.redis.wrong {
            let mut row = seen_here(REDIS_HERE, "clusters", Severity::Unknown, now);
            row.value = format!("they cannot be looked at: {}", Shown::text(why));
            "clusters that are looked at".clone_into(&mut row.limit);
            "what is shown is what was seen last".clone_into(&mut row.next_step);
            rows.push(row);
        }
        rows
    }

    /// Whatever is wrong, worst first: alarms show even while the screen is held.
    pub fn findings(&self) -> &[NoticeRow] {
        &self.all
    }

    /// The time by the state's clock: that of the newest snapshot, and what has passed here since.
    pub fn state_now(&self) -> Time {
        match (&self.newest, self.read_at) {
            (Some(snapshot), Some(read_at)) => snapshot.now.plus(self.now.since(read_at)),
            _ => self.now,
        }
    }

    /// Whether a finding is acknowledged.
    pub fn is_quiet(&self, finding: &NoticeRow) -> bool {
        finding.ack_until.is_some_and(|until| until > self.state_now())
    }

    /// The worst finding of an area that nobody has acknowledged, and how many of that severity there are.
    pub fn worst(&self, tab: TabId) -> (Severity, usize) {
        let open = || self.findings().iter().filter(|row| TabId::of_rule(&row.rule) == tab && !self.is_quiet(row));
        let mut worst = open().map(|row| row.severity).max().unwrap_or_default();
        // What cannot be seen is not fine.
        if tab == TabId::Backup && worst == Severity::Ok && matches!(self.state, Connection::Trouble(..)) {
            worst = Severity::Unknown;
        }
        (worst, open().filter(|row| row.severity == worst).count())
    }

    /// Whether what is shown is older than three readings of the state.
    pub fn stale(&self) -> Option<Duration> {
        let age = self.now.since(self.read_at?);
        (age > self.setup.refresh * 3 + Duration::from_secs(1)).then_some(age)
    }

    /// Whether something like this has been asked for and not been answered.
    pub fn is_under_way(&self, about: &str) -> bool {
        self.under_way.values().any(|known| known == about)
    }

    /// A ticket for something that is asked for now.
    pub fn ticket(&mut self, about: String) -> Ticket {
        let ticket = self.next_ticket;
        self.next_ticket += 1;
        self.under_way.insert(ticket, about);
        ticket
    }

    /// Takes in what a drawing reports.
    pub fn drawn(&mut self, report: Report) {
        for (pane, top) in &report.tops {
            self.backup.of_mut(*pane).top = *top;
        }
        for (pane, top) in &report.restore_tops {
            self.restore.set_top(*pane, *top);
        }
        if let Some(top) = report.delay_top {
            self.delay.list.top = top;
        }
        for (list, top) in &report.redis_tops {
            self.redis.set_top(*list, *top);
        }
        self.report = report;
        self.dirty = false;
        if let Some(Overlay::Confirm(confirm)) = self.overlays.last_mut() {
            confirm.seen = true;
        }
    }

    /// Rows of a list that the last drawing showed.
    pub fn height(&self, list: &str) -> usize {
        self.report.heights.get(list).map_or(10, |height| usize::from(*height))
    }
}

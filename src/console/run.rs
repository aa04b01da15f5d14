//! The loop, where keys, snapshots, ticks, answers and signals meet. On the main thread, for a panic of it is the
//! console's end and a panic of any other is not.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;
use tokio::sync::{Notify, mpsc};

use super::drafts::Drafts;
use super::effect::{Deed, Effect, Ticket, Written};
use super::keymap::{Keymap, KeymapError};
use super::look::{self, LookError, OwnLook};
use super::model::{Area, Leaving, Model, Report, Setup};
use super::msg::{Msg, Reply};
use super::tabs::TabId;
use super::tabs::restore::{Editor, Field};
use super::term::{Caps, Input, Inputs, MouseKind, Refusal, Screen, Signal, Signals, Tty, install_panic_hook, usable};
use super::theme::Theme;
use super::update::update;
use super::update::written::{BATCH_DRAFT, form_draft};
use super::widgets::line_edit::LineEdit;
use super::{answer, clusters, desk, draw, work};
use crate::backup::pipe::{KindError, Kinds};
use crate::base::clock::Mono;
use crate::base::stop::Stop;
use crate::base::{Clock, Severity, Shown, task};
use crate::config::ConsoleConfig;
use crate::log::{LogError, Ring};
use crate::services::{Crew, ServiceError, Services};

/// What is not the configuration's to say.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// No workers in this process, whatever is configured.
    pub no_workers: bool,
    /// Nothing may be changed.
    pub read_only: bool,
    /// Who sits here.
    pub who: String,
    /// Where drafts are kept; nothing: nowhere.
    pub drafts: Option<PathBuf>,
    /// Where the log is kept; nothing: in memory alone.
    pub log: Option<PathBuf>,
    /// The operator's home.
    pub home: Option<PathBuf>,
}

/// A console that cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum ConsoleError {
    /// There is nothing to draw on.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The keymap.
    #[error(transparent)]
    Keymap(#[from] KeymapError),
    /// The theme.
    #[error(transparent)]
    Look(#[from] LookError),
    /// The list of workers.
    #[error("[console] workers: {0}")]
    Workers(#[from] KindError),
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// What it draws from.
    #[error(transparent)]
    Service(#[from] ServiceError),
    /// The state, where a single screen was asked for.
    #[error("the state cannot be read: {0}")]
    State(String),
    /// The terminal.
    #[error("the terminal cannot be used: {0}")]
    Terminal(#[from] std::io::Error),
}

/// Data alone do not draw more often than this.
const DATA_EVERY: Duration = Duration::from_millis(500);
/// Keys do not, either: a burst of them is drawn once.
const KEYS_EVERY: Duration = Duration::from_millis(16);
/// Ages go on every second for this long after a key …
const LIVELY: Duration = Duration::from_mins(1);
const LIVELY_TICK: Duration = Duration::from_secs(1);
/// While workers finish.
const LEAVING_TICK: Duration = Duration::from_millis(250);
/// … and then every so often.
const QUIET: Duration = Duration::from_secs(10);
/// A benchmark that is stopped removes its keys within this time.
const BENCH_ENDS: Duration = Duration::from_secs(10);
/// Messages that wait for the loop.
const WAITING: usize = 256;

/// Config sections that would switch the Backup tab on.
const BACKUP_LINES: &[&str] =
    &["[[source]]", "name = \"photos\"", "path = \"/srv/photos\"", "", "[vault]", "path = \"/mnt/vault\""];
/// The same for the Restore tab.
const RESTORE_LINES: &[&str] = &["[vault]", "path = \"/mnt/vault\""];
/// The same for the Delay tab.
const DELAY_LINES: &[&str] = &[
    "[[replica]]",
    "name = \"db14-delay\"",
    "host = \"db14-delay.example.com\"",
    "user = \"firn\"",
    "password = \"env:FIRN_REPLICA_PASSWORD\"",
];
/// The same for the Redis tab.
const REDIS_LINES: &[&str] = &["[[redis]]", "name = \"sessions\"", "seeds = \"10.0.0.1:6379, 10.0.0.2:6379\""];
/// What there is in place of areas that this version has not.
const NO_AUDIT: &str =
    "Every archive was read back and hashed by its vault when it was stored; nothing is read again later.";
const NO_COUNTERS: &str = "Nothing keeps counters over time; the Backup tab shows the last ten minutes.";

/// What the console starts with.
pub fn setup(services: &Services, options: &Options, workers: Option<String>) -> Setup {
    let config = &services.config;
    let console = &config.console;
    let backup = config.vault.is_some() && !config.sources.is_empty();
    let areas = vec![
        (TabId::Backup, if backup { Area::On } else { Area::Off(BACKUP_LINES) }),
        (TabId::Restore, if config.vault.is_some() { Area::On } else { Area::Off(RESTORE_LINES) }),
        (TabId::Audit, Area::Absent(NO_AUDIT)),
        (TabId::Delay, if services.has_replicas() { Area::On } else { Area::Off(DELAY_LINES) }),
        (TabId::Redis, if services.has_redis() { Area::On } else { Area::Off(REDIS_LINES) }),
        (TabId::Counters, Area::Absent(NO_COUNTERS)),
    ];
    let mut themes: Vec<String> = Theme::names().map(str::to_owned).collect();
    if !themes.contains(&console.theme) {
        themes.push(console.theme.clone());
    }
    let home = options.home.clone();
    let restore_into =
        home.as_ref().map_or_else(String::new, |home| home.join("restored").to_string_lossy().into_owned());
    Setup {
        environment: console.environment.clone(),
        production: console.production,
        read_only: console.read_only || options.read_only,
        badge: services.badge.clone(),
        host: services.process.host.clone(),
        pid: services.process.pid,
        who: options.who.clone(),
        workers,
        stop_within: config.stop_within,
        refresh: console.refresh,
        areas,
        themes,
        home,
        restore_into,
        confirm_above: config.restore.confirm_above,
        no_faster: services.no_faster(),
        config_place: config.file.as_deref().map(|file| Shown::path(file).to_string()),
        log_place: options
            .log
            .as_deref()
            .map_or_else(|| "in memory alone".to_owned(), |path| Shown::path(path).to_string()),
    }
}

/// Which workers run in this process.
pub fn kinds(services: &Services, options: &Options) -> Result<Option<Kinds>, ConsoleError> {
    let console = &services.config.console;
    if options.no_workers || options.read_only || console.read_only || services.config.vault.is_none() {
        return Ok(None);
    }
    let named = match console.workers.as_str() {
        "none" => return Ok(None),
        "all" => Kinds::all(),
        list => Kinds::parse(list)?,
    };
    // Where there is nothing to back up there may be much to restore.
    let kinds = if services.config.sources.is_empty() { named.without_backup() } else { named };
    Ok((!kinds.is_empty()).then_some(kinds))
}

/// The screen as it is now, as text: for whoever has no terminal.
pub async fn print(
    services: Arc<Services>,
    options: &Options,
    vault: work::VaultSeen,
    size: (u16, u16),
) -> Result<String, ConsoleError> {
    let look = OwnLook::new(&services.config.console, &Caps::of_process())?;
    Ok(text(&screen(services, options, vault, size, &look).await?))
}

/// The screen as it is now, as a picture (SVG). `auto` follows no terminal: it is all that a picture can show.
pub async fn picture(
    services: Arc<Services>,
    options: &Options,
    vault: work::VaultSeen,
    size: (u16, u16),
) -> Result<String, ConsoleError> {
    let caps = Caps { utf8: true, term: "xterm-direct".to_owned(), ..Caps::default() };
    let look = OwnLook::new(&services.config.console, &caps)?;
    let screen = screen(services, options, vault, size, &look).await?;
    Ok(super::picture::svg(&screen, "firn's console, the Backup tab"))
}

async fn screen(
    services: Arc<Services>,
    options: &Options,
    vault: work::VaultSeen,
    size: (u16, u16),
    look: &OwnLook,
) -> Result<Buffer, ConsoleError> {
    let kinds = kinds(&services, options)?;
    let keymap = Arc::new(Keymap::load(services.config.console.keymap.as_deref())?);
    let setup = setup(&services, options, kinds.map(|kinds| kinds.words()));
    let now = services.clock.now();
    let mut model = Model::new(setup, keymap, look.theme.name().to_owned(), false, now, size);
    let snapshot = work::read_once(&services).await.map_err(ConsoleError::State)?;
    update(&mut model, Msg::Snapshot(Arc::new(snapshot)), now);
    if services.config.vault.is_some() {
        let restores = desk::snapshot(&services).await.map_err(ConsoleError::State)?;
        update(&mut model, Msg::Restores(Arc::new(restores)), now);
    }
    if services.has_replicas() {
        let delays = services.delays().await.map_err(|e| ConsoleError::State(e.to_string()))?;
        update(&mut model, Msg::Delays(Arc::new(delays)), now);
    }
    if let Some(vault) = vault {
        update(&mut model, Msg::Vault(vault), now);
    }
    let area = Rect::new(0, 0, size.0, size.1);
    let mut buffer = Buffer::empty(area);
    draw::paint(&model, &look.look(), area, &mut buffer, &mut Report::default());
    Ok(buffer)
}

/// The letters of a buffer, a line each, without blanks at their ends.
pub fn text(buffer: &Buffer) -> String {
    let area = buffer.area;
    let mut out = String::new();
    for y in area.top()..area.bottom() {
        let mut line = String::new();
        let mut skip = 0;
        for x in area.left()..area.right() {
            let symbol = buffer.cell((x, y)).map_or(" ", ratatui::buffer::Cell::symbol);
            if skip > 0 {
                skip -= 1;
                continue;
            }
            // The second cell of a wide sign holds nothing.
            skip = super::format::width(symbol).saturating_sub(1);
            line.push_str(symbol);
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

/// Whether the theme and the keymap that are configured can be used.
pub fn files(console: &ConsoleConfig) -> Result<(), ConsoleError> {
    Keymap::load(console.keymap.as_deref())?;
    look::theme(&console.theme, &console.base, look::depth(console, &Caps::of_process()))?;
    Ok(())
}

/// Whether there is a terminal to draw on.
pub fn terminal() -> Result<(), ConsoleError> {
    Ok(usable(&Caps::of_process())?)
}

/// Runs the console until it is left, with the workers that were started for it, or those that it starts itself once
/// nothing they print can reach the terminal. The terminal is as it was when this returns.
pub async fn run(services: Arc<Services>, options: Options, started: Option<Crew>) -> Result<u8, ConsoleError> {
    let caps = Caps::of_process();
    usable(&caps)?;
    let console = services.config.console.clone();
    let look = OwnLook::new(&console, &caps)?;
    let keymap = Arc::new(Keymap::load(console.keymap.as_deref())?);
    let kinds = kinds(&services, &options)?;
    let real = Clock::system();
    let ring = Ring::new();
    let log = crate::log::install(&services.config.log_level, &ring, options.log.as_deref(), &real)?;
    let mut signals = Signals::listen()?;
    let mut screen = Screen::open(caps)?;
    let restorer = screen.restorer();
    install_panic_hook(move || restorer.restore());
    let mut inputs = Inputs::listen()?;
    screen.enter()?;
    if console.mouse {
        screen.set_mouse(true)?;
    }
    let size = screen.size()?;
    let (to, mut from) = mpsc::channel(WAITING);
    let setup = setup(&services, &options, kinds.as_ref().map(Kinds::words));
    let mut model =
        Model::new(setup, keymap, look.theme.name().to_owned(), console.mouse, real.now(), (size.width, size.height));
    let drafts = Drafts::load(options.drafts.clone());
    for name in ["filter", "find", "restore-into", "list-file"] {
        if let Some(text) = drafts.texts().get(name) {
            model.drafts.insert(name, text.clone());
        }
    }
    if let Some(text) = drafts.long(BATCH_DRAFT) {
        model.restore.editor = Editor::of(&text);
    }
    for field in [Field::Source, Field::Dest, Field::AsOf] {
        model.restore.form.field = field;
        if let (Some(text), Some(edit)) = (drafts.texts().get(form_draft(field)), model.restore.form.edit()) {
            *edit = LineEdit::new(text);
        }
    }
    model.restore.form.field = Field::Source;
    let refresh = Arc::new(Notify::new());
    let mut hub = Hub {
        services: Arc::clone(&services),
        to: to.clone(),
        refresh: Arc::clone(&refresh),
        look,
        screen,
        drafts,
        work: started,
        checks: BTreeMap::new(),
        bench: None,
        queue: VecDeque::new(),
    };
    // The first frame is there before anything else is asked.
    hub.draw(&mut model)?;
    drop(task::spawn(work::read_state(Arc::clone(&services), real.clone(), console.refresh, refresh, to.clone())));
    if services.config.vault.is_some() {
        drop(task::spawn(work::watch_vault(work::look_at_vault(&services), to.clone())));
    }
    if services.has_redis() {
        drop(task::spawn(clusters::watch(Arc::clone(&services), real.clone(), to.clone())));
    }
    drop(task::spawn(work::watch_log(ring, to.clone())));
    if hub.work.is_none() {
        hub.work = kinds.map(|kinds| work::start(&services, &kinds));
    }
    if let Some(work) = &hub.work {
        drop(task::spawn(work::watch_workers(work.standing.clone(), to.clone())));
    }
    let ended = turn(&mut hub, &mut model, &mut inputs, &mut signals, &mut from, &real).await;
    // However it ended: what was being written is there the next time.
    if let Some(text) = model.restore.editor.unkept(true) {
        hub.keep(BATCH_DRAFT, &text);
    }
    // Whatever happened, the terminal first; a dead one says so, and nobody is left to hear it.
    let left = hub.screen.leave();
    hub.finish(&real, &ended, services.config.stop_within, &mut signals).await;
    drop(log);
    match ended {
        Ok(End::Gone) => Ok(0),
        Ok(_) => left.map(|()| 0).map_err(Into::into),
        Err(e) => Err(e.into()),
    }
}

/// How the loop ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum End {
    /// It was left, and its workers have finished, or their time was over, or nobody wanted to wait.
    Left,
    /// The terminal is gone.
    Gone,
}

/// What carries effects out.
struct Hub {
    services: Arc<Services>,
    to: mpsc::Sender<Msg>,
    refresh: Arc<Notify>,
    look: OwnLook,
    screen: Screen<Tty>,
    drafts: Drafts,
    work: Option<Crew>,
    /// What looks at what is being written: one for each, the newest text alone.
    checks: BTreeMap<&'static str, task::JoinHandle<()>>,
    /// The benchmark that was begun last, and what stops it.
    bench: Option<(Stop, task::JoinHandle<()>)>,
    /// Answers that need no waiting.
    queue: VecDeque<Msg>,
}

async fn turn(
    hub: &mut Hub,
    model: &mut Model,
    inputs: &mut Inputs,
    signals: &mut Signals,
    from: &mut mpsc::Receiver<Msg>,
    real: &Clock,
) -> std::io::Result<End> {
    let (mut drawn, mut touched, mut ticked): (Mono, Mono, Mono) = (real.mono(), real.mono(), real.mono());
    let mut by_key = false;
    loop {
        let now = real.mono();
        let every = if by_key { KEYS_EVERY } else { DATA_EVERY };
        if model.dirty && now.since(drawn) >= every {
            hub.draw(model)?;
            (drawn, by_key) = (now, false);
        }
        let mut tick = if now.since(touched) < LIVELY { LIVELY_TICK } else { QUIET };
        if let Leaving::Since(at) = model.leaving {
            if real.now().since(at) >= hub.services.config.stop_within {
                return Ok(End::Left);
            }
            tick = LEAVING_TICK;
        }
        let to_tick = tick.saturating_sub(now.since(ticked));
        let wait = if model.dirty { every.saturating_sub(now.since(drawn)).min(to_tick) } else { to_tick };
        let msg = tokio::select! {
            biased;
            signal = signals.next() => match signal {
                Signal::Hangup => return Ok(End::Gone),
                Signal::Terminate | Signal::Interrupt => Some(Msg::Told(signal.name())),
                Signal::Continue => {
                    hub.screen.reclaim()?;
                    model.dirty = true;
                    by_key = true;
                    None
                }
            },
            input = inputs.next() => {
                touched = real.mono();
                by_key = true;
                match input {
                    Input::Key(chord) => Some(Msg::Key(chord)),
                    Input::Paste { text, cut } => {
                        if cut {
                            let text = format!("the paste was cut at {} bytes", text.len());
                            hub.queue.push_back(Msg::Reply(Reply::Tell(Severity::Warning, text)));
                        }
                        Some(Msg::Paste(text))
                    }
                    Input::Resize(columns, rows) => {
                        // What a terminal that shrank and grew back has lost is not seen by comparing.
                        hub.screen.clear_and_redraw();
                        Some(Msg::Resize(columns, rows))
                    }
                    Input::Mouse { kind: MouseKind::Click, column, row } => Some(Msg::Click(column, row)),
                    Input::Mouse { kind, .. } => Some(Msg::Wheel(kind == MouseKind::WheelUp)),
                    Input::Lost(why) => {
                        tracing::warn!(why, "the terminal is gone");
                        return Ok(End::Gone);
                    }
                }
            }
            msg = from.recv() => msg,
            () = real.sleep(wait) => {
                let due = real.mono().since(ticked) >= tick;
                due.then_some(Msg::Tick)
            }
        };
        if matches!(msg, Some(Msg::Tick)) {
            ticked = real.mono();
        }
        hub.queue.extend(msg);
        while let Some(msg) = hub.queue.pop_front() {
            let ended = matches!(msg, Msg::Workers(crate::worker::supervisor::Standing::Ended));
            // By this machine's clock: a demo's runs at another speed.
            let effects = update(model, msg, real.now());
            for effect in effects {
                if let Some(end) = hub.carry_out(model, effect)? {
                    return Ok(end);
                }
            }
            if ended && matches!(model.leaving, Leaving::Since(_)) {
                return Ok(End::Left);
            }
        }
    }
}

/// Does something and says what came of it.
async fn done(
    ticket: Ticket,
    deed: impl Future<Output = Result<String, String>> + Send + 'static,
    to: mpsc::Sender<Msg>,
) {
    // A task of its own: if it falls over, the operator hears of it.
    let done = task::spawn(deed).await;
    let done = done.unwrap_or_else(|e| Err(format!("it failed inside: {e}; the log has the words")));
    match &done {
        Ok(said) => tracing::info!("{said}"),
        Err(why) => tracing::error!("{why}"),
    }
    // The console has ended; what was done stands in the state.
    let _ = to.send(Msg::Reply(Reply::Done(ticket, done))).await;
}

impl Hub {
    fn draw(&mut self, model: &mut Model) -> std::io::Result<()> {
        let look = self.look.look();
        let mut report = None;
        let shown = &*model;
        self.screen.draw(|frame| report = Some(draw::draw(shown, &look, frame)))?;
        model.drawn(report.unwrap_or_default());
        Ok(())
    }

    fn carry_out(&mut self, model: &mut Model, effect: Effect) -> std::io::Result<Option<End>> {
        match effect {
            Effect::Do(ticket, Deed::Bench(ask)) => {
                let stop = Stop::new();
                let run = clusters::bench(Arc::clone(&self.services), *ask, stop.clone(), self.to.clone());
                self.bench = Some((stop, task::spawn(done(ticket, run, self.to.clone()))));
            }
            Effect::Do(ticket, deed) => {
                let (services, to, who) = (Arc::clone(&self.services), self.to.clone(), model.setup.who.clone());
                drop(task::spawn(done(ticket, answer::act(services, who, deed), to)));
            }
            Effect::Ask(query) => {
                let (services, to, who) = (Arc::clone(&self.services), self.to.clone(), model.setup.who.clone());
                drop(task::spawn(async move {
                    let _ = to.send(Msg::Reply(answer::ask(services, &who, query).await)).await;
                }));
            }
            Effect::Refresh => self.refresh.notify_one(),
            Effect::Copy(text) => {
                let first = text.lines().next().unwrap_or_default();
                let shown: String = Shown::text(first).to_string().chars().take(60).collect();
                let copied = self.screen.copy(&text).map(|_| shown).map_err(|e| e.to_string());
                self.queue.push_back(Msg::Reply(Reply::Copied(copied)));
            }
            Effect::Mouse(on) => {
                self.screen.set_mouse(on)?;
                self.queue.push_back(Msg::Reply(Reply::Mouse(on)));
            }
            Effect::Theme(name) => {
                let changed = self.look.change(&name).map(|()| name).map_err(|e| e.to_string());
                self.queue.push_back(Msg::Reply(Reply::Theme(changed)));
            }
            Effect::Suspend => {
                self.screen.suspend()?;
                model.dirty = true;
            }
            Effect::Redraw => {
                self.screen.clear_and_redraw();
                model.dirty = true;
            }
            Effect::Draft { name, text } => self.keep(name, &text),
            Effect::Check { of, revision, text, dest } => {
                let name = if of == Written::Batch { "batch" } else { "form" };
                let check = work::check(Arc::clone(&self.services), of, text, dest, revision, self.to.clone());
                if let Some(older) = self.checks.insert(name, task::spawn(check)) {
                    older.abort();
                }
            }
            Effect::Load(path) => {
                let to = self.to.clone();
                drop(task::spawn(async move {
                    let loaded = desk::load(path.clone()).await;
                    let _ = to.send(Msg::Reply(Reply::Loaded(path, loaded))).await;
                }));
            }
            Effect::Save { path, text, replace } => {
                let to = self.to.clone();
                drop(task::spawn(async move {
                    let saved = desk::save(path.clone(), text, replace).await;
                    let _ = to.send(Msg::Reply(Reply::Saved(path, saved))).await;
                }));
            }
            Effect::BenchStop => {
                if let Some((stop, _)) = &self.bench {
                    stop.stop();
                }
            }
            Effect::Leave => {
                let Some(work) = &self.work else { return Ok(Some(End::Left)) };
                if *work.standing.borrow() == crate::worker::supervisor::Standing::Ended {
                    return Ok(Some(End::Left));
                }
                work.stop.stop();
            }
            Effect::Abandon => return Ok(Some(End::Left)),
        }
        Ok(None)
    }

    fn keep(&mut self, name: &'static str, text: &str) {
        let kept = if name == BATCH_DRAFT { self.drafts.keep_long(name, text) } else { self.drafts.keep(name, text) };
        if let Err(e) = kept {
            tracing::warn!(error = %e, name, "a draft could not be kept");
        }
    }

    /// The workers finish what they have, unless nobody wants to wait for that.
    async fn finish(&mut self, real: &Clock, ended: &std::io::Result<End>, within: Duration, signals: &mut Signals) {
        if let Some((stop, running)) = self.bench.take() {
            // Its keys are not left on somebody's servers.
            stop.stop();
            tokio::select! {
                _ = running => {}
                signal = signals.next() => tracing::warn!(signal = signal.name(), "the benchmark was cut off; its keys may be left"),
                () = real.sleep(BENCH_ENDS) => tracing::warn!("the benchmark did not end in time; its keys may be left"),
            }
        }
        let Some(work) = &mut self.work else { return };
        work.stop.stop();
        if matches!(ended, Ok(End::Left)) {
            return;
        }
        let over = work.standing.wait_for(|standing| *standing == crate::worker::supervisor::Standing::Ended);
        tokio::select! {
            _ = over => {}
            signal = signals.next() => tracing::warn!(signal = signal.name(), "ending at once; work in progress is taken up at the next start"),
            () = real.sleep(within) => {
                tracing::warn!("work in progress was not finished in time; it is taken up at the next start");
            }
        }
    }
}

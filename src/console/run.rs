//! The loop, where keys, snapshots, ticks, answers and signals meet. On the main thread, for a panic of it is the
//! console's end and a panic of any other is not.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Notify, mpsc};

use super::drafts::Drafts;
use super::effect::{Deed, Effect, Ticket, Written};
use super::keymap::Keymap;
use super::look::OwnLook;
use super::model::{Leaving, Model};
use super::msg::{Msg, Reply};
use super::setup::{ConsoleError, Options, kinds, setup};
use super::tabs::restore::{Editor, Field};
use super::term::{Caps, Input, Inputs, MouseKind, Screen, Signal, Signals, Tty, install_panic_hook, usable};
use super::update::update;
use super::update::written::{BATCH_DRAFT, form_draft};
use super::widgets::line_edit::LineEdit;
use super::{answer, clusters, desk, draw, work};
use crate::backup::pipe::Kinds;
use crate::base::clock::Mono;
use crate::base::stop::Stop;
use crate::base::{Clock, Severity, Shown, task};
use crate::log::Ring;
use crate::services::{Crew, Services};

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
const BENCH_ENDS: Duration = Duration::from_secs(20);
/// Messages that wait for the loop.
const WAITING: usize = 256;

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

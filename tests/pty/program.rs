//! A small program over the terminal layer: says what it receives. This test binary runs itself for it.

use std::process::exit;

use std::sync::Arc;

use firn::base::host::ProcessIdentity;
use firn::base::sink::Totals;
use firn::base::{Clock, Stop};
use firn::config::{Config, Given};
use firn::console::chord::Chord;
use firn::console::run as console;
use firn::console::setup::Options;
use firn::console::term::{Caps, Input, Inputs, Screen, Signal, Signals, Tty, install_panic_hook, usable};
use firn::log::{self, Ring};
use firn::services::{Crew, Services};
use firn::store::sqlite::SqliteStore;
use firn::worker::supervisor::supervise;
use ratatui::text::Line;
use ratatui::widgets::Paragraph;

use super::pty::Pty;

/// Set for the run that is the program. `deaf`: it listens to no signal. `panics`: it is the console itself, with a
/// worker in it that falls over and over, over the configuration named in [`CONFIG`].
const MODE: &str = "PTY_TEST_PROGRAM";

/// The configuration of a console that is the program.
pub const CONFIG: &str = "PTY_TEST_CONFIG";

/// The console with a worker in it that panics, drawn.
pub fn start_panicking(size: (u16, u16), config: &str) -> Pty {
    Pty::start(size, command(), &[(MODE, "panics"), (CONFIG, config)])
}

/// The program's command line.
pub fn command() -> Vec<String> {
    let own = std::env::current_exe().unwrap().to_str().unwrap().to_owned();
    let rest = ["program::run", "--exact", "--ignored", "--nocapture", "--test-threads=1"];
    [own].into_iter().chain(rest.map(str::to_owned)).collect()
}

/// The program, started and drawn.
pub fn start(size: (u16, u16), env: &[(&str, &str)]) -> Pty {
    let pty = Pty::start(size, command(), &[&[(MODE, "listens")], env].concat());
    pty.wait_for(&format!("ready {}x{}", size.0, size.1));
    pty
}

/// As [`start`], but with SIGHUP ignored from the start and no signal listened to.
pub fn start_deaf() -> Pty {
    let ignoring = ["sh", "-c", "trap '' HUP; exec \"$@\"", "sh"].map(str::to_owned);
    let pty = Pty::start((40, 10), ignoring.into_iter().chain(command()), &[(MODE, "deaf")]);
    pty.wait_for("ready 40x10");
    pty
}

/// The exit code where drawing fails.
const NO_DRAWING: i32 = 3;
/// The exit code where the terminal is lost.
const LOST: i32 = 4;
/// The exit code after a signal.
pub const SIGNALLED: i32 = 5;

#[test]
#[ignore = "not a test: what the others run on a terminal"]
fn run() {
    let Ok(mode) = std::env::var(MODE) else { return };
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let code = if mode == "panics" { runtime.block_on(panicking()) } else { runtime.block_on(talk(mode == "deaf")) };
    exit(code);
}

async fn panicking() -> i32 {
    let file = std::env::var(CONFIG).unwrap();
    let config = Config::load(&Given { file: Some(file.into()), ..Given::default() }).unwrap();
    let clock = Clock::system();
    let store = SqliteStore::open(&config.state, clock.clone(), true).unwrap();
    let services = Arc::new(Services::over(config, clock.clone(), Arc::new(store), ProcessIdentity::own()));
    let stop = Stop::new();
    let (told, standing) = tokio::sync::watch::channel(firn::worker::supervisor::Standing::Running);
    let fall = |_| async { if true { panic!("a worker has \x1b[31mfallen\nover") } else { Ok::<(), String>(()) } };
    drop(services.spawn(supervise("backup", clock, stop.clone(), told, fall)));
    let ended =
        console::run(services, Options::default(), Some(Crew { stop, standing, counters: Totals::default() })).await;
    ended.map_or(NO_DRAWING, i32::from)
}

/// What is shown, newest last.
struct Told {
    lines: Vec<String>,
    ring: Ring,
}

fn draw(screen: &mut Screen<Tty>, told: &Told) -> std::io::Result<usize> {
    screen.draw(|frame| {
        let area = frame.area();
        let mut lines = vec![format!("ready {}x{}", area.width, area.height)];
        lines.extend(told.ring.lines().iter().map(|line| format!("log: {}", line.text)));
        let room = usize::from(area.height).saturating_sub(lines.len());
        lines.extend_from_slice(&told.lines[told.lines.len().saturating_sub(room)..]);
        frame.render_widget(Paragraph::new(lines.into_iter().map(Line::raw).collect::<Vec<_>>()), area);
    })
}

async fn talk(deaf: bool) -> i32 {
    let ring = Ring::new();
    let _guard = log::install("info", &ring, None, &Clock::system()).unwrap();
    let caps = Caps::of_process();
    if let Err(refusal) = usable(&caps) {
        #[allow(clippy::print_stderr)] // there is no screen
        {
            eprintln!("{refusal}");
        }
        return 2;
    }
    let mut signals = if deaf { None } else { Some(Signals::listen().unwrap()) };
    let mut screen = Screen::open(caps).unwrap();
    let restorer = screen.restorer();
    install_panic_hook(move || restorer.restore());
    let mut inputs = Inputs::listen().unwrap();
    screen.enter().unwrap();
    let mut told = Told { lines: Vec::new(), ring };
    let mut logged = told.ring.watch();
    loop {
        if draw(&mut screen, &told).is_err() {
            return NO_DRAWING;
        }
        let input = tokio::select! {
            signal = async { match &mut signals { Some(signals) => signals.next().await, None => std::future::pending().await } } => {
                match signal {
                    Signal::Hangup | Signal::Terminate => return SIGNALLED,
                    Signal::Continue => screen.reclaim().unwrap(),
                    Signal::Interrupt => {}
                }
                told.lines.push(format!("signal {}", signal.name()));
                continue;
            }
            _ = logged.changed() => continue,
            input = inputs.next() => input,
        };
        match input {
            Input::Lost(_) => return LOST,
            Input::Key(chord) => {
                told.lines.push(format!("key {chord}"));
                if !act(chord, &mut screen, &mut told) {
                    return 0;
                }
            }
            Input::Paste { text, cut } => {
                let begin: String = text.chars().take(20).collect();
                told.lines.push(format!("paste {} {cut} {begin:?}", text.len()));
            }
            Input::Resize(width, height) => {
                screen.clear_and_redraw();
                told.lines.push(format!("size {width}x{height}"));
            }
            Input::Mouse { kind, column, row } => told.lines.push(format!("mouse {kind:?} {column} {row}")),
        }
    }
}

/// What some keys do; whether it goes on.
fn act(chord: Chord, screen: &mut Screen<Tty>, told: &mut Told) -> bool {
    match chord.to_string().as_str() {
        "q" => return false,
        "ctrl-z" => screen.suspend().unwrap(),
        "m" => screen.set_mouse(!screen.mouse()).unwrap(),
        "c" => {
            screen.copy("copied text").unwrap();
        }
        "n" => {
            let bytes: usize = (0..100).map(|_| draw(screen, told).unwrap()).sum();
            // The first shows the key; the others change nothing.
            let once = draw(screen, told).unwrap();
            told.lines.push(format!("drew again: {once}, all: {}", if bytes < 200 { "few" } else { "many" }));
        }
        "p" => panic!("the loop has \x1b[31mfallen\nover"),
        "w" => {
            firn::base::task::spawn(async { panic!("a worker has\nfallen over") });
        }
        _ => {}
    }
    true
}

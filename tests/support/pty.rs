//! A program on a pseudo-terminal of its own, with somebody who types and looks.
//!
//! ```ignore
//! let mut pty = Pty::start((80, 24), [env!("CARGO_BIN_EXE_firn"), "demo"], &[("NO_COLOR", "1")]);
//! pty.wait_for("Backup");
//! pty.press("ctrl-c");
//! pty.press("down down enter");
//! let ended = pty.end();
//! ended.exactly(0);
//! ```
//!
//! The program runs as a job of a shell, as on anybody's terminal: ctrl-z stops it, the shell says `[stopped]` and
//! brings it back to the foreground at the next Enter. The shell compares the terminal's modes (`stty -g`) before and
//! after. Nothing here sleeps: everything waits for what the terminal shows, up to [`LONG`], and then fails with the
//! screen in the message. What a program is started with is fixed (`TERM`, the locale, no colour variables), so that a
//! test means the same on every machine.

use std::ffi::OsStr;
use std::fs;
use std::io::{Read, Write};
use std::num::NonZeroU16;
use std::path::PathBuf;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use firn::base::Clock;
use firn::console::chord::{Chord, Press};
use portable_pty::{Child, CommandBuilder, MasterPty, PtySize, native_pty_system};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

/// Longer than anything here takes, on a busy machine.
pub const LONG: Duration = super::waiting::LONG;

/// How the terminal looks while the program is stopped.
pub const STOPPED: &str = "[stopped]";

/// Runs the program (`$@`) as a job. 147 and 148 are SIGSTOP and SIGTSTP. The report is written whole, then renamed.
const SHELL: &str = r#"
set -m
before=$(stty -g)
"$@"
code=$?
while [ $code = 147 ] || [ $code = 148 ]; do
    stty -g > "$PTY_TEST_REPORT.stopped"
    stty "$before"
    printf '\r\n[stopped]\r\n'
    read -r _
    fg > /dev/null
    code=$?
done
printf '%s\n%s\n%s\n' "$code" "$before" "$(stty -g)" > "$PTY_TEST_REPORT.new"
mv "$PTY_TEST_REPORT.new" "$PTY_TEST_REPORT"
"#;

/// Variables of the machine that would change what a program shows.
const UNSET: [&str; 14] = [
    "NO_COLOR",
    "COLORTERM",
    "TMUX",
    "STY",
    "LC_ALL",
    "LC_CTYPE",
    "RUST_BACKTRACE",
    "RUST_LIB_BACKTRACE",
    "RUST_LOG",
    "COLUMNS",
    "LINES",
    "CLICOLOR_FORCE",
    "FIRN_CONFIG",
    "RUST_TEST_THREADS",
];

/// A running program and its terminal.
pub struct Pty {
    seen: Arc<(Mutex<Seen>, Condvar)>,
    master: Option<Box<dyn MasterPty + Send>>,
    keyboard: Option<Box<dyn Write + Send>>,
    shell: Box<dyn Child + Send + Sync>,
    report: PathBuf,
    watcher: Option<JoinHandle<()>>,
    _home: TempDir,
}

/// What has come out of it.
struct Seen {
    picture: vt100::Parser,
    raw: Vec<u8>,
    /// What is not in the picture yet: a frame that has begun and not ended.
    begun: Vec<u8>,
    closed: bool,
    hanging_up: bool,
}

/// Between these a terminal waits before it shows anything.
const FRAME: [&[u8]; 2] = [b"\x1b[?2026h", b"\x1b[?2026l"];

impl Seen {
    /// Takes in what came. A frame is seen when it has come whole, as on a terminal that keeps to synchronized output:
    /// nobody is to judge half of one.
    fn came(&mut self, bytes: &[u8]) {
        self.raw.extend_from_slice(bytes);
        self.begun.extend_from_slice(bytes);
        self.closed = bytes.is_empty();
        let whole = if self.closed { self.begun.len() } else { whole(&self.begun) };
        self.picture.process(&self.begun[..whole]);
        self.begun.drain(..whole);
    }
}

/// How much of it is no part of a frame that goes on, nor perhaps the beginning of one.
fn whole(bytes: &[u8]) -> usize {
    let found =
        |from: usize, mark: &[u8]| bytes[from..].windows(mark.len()).position(|part| part == mark).map(|at| from + at);
    let mut done = 0;
    while let Some(begin) = found(done, FRAME[0]) {
        let Some(end) = found(begin, FRAME[1]) else { return begin };
        done = end + FRAME[1].len();
    }
    let cut = (1..FRAME[0].len()).rev().find(|cut| bytes[done..].ends_with(&FRAME[0][..*cut]));
    bytes.len() - cut.unwrap_or(0)
}

/// What a terminal is like.
#[allow(clippy::struct_excessive_bools)] // independent switches
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Modes {
    /// The alternate screen is shown.
    pub alternate: bool,
    /// The cursor is seen.
    pub cursor: bool,
    /// The mouse is reported.
    pub mouse: bool,
    /// Pastes are bracketed.
    pub paste: bool,
}

/// A terminal as a shell leaves it.
pub const PLAIN: Modes = Modes { alternate: false, cursor: true, mouse: false, paste: false };

/// A program that has ended.
#[derive(Debug)]
pub struct Ended {
    /// Its exit code; above 128, the signal that ended it and 128.
    pub code: i32,
    /// What the terminal emulator was left in.
    pub modes: Modes,
    /// `stty -g` before and after it.
    pub stty: (String, String),
    /// What the terminal showed last.
    pub text: String,
    /// Everything it wrote.
    pub raw: Vec<u8>,
}

impl Ended {
    /// It ended with this code, and the terminal is exactly as before.
    #[track_caller]
    pub fn exactly(&self, code: i32) {
        assert_eq!(self.code, code, "the exit code; the terminal shows:\n{}", self.text);
        assert_eq!(self.modes, PLAIN, "the terminal's modes");
        assert_eq!(self.stty.0, self.stty.1, "stty -g before and after");
    }
}

impl Pty {
    /// Starts a program on a terminal of so many columns and rows, with more variables in its environment.
    pub fn start<A: AsRef<OsStr>>(
        size: (u16, u16),
        program: impl IntoIterator<Item = A>,
        env: &[(&str, &str)],
    ) -> Self {
        let home = tempfile::tempdir().unwrap();
        let report = home.path().join("report");
        let pair = native_pty_system().openpty(pty_size(size)).unwrap();
        let mut command = CommandBuilder::new("/bin/sh");
        command.args(["-c", SHELL, "sh"]);
        for part in program {
            command.arg(part);
        }
        command.cwd(home.path());
        for name in UNSET {
            command.env_remove(name);
        }
        let own: [(&str, &OsStr); 5] = [
            ("TERM", OsStr::new("xterm-256color")),
            ("LANG", OsStr::new("C.UTF-8")),
            ("HOME", home.path().as_os_str()),
            ("TMPDIR", home.path().as_os_str()),
            ("PTY_TEST_REPORT", report.as_os_str()),
        ];
        for (name, value) in own {
            command.env(name, value);
        }
        for name in ["XDG_CONFIG_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"] {
            command.env_remove(name);
        }
        for (name, value) in env {
            command.env(name, value);
        }
        let shell = pair.slave.spawn_command(command).unwrap();
        // The program's end is the end of what can be read only if nobody else holds the terminal.
        drop(pair.slave);
        let seen = Arc::new((
            Mutex::new(Seen {
                picture: picture(size),
                raw: Vec::new(),
                begun: Vec::new(),
                closed: false,
                hanging_up: false,
            }),
            Condvar::new(),
        ));
        let reader = pair.master.try_clone_reader().unwrap();
        let keyboard = pair.master.take_writer().unwrap();
        let for_watcher = Arc::clone(&seen);
        let watcher = Some(thread::spawn(move || watch(reader, &for_watcher)));
        Self { seen, master: Some(pair.master), keyboard: Some(keyboard), shell, report, watcher, _home: home }
    }

    /// Waits until the screen shows `text`.
    #[track_caller]
    pub fn wait_for(&self, text: &str) {
        self.wait_until(&format!("the text {text:?}"), |screen| screen.contents().contains(text));
    }

    /// Waits until the screen no longer shows `text`.
    #[track_caller]
    pub fn wait_gone(&self, text: &str) {
        self.wait_until(&format!("no text {text:?}"), |screen| !screen.contents().contains(text));
    }

    /// Waits until something holds of the screen.
    #[track_caller]
    pub fn wait_until(&self, what: &str, holds: impl Fn(&vt100::Screen) -> bool) {
        let seen = self.wait(|seen| seen.closed || holds(seen.picture.screen()));
        let screen = seen.picture.screen();
        assert!(
            holds(screen),
            "{what} did not come{}; the terminal shows:\n{}",
            if seen.closed { " before the program ended" } else { "" },
            screen.contents()
        );
    }

    /// Types keys, as they are written in a keymap, separated by spaces: `ctrl-c`, `down`, `x`, `space`.
    #[track_caller]
    pub fn press(&mut self, keys: &str) {
        for key in keys.split_whitespace() {
            let chord: Chord = key.parse().unwrap_or_else(|e| panic!("{e}"));
            self.send(&encoded(chord));
        }
    }

    /// Leaves the console as an operator does: with an answer to its question, if it has one.
    #[track_caller]
    pub fn leave(mut self) {
        self.press("q");
        self.wait_until("the question, or the end", |screen| {
            screen.contents().contains("Leave the console") || !screen.alternate_screen()
        });
        if self.modes().alternate {
            self.press("right enter");
        }
        self.end().exactly(0);
    }

    /// Types text, letter by letter.
    pub fn write(&mut self, text: &str) {
        self.send(text.as_bytes());
    }

    /// Pastes text, as a terminal with bracketed paste does.
    pub fn paste(&mut self, text: &str) {
        self.send(format!("\x1b[200~{text}\x1b[201~").as_bytes());
    }

    /// Clicks the left button; column and row from 0.
    pub fn click(&mut self, column: u16, row: u16) {
        let (column, row) = (column + 1, row + 1);
        self.send(format!("\x1b[<0;{column};{row}M\x1b[<0;{column};{row}m").as_bytes());
    }

    /// Turns the wheel down a notch.
    pub fn wheel_down(&mut self, column: u16, row: u16) {
        self.send(format!("\x1b[<65;{};{}M", column + 1, row + 1).as_bytes());
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) {
        let keyboard = self.keyboard.as_mut().unwrap();
        keyboard.write_all(bytes).unwrap();
        keyboard.flush().unwrap();
    }

    /// Gives the terminal another size.
    pub fn resize(&mut self, size: (u16, u16)) {
        self.lock().picture.set_size(cells(size.1), cells(size.0));
        self.master.as_ref().unwrap().resize(pty_size(size)).unwrap();
    }

    /// Sends the program (not the shell) a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(self.pid(), signal).unwrap();
    }

    /// The program: the job in the foreground.
    pub fn pid(&self) -> Pid {
        let leader = self.master.as_ref().unwrap().process_group_leader();
        leader.and_then(Pid::from_raw).unwrap_or_else(|| panic!("no job is in the foreground"))
    }

    /// What the screen shows.
    pub fn text(&self) -> String {
        self.lock().picture.screen().contents()
    }

    /// A look at the screen, with styles.
    pub fn look<T>(&self, look: impl FnOnce(&vt100::Screen) -> T) -> T {
        look(self.lock().picture.screen())
    }

    /// How many bytes it has written so far.
    pub fn received(&self) -> usize {
        self.lock().raw.len()
    }

    /// The modes of the terminal emulator now.
    pub fn modes(&self) -> Modes {
        modes(self.lock().picture.screen())
    }

    /// `stty -g` while it was last stopped.
    pub fn stty_stopped(&self) -> String {
        fs::read_to_string(self.report.with_extension("stopped")).unwrap().trim().to_owned()
    }

    /// Takes the terminal away, as a connection that breaks. Waits for the program to end; whether it did. It must
    /// repaint at another size, or this waits for ever.
    pub fn hang_up(mut self) -> bool {
        let program = self.pid();
        // The watcher's handle would keep the terminal open, and it waits in a read: another size makes the program
        // write.
        self.lock().hanging_up = true;
        self.resize((33, 7));
        self.watcher.take().unwrap().join().unwrap();
        self.keyboard = None;
        self.master = None;
        let clock = Clock::system();
        let began = clock.mono();
        while !gone(program) {
            if clock.mono().since(began) > LONG {
                let _ = kill_process(program, Signal::KILL);
                return false;
            }
            clock.pause(Duration::from_millis(5));
        }
        true
    }

    /// Waits until the program ends.
    #[track_caller]
    pub fn end(mut self) -> Ended {
        drop(self.wait(|seen| seen.closed));
        let text = self.text();
        assert!(self.lock().closed, "the program did not end; the terminal shows:\n{text}");
        self.shell.wait().unwrap();
        let report = fs::read_to_string(&self.report).unwrap_or_else(|e| panic!("no report ({e}); shown:\n{text}"));
        let mut lines = report.lines().map(str::to_owned);
        let mut line = || lines.next().unwrap();
        let (code, stty) = (line().parse().unwrap(), (line(), line()));
        let seen = self.lock();
        Ended { code, modes: modes(seen.picture.screen()), stty, text, raw: seen.raw.clone() }
    }

    fn lock(&self) -> MutexGuard<'_, Seen> {
        lock(&self.seen.0)
    }

    fn wait(&self, holds: impl Fn(&Seen) -> bool) -> MutexGuard<'_, Seen> {
        let waited = self.seen.1.wait_timeout_while(self.lock(), LONG, |seen| !holds(seen));
        waited.unwrap_or_else(PoisonError::into_inner).0
    }
}

impl Drop for Pty {
    fn drop(&mut self) {
        // A test that failed leaves nothing running. The shell's session goes with its terminal.
        if let Some(leader) = self.master.as_ref().and_then(|master| master.process_group_leader()) {
            let _ = Pid::from_raw(leader).map(|pid| rustix::process::kill_process_group(pid, Signal::KILL));
        }
        let _ = self.shell.kill();
        let _ = self.shell.wait();
    }
}

fn lock(seen: &Mutex<Seen>) -> MutexGuard<'_, Seen> {
    seen.lock().unwrap_or_else(PoisonError::into_inner)
}

fn watch(mut reader: Box<dyn Read + Send>, seen: &(Mutex<Seen>, Condvar)) {
    let mut bytes = [0; 16384];
    loop {
        let count = reader.read(&mut bytes).unwrap_or(0);
        let mut now = lock(&seen.0);
        now.came(&bytes[..count]);
        let over = now.closed || now.hanging_up;
        drop(now);
        seen.1.notify_all();
        if over {
            return;
        }
    }
}

/// Whether a process has ended; one that nobody has waited for counts.
fn gone(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero()));
    stat.map_or(true, |stat| stat.rsplit_once(") ").is_none_or(|(_, rest)| rest.starts_with(['Z', 'X'])))
}

fn modes(screen: &vt100::Screen) -> Modes {
    Modes {
        alternate: screen.alternate_screen(),
        cursor: !screen.hide_cursor(),
        mouse: screen.mouse_protocol_mode() != vt100::MouseProtocolMode::None,
        paste: screen.bracketed_paste(),
    }
}

fn pty_size((cols, rows): (u16, u16)) -> PtySize {
    PtySize { rows, cols, pixel_width: 0, pixel_height: 0 }
}

fn cells(count: u16) -> NonZeroU16 {
    NonZeroU16::new(count).unwrap_or_else(|| panic!("a terminal has at least one cell"))
}

fn picture((cols, rows): (u16, u16)) -> vt100::Parser {
    vt100::Parser::new(cells(rows), cells(cols), 0)
}

/// What a terminal sends for a key.
fn encoded(chord: Chord) -> Vec<u8> {
    let plain = match chord.press {
        Press::Char(c) if chord.ctrl => {
            // Letters and `@[\]^_`, and space: the lowest five bits.
            assert!(matches!(c, ' ' | 'a'..='z' | '['..='_' | '@'), "no terminal sends {chord}");
            return [if chord.alt { &b"\x1b"[..] } else { b"" }, &[c as u8 & 0x1f]].concat();
        }
        Press::Char(c) => c.to_string(),
        Press::Enter => "\r".to_owned(),
        Press::Esc => "\x1b".to_owned(),
        Press::Tab => "\t".to_owned(),
        Press::BackTab => "\x1b[Z".to_owned(),
        Press::Backspace => "\x7f".to_owned(),
        Press::Delete => "\x1b[3~".to_owned(),
        Press::Insert => "\x1b[2~".to_owned(),
        Press::PageUp => "\x1b[5~".to_owned(),
        Press::PageDown => "\x1b[6~".to_owned(),
        Press::Up => arrow(chord, 'A'),
        Press::Down => arrow(chord, 'B'),
        Press::Right => arrow(chord, 'C'),
        Press::Left => arrow(chord, 'D'),
        Press::Home => arrow(chord, 'H'),
        Press::End => arrow(chord, 'F'),
        Press::F(n @ 1..=4) => format!("\x1bO{}", char::from(b'O' + n)),
        Press::F(n) => format!("\x1b[{}~", [15, 17, 18, 19, 20, 21, 23, 24][usize::from(n) - 5]),
    };
    if chord.alt && !plain.starts_with("\x1b[") { format!("\x1b{plain}").into_bytes() } else { plain.into_bytes() }
}

fn arrow(chord: Chord, letter: char) -> String {
    match (u8::from(chord.alt) * 2) + (u8::from(chord.ctrl) * 4) {
        0 => format!("\x1b[{letter}"),
        bits => format!("\x1b[1;{}{letter}", bits + 1),
    }
}

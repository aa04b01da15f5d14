//! Panics, by the thread they happen on.

use std::backtrace::Backtrace;
use std::panic::{self, PanicHookInfo};
use std::thread;

use crate::base::Shown;

/// Installs a panic hook for a console whose loop runs on this thread.
///
/// A panic of this thread is the console's end: `restore` gives the terminal back, and then the hook that was
/// installed before prints. A panic of any other thread is a worker's, which its supervisor reports and starts anew:
/// it goes to the log and nothing is printed, for the screen is alive.
pub fn install_panic_hook(restore: impl Fn() + Send + Sync + 'static) {
    let loop_thread = thread::current().id();
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let own = thread::current().id() == loop_thread;
        log(info, own);
        if own {
            restore();
            before(info);
        }
    }));
}

fn log(info: &PanicHookInfo<'_>, own: bool) {
    let thread = thread::current();
    let name = thread.name().unwrap_or("without a name");
    let message = info.payload_as_str().unwrap_or("a value that is no text");
    let place = info.location().map(ToString::to_string).unwrap_or_default();
    // Empty unless RUST_BACKTRACE asks for it.
    let backtrace = Backtrace::capture();
    let what = if own { "the console panicked" } else { "a worker panicked" };
    tracing::error!(thread = %Shown::text(name), panic = %Shown::text(message), place = %Shown::text(&place), "{what}");
    if backtrace.status() == std::backtrace::BacktraceStatus::Captured {
        for line in backtrace.to_string().lines() {
            tracing::error!("{}", Shown::text(line));
        }
    }
}

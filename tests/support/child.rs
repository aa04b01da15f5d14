//! A program in the background that is read line by line as it speaks.

use std::io::{BufRead as _, BufReader};
use std::process::{Child as Process, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};

use rustix::process::{Pid, Signal, kill_process};

use super::waiting::{LONG, eventually};

/// A program; killed when dropped.
pub struct Child {
    process: Process,
    lines: Receiver<String>,
    /// All that has been read.
    pub said: Vec<String>,
}

impl Child {
    /// Starts it. What it says on its standard output is read as it comes.
    pub fn start(command: &mut Command) -> Self {
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let out = BufReader::new(process.stdout.take().unwrap());
        let (to, lines) = channel();
        std::thread::spawn(move || {
            // Nobody may want to hear the rest.
            out.lines().map_while(Result::ok).take_while(|line| to.send(line.clone()).is_ok()).for_each(drop);
        });
        Self { process, lines, said: Vec::new() }
    }

    /// Waits for a line that holds `text`.
    #[track_caller]
    pub fn says(&mut self, text: &str) -> String {
        loop {
            let Ok(line) = self.lines.recv_timeout(LONG) else {
                panic!("it did not say {text:?}, but:\n{}", self.said.join("\n"));
            };
            self.said.push(line.clone());
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).unwrap();
    }

    /// Waits for its end; its exit code.
    #[track_caller]
    pub fn ends(mut self) -> Option<i32> {
        let status = eventually(LONG, "the program ends", || self.process.try_wait().unwrap());
        status.code()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

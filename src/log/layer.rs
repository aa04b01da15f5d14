//! Events become lines.

use std::fmt::{self, Write as _};

use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::Layer;
use tracing_subscriber::layer::Context;

use super::file::Sender;
use super::ring::Ring;
use crate::base::Clock;

/// Makes a line of every event, for the ring and for the file.
#[derive(Debug)]
pub(super) struct Lines {
    ring: Ring,
    file: Option<Sender>,
    clock: Clock,
}

impl Lines {
    pub(super) fn new(ring: Ring, file: Option<Sender>, clock: Clock) -> Self {
        Self { ring, file, clock }
    }
}

impl<S: Subscriber> Layer<S> for Lines {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        let mut words = Words::default();
        event.record(&mut words);
        let text = words.message + &words.fields;
        let (at, level) = (self.clock.now(), *event.metadata().level());
        if let Some(file) = &self.file {
            file.send(at, level, &text);
        }
        self.ring.push(at, level, &text);
    }
}

/// The message, and ` name=value` of each field.
#[derive(Debug, Default)]
struct Words {
    message: String,
    fields: String,
}

impl Words {
    fn add(&mut self, field: &Field, value: fmt::Arguments<'_>) {
        // Writing to a string cannot fail; a value whose own formatting fails is cut there.
        let _ = match field.name() {
            "message" => self.message.write_fmt(value),
            name => write!(self.fields, " {name}={value}"),
        };
    }
}

impl Visit for Words {
    fn record_str(&mut self, field: &Field, value: &str) {
        // Not as `Debug` writes it: quotes and escapes come once, from the ring.
        self.add(field, format_args!("{value}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.add(field, format_args!("{value:?}"));
    }
}

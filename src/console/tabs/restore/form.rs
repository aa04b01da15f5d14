//! One request as it is typed: source, destination, as of, tier.

use crate::console::chord::{Chord, Press};
use crate::console::widgets::line_edit::LineEdit;
use crate::restore::ask::has_comment;
use crate::restore::view::LineVerdict;

/// A line of the form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Field {
    /// What is wanted.
    Source,
    /// Where to.
    Dest,
    /// As it was then.
    AsOf,
    /// How fast.
    Tier,
}

impl Field {
    /// All, in their order.
    pub const ALL: [Field; 4] = [Field::Source, Field::Dest, Field::AsOf, Field::Tier];

    /// Its name.
    pub fn title(self) -> &'static str {
        match self {
            Self::Source => "source",
            Self::Dest => "destination",
            Self::AsOf => "as of",
            Self::Tier => "tier",
        }
    }
}

/// Tiers that can be wished for, by their words; the first leaves it to the plan.
pub const TIERS: [&str; 4] = ["", "expedited", "standard", "bulk"];

/// One request as it is typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// The line that has the keys.
    pub field: Field,
    /// What is wanted.
    pub source: LineEdit,
    /// Where to.
    pub dest: LineEdit,
    /// As it was then.
    pub as_of: LineEdit,
    /// How fast: a place in [`TIERS`].
    pub tier: usize,
    /// Grows with each change.
    pub revision: u64,
    /// What is thought of it; nothing until it has come.
    pub verdict: Option<LineVerdict>,
    /// Why it could not be looked at.
    pub wrong: Option<String>,
}

impl Default for Form {
    fn default() -> Self {
        Self {
            field: Field::Source,
            source: LineEdit::default(),
            dest: LineEdit::default(),
            as_of: LineEdit::default(),
            tier: 0,
            revision: 0,
            verdict: None,
            wrong: None,
        }
    }
}

impl Form {
    /// The line of a list that says the same; empty while nothing is wanted.
    pub fn line(&self) -> String {
        let source = self.source.text().trim();
        if source.is_empty() {
            return String::new();
        }
        let mut line = source.to_owned();
        let dest = self.dest.text().trim();
        if !dest.is_empty() {
            line = format!("{line} {dest}");
        }
        let as_of = self.as_of.text().trim();
        if !as_of.is_empty() {
            line = format!("{line} as-of {as_of}");
        }
        line
    }

    /// What is wrong with a line that holds a comment: it would silence the lines after it.
    pub fn commented(&self) -> Option<String> {
        let lines = [(Field::Source, &self.source), (Field::Dest, &self.dest), (Field::AsOf, &self.as_of)];
        let (field, _) = lines.into_iter().find(|(_, line)| has_comment(line.text()))?;
        Some(format!("{}: a # begins a comment; leave it out, or put the name in quotes: '#1.jpg'", field.title()))
    }

    /// The tier that is wished for.
    pub fn wished(&self) -> Option<&'static str> {
        TIERS.get(self.tier).copied().filter(|word| !word.is_empty())
    }

    /// Goes to another line, round and round.
    pub fn go(&mut self, by: isize) {
        let count = Field::ALL.len().cast_signed();
        let at = Field::ALL.iter().position(|field| *field == self.field).unwrap_or(0).cast_signed();
        self.field = Field::ALL[usize::try_from((at + by).rem_euclid(count)).unwrap_or(0)];
    }

    /// The line that is typed into; nothing for the tier.
    pub fn edit(&mut self) -> Option<&mut LineEdit> {
        match self.field {
            Field::Source => Some(&mut self.source),
            Field::Dest => Some(&mut self.dest),
            Field::AsOf => Some(&mut self.as_of),
            Field::Tier => None,
        }
    }

    /// It is another request now: what was thought of it no longer holds.
    pub fn changed(&mut self) {
        self.revision += 1;
        self.verdict = None;
        self.wrong = self.commented();
    }

    /// Takes a key; whether it was one of its own, and whether the request is another one then.
    pub fn key(&mut self, chord: Chord) -> (bool, bool) {
        let plain = !chord.ctrl && !chord.alt;
        match (chord.press, plain) {
            (Press::Tab | Press::Down, true) => self.go(1),
            (Press::BackTab | Press::Up, true) => self.go(-1),
            _ => {
                let Some(edit) = self.edit() else { return (self.turn(chord), false) };
                let before = edit.text().to_owned();
                let taken = edit.key(chord);
                let other = edit.text() != before;
                if other {
                    self.changed();
                }
                return (taken, other);
            }
        }
        (true, false)
    }

    /// Another tier, where its line has the keys.
    fn turn(&mut self, chord: Chord) -> bool {
        let count = TIERS.len();
        match chord.press {
            Press::Right | Press::Char(' ') => self.tier = (self.tier + 1) % count,
            Press::Left => self.tier = (self.tier + count - 1) % count,
            // Letters are no commands here.
            _ => return chord.typed().is_some(),
        }
        true
    }
}

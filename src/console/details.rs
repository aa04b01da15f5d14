//! All about one thing, as lines.

use super::theme::Role;

/// Names and values in groups, and what can be copied of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Details {
    /// What it is of.
    pub title: String,
    /// Groups of lines.
    pub groups: Vec<Group>,
    /// What `copy` takes: the one id somebody would paste into a ticket.
    pub id: String,
}

/// Lines that belong together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Group {
    /// What they are about; empty for the first.
    pub title: String,
    /// Name, value, how the value is drawn.
    pub lines: Vec<(String, String, Role)>,
}

impl Details {
    /// As text, for the clipboard.
    pub fn text(&self) -> String {
        let mut text = format!("{}\n", self.title);
        for group in &self.groups {
            if !group.title.is_empty() {
                text.push_str(&format!("{}\n", group.title));
            }
            for (name, value, _) in &group.lines {
                text.push_str(&format!("  {name}: {value}\n"));
            }
        }
        text
    }

    /// How many lines it takes.
    pub fn height(&self) -> usize {
        self.groups.iter().map(|group| group.lines.len() + usize::from(!group.title.is_empty()) + 1).sum()
    }
}

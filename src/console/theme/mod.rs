//! Themes: what each part of the screen is for (its role) made a style that the terminal can show.
//!
//! Colour is never the only sign: severities differ by glyph and word beside their style, and by modifiers where there
//! is no colour. The names of colours stand here and in `themes/*.toml`, nowhere else.

mod colour;
mod depth;
mod file;
mod ink;
mod role;

#[cfg(test)]
mod tests;

use std::fmt;

use ratatui::style::{Modifier, Style};

pub use colour::Colour;
pub use depth::Depth;
pub use file::ThemeError;
pub use ink::{Ink, PAPER, PEN};
pub use role::Role;

use file::Sheet;

/// The themes that are part of the program, by name.
const EMBEDDED: [(&str, &str); 6] = [
    ("default", include_str!("../../../themes/default.toml")),
    ("light", include_str!("../../../themes/light.toml")),
    ("mono", include_str!("../../../themes/mono.toml")),
    ("high-contrast", include_str!("../../../themes/high-contrast.toml")),
    ("deuteranopia", include_str!("../../../themes/deuteranopia.toml")),
    ("tritanopia", include_str!("../../../themes/tritanopia.toml")),
];

/// Where a role's style comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum From {
    /// The theme itself says it.
    Own,
    /// The theme inherits it from this one.
    Inherited(String),
    /// Neither the theme nor one that it inherits says it: the default theme's.
    Default,
}

impl fmt::Display for From {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            From::Own => f.pad("theme"),
            From::Inherited(from) => f.pad(&format!("inherited from {}", crate::base::Shown::text(from))),
            From::Default => f.pad("default"),
        }
    }
}

/// A role as it is in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RoleLine {
    /// The role.
    pub role: Role,
    /// Its style at the theme's depth.
    pub style: Style,
    /// Where it comes from.
    pub from: From,
}

impl RoleLine {
    /// The style in words as a theme file has them: `fg red, bold`; `plain` when nothing is set.
    pub fn words(&self) -> String {
        let mut words = Vec::new();
        let colours = [("fg", self.style.fg), ("bg", self.style.bg)];
        words.extend(colours.into_iter().filter_map(|(name, c)| Some(format!("{name} {}", colour::written(c?)))));
        let set = MODIFIERS.iter().filter(|(_, modifier)| self.style.add_modifier.contains(*modifier));
        words.extend(set.map(|(name, _)| (*name).to_owned()));
        if words.is_empty() { "plain".to_owned() } else { words.join(", ") }
    }
}

/// Modifiers by the words of a theme file.
const MODIFIERS: [(&str, Modifier); 5] = [
    ("bold", Modifier::BOLD),
    ("dim", Modifier::DIM),
    ("italic", Modifier::ITALIC),
    ("underline", Modifier::UNDERLINED),
    ("reverse", Modifier::REVERSED),
];

/// A style for every role, at one depth of colour.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Theme {
    name: String,
    depth: Depth,
    styles: [Style; Role::COUNT],
    from: Vec<From>,
}

impl Theme {
    /// A theme that is part of the program.
    pub fn named(name: &str, depth: Depth) -> Result<Theme, ThemeError> {
        match embedded(name) {
            Some(text) => Theme::from_text(name, text, depth, &|_| None),
            None => Err(file::no_such_theme(None, name)),
        }
    }

    /// A theme of somebody's own. `name` is what errors call it (its path); `lookup` gives the text of a theme that it
    /// inherits and that is not part of the program, or nothing.
    pub fn from_text(
        name: &str,
        text: &str,
        depth: Depth,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Theme, ThemeError> {
        let sheets =
            Sheet::chain(name, text, &|wanted| embedded(wanted).map(str::to_owned).or_else(|| lookup(wanted)))?;
        let mut styles = [Style::new(); Role::COUNT];
        let mut from = Vec::with_capacity(Role::COUNT);
        for role in Role::ALL {
            let at = sheets.iter().position(|sheet| sheet.role(role).is_some());
            if let Some((at, rule)) = at.and_then(|at| Some((at, sheets.get(at)?.role(role)?))) {
                styles[role as usize] = file::resolve(rule, at, &sheets, depth)?;
            }
            from.push(match at {
                Some(0) => From::Own,
                Some(at) if sheets[at].implied => From::Default,
                Some(at) => From::Inherited(sheets[at].name.clone()),
                None => From::Default,
            });
        }
        Ok(Theme { name: name.to_owned(), depth, styles, from })
    }

    /// The names of the themes that are part of the program, the default first.
    pub fn names() -> impl Iterator<Item = &'static str> {
        EMBEDDED.iter().map(|(name, _)| *name)
    }

    /// The text of a theme that is part of the program.
    pub fn text(name: &str) -> Option<&'static str> {
        embedded(name)
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The depth it was made for.
    pub fn depth(&self) -> Depth {
        self.depth
    }

    /// The style of a role.
    pub fn style(&self, role: Role) -> Style {
        self.styles[role as usize]
    }

    /// Every role with its style and where that comes from.
    pub fn listing(&self) -> Vec<RoleLine> {
        let lines = Role::ALL.into_iter().zip(&self.from);
        lines.map(|(role, from)| RoleLine { role, style: self.style(role), from: from.clone() }).collect()
    }
}

fn embedded(name: &str) -> Option<&'static str> {
    EMBEDDED.iter().find(|(known, _)| *known == name).map(|(_, text)| *text)
}

//! Theme files: reading, what is wrong with one, inheritance.

use std::ops::Range;

use ratatui::style::Style;
use toml::de::{DeTable, DeValue};

use super::colour::Colour;
use super::{Depth, MODIFIERS, Role};
use crate::base::Shown;
use crate::base::near::nearest;

/// A theme that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ThemeError {
    /// It is no TOML.
    #[error("theme {theme}:{line}: not TOML: {message}")]
    NotToml {
        /// The theme, safe to show.
        theme: String,
        /// The line, from 1.
        line: usize,
        /// What the parser says.
        message: String,
    },
    /// It says something that means nothing or that is not allowed.
    #[error("theme {theme}:{line}: {at}: found {found}; allowed is {allowed}")]
    Found {
        /// The theme, safe to show.
        theme: String,
        /// The line, from 1.
        line: usize,
        /// The role or key, safe to show.
        at: String,
        /// What was found, safe to show.
        found: String,
        /// What would be right, and the nearest name where one is near.
        allowed: String,
    },
    /// There is no theme of that name.
    #[error("{place}no theme is called \"{name}\"; the themes are {known}; or write the path of a file{near}")]
    NoSuchTheme {
        /// The theme and line that name it, as the beginning of a sentence, or nothing.
        place: String,
        /// The name, safe to show.
        name: String,
        /// The names there are.
        known: String,
        /// The nearest name, as the end of a sentence, or nothing.
        near: String,
    },
    /// Themes inherit each other in a circle.
    #[error(
        "theme {theme}:{line}: inherits: {circle} is a circle; one of them must inherit another, such as \"default\""
    )]
    Circle {
        /// The theme that closes the circle, safe to show.
        theme: String,
        /// The line, from 1.
        line: usize,
        /// The themes in order, safe to show.
        circle: String,
    },
}

/// Themes that inherit one another, at most; more is a mistake.
const DEEPEST: usize = 16;

/// What a theme file says of a role.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Rule {
    /// Foreground as written, with its line.
    fg: Option<(Written, usize)>,
    /// Background as written, with its line.
    bg: Option<(Written, usize)>,
    /// Modifiers.
    style: Style,
}

/// A colour as written: itself, or a name of the palette.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Written {
    Colour(Colour),
    Name(String),
}

/// A theme file that has been read.
#[derive(Debug, Clone)]
pub(super) struct Sheet {
    /// Its name, as errors call it.
    pub(super) name: String,
    /// Nobody names it; it fills what is missing.
    pub(super) implied: bool,
    inherits: Option<(String, usize)>,
    palette: Vec<(String, Vec<Colour>)>,
    rules: Vec<(Role, Rule)>,
}

impl Sheet {
    /// The theme and all it inherits, itself first; the last is always the default theme.
    pub(super) fn chain(
        name: &str,
        text: &str,
        lookup: &dyn Fn(&str) -> Option<String>,
    ) -> Result<Vec<Sheet>, ThemeError> {
        let mut sheets = vec![Sheet::read(name, text)?];
        while let Some(last) = sheets.last() {
            let (wanted, line, implied) = match &last.inherits {
                Some((wanted, line)) => (wanted.clone(), *line, false),
                None if last.name == "default" => break,
                None => ("default".to_owned(), 0, true),
            };
            if !implied && (sheets.len() >= DEEPEST || sheets.iter().any(|sheet| sheet.name == wanted)) {
                let names = sheets.iter().map(|sheet| sheet.name.as_str()).chain([wanted.as_str()]);
                let names: Vec<String> = names.map(|name| format!("\"{}\"", Shown::text(name))).collect();
                let theme = Shown::text(&last.name).to_string();
                return Err(ThemeError::Circle { theme, line, circle: names.join(" → ") });
            }
            let text = lookup(&wanted).ok_or_else(|| no_such_theme(Some((&last.name, line)), &wanted))?;
            let sheet = Sheet { implied, ..Sheet::read(&wanted, &text)? };
            sheets.push(sheet);
        }
        Ok(sheets)
    }

    /// What it says of a role.
    pub(super) fn role(&self, role: Role) -> Option<&Rule> {
        self.rules.iter().find(|(known, _)| *known == role).map(|(_, rule)| rule)
    }

    fn read(name: &str, text: &str) -> Result<Sheet, ThemeError> {
        let reader = Reader { name, text };
        let document = DeTable::parse(text).map_err(|error| ThemeError::NotToml {
            theme: Shown::text(name).to_string(),
            line: reader.line(&error.span().unwrap_or(0..0)),
            message: Shown::text(error.message().lines().next().unwrap_or("it cannot be read")).to_string(),
        })?;
        let mut sheet =
            Sheet { name: name.to_owned(), implied: false, inherits: None, palette: Vec::new(), rules: Vec::new() };
        for (key, value) in document.get_ref() {
            let line = reader.line(&key.span());
            match (key.get_ref().as_ref(), value.get_ref()) {
                ("inherits", DeValue::String(wanted)) => sheet.inherits = Some((wanted.clone().into_owned(), line)),
                ("inherits", other) => {
                    return Err(reader.found(line, "inherits", other, "the name of a theme in quotes"));
                }
                ("palette", DeValue::Table(palette)) => reader.palette(palette, &mut sheet)?,
                ("roles", DeValue::Table(roles)) => reader.roles(roles, &mut sheet)?,
                (key @ ("palette" | "roles"), other) => {
                    return Err(reader.found(line, key, other, &format!("a table, [{key}]")));
                }
                (key, _) => {
                    let known = ["inherits", "palette", "roles"];
                    return Err(reader.unknown(line, "the file", key, "inherits, [palette] and [roles]", known));
                }
            }
        }
        Ok(sheet)
    }
}

/// The style of a rule of the sheet `at`: the palette of the outermost theme that names a colour decides.
pub(super) fn resolve(rule: &Rule, at: usize, sheets: &[Sheet], depth: Depth) -> Result<Style, ThemeError> {
    let find = |written: &(Written, usize)| {
        let ladder = match &written.0 {
            Written::Colour(colour) => vec![*colour],
            Written::Name(name) => {
                let found = sheets.iter().flat_map(|sheet| &sheet.palette).find(|(known, _)| known == name);
                let names = sheets.iter().flat_map(|sheet| &sheet.palette).map(|(name, _)| name.as_str());
                let sheet = sheets.get(at).map_or("", |sheet| sheet.name.as_str());
                found.map(|(_, ladder)| ladder.clone()).ok_or_else(|| {
                    let reader = Reader { name: sheet, text: "" };
                    let mut known: Vec<&str> = Colour::names().collect();
                    known.extend(names);
                    reader.unknown(written.1, "colour", name, ALLOWED_COLOUR, known)
                })?
            }
        };
        // The first that the depth shows as it is; else the last, made nearest.
        let colour = ladder.iter().find(|colour| colour.needs() <= depth).or(ladder.last());
        Ok(colour.and_then(|colour| colour.at(depth)))
    };
    let mut style = rule.style;
    style.fg = rule.fg.as_ref().map(find).transpose()?.flatten();
    style.bg = rule.bg.as_ref().map(find).transpose()?.flatten();
    Ok(style)
}

const ALLOWED_COLOUR: &str = "one of the 16 names (\"red\", \"light-red\", …), \"default\", \"#rrggbb\", a number from 0 to 255, or a name of [palette]";
const ALLOWED_RULE: &str = "{ fg = colour, bg = colour, add = [\"bold\", …] }";

/// A theme file while it is read.
struct Reader<'a> {
    name: &'a str,
    text: &'a str,
}

impl Reader<'_> {
    fn line(&self, span: &Range<usize>) -> usize {
        self.text.get(..span.start).map_or(1, |before| before.matches('\n').count() + 1)
    }

    fn palette(&self, palette: &DeTable<'_>, sheet: &mut Sheet) -> Result<(), ThemeError> {
        for (key, value) in palette {
            let (line, name) = (self.line(&key.span()), key.get_ref().as_ref());
            let at = format!("palette.{}", Shown::text(name));
            let ladder: Vec<&DeValue<'_>> = match value.get_ref() {
                DeValue::Array(ladder) if !ladder.is_empty() => ladder.iter().map(toml::Spanned::get_ref).collect(),
                one => vec![one],
            };
            let mut colours = Vec::new();
            for step in ladder {
                let allowed = "a name of the 16, \"default\", \"#rrggbb\", a number from 0 to 255, or a list of those, best first";
                match self.colour(line, &at, step, allowed)? {
                    Written::Colour(colour) => colours.push(colour),
                    Written::Name(name) => return Err(self.unknown(line, &at, &name, allowed, Colour::names())),
                }
            }
            sheet.palette.push((name.to_owned(), colours));
        }
        Ok(())
    }

    fn roles(&self, roles: &DeTable<'_>, sheet: &mut Sheet) -> Result<(), ThemeError> {
        for (key, value) in roles {
            let (line, name) = (self.line(&key.span()), key.get_ref().as_ref());
            let Some(role) = Role::named(name) else {
                let names = Role::ALL.map(Role::name);
                return Err(self.unknown(line, "roles", name, "a role that `firn config theme` lists", names));
            };
            let DeValue::Table(table) = value.get_ref() else {
                return Err(self.found(line, name, value.get_ref(), ALLOWED_RULE));
            };
            sheet.rules.push((role, self.rule(name, table)?));
        }
        Ok(())
    }

    fn rule(&self, of: &str, table: &DeTable<'_>) -> Result<Rule, ThemeError> {
        let mut rule = Rule::default();
        for (key, value) in table {
            let (line, name) = (self.line(&key.span()), key.get_ref().as_ref());
            let at = format!("{of}.{}", Shown::text(name));
            match (name, value.get_ref()) {
                ("fg", value) => rule.fg = Some((self.colour(line, &at, value, ALLOWED_COLOUR)?, line)),
                ("bg", value) => rule.bg = Some((self.colour(line, &at, value, ALLOWED_COLOUR)?, line)),
                ("add", DeValue::Array(words)) => {
                    for word in words {
                        let words = MODIFIERS.map(|(name, _)| name);
                        let allowed = words.map(|word| format!("\"{word}\"")).join(", ");
                        let line = self.line(&word.span());
                        let DeValue::String(word) = word.get_ref() else {
                            return Err(self.found(line, &at, word.get_ref(), &allowed));
                        };
                        let found = MODIFIERS.iter().find(|(name, _)| *name == word.as_ref());
                        let Some((_, modifier)) = found else {
                            return Err(self.unknown(line, &at, word, &allowed, words));
                        };
                        rule.style = rule.style.add_modifier(*modifier);
                    }
                }
                ("add", other) => return Err(self.found(line, &at, other, "a list of words, such as [\"bold\"]")),
                (other, _) => return Err(self.unknown(line, of, other, ALLOWED_RULE, ["fg", "bg", "add"])),
            }
        }
        Ok(rule)
    }

    /// A colour, or a word that may be a name of the palette.
    fn colour(&self, line: usize, at: &str, value: &DeValue<'_>, allowed: &str) -> Result<Written, ThemeError> {
        let text = match value {
            DeValue::String(text) => text.as_ref(),
            DeValue::Integer(number) if number.radix() == 10 => number.as_str(),
            other => return Err(self.found(line, at, other, allowed)),
        };
        let word = text.starts_with(|c: char| c.is_ascii_alphabetic());
        match Colour::read(text) {
            Some(colour) => Ok(Written::Colour(colour)),
            None if word && matches!(value, DeValue::String(_)) => Ok(Written::Name(text.to_owned())),
            None => Err(self.found(line, at, value, allowed)),
        }
    }

    fn found(&self, line: usize, at: &str, value: &DeValue<'_>, allowed: &str) -> ThemeError {
        let found = match value {
            DeValue::String(text) => format!("\"{}\"", Shown::text(text)),
            DeValue::Integer(number) => Shown::text(number.as_str()).to_string(),
            other => format!("a value of type {}", other.type_str()),
        };
        self.error(line, at, found, allowed)
    }

    fn unknown<'w>(
        &self,
        line: usize,
        at: &str,
        word: &str,
        allowed: &str,
        known: impl IntoIterator<Item = &'w str>,
    ) -> ThemeError {
        self.error(line, at, format!("\"{}\"", Shown::text(word)), &format!("{allowed}{}", did_you_mean(word, known)))
    }

    fn error(&self, line: usize, at: &str, found: String, allowed: &str) -> ThemeError {
        let theme = Shown::text(self.name).to_string();
        ThemeError::Found { theme, line, at: at.to_owned(), found, allowed: allowed.to_owned() }
    }
}

/// That no theme has this name; `place` is the theme and line that ask for it.
pub(super) fn no_such_theme(place: Option<(&str, usize)>, name: &str) -> ThemeError {
    ThemeError::NoSuchTheme {
        place: place
            .map_or_else(String::new, |(theme, line)| format!("theme {}:{line}: inherits: ", Shown::text(theme))),
        name: Shown::text(name).to_string(),
        known: super::Theme::names().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", "),
        near: did_you_mean(name, super::Theme::names()),
    }
}

/// `; did you mean "critical"?`, if a known word is near.
fn did_you_mean<'w>(word: &str, known: impl IntoIterator<Item = &'w str>) -> String {
    nearest(word, known).map_or_else(String::new, |best| format!("; did you mean \"{}\"?", Shown::text(best)))
}

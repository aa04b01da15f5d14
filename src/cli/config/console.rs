//! `firn config keymap|theme`: the keys and the styles in force, and where each comes from; and what is wrong with them.

use super::super::{CliError, out};
use crate::base::Shown;
use crate::config::ConsoleConfig;
use crate::console::action::{ACTIONS, Danger, group};
use crate::console::keymap::{Keymap, KeysFrom};
use crate::console::look;
use crate::console::term::Caps;
use crate::console::theme::Theme;

/// Everything that is wrong with the files that a console's configuration names, a sentence each.
pub(super) fn wrong(console: &ConsoleConfig) -> Vec<String> {
    let keymap = Keymap::load(console.keymap.as_deref()).err().map(|e| e.to_string());
    let depth = look::depth(console, &Caps::of_process());
    let theme = look::theme(&console.theme, &console.base, depth).err().map(|e| e.to_string());
    keymap.into_iter().chain(theme).collect()
}

/// Prints the keymap in force: a keymap file, whose comments say where the keys come from and what they do.
pub(super) fn keymap(console: &ConsoleConfig) -> Result<u8, CliError> {
    let map = Keymap::load(console.keymap.as_deref()).map_err(crate::console::setup::ConsoleError::from)?;
    out::line("# Written as a keymap file is; what [console] keymap names needs only the lines that differ.")?;
    out::line("[keys]")?;
    let mut shown = "";
    for action in ACTIONS {
        let title = group(action.scope);
        if title != shown {
            out::line(format!("\n# {title}"))?;
            shown = title;
        }
        let keys: Vec<String> = map.keys(action.id).iter().map(|key| quoted(&key.to_string())).collect();
        let setting = format!("{} = [{}]", quoted(action.id), keys.join(", "));
        let from = match map.from(action.id) {
            KeysFrom::Default => "default".to_owned(),
            KeysFrom::File(path, line) => format!("{}:{line}", Shown::path(path)),
        };
        let danger = match action.danger {
            Danger::None => "",
            Danger::Changes => " (changes work)",
            Danger::Asks => " (asks first)",
        };
        out::line(format!("{setting:<44} # {from}: {}{danger}", action.text))?;
    }
    Ok(0)
}

/// A string as TOML has it; JSON's strings are TOML's, too.
fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Prints a theme, or else the one in force: every role, its style, and where that comes from.
pub(super) fn theme(console: &ConsoleConfig, origin: &str, name: Option<&str>, text: bool) -> Result<u8, CliError> {
    let (name, from) = name.map_or((console.theme.as_str(), origin), |name| (name, "asked for"));
    if text {
        // Other themes are files of their owner's already.
        let Some(text) = Theme::text(name) else {
            let known = Theme::names().collect::<Vec<_>>().join(", ");
            let text = format!("\"{}\" is no theme of firn's own; --text prints {known}", Shown::text(name));
            return Err(CliError::Usage(text));
        };
        out::write(text)?;
        return Ok(0);
    }
    let depth = look::depth(console, &Caps::of_process());
    let theme = look::theme(name, &console.base, depth).map_err(crate::console::setup::ConsoleError::from)?;
    out::line(format!("# theme {} ({from}), colours: {depth}", Shown::text(name)))?;
    for line in theme.listing() {
        out::line(format!("{:<16} {:<32} # {}", line.role.name(), line.words(), line.from))?;
    }
    Ok(0)
}

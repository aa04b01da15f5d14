//! A screen of the console without a terminal: as text, or as a picture.

use std::sync::Arc;

use ratatui::buffer::Buffer;
use ratatui::layout::Rect;

use super::keymap::Keymap;
use super::look::OwnLook;
use super::model::{Model, Report};
use super::msg::Msg;
use super::setup::{ConsoleError, Options, kinds, setup};
use super::term::Caps;
use super::update::update;
use super::{desk, draw, work};
use crate::services::Services;

/// The screen as it is now, as text: for whoever has no terminal.
pub async fn print(
    services: Arc<Services>,
    options: &Options,
    vault: work::VaultSeen,
    size: (u16, u16),
) -> Result<String, ConsoleError> {
    let look = OwnLook::new(&services.config.console, &Caps::of_process())?;
    Ok(text(&screen(services, options, vault, size, &look).await?))
}

/// The screen as it is now, as a picture (SVG). `auto` follows no terminal: it is all that a picture can show.
pub async fn picture(
    services: Arc<Services>,
    options: &Options,
    vault: work::VaultSeen,
    size: (u16, u16),
) -> Result<String, ConsoleError> {
    let caps = Caps { utf8: true, term: "xterm-direct".to_owned(), ..Caps::default() };
    let look = OwnLook::new(&services.config.console, &caps)?;
    let screen = screen(services, options, vault, size, &look).await?;
    Ok(super::picture::svg(&screen, "firn's console, the Backup tab"))
}

async fn screen(
    services: Arc<Services>,
    options: &Options,
    vault: work::VaultSeen,
    size: (u16, u16),
    look: &OwnLook,
) -> Result<Buffer, ConsoleError> {
    let kinds = kinds(&services, options)?;
    let keymap = Arc::new(Keymap::load(services.config.console.keymap.as_deref())?);
    let setup = setup(&services, options, kinds.map(|kinds| kinds.words()));
    let now = services.clock.now();
    let mut model = Model::new(setup, keymap, look.theme.name().to_owned(), false, now, size);
    let snapshot = work::read_once(&services).await.map_err(ConsoleError::State)?;
    update(&mut model, Msg::Snapshot(Arc::new(snapshot)), now);
    if services.config.vault.is_some() {
        let restores = desk::snapshot(&services).await.map_err(ConsoleError::State)?;
        update(&mut model, Msg::Restores(Arc::new(restores)), now);
    }
    if services.has_replicas() {
        let delays = services.delays().await.map_err(|e| ConsoleError::State(e.to_string()))?;
        update(&mut model, Msg::Delays(Arc::new(delays)), now);
    }
    if services.has_redis() {
        update(&mut model, Msg::Redis(Ok(Arc::new(services.redis()))), now);
    }
    if let Some(vault) = vault {
        update(&mut model, Msg::Vault(vault), now);
    }
    let area = Rect::new(0, 0, size.0, size.1);
    let mut buffer = Buffer::empty(area);
    draw::paint(&model, &look.look(), area, &mut buffer, &mut Report::default());
    Ok(buffer)
}

/// The letters of a buffer, a line each, without blanks at their ends.
pub fn text(buffer: &Buffer) -> String {
    let area = buffer.area;
    let mut out = String::new();
    for y in area.top()..area.bottom() {
        let mut line = String::new();
        let mut skip = 0;
        for x in area.left()..area.right() {
            let symbol = buffer.cell((x, y)).map_or(" ", ratatui::buffer::Cell::symbol);
            if skip > 0 {
                skip -= 1;
                continue;
            }
            // The second cell of a wide sign holds nothing.
            skip = super::format::width(symbol).saturating_sub(1);
            line.push_str(symbol);
        }
        out.push_str(line.trim_end());
        out.push('\n');
    }
    out
}

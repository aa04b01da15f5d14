//! What ratatui draws on: a buffer of bytes that holds one frame and nothing that changes nothing.

use std::io;
use std::sync::Arc;

use ratatui::backend::{Backend, ClearType, CrosstermBackend, WindowSize};
use ratatui::buffer::Cell;
use ratatui::layout::{Position, Size};

use super::tty::Modes;

/// Where the size comes from.
#[derive(Debug)]
pub(super) enum Sized {
    Fixed(Size),
    Device(Arc<Modes>),
}

/// A backend that gathers a frame's bytes. Of the cursor it remembers what the terminal was told last.
#[derive(Debug)]
pub(super) struct Canvas {
    out: Vec<u8>,
    size: Sized,
    shown: Option<bool>,
    at: Option<Position>,
}

impl Canvas {
    pub(super) fn new(size: Sized) -> Self {
        Self { out: Vec::new(), size, shown: None, at: None }
    }

    /// The bytes gathered since the last call.
    pub(super) fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }

    /// Gives a buffer back for use by the next frame.
    pub(super) fn give_back(&mut self, mut buffer: Vec<u8>) {
        if self.out.is_empty() {
            buffer.clear();
            self.out = buffer;
        }
    }

    /// What the terminal was told about the cursor no longer holds.
    pub(super) fn forget(&mut self) {
        (self.shown, self.at) = (None, None);
    }

    pub(super) fn set_size(&mut self, size: Size) {
        if let Sized::Fixed(fixed) = &mut self.size {
            *fixed = size;
        }
    }

    fn crossterm(&mut self) -> CrosstermBackend<&mut Vec<u8>> {
        CrosstermBackend::new(&mut self.out)
    }
}

impl Backend for Canvas {
    type Error = io::Error;

    fn draw<'a, I>(&mut self, content: I) -> io::Result<()>
    where
        I: Iterator<Item = (u16, u16, &'a Cell)>,
    {
        // Without a cell crossterm's would still reset colours and attributes.
        let mut content = content.peekable();
        if content.peek().is_none() {
            return Ok(());
        }
        self.at = None;
        self.crossterm().draw(content)
    }

    fn hide_cursor(&mut self) -> io::Result<()> {
        if self.shown != Some(false) {
            self.crossterm().hide_cursor()?;
            self.shown = Some(false);
        }
        Ok(())
    }

    fn show_cursor(&mut self) -> io::Result<()> {
        if self.shown != Some(true) {
            self.crossterm().show_cursor()?;
            self.shown = Some(true);
        }
        Ok(())
    }

    /// Where it was put last. A terminal is never asked: the answer would arrive among the keys.
    fn get_cursor_position(&mut self) -> io::Result<Position> {
        Ok(self.at.unwrap_or(Position::ORIGIN))
    }

    fn set_cursor_position<P: Into<Position>>(&mut self, position: P) -> io::Result<()> {
        let position = position.into();
        if self.at != Some(position) {
            self.crossterm().set_cursor_position(position)?;
            self.at = Some(position);
        }
        Ok(())
    }

    fn clear(&mut self) -> io::Result<()> {
        self.clear_region(ClearType::All)
    }

    fn clear_region(&mut self, region: ClearType) -> io::Result<()> {
        // Another size may be the reason, and has moved the cursor.
        self.at = None;
        self.crossterm().clear_region(region)
    }

    fn size(&self) -> io::Result<Size> {
        match &self.size {
            Sized::Fixed(size) => Ok(*size),
            Sized::Device(modes) => modes.size(),
        }
    }

    fn window_size(&mut self) -> io::Result<WindowSize> {
        // Pixels are of no use to anything drawn here.
        Ok(WindowSize { columns_rows: self.size()?, pixels: Size::ZERO })
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

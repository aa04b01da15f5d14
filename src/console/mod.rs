//! The interactive console.

pub mod chord;
pub mod format;
pub mod glyphs;
pub mod term;
pub mod theme;
pub mod widgets;

//! The interactive console.

pub mod chord;
pub mod term;
pub mod theme;
pub mod widgets;

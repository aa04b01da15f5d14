//! The interactive console.
//!
//! ```text
//!  keys, snapshots, ticks, answers ─▶ Msg ─▶ update(&mut Model) ─▶ effects ─▶ tasks ─▶ answers
//!                                                │
//!                                                └▶ draw(&Model) ─▶ cells ─▶ terminal
//! ```
//!
//! Pure: [`model`], [`msg`], [`effect`], [`update`], [`action`], [`keymap`], [`list`], [`overlay`], [`details`] decide;
//! [`draw`], [`tabs`], [`widgets`], [`theme`], [`glyphs`] and [`mod@format`] make cells of it. Thin: [`term`] is the only
//! room that touches the terminal, [`run`] is the loop where all of them meet, [`setup`] what it starts with, [`print`](mod@print)
//! a screen for whoever has no terminal. The console never awaits: whatever takes time is an effect, and its answer a
//! message.

pub mod action;
pub mod answer;
pub mod chord;
pub mod clusters;
pub mod desk;
pub mod details;
pub mod drafts;
pub mod draw;
pub mod effect;
pub mod format;
pub mod freezing;
pub mod glyphs;
pub mod keymap;
pub mod list;
pub mod look;
pub mod model;
pub mod msg;
pub mod overlay;
pub mod picture;
pub mod print;
pub mod run;
pub mod setup;
pub mod tabs;
pub mod term;
pub mod theme;
pub mod update;
pub mod widgets;
pub mod work;

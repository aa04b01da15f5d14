//! The Restore tab: plans with the step each is in, and the board of retrieval jobs; over it the form, the batch editor,
//! the plan with its price in each tier, and what became of each file.

pub mod about;
pub mod draw;
pub mod edit;
pub mod editor;
pub mod form;
pub mod quotes;
pub mod rows;
pub mod state;

pub use editor::Editor;
pub use form::{Field, Form};
pub use rows::Pane;
pub use state::State;

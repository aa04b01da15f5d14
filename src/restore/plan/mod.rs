//! Putting plans together: which files, from which archives ([`draft`]); what that costs in every tier, and the plan that is
//! saved of it ([`price`]).

pub mod draft;
pub mod price;

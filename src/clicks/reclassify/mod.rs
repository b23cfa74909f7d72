//! Stored clicks judged anew, by today's list of bots' agents.
//!
//! Raw rows are walked on a connection that only reads; what differs is changed in small transactions, each of which also
//! mends all that was ever summed of those clicks. So figures are those of a recount wherever it stops, and what is
//! judged already does not differ any more: to begin again is to go on.

mod agents;
mod changes;
mod firsts;
mod mend;
mod rule;
mod sums;
mod walk;

pub use self::{
    agents::JudgedAgents,
    changes::Changes,
    walk::{BATCH, Reclassification, ReclassifyError},
};

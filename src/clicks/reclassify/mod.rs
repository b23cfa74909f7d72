//! Stored clicks judged anew, by today's list of bots' agents.

mod agents;

pub use self::agents::JudgedAgents;

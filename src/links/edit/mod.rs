//! Changing short links, and taking them out of service.

mod archive;
mod limit;
mod status;
mod told;
mod update;

pub use self::{
    archive::{Archived, LINKS_A_CALL, archive_all},
    status::{SwitchError, archive, disable, enable},
    update::{Field, LinkChange, UpdateError, update},
};
use crate::{catalog::domain::ServerHosts, store::Store};

/// What changing a link needs of its surroundings.
#[derive(Clone, Copy, Debug)]
pub struct Tools<'a> {
    /// Where links are read and written.
    pub store: &'a Store,
    /// Knows the server's own hosts, and who wants to know of changes.
    pub hosts: &'a ServerHosts,
}

//! What can be changed.

use async_graphql::{Context, Description, Object, Result};

use super::create_short_link::{CreateShortLinkInput, CreateShortLinkResult, create_short_link};

/// What can be changed. Every mutation answers a union: what it made, or what is wrong with the input. Ask for
/// `__typename`, for the fields of the success that you need, and for `... on UserError { code message path }`.
/// Top-level errors are those that `Query` lists.
#[derive(Debug, Description)]
pub struct Mutation;

/// What a mutation costs beside its selection: each one writes, so forty of them are all that one request may
/// ask for.
const MUTATION: usize = 30;

#[Object(use_type_description)]
impl Mutation {
    /// Turns a URL, or an offer of the account's catalogue, into a trackable short link on the domain of a
    /// sending list. Needs the scope `LINKS_WRITE`.
    ///
    /// Each call makes a new link, also for the same URL; send an `idempotencyKey` where a call may be sent
    /// twice. Nothing is stored unless the answer is `CreateShortLinkSuccess`.
    #[graphql(complexity = "MUTATION + child_complexity")]
    async fn create_short_link(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What the link is to be.")] input: CreateShortLinkInput,
    ) -> Result<CreateShortLinkResult> {
        create_short_link(context, input).await
    }
}

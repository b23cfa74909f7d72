//! What can be changed.

use async_graphql::{Context, Description, ID, Object, Result};

use super::{
    create_short_link::{CreateShortLinkInput, CreateShortLinkResult, create_short_link},
    create_short_links::{CreateShortLinksInput, CreateShortLinksResult, create_short_links},
    edit_account_settings::{
        UpdateAccountSettingsInput, UpdateAccountSettingsResult, update_account_settings,
    },
    edit_api_key::{
        CreateApiKeyInput, CreateApiKeyResult, RevokeApiKeyResult, RotateApiKeyInput, RotateApiKeyResult,
        create_api_key, revoke_api_key, rotate_api_key,
    },
    edit_contact::{EraseContactResult, erase_contact},
    edit_domain::{
        ArchiveDomainResult, CreateDomainInput, CreateDomainResult, UpdateDomainInput, UpdateDomainResult,
        archive_domain, create_domain, update_domain,
    },
    edit_offer::{
        ArchiveOfferResult, CreateOfferInput, CreateOfferResult, UpdateOfferInput, UpdateOfferResult,
        archive_offer, create_offer, update_offer,
    },
    edit_sending_list::{
        ArchiveSendingListResult, CreateSendingListInput, CreateSendingListResult, UpdateSendingListInput,
        UpdateSendingListResult, archive_sending_list, create_sending_list, update_sending_list,
    },
    edit_short_link::{
        ArchiveShortLinkResult, ArchiveShortLinksResult, DisableShortLinkResult, EnableShortLinkResult,
        UpdateShortLinkInput, UpdateShortLinkResult, archive_short_link, archive_short_links,
        disable_short_link, enable_short_link, update_short_link,
    },
    filter::ShortLinkFilter,
};

/// What can be changed. Every mutation answers a union: what it made, or what is wrong with the input. Ask for
/// `__typename`, for the fields of the success that you need, and for `... on UserError { code message path }`.
/// Top-level errors are those that `Query` lists.
#[derive(Debug, Description)]
pub struct Mutation;

/// What a mutation costs beside its selection: each one writes, so forty of them are all that one request may
/// ask for.
const MUTATION: usize = 30;

/// What one costs that may change thousands of rows: a request may ask for few.
const MANY: usize = 500;

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

    /// Makes up to 1,000 short links at once, as `createShortLink` makes one: for a campaign with a link for each recipient.
    /// Needs the scope `LINKS_WRITE`.
    ///
    /// Each link succeeds or fails by itself. Send an `idempotencyKey`, and send the same call again if no answer came or
    /// some links failed: those that were made are found again. A request that fails with `INTERNAL` or `TIMEOUT` may have
    /// made some of the links.
    #[graphql(complexity = "MUTATION + child_complexity")]
    async fn create_short_links(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What the links are to be.")] input: CreateShortLinksInput,
    ) -> Result<CreateShortLinksResult> {
        create_short_links(context, input).await
    }

    /// Changes a short link, for the very next visit on; it stays what clicks on it are counted for. Needs the scope
    /// `LINKS_WRITE`.
    #[graphql(complexity = "MUTATION + child_complexity")]
    async fn update_short_link(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which link, and what is to be different about it.")] input: UpdateShortLinkInput,
    ) -> Result<UpdateShortLinkResult> {
        update_short_link(context, input).await
    }

    /// Switches a short link off: from the very next visit on it answers with a 410 page, or leads to its fallback URL.
    /// Safe to repeat; `enableShortLink` takes it back. Needs the scope `LINKS_WRITE`.
    #[graphql(complexity = "MUTATION + child_complexity")]
    async fn disable_short_link(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which link is to be off: its `id`, `link_` and 32 hexadecimal digits.")] id: ID,
    ) -> Result<DisableShortLinkResult> {
        disable_short_link(context, &id).await
    }

    /// Switches a short link on again that was switched off: it redirects from the very next visit on, unless it is expired
    /// or exhausted. Safe to repeat. Needs the scope `LINKS_WRITE`.
    #[graphql(complexity = "MUTATION + child_complexity")]
    async fn enable_short_link(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which link is to be on: its `id`, `link_` and 32 hexadecimal digits.")] id: ID,
    ) -> Result<EnableShortLinkResult> {
        enable_short_link(context, &id).await
    }

    /// Archives a short link, which is how one is deleted, and final: from the very next visit on it answers with a 410 page,
    /// or leads to its fallback URL, its code is never used again, and its clicks stay counted. Safe to repeat; to stop only
    /// for a while use `disableShortLink`. Needs the scope `LINKS_WRITE`.
    #[graphql(complexity = "MUTATION + child_complexity")]
    async fn archive_short_link(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which link is to be archived: its `id`, `link_` and 32 hexadecimal digits.")]
        id: ID,
    ) -> Result<ArchiveShortLinkResult> {
        archive_short_link(context, &id).await
    }

    /// Archives all short links that pass a filter when the call begins, as `archiveShortLink` does one; final too. At most
    /// 10,000 a call, in lots of 250 that are each done or not: while `hasMore` is true, or where a call was cut off, send
    /// the same call again. To see first which links are meant, ask the query `shortLinks` with the same filter. Needs the
    /// scope `LINKS_WRITE`.
    #[graphql(complexity = "MANY + child_complexity")]
    async fn archive_short_links(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What a link must be to be archived: at least one field.")] filter: ShortLinkFilter,
    ) -> Result<ArchiveShortLinksResult> {
        archive_short_links(context, filter).await
    }

    /// Makes an offer: something that links can lead to by name. Needs the scope `CATALOG_WRITE`.
    #[graphql(complexity = "MUTATION + child_complexity")]
    async fn create_offer(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What the offer is to be.")] input: CreateOfferInput,
    ) -> Result<CreateOfferResult> {
        create_offer(context, input).await
    }

    /// Changes an offer, for links that are made from the next request on; links that were made before keep their
    /// destinations. Needs the scope `CATALOG_WRITE`.
    #[graphql(complexity = "MUTATION + child_complexity")]
    async fn update_offer(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which offer, and what is to be different about it.")] input: UpdateOfferInput,
    ) -> Result<UpdateOfferResult> {
        update_offer(context, input).await
    }

    /// Archives an offer, which is how one is deleted: no more links can be made for it, those that were made still work,
    /// and lists show it only when asked for archived offers. Safe to repeat; `updateOffer` with the status `ACTIVE` takes
    /// it back. Needs the scope `CATALOG_WRITE`.
    #[graphql(complexity = "MUTATION + child_complexity")]
    async fn archive_offer(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which offer: its `id`, `offer_` and 32 hexadecimal digits.")] id: ID,
    ) -> Result<ArchiveOfferResult> {
        archive_offer(context, &id).await
    }

    /// Makes a sending list: the phone number that messages come from, its brand, and the domain of its links. Needs the
    /// scope `CATALOG_WRITE`.
    #[graphql(complexity = "MUTATION + child_complexity")]
    async fn create_sending_list(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What the list is to be.")] input: CreateSendingListInput,
    ) -> Result<CreateSendingListResult> {
        create_sending_list(context, input).await
    }

    /// Changes a sending list, for links that are made from the next request on; links that were made before stay where
    /// they are. Needs the scope `CATALOG_WRITE`.
    #[graphql(complexity = "MUTATION + child_complexity")]
    async fn update_sending_list(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which list, and what is to be different about it.")] input: UpdateSendingListInput,
    ) -> Result<UpdateSendingListResult> {
        update_sending_list(context, input).await
    }

    /// Archives a sending list, which is how one is deleted: no more links can be made for it, those that were made still
    /// work, and its numbers stay its own. Safe to repeat; `updateSendingList` with the status `ACTIVE` takes it back.
    /// Needs the scope `CATALOG_WRITE`.
    #[graphql(complexity = "MUTATION + child_complexity")]
    async fn archive_sending_list(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which list: its `id`, `list_` and 32 hexadecimal digits.")] id: ID,
    ) -> Result<ArchiveSendingListResult> {
        archive_sending_list(context, &id).await
    }

    /// Makes a domain: a host that short links can live on once it leads to this server. Give it to a sending list next.
    /// Needs the scope `ADMIN`.
    #[graphql(complexity = "MUTATION + child_complexity")]
    async fn create_domain(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What the domain is to be.")] input: CreateDomainInput,
    ) -> Result<CreateDomainResult> {
        create_domain(context, input).await
    }

    /// Changes a domain, from the next request and the next visit on. Needs the scope `ADMIN`.
    #[graphql(complexity = "MUTATION + child_complexity")]
    async fn update_domain(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which domain, and what is to be different about it.")] input: UpdateDomainInput,
    ) -> Result<UpdateDomainResult> {
        update_domain(context, input).await
    }

    /// Archives a domain, which is how one is deleted: no more links can be made on it, those that were sent out still
    /// work, and nobody else can take its host. Safe to repeat; `updateDomain` with the status `ACTIVE` takes it back.
    /// Needs the scope `ADMIN`.
    #[graphql(complexity = "MUTATION + child_complexity")]
    async fn archive_domain(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which domain: its `id`, `domain_` and 32 hexadecimal digits.")] id: ID,
    ) -> Result<ArchiveDomainResult> {
        archive_domain(context, &id).await
    }

    /// Changes how the account's links are made, from the next request on; links that were made before keep their
    /// destinations. Needs the scope `ADMIN`.
    #[graphql(complexity = "MUTATION + child_complexity")]
    async fn update_account_settings(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What is to be different about the settings.")] input: UpdateAccountSettingsInput,
    ) -> Result<UpdateAccountSettingsResult> {
        update_account_settings(context, input).await
    }

    /// Makes an API key of the account and shows it this once. It can do no more than the caller's own. Needs the scope
    /// `ADMIN`.
    #[graphql(complexity = "MUTATION + child_complexity")]
    async fn create_api_key(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "What the key is to be.")] input: CreateApiKeyInput,
    ) -> Result<CreateApiKeyResult> {
        create_api_key(context, input).await
    }

    /// Replaces an API key by a new one with the same name, scopes and end, and shows it this once. The old one goes on
    /// working for a while, so that nothing stands still until whoever uses it has the new one. Needs the scope `ADMIN`.
    #[graphql(complexity = "MUTATION + child_complexity")]
    async fn rotate_api_key(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which key, and for how long it still works.")] input: RotateApiKeyInput,
    ) -> Result<RotateApiKeyResult> {
        rotate_api_key(context, input).await
    }

    /// Takes an API key back for good: it is refused from the next request on, also where it is the caller's own. Safe to
    /// repeat. Needs the scope `ADMIN`.
    #[graphql(complexity = "MUTATION + child_complexity")]
    async fn revoke_api_key(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Which key: its `id`, `key_` and 32 hexadecimal digits; not the key itself.")]
        id: ID,
    ) -> Result<RevokeApiKeyResult> {
        revoke_api_key(context, &id).await
    }

    /// Forgets a person whom links were sent to: their number on all links of the account, also where destinations, fallback
    /// URLs and metadata hold it, and on the clicks of these links whatever tells of the visitor (network, agent, country,
    /// language, referrer, parameters). There is no way back. Counts and reports stay as they are, by country and device too, and
    /// the audit log says that it happened, not to whom. The links go on redirecting; archive them where they should not. Safe to repeat, also after a
    /// `TIMEOUT`: it goes on where it stopped. Needs the scope `ADMIN`.
    #[graphql(complexity = "MUTATION + child_complexity")]
    async fn erase_contact(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "The person's phone number, E.164 such as `+14155552671`.")] phone_number: String,
    ) -> Result<EraseContactResult> {
        erase_contact(context, &phone_number).await
    }
}

//! Clicks as they come.

use std::sync::Arc;

use async_graphql::{
    Context, Description, Error, Object, Result, Subscription as GraphqlSubscription, Union,
};
use entity::api_key::Scope;
use futures_util::{Stream, stream};
use tokio::{
    sync::watch,
    time::{Interval, MissedTickBehavior, interval},
};

use super::{
    click::Click,
    click_filter::{ClickFilterInput, refusal},
    error::{Code, internal, principal},
};
use crate::{
    accounts::{AuthenticateError, Principal},
    app::App,
    clicks::{
        list::Listed,
        live::{self, Event, MOST_OF_ACCOUNT, SubscribeError},
    },
};

/// Goes with a request whose answer may be a stream, and tells whoever answers when one begins, and when there is
/// something to be shown.
#[derive(Clone, Debug)]
pub struct Streaming(watch::Sender<Told>);

#[derive(Clone, Copy, Debug, Default)]
struct Told {
    has_begun: bool,
    /// Whether the fields of an event are looked up.
    is_working: bool,
}

impl Default for Streaming {
    fn default() -> Self {
        Self(watch::Sender::new(Told::default()))
    }
}

impl Streaming {
    /// Tells that the subscription is open: all that follows is its events.
    pub fn begin(&self) {
        self.0.send_modify(|told| told.has_begun = true);
    }

    /// Tells that there is an event, whose fields are looked up next.
    pub fn work(&self) {
        self.0.send_modify(|told| told.is_working = true);
    }

    /// Notes that an event is answered as a whole.
    pub fn done(&self) {
        self.0.send_modify(|told| told.is_working = false);
    }

    /// Whether the subscription is open.
    #[must_use]
    pub fn has_begun(&self) -> bool {
        self.0.borrow().has_begun
    }

    /// Returns once the subscription is open.
    pub async fn begun(&self) {
        // There is no error: this is one who could tell.
        let _ = self.0.subscribe().wait_for(|told| told.has_begun).await;
    }

    /// Returns once there is an event that is not answered yet.
    pub async fn working(&self) {
        // As above.
        let _ = self.0.subscribe().wait_for(|told| told.is_working).await;
    }
}

/// What one is told of as it happens: over a WebSocket with the subprotocol `graphql-transport-ws`, or as server-sent
/// events where the request has `Accept: text/event-stream`.
#[derive(Clone, Copy, Debug, Default, Description)]
pub struct Subscription;

/// What a subscription to clicks is told of.
#[derive(Clone, Debug, Union)]
#[expect(clippy::large_enum_variant, reason = "a reader has one at a time")]
pub(super) enum LiveClick {
    /// A click.
    Click(Click),
    /// Clicks that were left out.
    Missed(MissedClicks),
}

/// Stands in the place of clicks that were left out, since they were taken too slowly: up to 1,000 wait for each reader,
/// 10,000 for all readers of an account, and 100,000 for those of all accounts. They are stored like all others, so
/// `clicks` has them.
#[derive(Clone, Copy, Debug, Description)]
pub(super) struct MissedClicks(u64);

#[Object(use_type_description)]
impl MissedClicks {
    /// How many of the clicks that pass the filter were left out in this place.
    async fn count(&self) -> i32 {
        self.0.try_into().unwrap_or(i32::MAX)
    }
}

/// One subscription to clicks.
struct Listening {
    app: App,
    principal: Arc<Principal>,
    events: live::Subscription,
    key_check: Interval,
    is_over: bool,
}

#[GraphqlSubscription(use_type_description)]
impl Subscription {
    /// The account's clicks from now on, each some 200 milliseconds after it is stored, in the order of storing: those of
    /// every server over the same database, and also those that were made earlier and are stored only now. Who connects
    /// again hears nothing of what was in between: read it from `clicks`.
    ///
    /// It ends with an error when the key is revoked or expires or the account is suspended, within some seconds; with
    /// `TIMEOUT` when the reader takes none for a minute while some are left out, or the fields of one take too long; and
    /// without a `complete` when the server stops: then connect again. An account may listen 200 times at once, once more is
    /// `TOO_MANY_SUBSCRIPTIONS`.
    async fn clicks(
        &self,
        context: &Context<'_>,
        #[graphql(desc = "Only clicks that pass it; all of the account's unless given.")] filter: Option<
            ClickFilterInput,
        >,
    ) -> Result<impl Stream<Item = Result<LiveClick>> + use<>> {
        principal(context, Scope::Read)?;
        let principal = Arc::clone(context.data_unchecked::<Arc<Principal>>());
        let filter = filter.unwrap_or_default().parse(context).await?;
        let app = context.data_unchecked::<App>().clone();
        let subscribing = app.live.subscribe(principal.account_id(), filter);
        let events = subscribing.await.map_err(refuse)?;
        let mut key_check = interval(app.live.key_check());
        key_check.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let streaming = context.data_opt::<Streaming>().cloned().unwrap_or_default();
        streaming.begin();
        let listening = Listening {
            app,
            principal,
            events,
            key_check,
            is_over: false,
        };
        let state = (listening, streaming);
        Ok(stream::unfold(state, |(mut listening, streaming)| async {
            let next = listening.next().await?;
            streaming.work();
            Some((next, (listening, streaming)))
        }))
    }
}

impl Listening {
    /// What comes next, as long as the key works: that is looked up before anything is shown, whenever it is due.
    async fn next(&mut self) -> Option<Result<LiveClick>> {
        while !self.is_over {
            tokio::select! {
                biased;
                _ = self.key_check.tick() => {
                    if let Err(error) = self.check_key().await {
                        self.is_over = true;
                        return Some(Err(error));
                    }
                }
                event = self.events.next() => return Some(self.show(event?)),
            }
        }
        None
    }

    fn show(&mut self, event: Event) -> Result<LiveClick> {
        match event {
            Event::Click(click) => Ok(LiveClick::Click(Click(Listed {
                click: click.as_ref().clone(),
                is_unique: None,
            }))),
            Event::Missed(count) => Ok(LiveClick::Missed(MissedClicks(count))),
            Event::GivenUp => {
                self.is_over = true;
                Err(Code::Timeout.error(
                    "No click was taken for too long while more came; subscribe again, and read from clicks what \
                     was missed.",
                ))
            }
        }
    }

    async fn check_key(&mut self) -> Result<()> {
        let again = self
            .app
            .authenticator
            .authenticate_again(&self.principal, self.app.clock.now());
        match again.await {
            Ok(_) => Ok(()),
            Err(AuthenticateError::UnknownKey) => Err(Code::Unauthenticated
                .error("This API key has expired or been revoked; subscribe with one that works.")),
            Err(AuthenticateError::Suspended) => {
                Err(Code::AccountSuspended
                    .error("This account is suspended; ask the operator of the server."))
            }
            Err(AuthenticateError::Database(error)) => {
                tracing::warn!(%error, "the key of a subscription can't be looked up now; it is tried again");
                Ok(())
            }
        }
    }
}

fn refuse(error: SubscribeError) -> Error {
    match error {
        SubscribeError::Filter(error) => refusal(error),
        SubscribeError::TooMany => Code::TooManySubscriptions.error(format!(
            "The account has {MOST_OF_ACCOUNT} subscriptions open; end one, or subscribe once for several readers."
        )),
        error @ (SubscribeError::Database(_) | SubscribeError::Stopped) => internal(error),
    }
}

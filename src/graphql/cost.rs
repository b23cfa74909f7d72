//! What a request costs, in points, and who pays for it.
//!
//! A request costs one point, one more for every 100 points of its complexity, and one more for every 50 elements of the
//! lists that it uses, each time that it does, both of all operations of its document: a plain mutation or look-up is 1, a
//! report 2, and a thousand links made at once 21 and what they are asked for. The first point is taken before anything of
//! a request is read, the others once it is known what it asks for and before any of that is done.

use std::{
    any::TypeId,
    num::NonZeroU32,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_graphql::{Request, Response, ServerError, ServerResult};
use entity::{AccountId, ApiKeyId};

use super::{error::Code, limits::refusal};
use crate::{
    accounts::Principal,
    rates::{Left, Rates, Spent},
};

/// How much complexity one point is paid for.
const COMPLEXITY: usize = 100;

/// How many elements of lists one point is paid for.
const ELEMENTS: usize = 50;

/// What a request costs.
fn cost(complexity: usize, elements: usize) -> NonZeroU32 {
    let more = complexity / COMPLEXITY + elements / ELEMENTS;
    NonZeroU32::MIN.saturating_add(u32::try_from(more).unwrap_or(u32::MAX))
}

/// Goes with a request of somebody's, and takes what it costs from them.
#[derive(Clone, Debug)]
pub struct Bill(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    rates: Arc<Rates>,
    key: ApiKeyId,
    account: AccountId,
    /// Of the lists that the request uses.
    elements: AtomicUsize,
    paid: AtomicU32,
    left: Mutex<[Option<Left>; 2]>,
}

impl Bill {
    /// Takes the point that every request costs.
    ///
    /// # Errors
    /// Where the key or its account has none left.
    pub fn open(rates: &Arc<Rates>, principal: &Principal) -> Result<Self, Spent> {
        let (key, account) = (principal.key.id, principal.account_id());
        let left = rates.take(key, account, NonZeroU32::MIN)?;
        Ok(Self(Arc::new(Inner {
            rates: Arc::clone(rates),
            key,
            account,
            elements: AtomicUsize::default(),
            paid: AtomicU32::new(1),
            left: Mutex::new(left),
        })))
    }

    /// The bill of a request, if somebody pays for it.
    pub(super) fn of(request: &Request) -> Option<&Self> {
        let data = request.data.get(&TypeId::of::<Self>())?;
        data.downcast_ref()
    }

    /// Notes how many elements the lists of a request have, each as often as all of its document uses it.
    pub(super) fn note_elements(&self, elements: usize) {
        self.0.elements.store(elements, Ordering::Relaxed);
    }

    /// Takes what a request of this complexity costs beside its first point, once it is known to be good and within the
    /// limits of one.
    ///
    /// # Errors
    /// `RATE_LIMITED` where there is not as much left; then nothing is taken.
    pub(super) fn charge_for(&self, complexity: usize) -> ServerResult<()> {
        self.charge(complexity).map_err(spent_error)
    }

    fn charge(&self, complexity: usize) -> Result<(), Spent> {
        let inner = &*self.0;
        let cost = cost(complexity, inner.elements.load(Ordering::Relaxed));
        let Some(rest) = NonZeroU32::new(cost.get() - 1) else {
            return Ok(());
        };
        let left = inner
            .rates
            .take_behind(inner.key, inner.account, 1, rest)
            .map_err(|spent| Spent {
                points: cost.get(),
                ..spent
            })?;
        *inner.left.lock().unwrap_or_else(PoisonError::into_inner) = left;
        inner.paid.store(cost.get(), Ordering::Relaxed);
        Ok(())
    }

    /// What is left of each quota.
    #[must_use]
    pub fn left(&self) -> [Option<Left>; 2] {
        *self.0.left.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Says in an answer what it has cost.
    pub fn note_on(&self, response: &mut Response) {
        let paid = self.0.paid.load(Ordering::Relaxed);
        response.extensions.insert("cost".to_owned(), paid.into());
    }
}

/// How long to wait, in whole seconds.
#[must_use]
pub fn seconds(wait: Duration) -> u64 {
    let whole = wait.as_secs() + u64::from(wait.subsec_nanos() > 0);
    whole.max(1)
}

/// What somebody is told whose quota is spent.
#[must_use]
pub fn message(spent: &Spent) -> String {
    let Spent {
        whose,
        quota,
        points,
        wait,
    } = spent;
    let (rate, burst, seconds) = (quota.rate, quota.burst, seconds(*wait));
    let whose = match whose.name() {
        "key" => "This key",
        _ => "This account, with all of its keys,",
    };
    format!(
        "{whose} may spend {rate} points a second and {burst} at once, and has too few left for this request, which costs \
         {points}. Send it again in {seconds} s, and fewer at once."
    )
}

fn spent_error(spent: Spent) -> ServerError {
    let mut error = refusal(Code::RateLimited, message(&spent));
    error.source = Some(Arc::new(spent));
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_request_costs_one_point_and_a_large_one_more() {
        for (complexity, elements, points) in [
            (0, 0, 1),
            (99, 49, 1),
            (100, 0, 2),
            (0, 50, 2),
            (2000, 0, 21),
            (60, 1000, 21),
            (2000, 70_000, 1421),
            (usize::MAX, 0, u32::MAX),
        ] {
            assert_eq!(
                cost(complexity, elements).get(),
                points,
                "{complexity} {elements}"
            );
        }
    }

    #[test]
    fn seconds_to_wait_are_never_too_few() {
        for (millis, whole) in [(0, 1), (1, 1), (1000, 1), (1001, 2), (59_500, 60)] {
            assert_eq!(seconds(Duration::from_millis(millis)), whole);
        }
    }
}

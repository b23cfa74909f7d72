//! How much may be asked for in a time: by a key, by an account, and by who has no key that works.
//!
//! Nothing is kept of who has not asked for a while, so that memory is bounded by who asks, not by who has ever asked.

mod tries;

use std::{
    fmt,
    num::NonZeroU32,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use entity::{AccountId, ApiKeyId, Timestamp};
use governor::{
    NotUntil, RateLimiter,
    clock::Clock,
    middleware::{StateInformationMiddleware, StateSnapshot},
    state::keyed::HashMapStateStore,
};

pub use self::tries::{Standing, Tries, Try};

/// How many points are taken until those are forgotten that have all of theirs back.
const TIDY_AFTER: u32 = 4096;

/// So many points a second, and so many at once after a pause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// Points that come back each second.
    pub rate: NonZeroU32,
    /// Points that there are at most.
    pub burst: NonZeroU32,
}

impl Quota {
    /// A quota; `None`, for any number, where the rate is 0. Whatever the burst is, a point is there to be had.
    #[must_use]
    pub fn new(rate: u32, burst: u32) -> Option<Self> {
        Some(Self {
            rate: NonZeroU32::new(rate)?,
            burst: NonZeroU32::new(burst).unwrap_or(NonZeroU32::MIN),
        })
    }

    /// How long it takes until all points are back, in whole seconds.
    #[must_use]
    pub fn window(&self) -> u32 {
        self.seconds_for(self.burst.get())
    }

    /// How long it takes for so many points to come back, in whole seconds.
    #[must_use]
    pub fn seconds_for(&self, points: u32) -> u32 {
        points.div_ceil(self.rate.get())
    }
}

/// What each key and each account may ask for; any number unless given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Quotas {
    /// Each key.
    pub key: Option<Quota>,
    /// Each account, all of its keys together.
    pub account: Option<Quota>,
}

/// Whose quota it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Whose {
    /// The key's.
    Key,
    /// The account's, all of its keys together.
    Account,
}

impl Whose {
    /// Its name, in headers and errors.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Account => "account",
        }
    }
}

/// How much is left of a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Left {
    /// Whose it is.
    pub whose: Whose,
    /// What there may be.
    pub quota: Quota,
    /// Points that may be taken now.
    pub points: u32,
}

/// Why points were not taken: there are not enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Spent {
    /// Whose quota has too few.
    pub whose: Whose,
    /// That quota.
    pub quota: Quota,
    /// How many were asked for.
    pub points: u32,
    /// How long it takes until they are there, if nobody else takes any.
    pub wait: Duration,
}

type Limiter<K> = RateLimiter<K, HashMapStateStore<K>, Ticks, StateInformationMiddleware>;

/// Counts what keys and accounts ask for, in points.
pub struct Rates {
    quotas: Quotas,
    ticks: Ticks,
    keys: Option<Limiter<ApiKeyId>>,
    accounts: Option<Limiter<AccountId>>,
    taken: AtomicU32,
}

impl fmt::Debug for Rates {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Rates").field(&self.quotas).finish()
    }
}

impl Rates {
    /// With what may be asked for, and what tells the time.
    pub fn new(quotas: Quotas, now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        let ticks = Ticks::new(now);
        Self {
            keys: quotas.key.map(|quota| limiter(quota, &ticks)),
            accounts: quotas.account.map(|quota| limiter(quota, &ticks)),
            quotas,
            ticks,
            taken: AtomicU32::default(),
        }
    }

    /// Takes points of a key and of its account. What costs more than there may be at once costs all of that, so that it
    /// can be had.
    ///
    /// # Errors
    /// Where one of them has too few. What the other gave is gone: who asks again and again pays for it.
    pub fn take(
        &self,
        key: ApiKeyId,
        account: AccountId,
        points: NonZeroU32,
    ) -> Result<[Option<Left>; 2], Spent> {
        self.take_behind(key, account, 0, points)
    }

    /// The same for what costs these points beside some that were taken of it already.
    ///
    /// # Errors
    /// As [`Rates::take`].
    pub fn take_behind(
        &self,
        key: ApiKeyId,
        account: AccountId,
        taken: u32,
        points: NonZeroU32,
    ) -> Result<[Option<Left>; 2], Spent> {
        if self.keys.is_none() && self.accounts.is_none() {
            return Ok([None, None]);
        }
        if self.taken.fetch_add(1, Ordering::Relaxed) % TIDY_AFTER == TIDY_AFTER - 1 {
            self.tidy();
        }
        let of_key = self.take_of(
            Whose::Key,
            self.quotas.key.zip(self.keys.as_ref()),
            &key,
            taken,
            points,
        )?;
        let accounts = self.quotas.account.zip(self.accounts.as_ref());
        let of_account = self.take_of(Whose::Account, accounts, &account, taken, points)?;
        Ok([of_key, of_account])
    }

    fn take_of<K: Clone + Eq + std::hash::Hash>(
        &self,
        whose: Whose,
        limit: Option<(Quota, &Limiter<K>)>,
        key: &K,
        taken: u32,
        points: NonZeroU32,
    ) -> Result<Option<Left>, Spent> {
        let Some((quota, limiter)) = limit else {
            return Ok(None);
        };
        // There is nothing more to take of a burst that is taken.
        let Some(capped) = NonZeroU32::new(quota.burst.get().saturating_sub(taken)) else {
            return Ok(Some(Left {
                whose,
                quota,
                points: 0,
            }));
        };
        let capped = points.min(capped);
        let left = |state: &StateSnapshot| Left {
            whose,
            quota,
            points: state.remaining_burst_capacity(),
        };
        match limiter.check_key_n(key, capped) {
            Ok(Ok(state)) => Ok(Some(left(&state))),
            Ok(Err(not_until)) => Err(self.spent(whose, quota, points, &not_until)),
            // No more than there may be was asked for.
            Err(_) => Ok(None),
        }
    }

    fn spent(&self, whose: Whose, quota: Quota, points: NonZeroU32, not_until: &NotUntil<Duration>) -> Spent {
        Spent {
            whose,
            quota,
            points: points.get(),
            wait: not_until.wait_time_from(self.ticks.now()),
        }
    }

    /// Forgets whoever has all of their points.
    fn tidy(&self) {
        if let Some(keys) = &self.keys {
            keys.retain_recent();
        }
        if let Some(accounts) = &self.accounts {
            accounts.retain_recent();
        }
    }
}

fn limiter<K: Clone + Eq + std::hash::Hash>(quota: Quota, ticks: &Ticks) -> Limiter<K> {
    let per_second = governor::Quota::per_second(quota.rate).allow_burst(quota.burst);
    RateLimiter::new(per_second, HashMapStateStore::default(), ticks.clone())
}

/// Time that only goes on: a clock that is put back makes nobody wait for the hour that it was put back by.
#[derive(Clone)]
struct Ticks(Arc<Told>);

struct Told {
    now: Box<dyn Fn() -> Timestamp + Send + Sync>,
    /// The time that was last told, and what has passed until then.
    last: Mutex<(Timestamp, Duration)>,
}

impl Ticks {
    fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        let begun = now();
        Self(Arc::new(Told {
            now: Box::new(now),
            last: Mutex::new((begun, Duration::ZERO)),
        }))
    }
}

impl Clock for Ticks {
    type Instant = Duration;

    fn now(&self) -> Duration {
        let now = (self.0.now)();
        let mut last = self.0.last.lock().unwrap_or_else(PoisonError::into_inner);
        let passed = u64::try_from(now.millis() - last.0.millis()).unwrap_or_default();
        *last = (now, last.1 + Duration::from_millis(passed));
        last.1
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicI64;

    use super::*;

    /// Rates over a clock that the test puts.
    fn rates(key: (u32, u32), account: (u32, u32)) -> (Rates, Arc<AtomicI64>) {
        let time = Arc::new(AtomicI64::new(1_000_000));
        let told = Arc::clone(&time);
        let quotas = Quotas {
            key: Quota::new(key.0, key.1),
            account: Quota::new(account.0, account.1),
        };
        let now = move || Timestamp::from_millis(told.load(Ordering::SeqCst));
        (Rates::new(quotas, now), time)
    }

    fn key(number: i64) -> ApiKeyId {
        ApiKeyId::at(Timestamp::from_millis(number))
    }

    fn account() -> AccountId {
        AccountId::at(Timestamp::from_millis(0))
    }

    fn points(points: u32) -> NonZeroU32 {
        NonZeroU32::new(points).expect("not 0")
    }

    #[test]
    fn a_key_has_its_burst_at_once_and_its_rate_ever_after() {
        let (rates, time) = rates((100, 200), (0, 0));
        let (key, account) = (key(1), account());
        let [left, of_account] = rates.take(key, account, points(150)).expect("enough");
        assert_eq!(left.map(|left| left.points), Some(50));
        assert_eq!(of_account, None);
        rates.take(key, account, points(50)).expect("enough");
        let spent = rates.take(key, account, points(7)).expect_err("nothing left");
        assert_eq!((spent.whose, spent.points), (Whose::Key, 7));
        assert_eq!(spent.wait, Duration::from_millis(70));
        for _ in 0..3 {
            time.fetch_add(1000, Ordering::SeqCst);
            for _ in 0..100 {
                rates.take(key, account, points(1)).expect("enough");
            }
            rates.take(key, account, points(1)).expect_err("nothing left");
        }
    }

    #[test]
    fn keys_do_not_share_and_an_account_s_keys_do() {
        let (rates, _) = rates((10, 10), (10, 15));
        let account = account();
        let (one, other) = (key(1), key(2));
        rates.take(one, account, points(10)).expect("enough");
        assert_eq!(
            rates.take(one, account, points(1)).expect_err("none").whose,
            Whose::Key
        );
        let [_, left] = rates.take(other, account, points(5)).expect("enough");
        assert_eq!(left.map(|left| left.points), Some(0));
        let spent = rates.take(other, account, points(1)).expect_err("none");
        assert_eq!(spent.whose, Whose::Account);
        rates
            .take(other, AccountId::at(Timestamp::from_millis(5)), points(1))
            .expect("another's");
    }

    #[test]
    fn what_costs_more_than_there_may_be_can_be_had_all_the_same() {
        let (rates, time) = rates((10, 20), (0, 0));
        let (key, account) = (key(1), account());
        rates.take(key, account, points(1000)).expect("all of it");
        rates.take(key, account, points(1)).expect_err("none");
        time.fetch_add(2000, Ordering::SeqCst);
        rates.take(key, account, points(1000)).expect("all of it again");
    }

    #[test]
    fn without_a_rate_there_is_any_number() {
        let (rates, _) = rates((0, 5), (0, 5));
        for _ in 0..1000 {
            assert_eq!(rates.take(key(1), account(), points(1000)), Ok([None, None]));
        }
    }

    #[test]
    fn a_clock_that_is_put_back_makes_nobody_wait() {
        let (rates, time) = rates((10, 10), (0, 0));
        let (key, account) = (key(1), account());
        rates.take(key, account, points(10)).expect("enough");
        time.fetch_sub(3_600_000, Ordering::SeqCst);
        let spent = rates.take(key, account, points(1)).expect_err("none");
        assert_eq!(spent.wait, Duration::from_millis(100));
        time.fetch_add(100, Ordering::SeqCst);
        rates.take(key, account, points(1)).expect("enough");
    }

    #[test]
    fn who_has_all_points_back_is_forgotten() {
        let (rates, time) = rates((10, 10), (0, 0));
        for number in 0..i64::from(TIDY_AFTER) * 3 {
            rates.take(key(number), account(), points(1)).expect("enough");
            time.fetch_add(1, Ordering::SeqCst);
        }
        let kept = rates.keys.as_ref().expect("keys").len();
        assert!(kept <= TIDY_AFTER as usize + 200, "{kept}");
    }
}

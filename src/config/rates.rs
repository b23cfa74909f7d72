//! How much keys and accounts may ask for in a time.

use clap::{Args, builder::RangedU64ValueParser};

use crate::rates::{Quota, Quotas};

/// The heading of these settings.
const RATES: &str = "Rate limits";

/// The most points that a setting may name.
const MOST: u64 = 1_000_000;

/// How much keys and accounts may ask for in a time. A plain request costs one point.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = RATES)]
pub struct RateConfig {
    /// Points that a key may spend each second, a plain request costs one; 0 for any number
    #[arg(
        long,
        env = "LINKHOP_KEY_RATE",
        value_name = "POINTS",
        default_value = "100",
        value_parser = RangedU64ValueParser::<u32>::new().range(..=MOST)
    )]
    pub key_rate: u32,
    /// Points that a key may spend at once after a pause
    #[arg(
        long,
        env = "LINKHOP_KEY_BURST",
        value_name = "POINTS",
        default_value = "200",
        value_parser = RangedU64ValueParser::<u32>::new().range(1..=MOST)
    )]
    pub key_burst: u32,
    /// Points that all keys of an account may spend each second; 0 for any number
    #[arg(
        long,
        env = "LINKHOP_ACCOUNT_RATE",
        value_name = "POINTS",
        default_value = "1000",
        value_parser = RangedU64ValueParser::<u32>::new().range(..=MOST)
    )]
    pub account_rate: u32,
    /// Points that all keys of an account may spend at once after a pause
    #[arg(
        long,
        env = "LINKHOP_ACCOUNT_BURST",
        value_name = "POINTS",
        default_value = "2000",
        value_parser = RangedU64ValueParser::<u32>::new().range(1..=MOST)
    )]
    pub account_burst: u32,
}

impl RateConfig {
    /// What each key and each account may ask for.
    #[must_use]
    pub fn quotas(&self) -> Quotas {
        Quotas {
            key: Quota::new(self.key_rate, self.key_burst),
            account: Quota::new(self.account_rate, self.account_burst),
        }
    }
}

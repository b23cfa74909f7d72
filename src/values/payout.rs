//! What a conversion earns.

use entity::offer::PayoutType;

/// The most digits before the decimal point.
const WHOLE_DIGITS: usize = 12;

/// The most digits behind it: no currency has more than four, rates per click are quoted to six.
const FRACTION_DIGITS: usize = 6;

/// An amount with its currency and what it is paid for: all three, since none says anything without the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Payout {
    /// A decimal number, as it was given.
    pub amount: String,
    /// Three capital letters, as in ISO 4217.
    pub currency: String,
    /// What it is paid for.
    pub of: PayoutType,
}

/// Why three values are no payout.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidPayout {
    /// The amount is no decimal number.
    #[error(
        "payout is a decimal number such as 12.50, with at most {WHOLE_DIGITS} digits before the point and \
         {FRACTION_DIGITS} behind it"
    )]
    Amount,
    /// There is a currency or a type, and no amount.
    #[error("give payout too: a currency or type says nothing without the amount")]
    NoAmount,
    /// The currency is none.
    #[error("payoutCurrency is an ISO 4217 code, three capital letters such as USD")]
    Currency,
    /// There is an amount, and no currency.
    #[error("give payoutCurrency too, such as USD")]
    NoCurrency,
    /// There is an amount, and nothing says what it is paid for.
    #[error("give payoutType too: CPA or CPC")]
    NoType,
}

impl Payout {
    /// Takes three values as a payout; `None` where there is none of them.
    ///
    /// # Errors
    /// When one of them is missing, the amount no decimal number, or the currency not of the form of one. Whether a
    /// country pays in that currency is not looked at: new ones come faster than programs are brought up to date.
    pub fn parse(
        amount: Option<&str>,
        currency: Option<&str>,
        of: Option<PayoutType>,
    ) -> Result<Option<Self>, InvalidPayout> {
        let amount = match amount {
            Some(amount) if is_decimal(amount) => amount,
            Some(_) => return Err(InvalidPayout::Amount),
            None if currency.is_some() || of.is_some() => return Err(InvalidPayout::NoAmount),
            None => return Ok(None),
        };
        let currency = currency.ok_or(InvalidPayout::NoCurrency)?;
        if currency.len() != 3 || !currency.bytes().all(|byte| byte.is_ascii_uppercase()) {
            return Err(InvalidPayout::Currency);
        }
        Ok(Some(Self {
            amount: amount.to_owned(),
            currency: currency.to_owned(),
            of: of.ok_or(InvalidPayout::NoType)?,
        }))
    }
}

fn is_decimal(text: &str) -> bool {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits =
        |text: &str, most| (1..=most).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    digits(whole, WHOLE_DIGITS) && digits(fraction, FRACTION_DIGITS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_amount_is_a_decimal_number_as_it_was_given() {
        for amount in ["0", "12.50", "007", "999999999999.999999"] {
            let payout = Payout::parse(Some(amount), Some("USD"), Some(PayoutType::Cpa));
            assert_eq!(
                payout.map(|payout| payout.map(|payout| payout.amount)),
                Ok(Some(amount.to_owned()))
            );
        }
        for amount in [
            "",
            ".",
            "1.",
            ".5",
            "-1",
            "+1",
            "1e3",
            "1,5",
            " 1",
            "１",
            "1.2.3",
            "1\0",
            "NaN",
            "1234567890123",
            "0.1234567",
        ] {
            let payout = Payout::parse(Some(amount), Some("USD"), Some(PayoutType::Cpa));
            assert_eq!(payout, Err(InvalidPayout::Amount), "{amount}");
        }
    }

    #[test]
    fn a_payout_is_whole_or_not_there() {
        let (usd, cpc) = (Some("USD"), Some(PayoutType::Cpc));
        assert_eq!(Payout::parse(None, None, None), Ok(None));
        assert_eq!(Payout::parse(None, usd, None), Err(InvalidPayout::NoAmount));
        assert_eq!(Payout::parse(None, None, cpc), Err(InvalidPayout::NoAmount));
        assert_eq!(
            Payout::parse(Some("1"), None, cpc),
            Err(InvalidPayout::NoCurrency)
        );
        assert_eq!(Payout::parse(Some("1"), usd, None), Err(InvalidPayout::NoType));
        for currency in ["", "usd", "US", "USDT", "U\0D", "€€€"] {
            assert_eq!(
                Payout::parse(Some("1"), Some(currency), cpc),
                Err(InvalidPayout::Currency),
                "{currency}"
            );
        }
    }
}

//! Texts of a lot's clicks, each kept once and called by its number.

use std::{collections::HashMap, sync::Arc};

use foldhash::fast::RandomState;
use serde_json::Value;

use crate::clicks::columns::{self, Column, PARAMETERS, TEXTS};

/// The numbers of a click's texts, in the order of [`TEXTS`]; 0 for none.
pub(super) type TextNumbers = [u32; TEXTS.len()];

/// Texts that are each kept once, however many clicks of the lot have them, and which of them clicks have together.
#[derive(Debug, Default)]
pub(super) struct Texts {
    all: Vec<Arc<str>>,
    numbers: HashMap<Arc<str>, u32, RandomState>,
    sets: Vec<TextNumbers>,
    set_numbers: HashMap<TextNumbers, u32, RandomState>,
}

impl Texts {
    /// The number of a text; 0 for none.
    pub(super) fn number(&mut self, text: Option<&str>) -> u32 {
        let Some(text) = text else { return 0 };
        if let Some(number) = self.numbers.get(text) {
            return *number;
        }
        let text: Arc<str> = text.into();
        self.all.push(Arc::clone(&text));
        let number = u32::try_from(self.all.len()).unwrap_or_default();
        self.numbers.insert(text, number);
        number
    }

    /// Numbers those parameters of a click that have columns; what is no JSON has none.
    pub(super) fn number_parameters(&mut self, parameters: &str, numbers: &mut TextNumbers) {
        let Ok(parameters) = serde_json::from_str::<Value>(parameters) else {
            return;
        };
        for (column, name) in PARAMETERS {
            self.set(numbers, column, columns::parameter(Some(&parameters), name));
        }
    }

    /// Numbers the text of a column.
    pub(super) fn set(&mut self, numbers: &mut TextNumbers, column: Column, text: Option<&str>) {
        if let Some(place) = column.text_place() {
            numbers[place] = self.number(text);
        }
    }

    /// The number of the texts that a click has together.
    ///
    /// Those with parameters are not looked for among the ones before: there may be as many as clicks, and to be found again
    /// they would have to be kept twice.
    pub(super) fn together(&mut self, numbers: TextNumbers) -> u32 {
        let has_parameters = || {
            let mut columns = PARAMETERS.iter().filter_map(|(column, _)| column.text_place());
            columns.any(|place| numbers[place] != 0)
        };
        let new = number_after(self.sets.len());
        if !has_parameters() {
            let number = *self.set_numbers.entry(numbers).or_insert(new);
            if number != new {
                return number;
            }
        }
        self.sets.push(numbers);
        new
    }

    /// The text at a place of [`TEXTS`] among those of that number.
    pub(super) fn get(&self, together: u32, place: usize) -> Option<&[u8]> {
        let text = (self.sets[together as usize][place] as usize).checked_sub(1)?;
        self.all.get(text).map(|text| text.as_bytes())
    }
}

/// The number of what is added to so many.
pub(super) fn number_after(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

//! How much stands in the arguments of a request, each list and value as often as it is used.
//!
//! A list that stands in a variable, or in a fragment, is sent once and worked on wherever it is used: fifty aliases that
//! take the same thousand elements are as much work as fifty thousand that are written out.

use std::collections::HashMap;

use async_graphql::{Name, Value, Variables};

/// How many elements the lists in a value have, those inside others too.
pub(super) fn elements(value: &Value) -> usize {
    match value {
        Value::List(list) => list.len() + list.iter().map(elements).sum::<usize>(),
        Value::Object(object) => object.values().map(elements).sum(),
        _ => 0,
    }
}

/// So many bytes of a text are as much work as a value: it is copied as often as it is used, and told in what is wrong with it.
const TEXT: usize = 64;

/// How many values a value has in it, itself too, and a long text several.
fn values(value: &Value) -> usize {
    1 + match value {
        Value::String(text) => text.len() / TEXT,
        Value::List(list) => list.iter().map(values).sum(),
        Value::Object(object) => object.values().map(values).sum(),
        _ => 0,
    }
}

/// What one operation or fragment, or a whole document, says in arguments: how many elements of lists and how many values
/// stand in it, how often it uses each variable, and what those have that are not sent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Lists {
    elements: usize,
    values: usize,
    uses: HashMap<Name, usize>,
    /// How many elements and values the default value of a variable has.
    defaults: HashMap<Name, (usize, usize)>,
}

impl Lists {
    /// Counts what stands in an argument.
    pub(super) fn note(&mut self, literal: &Value) {
        self.elements = self.elements.saturating_add(elements(literal));
        self.values = self.values.saturating_add(values(literal));
    }

    /// Counts a use of a variable.
    pub(super) fn note_use(&mut self, variable: &Name) {
        let uses = self.uses.entry(variable.clone()).or_default();
        *uses = uses.saturating_add(1);
    }

    /// Remembers a default value of a variable. Each operation can have another one: of these the largest counts.
    pub(super) fn note_default(&mut self, variable: &Name, value: &Value) {
        let known = self.defaults.entry(variable.clone()).or_default();
        *known = (known.0.max(elements(value)), known.1.max(values(value)));
    }

    /// Counts what another one says in arguments, so many times.
    pub(super) fn add(&mut self, other: &Self, times: usize) {
        self.elements = self.elements.saturating_add(other.elements.saturating_mul(times));
        self.values = self.values.saturating_add(other.values.saturating_mul(times));
        for (variable, uses) in &other.uses {
            let all = self.uses.entry(variable.clone()).or_default();
            *all = all.saturating_add(uses.saturating_mul(times));
        }
    }

    /// Forgets other variables than these, which the document has a word for each: what is remembered with it must not
    /// grow faster than it.
    pub(super) fn keep_only(&mut self, defined: impl Fn(&Name) -> bool) {
        self.uses.retain(|variable, _| defined(variable));
        self.uses.shrink_to_fit();
    }

    /// How many elements there are with those of the variables. One that is not used is read all the same.
    pub(super) fn elements_with(&self, variables: &Variables) -> usize {
        self.with(self.elements, variables, elements, |(elements, _)| elements)
    }

    /// How many values there are with those of the variables.
    pub(super) fn values_with(&self, variables: &Variables) -> usize {
        self.with(self.values, variables, values, |(_, values)| values)
    }

    fn with(
        &self,
        own: usize,
        variables: &Variables,
        count: impl Fn(&Value) -> usize,
        of_default: impl Fn((usize, usize)) -> usize,
    ) -> usize {
        let times = |name, count: usize| {
            let uses: usize = self.uses.get(name).copied().unwrap_or_default();
            count.saturating_mul(uses.max(1))
        };
        let sent = variables.iter().map(|(name, value)| times(name, count(value)));
        let defaults = self.defaults.iter();
        let left_out = defaults.filter(|(name, _)| !variables.contains_key(*name));
        let left_out = left_out.map(|(name, counts)| times(name, of_default(*counts)));
        sent.chain(left_out).fold(own, usize::saturating_add)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn elements_of_all_lists_are_counted_wherever_they_stand() {
        for (value, in_lists, all) in [
            (json!(1), 0, 1),
            (json!("x".repeat(63)), 0, 1),
            (json!("x".repeat(640)), 0, 11),
            (json!([]), 0, 1),
            (json!([1, 2, 3]), 3, 4),
            (json!({"items": [{"a": [1]}, {"a": 2}]}), 3, 7),
            (json!([[1, 2], [3]]), 5, 6),
        ] {
            let value = Value::from_json(value).expect("a value");
            assert_eq!((elements(&value), values(&value)), (in_lists, all), "{value}");
        }
    }

    #[test]
    fn each_use_of_a_variable_counts_and_one_that_is_not_used_counts_once() {
        let (a, b) = (Name::new("a"), Name::new("b"));
        let mut fragment = Lists::default();
        fragment.note_use(&a);
        fragment.note_use(&a);
        fragment.note(&Value::from_json(json!([1, 2])).expect("a value"));
        let mut lists = Lists::default();
        lists.note_use(&a);
        lists.note_use(&b);
        lists.add(&fragment, 10);
        let variables = Variables::from_json(json!({"a": [1, 2, 3], "b": {"c": [1]}, "d": [1, 2]}));
        assert_eq!(lists.elements_with(&variables), 10 * 2 + 21 * 3 + 1 + 2);
        assert_eq!(lists.values_with(&variables), 10 * 3 + 21 * 4 + 3 + 3);
        lists.keep_only(|name| *name == b);
        assert_eq!(lists.elements_with(&variables), 10 * 2 + 3 + 1 + 2);
        lists.add(&lists.clone(), usize::MAX);
        assert_eq!(lists.elements_with(&variables), usize::MAX);
    }

    #[test]
    fn a_variable_that_is_not_sent_has_its_largest_default_value() {
        let a = Name::new("a");
        let mut lists = Lists::default();
        lists.note_use(&a);
        lists.note_use(&a);
        for default in [json!([1, 2]), json!([1, 2, 3]), json!(null)] {
            lists.note_default(&a, &Value::from_json(default).expect("a value"));
        }
        for (sent, in_lists, all) in [
            (json!({}), 2 * 3, 2 * 4),
            (json!({"a": null}), 0, 2),
            (json!({"b": [1]}), 2 * 3 + 1, 2 * 4 + 2),
        ] {
            let variables = Variables::from_json(sent);
            assert_eq!(lists.elements_with(&variables), in_lists);
            assert_eq!(lists.values_with(&variables), all);
        }
    }
}

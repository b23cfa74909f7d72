//! What the links of a batch cost beside what one of them does.
//!
//! A batch costs its selection and not its rows: what a link says of itself is at hand, and what links share is read once
//! for all of them. But a field that has a price of its own, a page of clicks above all, is a piece of work for each link.
//! Such fields cost what they cost once for every ten links of the call, as they do below the rows of a list. The library
//! counts them once, and can't know how many links there are: the rest is counted here.

use std::convert::Infallible;

use async_graphql::{
    InputType as _, Value, Variables,
    parser::types::{ExecutableDocument, Field, OperationDefinition, OperationType, Selection, SelectionSet},
    registry::{MetaField, MetaTypeName, Registry},
};

use super::{
    connection::cost,
    qr_code::{self, QrFormat},
    short_link::CLICKS,
    sms::SMS,
    usage::USAGE,
    variables::{stand_in, variable},
};

/// The mutation that makes many links.
const MANY_LINKS: &str = "createShortLinks";

/// Points of complexity that an operation has beyond those that the library counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Beyond(pub usize);

/// Counts them, in a document whose limits were checked: they keep this from going deep, and from following many spreads.
pub(super) fn beyond_one_link(
    registry: &Registry,
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    variables: &Variables,
) -> Beyond {
    let (OperationType::Mutation, Some(root)) = (operation.ty, &registry.mutation_type) else {
        return Beyond(0);
    };
    let batch = Batch {
        registry,
        document,
        variables,
    };
    let calls = batch.fields(root, &operation.selection_set.node);
    let calls = calls
        .into_iter()
        .filter(|asked| asked.field.name.node == MANY_LINKS);
    let beyond = calls.map(|call| {
        let further = batch.links(call.field).div_ceil(10).saturating_sub(1);
        batch.costly(call).saturating_mul(further)
    });
    Beyond(beyond.fold(0, usize::saturating_add))
}

struct Batch<'a> {
    registry: &'a Registry,
    document: &'a ExecutableDocument,
    variables: &'a Variables,
}

/// A field that is asked for, and what the schema says of it.
#[derive(Clone, Copy)]
struct Asked<'a> {
    field: &'a Field,
    known: &'a MetaField,
}

impl<'a> Batch<'a> {
    /// The fields that are asked for of a type, those of fragments too.
    fn fields(&self, of: &'a str, set: &'a SelectionSet) -> Vec<Asked<'a>> {
        let mut fields = Vec::new();
        let mut open = vec![(of, set)];
        while let Some((of, set)) = open.pop() {
            for item in &set.items {
                match &item.node {
                    Selection::Field(field) => {
                        let field = &field.node;
                        let of = self.registry.types.get(of);
                        // What there is not is refused by the library.
                        let known = of.and_then(|of| of.field_by_name(&field.name.node));
                        fields.extend(known.map(|known| Asked { field, known }));
                    }
                    Selection::InlineFragment(fragment) => {
                        let fragment = &fragment.node;
                        let on = fragment.type_condition.as_ref();
                        let on = on.map_or(of, |on| on.node.on.node.as_str());
                        open.push((on, &fragment.selection_set.node));
                    }
                    Selection::FragmentSpread(spread) => {
                        let fragment = self.document.fragments.get(&spread.node.fragment_name.node);
                        open.extend(fragment.map(|fragment| {
                            let fragment = &fragment.node;
                            let on = fragment.type_condition.node.on.node.as_str();
                            (on, &fragment.selection_set.node)
                        }));
                    }
                }
            }
        }
        fields
    }

    /// The fields below one.
    fn below(&self, Asked { field, known }: Asked<'a>) -> Vec<Asked<'a>> {
        let of = MetaTypeName::concrete_typename(&known.ty);
        self.fields(of, &field.selection_set.node)
    }

    /// What the fields below one cost that have a price of their own.
    fn costly(&self, asked: Asked<'a>) -> usize {
        let below = self.below(asked).into_iter().map(|asked| {
            if asked.known.compute_complexity.is_some() {
                self.points(asked)
            } else {
                self.costly(asked)
            }
        });
        below.fold(0, usize::saturating_add)
    }

    /// What a field costs with those below it, as the library counts it.
    fn points(&self, asked: Asked<'a>) -> usize {
        let below = self.below(asked).into_iter().map(|below| self.points(below));
        let below = below.fold(0, usize::saturating_add);
        if asked.known.compute_complexity.is_none() {
            below.saturating_add(1)
        } else if asked.known.args.contains_key("first") {
            let page = cost(self.number(asked, "first"), self.number(asked, "last"), below);
            page.saturating_add(CLICKS)
        } else {
            let own = match asked.known.name.as_str() {
                "qrCode" => qr_code::cost(self.format(asked), self.number(asked, "size")),
                "sms" => SMS,
                _ => USAGE,
            };
            below.saturating_add(own)
        }
    }

    /// How many links a call makes; a list of one may be written without brackets.
    fn links(&self, call: &Field) -> usize {
        let input = argument(call, "input");
        let items = match self.value(&input) {
            Value::Object(input) => input.get("items").map(|items| self.value(items)),
            _ => None,
        };
        match items {
            Some(Value::List(items)) => items.len(),
            Some(_) => 1,
            None => 0,
        }
    }

    fn number(&self, asked: Asked<'_>, name: &str) -> Option<i32> {
        match self.value(&argument(asked.field, name)) {
            Value::Number(number) => i32::try_from(number.as_i64()?).ok(),
            _ => None,
        }
    }

    fn format(&self, asked: Asked<'_>) -> Option<QrFormat> {
        QrFormat::parse(Some(self.value(&argument(asked.field, "format")).clone())).ok()
    }

    /// A value, or what the variable has that it is.
    fn value<'v>(&'v self, value: &'v Value) -> &'v Value {
        match variable(value) {
            Some(name) => self.variables.get(name).unwrap_or(&Value::Null),
            None => value,
        }
    }
}

/// An argument as it stands in the document; null where it does not.
fn argument(field: &Field, name: &str) -> Value {
    let value = field.get_argument(name).map(|value| value.node.clone());
    let value = value.map(|value| value.into_const_with(|name| Ok::<_, Infallible>(stand_in(&name))));
    match value {
        Some(Ok(value)) => value,
        None => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use std::{
        collections::{BTreeSet, HashSet},
        sync::Arc,
    };

    use async_graphql::{
        Response,
        extensions::{Extension, ExtensionContext, ExtensionFactory, NextRequest},
        parser::parse_query,
    };
    use serde_json::json;

    use super::*;

    /// Looks at a schema, which shows what it knows to extensions alone.
    struct Look(fn(&Registry));

    impl ExtensionFactory for Look {
        fn create(&self) -> Arc<dyn Extension> {
            Arc::new(Self(self.0))
        }
    }

    #[async_graphql::async_trait::async_trait]
    impl Extension for Look {
        async fn request(&self, context: &ExtensionContext<'_>, next: NextRequest<'_>) -> Response {
            (self.0)(&context.schema_env.registry);
            next.run(context).await
        }
    }

    async fn look(at: fn(&Registry)) {
        let schema = crate::graphql::builder().extension(Look(at)).finish();
        let answer = schema.execute("{ __typename }").await;
        assert!(answer.errors.is_empty(), "{answer:?}");
    }

    fn beyond(registry: &Registry, query: &str, variables: serde_json::Value) -> usize {
        let document = parse_query(query).expect("it parses");
        let (_, operation) = document.operations.iter().next().expect("an operation");
        let variables = Variables::from_json(variables);
        beyond_one_link(registry, &document, &operation.node, &variables).0
    }

    #[tokio::test]
    async fn what_has_a_price_below_a_link_is_known() {
        look(|registry| {
            let mut seen = HashSet::new();
            let mut open = vec!["CreateShortLinksResult"];
            let mut priced = BTreeSet::new();
            while let Some(name) = open.pop() {
                let ty = &registry.types[name];
                for member in ty.possible_types().into_iter().flatten() {
                    if seen.insert(member.as_str()) {
                        open.push(member);
                    }
                }
                for field in ty.fields().into_iter().flatten().map(|(_, field)| field) {
                    if field.compute_complexity.is_some() {
                        priced.insert(format!("{name}.{}", field.name));
                    }
                    let of = MetaTypeName::concrete_typename(&field.ty);
                    if registry.types.contains_key(of) && seen.insert(of) {
                        open.push(of);
                    }
                }
            }
            let known = [
                "Domain.usage",
                "Offer.usage",
                "SendingList.usage",
                "ShortLink.clicks",
                "ShortLink.qrCode",
                "ShortLink.sms",
            ];
            // What costs more than a point below a link is counted by `points`: say there how much.
            assert_eq!(priced, BTreeSet::from(known.map(str::to_owned)));
        })
        .await;
    }

    #[tokio::test]
    async fn only_what_has_a_price_costs_more_with_more_links() {
        look(|registry| {
            let call = |selection: &str| {
                format!(
                    "mutation M($input: CreateShortLinksInput!, $rows: Int) {{ createShortLinks(input: $input) {{ \
                     ... on CreateShortLinksSuccess {{ created results {{ __typename ...Of }} }} }} }} \
                     fragment Of on CreateShortLinkSuccess {{ linkId shortLink {{ id domain {{ host }} {selection} }} }}"
                )
            };
            let plain = call("stats { clicks } offer { id name }");
            let clicks = call("clicks(first: $rows) { nodes { id isUnique } }");
            let usage = call("offer { usage { activeLinks } }");
            let png = call("qrCode(format: PNG, size: 2048) { base64 }");
            let sms = call("sms(body: \"Sale\") { segments }");
            for (query, links, rows, expected) in [
                (&plain, 1000, 20, 0),
                (&clicks, 10, 20, 0),
                (&clicks, 11, 20, 50 + 5 + 2 * 3),
                (&clicks, 1000, 100, 99 * (50 + 5 + 10 * 3)),
                (&usage, 30, 20, 2 * 51),
                (&png, 20, 20, 1021),
                (&sms, 20, 20, 6),
            ] {
                let variables = json!({"input": {"items": vec![json!({}); links]}, "rows": rows});
                assert_eq!(beyond(registry, query, variables), expected, "{query} {links}");
            }
        })
        .await;
    }

    #[tokio::test]
    async fn links_are_counted_wherever_they_stand() {
        look(|registry| {
            let below = "{ ...on CreateShortLinksSuccess { results { ...on CreateShortLinkSuccess { \
                shortLink { clicks(first: 1) { totalCount } } } } } }";
            let items = vec!["{}"; 20].join(",");
            let many = vec![json!({}); 20];
            let one_more = 50 + 5 + 1;
            for (definition, input, variables, expected) in [
                ("", format!("{{items: [{items}]}}"), json!({}), one_more),
                ("", format!("{{items: [{items},{{}}]}}"), json!({}), 2 * one_more),
                (
                    "($items: X)",
                    "{items: $items}".to_owned(),
                    json!({"items": many}),
                    one_more,
                ),
                (
                    "($input: X)",
                    "$input".to_owned(),
                    json!({"input": {"items": many}}),
                    one_more,
                ),
                ("", "{items: {}}".to_owned(), json!({}), 0),
                ("($items: X)", "{items: $items}".to_owned(), json!({}), 0),
            ] {
                let query =
                    format!("mutation M{definition} {{ a: createShortLinks(input: {input}) {below} }}");
                assert_eq!(beyond(registry, &query, variables.clone()), expected, "{query}");
                // Each call counts.
                let twice = format!(
                    "mutation M{definition} {{ ...F b: createShortLinks(input: {input}) {below} }} \
                     fragment F on Mutation {{ createShortLinks(input: {input}) {below} }}"
                );
                assert_eq!(beyond(registry, &twice, variables), 2 * expected, "{twice}");
            }
        })
        .await;
    }
}

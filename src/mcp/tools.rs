//! The tools that there are.

use std::sync::Arc;

use rmcp::model::{Tool as Listed, ToolAnnotations};
use serde_json::{Map, Value};

use super::arguments::{SchemaError, Types};

/// The text of an operation.
macro_rules! operation {
    ($name:literal) => {
        include_str!(concat!("../../operations/", $name, ".graphql"))
    };
}

/// A tool, and the operation that it is.
struct Definition {
    name: &'static str,
    title: &'static str,
    /// What it does and when to use it, for an agent that chooses.
    description: &'static str,
    operation: &'static str,
    /// Whether the arguments are the fields of the operation's one variable `input`, not its variables.
    takes_input: bool,
    /// An argument that, where it is given, makes it another operation.
    other: Option<(&'static str, &'static str)>,
    /// Whether it changes nothing.
    is_read_only: bool,
}

const TOOLS: [Definition; 6] = [
    Definition {
        name: "create_short_link",
        title: "Create a short link",
        description: "Makes one trackable short link that can be put into a text message, and answers its shortUrl. Give \
            `url`, or the `offerId` of an offer from list_offers, and the `listId` of the sending list that the message \
            goes out from, from list_sending_lists. Each call makes another link: give an `idempotencyKey`, and the same \
            one when you repeat a call. For more than a few links use create_short_links.",
        operation: operation!("CreateShortLink"),
        takes_input: true,
        other: None,
        is_read_only: false,
    },
    Definition {
        name: "create_short_links",
        title: "Create many short links",
        description: "Makes up to 1,000 short links by one call, such as one for each recipient of a campaign. What all \
            have in common stands in `defaults`: listId, and url or offerId; each of `items` says what is its own, such as \
            contactPhone and metadata. Each link succeeds or fails by itself: `results` has one answer an item, in their \
            order. Always give an `idempotencyKey`: the same call with the same key makes only what is missing.",
        operation: operation!("CreateShortLinks"),
        takes_input: false,
        other: None,
        is_read_only: false,
    },
    Definition {
        name: "find_short_links",
        title: "Find short links",
        description: "Finds short links of the account: one by its `shortUrl`, which is then given alone, or those that \
            pass `filter`, newest first, `first` (1 to 100) at a time. For the next page give `endCursor` as `after`, with \
            the same filter, while `hasNextPage` is true. The `id` of a link is what click_report takes as shortLinkId.",
        operation: operation!("ListShortLinks"),
        takes_input: false,
        other: Some(("shortUrl", operation!("FindShortLink"))),
        is_read_only: true,
    },
    Definition {
        name: "click_report",
        title: "Count clicks",
        description: "Counts clicks, of people, of bots and unique ones apart: in all; by up to two things (`groupBy`) such \
            as offer, list, country or a key of the links' metadata; by hour, day, week or month (`interval`) of a \
            `timezone`; of a period (`filter.from`, `filter.before`), a link (`filter.shortLinkId`), an offer or a list. \
            `rows` has the groups, most clicks first unless `orderBy` says otherwise, `first` of them; `rest` is what those \
            that are left out have together. Judge a campaign by humanClicks: previews and scanners are bots.",
        operation: operation!("ClickReport"),
        takes_input: false,
        other: None,
        is_read_only: true,
    },
    Definition {
        name: "list_offers",
        title: "List offers",
        description: "Lists the offers of the account's catalogue, newest first, `first` (1 to 100) at a time: what links can \
            lead to. Use it to find the `id` that create_short_link takes as offerId; only an ACTIVE offer can be linked \
            to. For the next page give `endCursor` as `after` while `hasNextPage` is true.",
        operation: operation!("ListOffers"),
        takes_input: false,
        other: None,
        is_read_only: true,
    },
    Definition {
        name: "list_sending_lists",
        title: "List sending lists",
        description: "Lists the account's sending lists, newest first, `first` (1 to 100) at a time: the numbers that text \
            messages go out from, each with its brand and the domain of its links. Use it to find the `listId` that \
            create_short_link takes; list and domain must be ACTIVE. For the next page give `endCursor` as `after` while \
            `hasNextPage` is true.",
        operation: operation!("ListSendingLists"),
        takes_input: false,
        other: None,
        is_read_only: true,
    },
];

/// A tool that is ready to be listed and called.
#[derive(Debug)]
pub(super) struct Tool {
    /// As clients see it.
    pub(super) listed: Listed,
    operation: &'static str,
    takes_input: bool,
    other: Option<(&'static str, &'static str)>,
}

/// All tools.
#[derive(Debug)]
pub struct Tools(Vec<Tool>);

impl Tools {
    /// The tools over the schema that `sdl` describes.
    ///
    /// # Errors
    /// When it has not what they ask for.
    pub fn of(sdl: &str) -> Result<Self, SchemaError> {
        let types = Types::parse(sdl)?;
        let tools = TOOLS.iter().map(|defined| defined.over(&types));
        Ok(Self(tools.collect::<Result<_, _>>()?))
    }

    /// The tool with this name.
    pub(super) fn named(&self, name: &str) -> Option<&Tool> {
        self.0.iter().find(|tool| tool.listed.name == name)
    }

    /// All of them as clients see them.
    pub(super) fn listed(&self) -> Vec<Listed> {
        self.0.iter().map(|tool| tool.listed.clone()).collect()
    }
}

impl Definition {
    fn over(&self, types: &Types) -> Result<Tool, SchemaError> {
        let mut schema = types.of_operation(self.operation)?;
        if self.takes_input
            && let Some(input) = schema["properties"]["input"].as_object().cloned()
        {
            schema = input;
        }
        if let Some((_, operation)) = self.other {
            let mut other = types.of_operation(operation)?;
            if let (Some(all), Some(more)) = (
                schema["properties"].as_object_mut(),
                other["properties"].as_object_mut(),
            ) {
                all.append(more);
            }
        }
        let annotations = ToolAnnotations::with_title(self.title)
            .read_only(self.is_read_only)
            // Nothing that is there is changed; and with its key a call is only carried out once, but not without.
            .destructive(false)
            .idempotent(self.is_read_only)
            .open_world(false);
        Ok(Tool {
            listed: Listed::new(self.name, self.description, Arc::new(schema))
                .with_title(self.title)
                .with_annotations(annotations),
            operation: self.operation,
            takes_input: self.takes_input,
            other: self.other,
        })
    }
}

impl Tool {
    /// The operation that a call is, with its variables.
    ///
    /// # Errors
    /// With what to change, where an argument is none of the tool's: GraphQL would pass over it, and the caller would
    /// be answered something else than they asked for.
    pub(super) fn operation(
        &self,
        arguments: Map<String, Value>,
    ) -> Result<(&'static str, Map<String, Value>), String> {
        let known = self.listed.input_schema["properties"].as_object();
        let known: Vec<_> = known
            .into_iter()
            .flat_map(Map::keys)
            .map(String::as_str)
            .collect();
        if let Some(unknown) = arguments.keys().find(|name| !known.contains(&name.as_str())) {
            return Err(format!(
                "There is no argument {unknown}; give only those that there are: {}.",
                known.join(", ")
            ));
        }
        match self.other {
            Some((name, operation)) if arguments.get(name).is_some_and(|it| !it.is_null()) => {
                if arguments
                    .iter()
                    .any(|(other, value)| other != name && !value.is_null())
                {
                    return Err(format!("Give {name} alone, or leave it out."));
                }
                Ok((operation, arguments))
            }
            _ if self.takes_input => {
                let input = Map::from_iter([("input".to_owned(), arguments.into())]);
                Ok((self.operation, input))
            }
            _ => Ok((self.operation, arguments)),
        }
    }
}

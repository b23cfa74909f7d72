//! Parsed documents, remembered by their text.
//!
//! Clients send the same few documents over and over, and parsing one is most of what a small mutation costs.

use std::{any::TypeId, collections::HashSet, sync::Arc};

use async_graphql::{
    Name, Request, ServerError, ServerResult, Variables,
    parser::types::{DocumentOperations, ExecutableDocument, OperationDefinition, OperationType, Selection},
    registry::Registry,
};
use moka::sync::Cache;

use super::{
    batch::beyond_one_link,
    cost::Bill,
    error::{Code, NO_KEY, ReadOnly},
    limits::{Limits, count_tokens, refusal},
    lists::Lists,
    live_click::Streaming,
    persisted::{DocumentId, Persisted, expect_id_of},
    trusted::{Own, Trusted},
    variables,
};
use crate::{accounts::Principal, traces};

/// How many documents are remembered.
const MOST: u64 = 1000;

/// The longest text that is remembered, in bytes.
const LONGEST: usize = 8 * 1024;

/// How many values the arguments of a request may have without a key, each as often as it is used in all of its document.
const VALUES_OF_NOBODY: usize = 10_000;

/// And how many with one. A thousand links of a call have some ten thousand.
const VALUES: usize = 1_000_000;

/// What a parsed document takes up in memory for each token of its text, at most. A field can be a token of one letter.
const TOKEN_BYTES: usize = 256;

/// What all documents may take up in memory together, whatever texts are sent: 16 KiB each if there are [`MOST`].
const BYTES: u64 = MOST * ENTRY_BYTES as u64;

/// The least that one counts as, so that there are no more than [`MOST`].
const ENTRY_BYTES: u32 = 16 * 1024;

/// Parses documents within limits, and remembers those that passed them.
///
/// What is remembered depends on the text alone, and on all of it: nobody's document is ever taken for another's, and
/// each is checked and executed as if it had just been parsed. Whoever sends a new text each time gets no more memory
/// than [`BYTES`], and does not drive out what is asked for often.
///
/// It hands the library what it parsed: the library's own parsing step follows every spread before anybody could
/// count them.
#[derive(Clone)]
pub(super) struct Documents {
    limits: Limits,
    known: Cache<String, Arc<Checked>>,
    persisted: Persisted,
    trusted: Option<Arc<Trusted>>,
}

/// A document that passed the limits.
#[derive(Clone)]
struct Checked {
    document: ExecutableDocument,
    /// What all of it says in arguments.
    lists: Arc<Lists>,
}

impl Documents {
    /// Remembers nothing yet. With `trusted` documents no others pass.
    pub(super) fn new(limits: Limits, trusted: Option<Arc<Trusted>>) -> Self {
        let known = Cache::builder()
            .weigher(|query: &String, _| weight(query))
            .max_capacity(BYTES)
            .build();
        Self {
            limits,
            known,
            persisted: Persisted::new(),
            trusted,
        }
    }

    /// Reads a request's document, and checks it with its variables before anything is executed.
    ///
    /// # Errors
    /// For what is wrong first: with the document, with what it asks for in this way, or with a value.
    pub(super) fn prepare(&self, registry: &Registry, mut request: Request) -> ServerResult<Request> {
        let Checked { document, lists } = self.asked_for(registry, &mut request)?;
        let operation = selected(&document, request.operation_name.as_deref());
        if let Some((name, operation)) = operation {
            traces::name_operation(kind_of(operation), name.map(Name::as_str));
            let is_read_only = request.data.contains_key(&TypeId::of::<ReadOnly>());
            if is_read_only && operation.ty == OperationType::Mutation {
                return Err(would_change());
            }
            if operation.ty == OperationType::Subscription {
                check_subscription(operation, request.data.contains_key(&TypeId::of::<Streaming>()))?;
            }
            variables::check(registry, &document, operation, &request.variables)?;
        }
        keep_defined(&mut request.variables, &document);
        if let Some((_, operation)) = operation {
            add_defaults(&mut request.variables, operation);
        }
        // Of all operations, and also where there is none to execute: the library looks for it last.
        let values = lists.values_with(&request.variables);
        if !request.data.contains_key(&TypeId::of::<Arc<Principal>>()) {
            check_of_nobody(values)?;
        }
        check_values(values)?;
        if let Some(bill) = Bill::of(&request) {
            bill.note_elements(lists.elements_with(&request.variables));
        }
        if let Some((_, operation)) = operation {
            let beyond = beyond_one_link(registry, &document, operation, &request.variables);
            request.data.insert(beyond);
        }
        request.set_parsed_query(document);
        Ok(request)
    }

    /// The document that a request asks for, by its text or by its id.
    ///
    /// # Errors
    /// Where it is not known by that id, is not trusted, or is no document that can be run.
    fn asked_for(&self, registry: &Registry, request: &mut Request) -> ServerResult<Checked> {
        let id = DocumentId::asked_for(request);
        let is_own = request.data.contains_key(&TypeId::of::<Own>());
        if let Some(trusted) = self.trusted.as_ref().filter(|_| !is_own) {
            request.query = trusted.text(id, &request.query)?.to_string();
            return self.parse(registry, &request.query);
        }
        let Some(id) = id else {
            return self.parse(registry, &request.query);
        };
        if request.query.is_empty() {
            request.query = self.persisted.text(id)?.to_string();
            return self.parse(registry, &request.query);
        }
        expect_id_of(&request.query, id)?;
        let checked = self.parse(registry, &request.query)?;
        self.persisted.keep(id, &request.query);
        Ok(checked)
    }

    /// What was checked once is remembered with the document, and not checked again.
    fn parse(&self, registry: &Registry, query: &str) -> ServerResult<Checked> {
        if let Some(checked) = self.known.get(query) {
            return Ok(Checked::clone(&checked));
        }
        let document = self.limits.parse(query)?;
        let lists = Arc::new(variables::check_document(registry, &document)?);
        let checked = Checked { document, lists };
        if query.len() <= LONGEST {
            self.known.insert(query.to_owned(), Arc::new(checked.clone()));
        }
        Ok(checked)
    }
}

fn weight(query: &str) -> u32 {
    let bytes = query.len() + count_tokens(query) * TOKEN_BYTES;
    u32::try_from(bytes).unwrap_or(u32::MAX).max(ENTRY_BYTES)
}

/// The operation that would be executed, and its name; `None` where the library will say that there is none.
fn selected<'a>(
    document: &'a ExecutableDocument,
    name: Option<&str>,
) -> Option<(Option<&'a Name>, &'a OperationDefinition)> {
    let (name, operation) = match (&document.operations, name) {
        (DocumentOperations::Single(operation), None) => (None, operation),
        (DocumentOperations::Single(_), Some(_)) => return None,
        (DocumentOperations::Multiple(operations), Some(name)) => {
            let (name, operation) = operations.get_key_value(name)?;
            (Some(name), operation)
        }
        (DocumentOperations::Multiple(operations), None) => {
            let (name, operation) = operations.iter().next().filter(|_| operations.len() == 1)?;
            (Some(name), operation)
        }
    };
    Some((name, &operation.node))
}

/// The kind of an operation, in the words of its document.
const fn kind_of(operation: &OperationDefinition) -> &'static str {
    match operation.ty {
        OperationType::Query => "query",
        OperationType::Mutation => "mutation",
        OperationType::Subscription => "subscription",
    }
}

/// Drops the variables that no operation of the document defines: nothing reads them, and a subscription would keep them
/// for as long as it is open. Those of other operations stay, since the library looks at all of these.
fn keep_defined(variables: &mut Variables, document: &ExecutableDocument) {
    let operations = document.operations.iter();
    let definitions = operations.flat_map(|(_, operation)| &operation.node.variable_definitions);
    let defined: HashSet<_> = definitions.map(|definition| &definition.node.name.node).collect();
    variables.retain(|name, _| defined.contains(name));
}

/// Adds the default values of what is not given: the library passes over those in @skip and @include.
fn add_defaults(variables: &mut Variables, operation: &OperationDefinition) {
    for definition in &operation.variable_definitions {
        let definition = &definition.node;
        if let Some(default) = &definition.default_value {
            variables
                .entry(definition.name.node.clone())
                .or_insert_with(|| default.node.clone());
        }
    }
}

fn would_change() -> ServerError {
    let mut error = refusal(Code::BadRequest, "This request may change nothing.");
    error.source = Some(Arc::new(ReadOnly));
    error
}

/// Lets a request without a key pass whose arguments are soon read. Each field says that it needs one, but only once the
/// library has checked its arguments and read them, and nobody pays for that.
///
/// # Errors
/// `UNAUTHENTICATED` for more than [`VALUES_OF_NOBODY`].
fn check_of_nobody(values: usize) -> ServerResult<()> {
    if values <= VALUES_OF_NOBODY {
        return Ok(());
    }
    let message = format!(
        "Without an API key the arguments of all of a document may have {VALUES_OF_NOBODY} values, those of a variable \
         each time that it is used and a long text several; these have {values}. {NO_KEY}"
    );
    Err(refusal(Code::Unauthenticated, message))
}

/// Lets a request pass whose arguments the library can check in bounded time and memory: what is wrong with a value is told
/// each time that it is used, with the value in it.
///
/// # Errors
/// `QUERY_TOO_COMPLEX` for more than [`VALUES`].
fn check_values(values: usize) -> ServerResult<()> {
    if values <= VALUES {
        return Ok(());
    }
    let message = format!(
        "The arguments of all of a document may have {VALUES} values, those of a variable each time that it is used and a text \
         one for every 64 bytes; these have {values}. Use large variables less often, or send several requests."
    );
    Err(refusal(Code::QueryTooComplex, message))
}

/// Lets a subscription pass that can be answered.
///
/// # Errors
/// `BAD_REQUEST` where the caller does not take a stream; and for more than one field, which the specification forbids, or
/// for a fragment, which the library passes over.
fn check_subscription(operation: &OperationDefinition, is_streamed: bool) -> ServerResult<()> {
    if !is_streamed {
        let message = "A subscription is answered by a stream: send it to this address with the header Accept: \
            text/event-stream, or over a WebSocket with the subprotocol graphql-transport-ws.";
        return Err(refusal(Code::BadRequest, message));
    }
    match operation.selection_set.node.items.as_slice() {
        [only] if matches!(&only.node, Selection::Field(field) if field.node.directives.is_empty()) => Ok(()),
        _ => {
            let message = "A subscription has one field, written out and without directives; subscribe several times \
                for several.";
            Err(refusal(Code::BadRequest, message))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::mem::size_of;

    use async_graphql::Positioned;

    use super::*;

    impl Documents {
        /// How many are remembered, and what they count as.
        fn remembered(&self) -> (u64, u64) {
            self.known.run_pending_tasks();
            (self.known.entry_count(), self.known.weighted_size())
        }
    }

    /// Parses for a schema of nothing.
    fn parse(documents: &Documents, query: &str) -> ServerResult<ExecutableDocument> {
        let checked = documents.parse(&Registry::default(), query)?;
        Ok(checked.document)
    }

    fn documents() -> Documents {
        Documents::new(Limits::default(), None)
    }

    #[test]
    fn a_document_is_remembered_by_all_of_its_text() {
        let documents = documents();
        for query in ["{ a }", "{ a } ", "{ b }", "mutation M { b }"] {
            let parsed = format!("{:?}", parse(&documents, query).expect("it parses"));
            assert_eq!(format!("{:?}", parse(&documents, query).expect("known")), parsed);
            assert_eq!(
                parsed,
                format!("{:?}", Limits::default().parse(query).expect("it parses"))
            );
        }
        assert_eq!(documents.remembered().0, 4);
    }

    #[test]
    fn no_more_than_a_thousand_documents_are_remembered() {
        let documents = documents();
        for number in 0..3000 {
            parse(&documents, &format!("{{ field{number} }}")).expect("it parses");
        }
        let (count, bytes) = documents.remembered();
        assert!((500..=MOST).contains(&count), "{count}");
        assert!(bytes <= BYTES, "{bytes}");
    }

    #[test]
    fn texts_that_take_up_the_most_memory_take_up_no_more_than_others_together() {
        let documents = documents();
        for number in 1000..1100 {
            let query = format!("{{ a{number} {}}}", "a ".repeat(4000));
            parse(&documents, &query).expect("it parses");
        }
        let (count, bytes) = documents.remembered();
        assert!((1..=16).contains(&count), "{count}");
        assert!(bytes <= BYTES, "{bytes}");
    }

    #[test]
    fn a_field_takes_up_no_more_memory_than_is_counted_for_a_token() {
        // Its name is a text of its own: two counters, a letter, and what the allocator adds.
        let bytes = size_of::<Positioned<Selection>>() + 40;
        assert!(bytes <= TOKEN_BYTES, "{bytes}");
    }

    #[test]
    fn long_texts_are_not_remembered() {
        let documents = documents();
        for (length, remembered) in [(LONGEST + 1, 0), (LONGEST, 1)] {
            let query = format!("{:length$}", "{ a }");
            parse(&documents, &query).expect("it parses");
            assert_eq!(documents.remembered().0, remembered, "{length}");
        }
    }

    #[test]
    fn what_is_refused_is_not_remembered() {
        let documents = documents();
        for query in ["{", "{ ...A } fragment A on Query { ...A }", "{ a(b: \"", ""] {
            for _ in 0..2 {
                assert!(parse(&documents, query).is_err(), "{query}");
            }
        }
        assert_eq!(documents.remembered().0, 0);
    }

    #[test]
    fn what_is_asked_for_often_outlasts_a_flood_of_other_texts() {
        let documents = documents();
        let query = "{ often }";
        for number in 0..3000 {
            parse(&documents, query).expect("it parses");
            parse(&documents, &format!("{{ flood{number} }}")).expect("it parses");
        }
        documents.known.run_pending_tasks();
        assert!(documents.known.contains_key(query));
    }

    #[test]
    fn variables_that_no_operation_defines_are_dropped() {
        let document =
            parse(&documents(), "query A($a: Int) { a } query B($b: Int) { b }").expect("it parses");
        let mut variables = Variables::from_json(serde_json::json!({"a": 1, "b": 2, "c": 3}));
        keep_defined(&mut variables, &document);
        assert_eq!(
            variables,
            Variables::from_json(serde_json::json!({"a": 1, "b": 2}))
        );
    }

    #[test]
    fn what_would_be_executed_is_what_the_name_says_or_all_that_there_is() {
        let several = "query Q { a } mutation M { b }";
        for (query, name, is_mutation) in [
            ("{ a }", None, Some(false)),
            ("{ a }", Some("Q"), None),
            ("mutation { a }", None, Some(true)),
            ("mutation M { a }", None, Some(true)),
            ("mutation M { a }", Some("M"), Some(true)),
            ("mutation M { a }", Some("Q"), None),
            (several, Some("Q"), Some(false)),
            (several, Some("M"), Some(true)),
            (several, None, None),
        ] {
            let document = parse(&documents(), query).expect("it parses");
            let operation = selected(&document, name);
            let found = operation.map(|(_, operation)| operation.ty == OperationType::Mutation);
            assert_eq!(found, is_mutation, "{query} {name:?}");
        }
    }
}

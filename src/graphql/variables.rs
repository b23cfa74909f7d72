//! Values, checked before anything is executed: those of variables, and those that stand in the document.
//!
//! The library checks most of them where they are used, but finds out while it executes that one is missing, that a
//! number is no `Int`, or that a text is no `DateTime`: after the mutations that stand before it have been carried out.

use std::{
    collections::{HashMap, HashSet},
    convert::Infallible,
};

use async_graphql::{
    InputType, IntrospectionMode, Name, Pos, Positioned, ServerError, ServerResult, Value, Variables,
    parser::types::{
        Directive, ExecutableDocument, Field, OperationDefinition, OperationType, Selection, SelectionSet,
        VariableDefinition,
    },
    registry::{MetaInputValue, MetaType, MetaTypeName, Registry},
};
use chrono::{DateTime, Utc};

use super::{error::Code, limits::refusal, lists::Lists};

/// The most characters of a name that is repeated in a message.
const MAX_NAME: usize = 100;

/// What whoever asks for the schema is told where it is not told.
pub const INTROSPECTION_IS_OFF: &str = "Introspection is off on this server. The schema is the file schema.graphql of this \
    version of Linkhop, and what `linkhop schema` prints; its operator can switch introspection on.";

/// Checks what depends on the document alone: the values that stand in it, and whether a variable that may be null
/// is used where none may be. Each operation and each fragment is walked once. Answers what all of them say in arguments:
/// the library checks those of each, whichever is to be executed, and before it looks whether there is one.
///
/// # Errors
/// `BAD_REQUEST` for the first that is wrong. What names things that there are not, the library refuses.
pub(super) fn check_document(registry: &Registry, document: &ExecutableDocument) -> ServerResult<Lists> {
    let fragments = fragments(registry, document)?;
    let mut lists = Lists::default();
    let (mut defined, mut spread) = (HashSet::new(), HashSet::new());
    for (_, operation) in document.operations.iter() {
        let operation = &operation.node;
        check_definitions(registry, operation)?;
        for definition in operation
            .variable_definitions
            .iter()
            .map(|definition| &definition.node)
        {
            defined.insert(&definition.name.node);
            if let Some(default) = &definition.default_value {
                lists.note_default(&definition.name.node, &default.node);
            }
        }
        let uses = of_operation(registry, operation)?;
        spread.extend(add_all(&mut lists, &uses, &fragments));
        let required = required(&uses, &fragments);
        for VariableDefinition {
            name,
            var_type,
            default_value,
            ..
        } in operation
            .variable_definitions
            .iter()
            .map(|definition| &definition.node)
        {
            let has_default = default_value
                .as_ref()
                .is_some_and(|value| value.node != Value::Null);
            if !var_type.node.nullable || has_default {
                continue;
            }
            if let Some(place) = required.get(name.node.as_str()) {
                let (name, ty) = (&name.node, &var_type.node);
                let wrong = format!(
                    "The variable ${name} may be null, but stands where a {} is required: declare it as {ty}!, or \
                     give it a default value.",
                    place.ty
                );
                return Err(at(place.at, wrong));
            }
        }
    }
    // One that no operation comes to is checked all the same.
    for (_, fragment) in fragments.iter().filter(|(name, _)| !spread.contains(*name)) {
        lists.add(&fragment.lists, 1);
    }
    lists.keep_only(|variable| defined.contains(variable));
    Ok(lists)
}

/// Adds what an operation says in arguments, with the fragments that it comes to, each as often as it does: the document's
/// limits keep that from being very often. Answers their names.
fn add_all<'a>(
    lists: &mut Lists,
    uses: &Uses<'a>,
    fragments: &HashMap<&'a str, Uses<'a>>,
) -> impl Iterator<Item = &'a str> {
    let mut times: HashMap<&str, usize> = HashMap::new();
    let mut open = uses.spreads.clone();
    while let Some(name) = open.pop() {
        *times.entry(name).or_default() += 1;
        open.extend(fragments.get(name).iter().flat_map(|fragment| &fragment.spreads));
    }
    lists.add(&uses.lists, 1);
    for (name, times) in &times {
        if let Some(fragment) = fragments.get(name) {
            lists.add(&fragment.lists, *times);
        }
    }
    times.into_keys()
}

/// Where variables are used in one definition of a document, and what other definitions it spreads.
struct Uses<'a> {
    registry: &'a Registry,
    places: Vec<Place<'a>>,
    lists: Lists,
    spreads: Vec<&'a str>,
}

/// A place where a variable stands.
struct Place<'a> {
    variable: String,
    /// The type of what is wanted there.
    ty: &'a str,
    at: Pos,
}

fn fragments<'a>(
    registry: &'a Registry,
    document: &'a ExecutableDocument,
) -> ServerResult<HashMap<&'a str, Uses<'a>>> {
    let uses = document.fragments.iter().map(|(name, fragment)| {
        let fragment = &fragment.node;
        let mut uses = Uses::new(registry);
        uses.directives(&fragment.directives)?;
        uses.selections(
            fragment.type_condition.node.on.node.as_str(),
            &fragment.selection_set.node,
        )?;
        Ok((name.as_str(), uses))
    });
    uses.collect()
}

fn of_operation<'a>(registry: &'a Registry, operation: &'a OperationDefinition) -> ServerResult<Uses<'a>> {
    let root = match operation.ty {
        OperationType::Query => registry.query_type.as_str(),
        OperationType::Mutation => registry.mutation_type.as_deref().unwrap_or_default(),
        OperationType::Subscription => registry.subscription_type.as_deref().unwrap_or_default(),
    };
    let mut uses = Uses::new(registry);
    uses.directives(&operation.directives)?;
    uses.selections(root, &operation.selection_set.node)?;
    Ok(uses)
}

/// The variables that must not be null where they stand, in an operation and the fragments that it comes to.
fn required<'a>(
    uses: &'a Uses<'a>,
    fragments: &'a HashMap<&'a str, Uses<'a>>,
) -> HashMap<&'a str, &'a Place<'a>> {
    reached(uses, fragments)
        .flat_map(|uses| &uses.places)
        .filter(|place| place.ty.ends_with('!'))
        .map(|place| (place.variable.as_str(), place))
        .collect()
}

/// A definition's own uses, and those of all fragments that it comes to, each once.
fn reached<'a>(
    uses: &'a Uses<'a>,
    fragments: &'a HashMap<&'a str, Uses<'a>>,
) -> impl Iterator<Item = &'a Uses<'a>> {
    let mut seen = HashSet::new();
    let mut open = vec![uses];
    std::iter::from_fn(move || {
        let next = open.pop()?;
        for name in &next.spreads {
            if let Some(fragment) = fragments.get(name)
                && seen.insert(*name)
            {
                open.push(fragment);
            }
        }
        Some(next)
    })
}

impl<'a> Uses<'a> {
    fn new(registry: &'a Registry) -> Self {
        Self {
            registry,
            places: Vec::new(),
            lists: Lists::default(),
            spreads: Vec::new(),
        }
    }

    /// The document's limits keep this from going deep.
    fn selections(&mut self, parent: &str, set: &'a SelectionSet) -> ServerResult<()> {
        for item in &set.items {
            match &item.node {
                Selection::Field(field) => self.field(parent, &field.node)?,
                Selection::FragmentSpread(spread) => {
                    self.directives(&spread.node.directives)?;
                    self.spreads.push(spread.node.fragment_name.node.as_str());
                }
                Selection::InlineFragment(fragment) => {
                    let fragment = &fragment.node;
                    self.directives(&fragment.directives)?;
                    let condition = fragment.type_condition.as_ref();
                    let ty = condition.map_or(parent, |condition| condition.node.on.node.as_str());
                    self.selections(ty, &fragment.selection_set.node)?;
                }
            }
        }
        Ok(())
    }

    fn field(&mut self, parent: &str, field: &'a Field) -> ServerResult<()> {
        let is_about_schema = matches!(field.name.node.as_str(), "__schema" | "__type");
        if is_about_schema && self.registry.introspection_mode == IntrospectionMode::Disabled {
            return Err(ServerError {
                locations: vec![field.name.pos],
                ..refusal(Code::IntrospectionDisabled, INTROSPECTION_IS_OFF)
            });
        }
        self.directives(&field.directives)?;
        let registry = self.registry;
        let parent = registry.types.get(parent);
        let known = parent.and_then(|parent| parent.field_by_name(&field.name.node));
        for (name, value) in &field.arguments {
            let Ok(literal) = value
                .node
                .clone()
                .into_const_with(|name| Ok::<_, Infallible>(self.used(&name)));
            let argument = known.and_then(|known| known.args.get(name.node.as_str()));
            self.argument(argument, &literal, value.pos)?;
        }
        // Below a field that there is not, the library reads on: a fragment says itself of which type it is.
        let below = known.map_or("", |known| MetaTypeName::concrete_typename(&known.ty));
        self.selections(below, &field.selection_set.node)
    }

    fn directives(&mut self, directives: &'a [Positioned<Directive>]) -> ServerResult<()> {
        for directive in directives.iter().map(|directive| &directive.node) {
            let known = self.registry.directives.get(directive.name.node.as_str());
            for (name, value) in &directive.arguments {
                let Ok(literal) = value
                    .node
                    .clone()
                    .into_const_with(|name| Ok::<_, Infallible>(self.used(&name)));
                let argument = known.and_then(|known| known.args.get(name.node.as_str()));
                self.argument(argument, &literal, value.pos)?;
            }
        }
        Ok(())
    }

    /// Counts a use of a variable, and answers what stands for it.
    fn used(&mut self, variable: &Name) -> Value {
        self.lists.note_use(variable);
        stand_in(variable)
    }

    /// Counts what stands in an argument, one that there is not too, and checks it.
    fn argument(&mut self, known: Option<&'a MetaInputValue>, value: &Value, at: Pos) -> ServerResult<()> {
        self.lists.note(value);
        let Some(known) = known else {
            return Ok(());
        };
        let mut used = |variable: &str, ty| {
            let variable = variable.to_owned();
            self.places.push(Place { variable, ty, at });
        };
        match complaint(self.registry, &known.ty, value, &mut used) {
            None => Ok(()),
            Some(Complaint { path, wrong }) => Err(self::at(
                at,
                format!("The argument {}{path} {wrong}.", known.name),
            )),
        }
    }
}

/// What stands for a variable in a literal: no enum has a value of such a name, and no text is parsed as one.
pub(super) fn stand_in(variable: &Name) -> Value {
    Value::Enum(Name::new(format!("${variable}")))
}

/// The variable that a stand-in stands for.
pub(super) fn variable(value: &Value) -> Option<&str> {
    match value {
        Value::Enum(name) => name.strip_prefix('$'),
        _ => None,
    }
}

/// Checks what an operation says of its variables. Of each one there is one definition, or its value would be checked and
/// read for each: the library refuses others too, but only afterwards.
fn check_definitions(registry: &Registry, operation: &OperationDefinition) -> ServerResult<()> {
    let mut seen = HashSet::new();
    for definition in &operation.variable_definitions {
        let name = &definition.node.name.node;
        if !seen.insert(name) {
            let name: String = name.chars().take(MAX_NAME).collect();
            return Err(at(
                definition.pos,
                format!("The variable ${name} is defined twice: define it once."),
            ));
        }
        check_default(registry, definition)?;
    }
    Ok(())
}

fn check_default(registry: &Registry, definition: &Positioned<VariableDefinition>) -> ServerResult<()> {
    let VariableDefinition {
        name,
        var_type,
        default_value,
        ..
    } = &definition.node;
    let Some(value) = default_value else {
        return Ok(());
    };
    let ty = var_type.node.to_string();
    let named = MetaTypeName::concrete_typename(&ty);
    if !registry.types.contains_key(named) {
        // The library refuses it too, but first panics over the value.
        let unknown: String = named.chars().take(MAX_NAME).collect();
        return Err(at(var_type.pos, format!("There is no type {unknown}.")));
    }
    match complaint(registry, &ty, &value.node, &mut |_, _| {}) {
        None => Ok(()),
        Some(Complaint { path, wrong }) => Err(at(
            value.pos,
            format!("The default value of ${}{path} {wrong}.", name.node),
        )),
    }
}

fn at(pos: Pos, wrong: String) -> ServerError {
    ServerError {
        locations: vec![pos],
        ..refusal(Code::BadRequest, wrong)
    }
}

/// Checks the variables of the operation that is to be executed.
///
/// # Errors
/// `BAD_REQUEST` for the first that is missing or has not the form of its type.
pub(super) fn check(
    registry: &Registry,
    document: &ExecutableDocument,
    operation: &OperationDefinition,
    variables: &Variables,
) -> ServerResult<()> {
    let mut nulls = Vec::new();
    for definition in &operation.variable_definitions {
        check_one(registry, definition, variables)?;
        let VariableDefinition {
            name, default_value, ..
        } = &definition.node;
        if default_value.is_some() && variables.get(&name.node) == Some(&Value::Null) {
            nulls.push((&name.node, definition.pos));
        }
    }
    if nulls.is_empty() {
        return Ok(());
    }
    // Their default values let them stand where nothing may be null.
    let (uses, fragments) = (of_operation(registry, operation)?, fragments(registry, document)?);
    let required = required(&uses, &fragments);
    nulls
        .into_iter()
        .try_for_each(|(name, pos)| match required.get(name.as_str()) {
            None => Ok(()),
            Some(Place { ty, .. }) => {
                let wrong = format!(
                    "The variable ${name} stands where a {ty} is required: leave it out, or give one."
                );
                Err(at(pos, wrong))
            }
        })
}

fn check_one(
    registry: &Registry,
    definition: &Positioned<VariableDefinition>,
    variables: &Variables,
) -> ServerResult<()> {
    let VariableDefinition {
        name,
        var_type,
        default_value,
        ..
    } = &definition.node;
    let (name, ty) = (&name.node, &var_type.node);
    let given = variables.get(name);
    if given.is_none() && (ty.nullable || default_value.is_some()) {
        return Ok(());
    }
    let wrong = match given {
        None | Some(Value::Null) if !ty.nullable => format!("The variable ${name} is required: give a {ty}."),
        None => return Ok(()),
        Some(value) => match complaint(registry, &ty.to_string(), value, &mut |_, _| {}) {
            None => return Ok(()),
            Some(Complaint { path, wrong }) => format!("The variable ${name}{path} {wrong}."),
        },
    };
    Err(at(definition.pos, wrong))
}

/// What is wrong with a value, and where inside it.
struct Complaint {
    path: String,
    wrong: String,
}

impl Complaint {
    fn new(wrong: impl Into<String>) -> Self {
        Self {
            path: String::new(),
            wrong: wrong.into(),
        }
    }

    fn inside(self, step: &str) -> Self {
        Self {
            path: step.to_owned() + &self.path,
            ..self
        }
    }
}

/// The first that is wrong in a value, seen as one of a type. `used` is told where variables stand in it, and of
/// which type that place is.
fn complaint<'a>(
    registry: &'a Registry,
    ty: &'a str,
    value: &Value,
    used: &mut impl FnMut(&str, &'a str),
) -> Option<Complaint> {
    if let Some(name) = variable(value) {
        used(name, ty);
        return None;
    }
    match (MetaTypeName::create(ty), value) {
        (MetaTypeName::NonNull(ty), Value::Null) => {
            Some(Complaint::new(format!("must not be null: give a {ty}")))
        }
        (_, Value::Null) => None,
        (MetaTypeName::NonNull(ty), value) => complaint(registry, ty, value, used),
        (MetaTypeName::List(ty), Value::List(items)) => items.iter().enumerate().find_map(|(at, item)| {
            let complaint = complaint(registry, ty, item, used)?;
            Some(complaint.inside(&format!("[{at}]")))
        }),
        // One is as good as a list of one.
        (MetaTypeName::List(ty), one) => complaint(registry, ty, one, used),
        (MetaTypeName::Named("Int"), value) => {
            (!is_a::<i32>(value)).then(|| Complaint::new("is no whole number from -2147483648 to 2147483647"))
        }
        (MetaTypeName::Named("DateTime"), value) => (!is_a::<DateTime<Utc>>(value))
            .then(|| Complaint::new("is no time of RFC 3339, such as 2027-01-31T12:00:00Z")),
        (MetaTypeName::Named(name), value) => match registry.types.get(name)? {
            MetaType::InputObject { input_fields, .. } => {
                let Value::Object(fields) = value else {
                    return Some(Complaint::new(format!("is no {name}: give an object")));
                };
                // What is given is looked up, and not each field that could be: a call has a thousand objects with few.
                let wrong = fields.iter().find_map(|(name, value)| {
                    let Some(field) = input_fields.get(name.as_str()) else {
                        let unknown: String = name.chars().take(MAX_NAME).collect();
                        let hint = format!("has no field {unknown}: look at the fields of {ty}");
                        return Some(Complaint::new(hint));
                    };
                    let complaint = complaint(registry, &field.ty, value, used)?;
                    Some(complaint.inside(&format!(".{}", field.name)))
                });
                wrong.or_else(|| {
                    let mut required = input_fields
                        .values()
                        .filter(|field| field.ty.ends_with('!') && field.default_value.is_none());
                    let missing = required.find(|field| !fields.contains_key(field.name.as_str()))?;
                    let hint = Complaint::new(format!("is missing: give a {}", missing.ty));
                    Some(hint.inside(&format!(".{}", missing.name)))
                })
            }
            MetaType::Enum { enum_values, .. } => {
                let known = match value {
                    Value::Enum(value) => enum_values.contains_key(value.as_str()),
                    Value::String(value) => enum_values.contains_key(value.as_str()),
                    _ => false,
                };
                (!known).then(|| {
                    let known: Vec<_> = enum_values.keys().map(String::as_str).collect();
                    Complaint::new(format!("is none of {}", known.join(", ")))
                })
            }
            MetaType::Scalar { is_valid, .. } => {
                let valid = is_valid.as_ref().is_none_or(|is_valid| is_valid(value));
                (!valid).then(|| Complaint::new(format!("is no {name}")))
            }
            // The library says that no value can have it.
            MetaType::Object { .. } | MetaType::Interface { .. } | MetaType::Union { .. } => None,
        },
    }
}

fn is_a<T: InputType>(value: &Value) -> bool {
    T::parse(Some(value.clone())).is_ok()
}

//! What an operation takes, as JSON Schema: read from the GraphQL schema, which is the one place that describes it.

use std::{collections::HashMap, convert::Infallible};

use async_graphql::{
    Name, Value as Argument,
    parser::{
        parse_query, parse_schema,
        types::{
            BaseType, Field, InputValueDefinition, OperationDefinition, OperationType, Selection, Type,
            TypeDefinition, TypeKind, TypeSystemDefinition,
        },
    },
};
use serde_json::{Map, Value, json};

/// Why no tools could be made: an operation and the schema do not fit together.
#[derive(Clone, Debug, thiserror::Error)]
#[error("the tools don't fit the schema: {0}")]
pub struct SchemaError(String);

/// The types of a GraphQL schema.
pub(super) struct Types(HashMap<String, TypeDefinition>);

impl Types {
    /// Reads a schema in its definition language.
    pub(super) fn parse(sdl: &str) -> Result<Self, SchemaError> {
        let document = parse_schema(sdl).map_err(|error| SchemaError(error.to_string()))?;
        let types = document.definitions.into_iter().filter_map(|it| match it {
            TypeSystemDefinition::Type(it) => Some((it.node.name.node.to_string(), it.node)),
            _ => None,
        });
        Ok(Self(types.collect()))
    }

    /// What an operation takes: its variables, each with the description of where it stands.
    pub(super) fn of_operation(&self, text: &str) -> Result<Map<String, Value>, SchemaError> {
        let document = parse_query(text).map_err(|error| SchemaError(error.to_string()))?;
        let found = document.operations.iter().next();
        let (_, operation) = found.ok_or_else(|| unknown("operation", text))?;
        let field = root_field(&operation.node).ok_or_else(|| unknown("field", text))?;
        let root = match operation.node.ty {
            OperationType::Query => "Query",
            OperationType::Mutation => "Mutation",
            OperationType::Subscription => "Subscription",
        };
        let arguments = self.arguments(root, &field.name.node)?;
        let mut properties = Map::new();
        for (name, value) in &field.arguments {
            let Ok(value) = value
                .node
                .clone()
                .into_const_with(|name| Ok::<_, Infallible>(stand_in(&name)));
            self.place(named(&arguments, &name.node)?, &value, &mut properties)?;
        }
        let required = operation.node.variable_definitions.iter().filter_map(|it| {
            let is_required = !it.node.var_type.node.nullable && it.node.default_value.is_none();
            is_required.then(|| it.node.name.node.as_str())
        });
        Ok(object(properties, required.collect(), None))
    }

    /// The variables in the value of an argument.
    fn place(
        &self,
        defined: &InputValueDefinition,
        value: &Argument,
        properties: &mut Map<String, Value>,
    ) -> Result<(), SchemaError> {
        match value {
            Argument::Enum(name) => {
                if let Some(variable) = name.strip_prefix('$') {
                    properties.insert(variable.to_owned(), self.of_value(defined)?);
                }
            }
            Argument::Object(fields) => {
                let inside = self.fields(&defined.ty.node.base.to_string())?;
                for (name, value) in fields {
                    self.place(named(&inside, name)?, value, properties)?;
                }
            }
            _ => {}
        }
        Ok(())
    }

    /// One value with its description.
    fn of_value(&self, defined: &InputValueDefinition) -> Result<Value, SchemaError> {
        let mut schema = self.of_type(&defined.ty.node)?;
        if let Some(said) = &defined.description {
            // What it is for comes before what it can be.
            let more = schema["description"]
                .as_str()
                .map(|of_type| format!("\n\n{of_type}"));
            schema["description"] = format!("{}{}", said.node, more.unwrap_or_default()).into();
        }
        Ok(schema)
    }

    fn of_type(&self, ty: &Type) -> Result<Value, SchemaError> {
        let name = match &ty.base {
            BaseType::Named(name) => name.as_str(),
            BaseType::List(item) => {
                let mut items = self.of_type(item)?;
                if item.nullable {
                    items = json!({"anyOf": [items, {"type": "null"}]});
                }
                return Ok(json!({"type": "array", "items": items}));
            }
        };
        Ok(match name {
            "Boolean" => json!({"type": "boolean"}),
            "DateTime" => json!({"type": "string", "format": "date-time"}),
            "Float" => json!({"type": "number"}),
            "ID" | "String" => json!({"type": "string"}),
            "Int" => json!({"type": "integer"}),
            "JSON" => json!({}),
            _ => self.of_named(name)?,
        })
    }

    /// An enum or an object of input.
    fn of_named(&self, name: &str) -> Result<Value, SchemaError> {
        let defined = self.0.get(name).ok_or_else(|| unknown("type", name))?;
        match &defined.kind {
            TypeKind::Enum(it) => {
                let values: Vec<_> = it.values.iter().map(|it| it.node.value.node.as_str()).collect();
                let said = it.values.iter().filter_map(|it| {
                    let said = it.node.description.as_ref()?;
                    Some(format!("- {}: {}", it.node.value.node, said.node))
                });
                let said: Vec<_> = said.collect();
                Ok(json!({"type": "string", "enum": values, "description": said.join("\n")}))
            }
            TypeKind::InputObject(it) => {
                let mut properties = Map::new();
                let mut required = Vec::new();
                for field in &it.fields {
                    let field = &field.node;
                    properties.insert(field.name.node.to_string(), self.of_value(field)?);
                    if !field.ty.node.nullable && field.default_value.is_none() {
                        required.push(field.name.node.as_str());
                    }
                }
                let said = defined.description.as_ref().map(|it| it.node.as_str());
                let mut schema = object(properties, required, said);
                if defined.directives.iter().any(|it| it.node.name.node == "oneOf") {
                    schema.insert("minProperties".to_owned(), 1.into());
                    schema.insert("maxProperties".to_owned(), 1.into());
                }
                Ok(schema.into())
            }
            _ => Err(unknown("input", name)),
        }
    }

    fn arguments(&self, root: &str, field: &str) -> Result<Vec<&InputValueDefinition>, SchemaError> {
        let Some(TypeKind::Object(root)) = self.0.get(root).map(|it| &it.kind) else {
            return Err(unknown("type", root));
        };
        let found = root.fields.iter().find(|it| it.node.name.node == field);
        let found = found.ok_or_else(|| unknown("field", field))?;
        Ok(found.node.arguments.iter().map(|it| &it.node).collect())
    }

    fn fields(&self, input: &str) -> Result<Vec<&InputValueDefinition>, SchemaError> {
        match self.0.get(input).map(|it| &it.kind) {
            Some(TypeKind::InputObject(input)) => Ok(input.fields.iter().map(|it| &it.node).collect()),
            _ => Err(unknown("input", input)),
        }
    }
}

/// The one field that an operation asks for.
fn root_field(operation: &OperationDefinition) -> Option<&Field> {
    match &operation.selection_set.node.items.first()?.node {
        Selection::Field(field) => Some(&field.node),
        _ => None,
    }
}

/// What stands for a variable in an argument's value: no enum has such a name.
fn stand_in(variable: &Name) -> Argument {
    Argument::Enum(Name::new(format!("${variable}")))
}

fn named<'a>(
    values: &[&'a InputValueDefinition],
    name: &str,
) -> Result<&'a InputValueDefinition, SchemaError> {
    let mut values = values.iter();
    values
        .find(|it| it.name.node == name)
        .copied()
        .ok_or_else(|| unknown("argument", name))
}

fn unknown(what: &str, name: &str) -> SchemaError {
    SchemaError(format!("there is no {what} {name}"))
}

/// An object that has these properties and no others.
pub(super) fn object(
    properties: Map<String, Value>,
    required: Vec<&str>,
    description: Option<&str>,
) -> Map<String, Value> {
    let mut schema = Map::new();
    schema.insert("type".to_owned(), "object".into());
    schema.insert("properties".to_owned(), properties.into());
    schema.insert("required".to_owned(), required.into());
    schema.insert("additionalProperties".to_owned(), false.into());
    if let Some(description) = description {
        schema.insert("description".to_owned(), description.into());
    }
    schema
}

#[cfg(test)]
mod tests {
    use super::*;

    const SDL: &str = r#"
type Query {
    "Finds."
    links(
        "Which."
        filter: Filter
        "How many."
        first: Int
    ): [String!]!
}
"What passes."
input Filter {
    "In one of these."
    states: [State]
    "By one of these."
    by: By!
    "From then on."
    from: DateTime
}
input By @oneOf {
    "By id."
    id: ID
    "By anything."
    any: JSON
}
enum State {
    "It works."
    ON
    "It does not."
    OFF
}
"#;

    fn schema(operation: &str) -> Result<Value, String> {
        let types = Types::parse(SDL).expect("a schema");
        let schema = types.of_operation(operation);
        schema.map(Value::from).map_err(|error| error.to_string())
    }

    #[test]
    fn a_variable_is_described_as_the_argument_that_it_is() {
        let by = json!({
            "type": "object",
            "properties": {
                "id": {"type": "string", "description": "By id."},
                "any": {"description": "By anything."},
            },
            "required": [],
            "additionalProperties": false,
            "minProperties": 1,
            "maxProperties": 1,
            "description": "By one of these.",
        });
        let state = json!({"type": "string", "enum": ["ON", "OFF"], "description": "- ON: It works.\n- OFF: It does not."});
        let states = json!({
            "type": "array",
            "items": {"anyOf": [state, {"type": "null"}]},
            "description": "In one of these.",
        });
        let from = json!({"type": "string", "format": "date-time", "description": "From then on."});
        let filter = json!({
            "type": "object",
            "properties": {"states": states, "by": by, "from": from},
            "required": ["by"],
            "additionalProperties": false,
            "description": "Which.\n\nWhat passes.",
        });
        let whole = json!({
            "type": "object",
            "properties": {"filter": filter, "first": {"type": "integer", "description": "How many."}},
            "required": ["first"],
            "additionalProperties": false,
        });
        let shown =
            schema("query Q($filter: Filter, $first: Int!) { links(filter: $filter, first: $first) }");
        assert_eq!(shown, Ok(whole.clone()));

        // Inside of an argument too.
        let shown =
            schema("query Q($ways: By!, $from: DateTime) { links(filter: {by: $ways, from: $from}) }");
        let expected = json!({
            "type": "object",
            "properties": {"ways": by, "from": from},
            "required": ["ways"],
            "additionalProperties": false,
        });
        assert_eq!(shown, Ok(expected));
    }

    #[test]
    fn an_operation_that_does_not_fit_says_what_is_missing() {
        for (operation, missing) in [
            ("{ offers }", "no field offers"),
            ("query Q($it: Int) { links(last: $it) }", "no argument last"),
            (
                "query Q($it: Int) { links(filter: {last: $it}) }",
                "no argument last",
            ),
        ] {
            let refused = schema(operation).expect_err(operation);
            assert!(refused.contains(missing), "{refused}");
        }
    }
}

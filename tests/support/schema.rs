//! The schema as clients see it, for tests that walk all of it.

use std::fmt::Write as _;

use serde_json::Value;

use super::TestApp;

/// The schema, read by introspection.
#[derive(Debug)]
pub struct Schema(Value);

impl Schema {
    /// Asks the server for it, as `GraphiQL` does.
    pub async fn read(app: &TestApp) -> Self {
        Self(
            app.graphql_as(None, INTROSPECTION, Value::Null)
                .await
                .data("__schema"),
        )
    }

    /// Every type that is not the specification's own.
    pub fn types(&self) -> impl Iterator<Item = &Value> {
        let builtin = ["Boolean", "Float", "ID", "Int", "String"];
        items(&self.0["types"]).filter(move |ty| {
            let name = text(&ty["name"]);
            !name.starts_with("__") && !builtin.contains(&name)
        })
    }

    /// A type by its name.
    pub fn named(&self, name: &str) -> &Value {
        items(&self.0["types"])
            .find(|ty| ty["name"] == name)
            .unwrap_or_else(|| panic!("no type {name}"))
    }

    /// The fields of `Query` and of `Mutation`: the operation's keyword and the field.
    pub fn roots(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        [("query", "Query"), ("mutation", "Mutation")]
            .into_iter()
            .flat_map(|(keyword, name)| items(&self.named(name)["fields"]).map(move |field| (keyword, field)))
    }

    /// A field with its arguments and what can be said in them, such as `shortLink(by: ShortLinkLookup! { id shortUrl })`.
    pub fn signature(&self, field: &Value) -> String {
        let arguments: Vec<_> = items(&field["args"])
            .map(|argument| {
                let ty = named_type(&argument["type"]);
                let inner: Vec<_> = items(&self.named(ty)["inputFields"])
                    .map(|inner| self.input(inner))
                    .collect();
                let inner = if inner.is_empty() {
                    String::new()
                } else {
                    format!(" {{ {} }}", inner.join(" "))
                };
                format!(
                    "{}: {}{inner}",
                    text(&argument["name"]),
                    written(&argument["type"])
                )
            })
            .collect();
        format!("{}({})", text(&field["name"]), arguments.join(", "))
    }

    fn input(&self, field: &Value) -> String {
        let inner: Vec<_> = items(&self.named(named_type(&field["type"]))["inputFields"])
            .map(|inner| self.input(inner))
            .collect();
        let name = text(&field["name"]);
        if inner.is_empty() {
            name.to_owned()
        } else {
            format!("{name} {{ {} }}", inner.join(" "))
        }
    }

    /// An operation that passes every argument of `field` on from a variable of that name, and asks for everything
    /// below it.
    pub fn operation(&self, keyword: &str, field: &Value) -> String {
        let name = text(&field["name"]);
        let (mut declared, mut passed) = (String::new(), String::new());
        for argument in items(&field["args"]) {
            let name = text(&argument["name"]);
            let _ = write!(declared, "${name}: {} ", written(&argument["type"]));
            let _ = write!(passed, "{name}: ${name} ");
        }
        let selection = self.selection(named_type(&field["type"]), &mut Vec::new());
        if passed.is_empty() {
            format!("{keyword} {{ {name} {selection} }}")
        } else {
            format!("{keyword}({declared}) {{ {name}({passed}) {selection} }}")
        }
    }

    /// Everything below a type, until a type is met again inside itself.
    fn selection<'a>(&'a self, name: &'a str, above: &mut Vec<&'a str>) -> String {
        let ty = self.named(name);
        let possible: Vec<_> = items(&ty["possibleTypes"]).collect();
        if !possible.is_empty() {
            let mut parts = String::new();
            for member in possible {
                let member = text(&member["name"]);
                let _ = write!(parts, "... on {member} {} ", self.selection(member, above));
            }
            return format!("{{ __typename {parts} }}");
        }
        if !ty["fields"].is_array() {
            return String::new();
        }
        above.push(name);
        let mut parts = String::from("__typename ");
        for field in items(&ty["fields"]) {
            let below = named_type(&field["type"]);
            if !above.contains(&below) {
                let name = text(&field["name"]);
                let below = self.selection(below, above);
                let _ = write!(parts, "{name}{} {below} ", required(field));
            }
        }
        above.pop();
        format!("{{ {parts} }}")
    }
}

/// The arguments that a field can't be asked for without: texts, so far.
fn required(field: &Value) -> String {
    let required = items(&field["args"])
        .filter(|one| one["type"]["kind"] == "NON_NULL" && one["defaultValue"].is_null());
    let given: Vec<_> = required
        .map(|one| {
            assert_eq!(
                named_type(&one["type"]),
                "String",
                "{field}: say here what to give"
            );
            format!("{}: \"a\"", text(&one["name"]))
        })
        .collect();
    if given.is_empty() {
        String::new()
    } else {
        format!("({})", given.join(" "))
    }
}

/// The elements of a list; none of null.
pub fn items(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

/// A JSON string's text.
pub fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}

/// The name inside all lists and exclamation marks.
fn named_type(ty: &Value) -> &str {
    match &ty["ofType"] {
        Value::Null => text(&ty["name"]),
        inner => named_type(inner),
    }
}

/// A type as the definition language writes it.
fn written(ty: &Value) -> String {
    match text(&ty["kind"]) {
        "NON_NULL" => written(&ty["ofType"]) + "!",
        "LIST" => format!("[{}]", written(&ty["ofType"])),
        _ => text(&ty["name"]).to_owned(),
    }
}

/// The standard introspection query, with everything that clients turn on in it.
pub const INTROSPECTION: &str = "
query IntrospectionQuery {
  __schema {
    description
    queryType { name kind }
    mutationType { name kind }
    subscriptionType { name kind }
    types { ...FullType }
    directives {
      name
      description
      isRepeatable
      locations
      args(includeDeprecated: true) { ...InputValue }
    }
  }
}
fragment FullType on __Type {
  kind
  name
  description
  specifiedByURL
  isOneOf
  fields(includeDeprecated: true) {
    name
    description
    args(includeDeprecated: true) { ...InputValue }
    type { ...TypeRef }
    isDeprecated
    deprecationReason
  }
  inputFields(includeDeprecated: true) { ...InputValue }
  interfaces { ...TypeRef }
  enumValues(includeDeprecated: true) { name description isDeprecated deprecationReason }
  possibleTypes { ...TypeRef }
}
fragment InputValue on __InputValue {
  name
  description
  type { ...TypeRef }
  defaultValue
  isDeprecated
  deprecationReason
}
fragment TypeRef on __Type {
  kind
  name
  ofType { kind name ofType { kind name ofType { kind name ofType { kind name ofType { kind name
    ofType { kind name ofType { kind name ofType { kind name ofType { kind name } } } } } } } } }
}";

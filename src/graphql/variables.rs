//! Variables, checked before anything is executed.
//!
//! The library checks most of them where they are used, but finds out while it executes that one is missing, that a
//! number is no `Int`, or that a text is no `DateTime`: after the mutations that stand before it have been carried out.

use async_graphql::{
    InputType, Positioned, ServerError, ServerResult, Value, Variables,
    parser::types::{OperationDefinition, VariableDefinition},
    registry::{MetaType, MetaTypeName, Registry},
};
use chrono::{DateTime, Utc};

use super::{error::Code, limits::refusal};

/// Checks the variables of the operation that is to be executed.
///
/// # Errors
/// `BAD_REQUEST` for the first that is missing or has not the form of its type.
pub(super) fn check(
    registry: &Registry,
    operation: &OperationDefinition,
    variables: &Variables,
) -> ServerResult<()> {
    for definition in &operation.variable_definitions {
        check_one(registry, definition, variables)?;
    }
    Ok(())
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
        Some(value) => match complaint(registry, &ty.to_string(), value) {
            None => return Ok(()),
            Some(Complaint { path, expected }) => format!("The variable ${name}{path} is no {expected}."),
        },
    };
    let error = refusal(Code::BadRequest, wrong);
    Err(ServerError {
        locations: vec![definition.pos],
        ..error
    })
}

/// What is wrong with a value, and where inside it.
struct Complaint {
    path: String,
    expected: &'static str,
}

impl Complaint {
    fn inside(self, step: &str) -> Self {
        Self {
            path: step.to_owned() + &self.path,
            ..self
        }
    }
}

fn complaint(registry: &Registry, ty: &str, value: &Value) -> Option<Complaint> {
    match (MetaTypeName::create(ty), value) {
        (_, Value::Null) => None,
        (MetaTypeName::NonNull(ty), value) => complaint(registry, ty, value),
        (MetaTypeName::List(ty), Value::List(items)) => items.iter().enumerate().find_map(|(at, item)| {
            let complaint = complaint(registry, ty, item)?;
            Some(complaint.inside(&format!("[{at}]")))
        }),
        // One is as good as a list of one.
        (MetaTypeName::List(ty), one) => complaint(registry, ty, one),
        (MetaTypeName::Named("Int"), value) => (!is_a::<i32>(value)).then_some(Complaint {
            path: String::new(),
            expected: "whole number from -2147483648 to 2147483647",
        }),
        (MetaTypeName::Named("DateTime"), value) => (!is_a::<DateTime<Utc>>(value)).then_some(Complaint {
            path: String::new(),
            expected: "time of RFC 3339, such as 2027-01-31T12:00:00Z",
        }),
        (MetaTypeName::Named(name), Value::Object(fields)) => {
            let Some(MetaType::InputObject { input_fields, .. }) = registry.types.get(name) else {
                return None;
            };
            fields.iter().find_map(|(name, value)| {
                let field = input_fields.get(name.as_str())?;
                let complaint = complaint(registry, &field.ty, value)?;
                Some(complaint.inside(&format!(".{name}")))
            })
        }
        // All else is checked where it is used.
        (MetaTypeName::Named(_), _) => None,
    }
}

fn is_a<T: InputType>(value: &Value) -> bool {
    T::parse(Some(value.clone())).is_ok()
}

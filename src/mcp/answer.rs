//! From a GraphQL answer to the result of a tool.

use rmcp::model::{CallToolResult, ContentBlock};
use serde_json::{Map, Value, json};

/// What came of an operation: its data as it is; or, where it was refused, each error with its code, message and path.
///
/// A refusal is a result and no error of the protocol: agents are shown results only, and put right what they say.
pub(super) fn result(mut answer: Value) -> CallToolResult {
    let refused = answer["errors"].as_array().filter(|errors| !errors.is_empty());
    if let Some(errors) = refused {
        return failed(&errors.iter().map(top_level).collect::<Vec<_>>());
    }
    let data = answer["data"].take();
    let fields = data.as_object().into_iter().flat_map(Map::values);
    let errors: Vec<_> = fields.filter(|field| is_user_error(field)).map(typed).collect();
    if errors.is_empty() {
        CallToolResult::structured(data)
    } else {
        failed(&errors)
    }
}

/// The result of a call that is no operation's.
pub(super) fn refused(message: &str) -> CallToolResult {
    failed(&[json!({"code": "BAD_REQUEST", "message": message, "path": []})])
}

fn failed(errors: &[Value]) -> CallToolResult {
    let lines: Vec<_> = errors.iter().map(line).collect();
    let mut result = CallToolResult::structured_error(json!({"errors": errors}));
    result.content = vec![ContentBlock::text(lines.join("\n"))];
    result
}

/// An error in a sentence, for agents that read text.
fn line(error: &Value) -> String {
    let text = |part: &str| error[part].as_str().unwrap_or_default().to_owned();
    let path = error["path"].as_array().into_iter().flatten();
    let path: Vec<_> = path
        .map(|part| part.as_str().map_or_else(|| part.to_string(), str::to_owned))
        .collect();
    let place = if path.is_empty() {
        String::new()
    } else {
        format!(" ({})", path.join("."))
    };
    format!("{}: {}{place}", text("code"), text("message"))
}

/// An error of `errors`, its extensions beside the rest.
fn top_level(error: &Value) -> Value {
    let mut flat = json!({
        "code": error["extensions"]["code"],
        "message": error["message"],
        "path": error.get("path").unwrap_or(&json!([])),
    });
    // What the operator finds in the log.
    if let Some(id) = error["extensions"].get("requestId") {
        flat["requestId"] = id.clone();
    }
    flat
}

/// Whether a root field's answer is a member of its union that is no success.
fn is_user_error(field: &Value) -> bool {
    field["__typename"]
        .as_str()
        .is_some_and(|name| name.ends_with("Error"))
}

fn typed(error: &Value) -> Value {
    let mut error = error.clone();
    if let Some(error) = error.as_object_mut() {
        error.remove("__typename");
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(result: &CallToolResult) -> &str {
        &result.content[0].as_text().expect("a text").text
    }

    #[test]
    fn what_an_operation_answers_is_the_result() {
        let data = json!({"shortLink": null, "createShortLink": {"__typename": "CreateShortLinkSuccess"}});
        let result = result(json!({"data": data}));
        assert_eq!(
            (result.is_error, &result.structured_content),
            (Some(false), &Some(data.clone()))
        );
        assert_eq!(text(&result), data.to_string());
    }

    #[test]
    fn a_user_error_is_one_with_its_code_and_path() {
        let path = json!(["input", "items", "3", "url"]);
        let result = result(json!({"data": {"createShortLink": {
            "__typename": "InvalidUrlError", "code": "INVALID_URL", "message": "Give one.", "path": path,
        }}}));
        let error = json!({"code": "INVALID_URL", "message": "Give one.", "path": path});
        assert_eq!(result.is_error, Some(true));
        assert_eq!(result.structured_content, Some(json!({"errors": [error]})));
        assert_eq!(text(&result), "INVALID_URL: Give one. (input.items.3.url)");
    }

    #[test]
    fn top_level_errors_come_with_the_id_that_the_log_has() {
        let result = result(json!({"data": null, "errors": [
            {"message": "Try again.", "path": ["offers", "nodes", 1], "extensions": {"code": "INTERNAL", "requestId": "7"}},
            {"message": "Less.", "extensions": {"code": "BAD_REQUEST"}},
        ]}));
        assert_eq!(
            result.structured_content,
            Some(json!({"errors": [
                {"code": "INTERNAL", "message": "Try again.", "path": ["offers", "nodes", 1], "requestId": "7"},
                {"code": "BAD_REQUEST", "message": "Less.", "path": []},
            ]}))
        );
        assert_eq!(
            text(&result),
            "INTERNAL: Try again. (offers.nodes.1)\nBAD_REQUEST: Less."
        );
    }
}

//! The MCP door, for agents: a handful of tools, each of which is a fixed GraphQL operation.
//!
//! No rule stands here. What a tool takes is read from the schema, so that it is described once, and what it does and
//! may do is what the operation does and may do with the same key.

mod answer;
mod arguments;
mod tools;

use std::sync::Arc;

use rmcp::{
    ErrorData, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, Implementation, ListToolsResult, PaginatedRequestParams,
        ServerCapabilities, ServerConfig, Tool,
    },
    service::RequestContext,
};
use serde_json::{Map, Value};

pub use self::{arguments::SchemaError, tools::Tools};

/// What an agent is told of the server as a whole.
const INSTRUCTIONS: &str = "\
Linkhop makes trackable short links for text messages and counts their clicks. A link is made for a sending list, the \
number that the message goes out from: take its listId from list_sending_lists. It leads to a URL, or to an offer from \
list_offers. A result with isError says in `errors` what to change: each has a code, a message and where in the \
arguments it is. After an answer that never came, send the same call with the same idempotencyKey again.";

/// Carries out GraphQL operations for one caller.
pub trait Ask: Send + Sync + 'static {
    /// The answer to an operation as GraphQL has it, with `data` or `errors`.
    fn ask(
        &self,
        operation: &'static str,
        variables: Map<String, Value>,
    ) -> impl Future<Output = Value> + Send;
}

/// An MCP server for one caller.
#[derive(Debug)]
pub struct Server<A> {
    tools: Arc<Tools>,
    caller: A,
}

impl<A: Ask> Server<A> {
    /// A server of these tools for `caller`.
    pub const fn new(tools: Arc<Tools>, caller: A) -> Self {
        Self { tools, caller }
    }
}

impl<A: Ask> ServerHandler for Server<A> {
    fn get_info(&self) -> ServerConfig {
        let linkhop = Implementation::new("linkhop", env!("CARGO_PKG_VERSION")).with_title("Linkhop");
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
            .with_server_info(linkhop)
            .with_instructions(INSTRUCTIONS)
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(self.tools.listed()))
    }

    fn get_tool(&self, name: &str) -> Option<Tool> {
        self.tools.named(name).map(|tool| tool.listed.clone())
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let Some(tool) = self.tools.named(&request.name) else {
            let message = format!(
                "There is no tool {}; tools/list shows those there are.",
                request.name
            );
            return Err(ErrorData::invalid_params(message, None));
        };
        let result = match tool.operation(request.arguments.unwrap_or_default()) {
            Ok((operation, variables)) => answer::result(self.caller.ask(operation, variables).await),
            Err(refusal) => answer::refused(&refusal),
        };
        Ok(result.into())
    }
}

//! `linkhop mcp`.

use std::{fs, path::PathBuf, time::Duration};

use anyhow::{Context as _, Result, ensure};
use clap::Args;
use reqwest::{Certificate, Client, ClientBuilder, StatusCode, header};
use rmcp::{ServiceExt as _, transport::stdio};
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::{Map, Value, json};
use url::Url;

use crate::{
    accounts::ApiKey,
    config::Unseen,
    graphql::{self, error::chain},
    mcp::{Ask, Server, Tools},
};

/// How long a server may take to answer: longer than any lets itself.
const PATIENCE: Duration = Duration::from_mins(5);

/// How long it may take to be reached.
const REACH: Duration = Duration::from_secs(10);

#[derive(Debug, Args)]
#[command(
    after_help = "It speaks MCP over standard input and output and asks the server with that key, so that an agent may do what \
the key may. A server has the same tools at /mcp, for agents that speak HTTP.

Example, as agents are told of it:
  {\"mcpServers\": {\"linkhop\": {
    \"command\": \"linkhop\",
    \"args\": [\"mcp\", \"--url\", \"https://go.example.com\"],
    \"env\": {\"LINKHOP_API_KEY\": \"trk_…\"}
  }}}"
)]
pub(super) struct Mcp {
    /// The server whose tools they are
    #[arg(
        long,
        env = "LINKHOP_URL",
        value_name = "URL",
        default_value = "http://127.0.0.1:8080",
        value_parser = server
    )]
    url: Url,
    /// The API key that it is asked with; best given as the variable, which other users of the machine don't see
    #[arg(
        long,
        env = "LINKHOP_API_KEY",
        value_name = "KEY",
        hide_env_values = true,
        value_parser = Unseen(api_key)
    )]
    api_key: SecretString,
    /// A PEM file with certificates that an https server's may be signed by, beside those of Mozilla's authorities
    #[arg(long, env = "LINKHOP_CA_FILE", value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

impl Mcp {
    /// Answers an agent until it closes standard input.
    pub(super) async fn run(self) -> Result<()> {
        let tools = Tools::of(&graphql::sdl())?;
        let http = Client::builder().connect_timeout(REACH).timeout(PATIENCE);
        let http = self.trusting(http)?.build();
        let caller = Remote {
            http: http.context("no client for the server can be made")?,
            endpoint: self.url.join("graphql")?,
            key: self.api_key,
        };
        let server = Server::new(tools.into(), caller).serve(stdio()).await;
        let server = server.context("the agent did not begin as MCP has it")?;
        server.waiting().await?;
        Ok(())
    }

    /// The same client, which trusts what the file has too.
    fn trusting(&self, http: ClientBuilder) -> Result<ClientBuilder> {
        let Some(path) = &self.ca_file else {
            return Ok(http);
        };
        let name = || format!("--ca-file {}", path.display());
        let certificates =
            Certificate::from_pem_bundle(&fs::read(path).with_context(name)?).with_context(name)?;
        ensure!(
            !certificates.is_empty(),
            "{}: there is no certificate in it",
            name()
        );
        Ok(certificates
            .into_iter()
            .fold(http, ClientBuilder::add_root_certificate))
    }
}

/// A server that is asked over HTTP.
struct Remote {
    http: Client,
    endpoint: Url,
    key: SecretString,
}

impl Ask for Remote {
    async fn ask(&self, operation: &'static str, variables: Map<String, Value>) -> Value {
        let failed = |message: String| json!({"errors": [{"message": message, "extensions": {"code": "UNREACHABLE"}}]});
        match self.answer(operation, variables).await {
            Ok((_, Some(answer))) => answer,
            Ok((status, None)) => failed(format!(
                "{} answered {status} and nothing of Linkhop's; check --url, which is the address of a Linkhop server.",
                self.endpoint
            )),
            Err(error) if error.is_connect() => failed(format!(
                "The server can't be reached: {}. Check that it runs, and --url.",
                chain(&error)
            )),
            Err(error) => failed(format!(
                "The server did not answer: {}. What was sent may have been carried out all the same: before it is sent \
                 again, look, or use the same idempotencyKey.",
                chain(&error)
            )),
        }
    }
}

impl Remote {
    /// The status, and the answer if it is one of GraphQL's.
    async fn answer(
        &self,
        operation: &'static str,
        variables: Map<String, Value>,
    ) -> reqwest::Result<(StatusCode, Option<Value>)> {
        let request = self
            .http
            .post(self.endpoint.clone())
            .header("x-api-key", self.key.expose_secret())
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::ACCEPT, "application/json")
            .body(json!({"query": operation, "variables": variables}).to_string());
        let response = request.send().await?;
        let status = response.status();
        let answer: Option<Value> = serde_json::from_slice(&response.bytes().await?).ok();
        let is_graphql = |answer: &Value| answer.get("data").or(answer.get("errors")).is_some();
        Ok((status, answer.filter(is_graphql)))
    }
}

/// Reads the address of a server; a slash at its end makes it a folder, so that it may lie below a path.
fn server(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).ok();
    let mut url = url
        .filter(|url| matches!(url.scheme(), "http" | "https") && url.query().is_none())
        .ok_or("give the address of a server, such as https://go.example.com")?;
    if !url.path().ends_with('/') {
        url.set_path(&format!("{}/", url.path()));
    }
    Ok(url)
}

fn api_key(text: &str) -> Result<SecretString, String> {
    ApiKey::parse(text).map(|_| text.into()).ok_or_else(|| {
        "an API key is trk_ and 32 letters and digits; `linkhop key create` makes one".to_owned()
    })
}

//! A client of a running server, over HTTP.

use reqwest::{Response, Result, header, redirect::Policy};
use serde_json::{Value, json};

use crate::support::CREATE;

/// Sends requests to one server with one key.
#[derive(Clone, Debug)]
pub struct Client {
    http: reqwest::Client,
    url: String,
    key: String,
}

impl Client {
    /// A client of the server at `url`.
    pub fn new(url: &str, key: &str) -> Self {
        let http = reqwest::Client::builder()
            .redirect(Policy::none())
            .no_proxy()
            .build();
        Self {
            http: http.expect("a client"),
            url: url.to_owned(),
            key: key.to_owned(),
        }
    }

    /// Sends an operation and answers its `data`; errors are those of the connection.
    pub async fn graphql(&self, query: &str, variables: Value) -> Result<Value> {
        let request = self.http.post(format!("{}/graphql", self.url));
        let body = json!({"query": query, "variables": variables});
        let response = request.header("x-api-key", &self.key).json(&body).send();
        let mut answer: Value = response.await?.json().await?;
        assert!(answer.get("errors").is_none(), "{answer}");
        Ok(answer["data"].take())
    }

    /// The status that an operation is answered with.
    pub async fn status(&self, query: &str) -> Result<u16> {
        let request = self.http.post(format!("{}/graphql", self.url));
        let request = request
            .header("x-api-key", &self.key)
            .json(&json!({"query": query}));
        Ok(request.send().await?.status().as_u16())
    }

    /// Makes a link; fails if the input is refused.
    pub async fn create(&self, input: Value) -> Result<Value> {
        let mut data = self.graphql(CREATE, json!({"input": input})).await?;
        let made = data["createShortLink"].take();
        assert_eq!(made["__typename"], "CreateShortLinkSuccess", "{made}");
        Ok(made)
    }

    /// Opens a URL as it is, for a browser's page.
    pub async fn open(&self, url: &str) -> Result<Response> {
        self.http
            .get(url)
            .header(header::ACCEPT, "text/html")
            .send()
            .await
    }

    /// Visits a code, or one with a query, with this agent, and answers the status.
    pub async fn visit_as(&self, host: &str, code: &str, agent: &str) -> Result<u16> {
        let request = self.http.get(format!("{}/{code}", self.url));
        let request = request
            .header(header::HOST, host)
            .header(header::USER_AGENT, agent);
        Ok(request.send().await?.status().as_u16())
    }

    /// Visits a code on this server under another host's name, and answers where it leads.
    pub async fn visit(&self, host: &str, code: &str) -> Result<String> {
        let request = self.http.get(format!("{}/{code}", self.url));
        Ok(location(&request.header(header::HOST, host).send().await?))
    }
}

/// Where a redirect leads; fails on any other answer.
pub fn location(response: &Response) -> String {
    assert_eq!(response.status(), 302, "{}", response.url());
    let location = response.headers()[header::LOCATION].to_str();
    location.expect("a printable header").to_owned()
}

//! How the database answers what reports ask of it.

use std::{
    fmt::Write as _,
    io::Read as _,
    sync::{Arc, Mutex, PoisonError},
};

use anyhow::{Result, bail};
use axum::{body::Body, http::Request};
use http_body_util::BodyExt as _;
use linkhop::{
    app::{self, App, Clock},
    http::{Settings, State, router},
    store::Store,
};
use sea_orm::{ConnectionTrait as _, DatabaseBackend, Statement, TransactionTrait as _};
use serde::Deserialize;
use serde_json::{Value, json};
use tower::ServiceExt as _;

/// What is to be explained, read from standard input.
#[derive(Deserialize)]
struct Asked {
    key: String,
    questions: Vec<Question>,
}

#[derive(Deserialize)]
struct Question {
    name: String,
    query: String,
    variables: Value,
}

/// Asks each query once and answers the statements that it took, with the plan of each.
pub(super) async fn explain(mut store: Store) -> Result<String> {
    let mut asked = String::new();
    std::io::stdin().read_to_string(&mut asked)?;
    let asked: Asked = serde_json::from_str(&asked)?;
    let statements = Arc::new(Mutex::new(Vec::new()));
    let recorded = Arc::clone(&statements);
    store.read.set_metric_callback(move |info| {
        let mut recorded = recorded.lock().unwrap_or_else(PoisonError::into_inner);
        recorded.push(info.statement.clone());
    });
    let app = App::start(store.clone(), app::Options::default(), Clock::system()).await?;
    let router = router(State::new(app, Settings::default()));
    let mut said = String::new();
    for Question {
        name,
        query,
        variables,
    } in asked.questions
    {
        let body = json!({"query": query, "variables": variables}).to_string();
        let request = Request::post("/graphql")
            .header("content-type", "application/json")
            .header("x-api-key", &asked.key)
            .body(Body::from(body))?;
        let answer = router.clone().oneshot(request).await?;
        let answer = answer.into_body().collect().await?.to_bytes();
        let answer: Value = serde_json::from_slice(&answer)?;
        if answer.get("errors").is_some() {
            bail!("{name}: {answer}");
        }
        writeln!(said, "{name}:")?;
        let taken = std::mem::take(&mut *statements.lock().unwrap_or_else(PoisonError::into_inner));
        for statement in taken {
            write!(said, "{}", plan(&store, statement).await?)?;
        }
    }
    Ok(said)
}

/// A statement in one line, and how the database goes about it.
async fn plan(store: &Store, mut statement: Statement) -> Result<String> {
    let is_sqlite = statement.db_backend == DatabaseBackend::Sqlite;
    let words: Vec<_> = statement.sql.split_whitespace().collect();
    let mut said = words.join(" ");
    said.push('\n');
    let explain = if is_sqlite {
        "EXPLAIN QUERY PLAN"
    } else {
        "EXPLAIN (ANALYZE, BUFFERS)"
    };
    statement.sql = format!("{explain} {}", statement.sql);
    let transaction = store.write.begin().await?;
    for row in transaction.query_all_raw(statement).await? {
        let line: String = row.try_get_by_index(if is_sqlite { 3 } else { 0 })?;
        writeln!(said, "    {line}")?;
    }
    Ok(said)
}

//! Whether the server is alive, and whether it is ready.

use axum::{extract::State as Extract, http::StatusCode, response::IntoResponse};

use super::state::State;

/// `GET /healthz`: the process answers.
pub(super) async fn live() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: the database answers and its schema is this program's.
pub(super) async fn ready(Extract(state): Extract<State>) -> impl IntoResponse {
    match state.app.store.pending_migrations().await {
        Ok(0) => (StatusCode::OK, "ready\n"),
        Ok(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "migrations are pending: run `linkhop migrate up`\n",
        ),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer\n")
        }
    }
}

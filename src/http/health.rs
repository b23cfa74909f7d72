//! Whether the server is alive, and whether it is ready.

use axum::{extract::State as Extract, http::StatusCode, response::IntoResponse};

use super::state::State;
use crate::clicks::recorder::RecorderState;

/// `GET /healthz`: the process answers.
pub(super) async fn live() -> &'static str {
    "ok\n"
}

/// `GET /readyz`: the database answers and its schema is this program's. Then how storing clicks goes, a line each, also
/// where the answer is no: what is spooled and lost is of interest just then.
pub(super) async fn ready(Extract(state): Extract<State>) -> impl IntoResponse {
    let (status, answer) = match state.app.store.pending_migrations().await {
        Ok(0) => (StatusCode::OK, "ready"),
        Ok(_) => (
            StatusCode::SERVICE_UNAVAILABLE,
            "migrations are pending: run `linkhop migrate up`",
        ),
        Err(error) => {
            tracing::warn!(%error, "not ready");
            (StatusCode::SERVICE_UNAVAILABLE, "the database does not answer")
        }
    };
    let RecorderState {
        lost,
        unconfirmed,
        waiting,
        ..
    } = state.app.recorder.state();
    let clicks = format!("clicks_lost {lost}\nclicks_unconfirmed {unconfirmed}\nclicks_waiting {waiting}\n");
    (status, format!("{answer}\n{clicks}"))
}

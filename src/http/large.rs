//! Large requests, which visitors don't wait for.

use super::{body::Refusal, operation::Deadline, request_id::RequestId};
use crate::{apart::giving_way, traces::Here};

/// From how many bytes of its body on a request is large: some hundred links.
const LARGE: usize = 16 * 1024;

/// Does the work of a request with a body of so many bytes.
///
/// # Errors
/// When a large one is not done in time: it may not even have begun then.
pub(super) async fn carry_out<T: Send + 'static>(
    bytes: usize,
    deadline: Deadline,
    id: &RequestId,
    work: impl Future<Output = T> + Send + 'static,
) -> Result<T, Refusal> {
    if bytes < LARGE {
        return Ok(work.await);
    }
    let here = Here::current();
    let work = id.clone().around(async move { here.around(work).await });
    deadline.work(giving_way(work)).await
}

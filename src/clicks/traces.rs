//! What a click says of its visitor, which goes where nobody may know any longer who came.

use std::{fmt::Write as _, sync::LazyLock};

use entity::click::Column;
use sea_orm::IdenStatic as _;

/// The columns that tell of a visitor. All others are of the click: when, of which link, what it was judged to be.
pub(super) const TRACES: [Column; 7] = [
    Column::UserAgentId,
    Column::Address,
    Column::Visitor,
    Column::Country,
    Column::Referrer,
    Column::Language,
    Column::Parameters,
];

/// What removes them from rows, up to the condition that says from which.
pub(super) static FORGET: LazyLock<String> = LazyLock::new(|| {
    let mut sql = "UPDATE click SET ".to_owned();
    for (at, trace) in TRACES.into_iter().enumerate() {
        let comma = if at == 0 { "" } else { ", " };
        // Writing to a text never fails.
        let _ = write!(sql, "{comma}{} = NULL", trace.as_str());
    }
    sql
});

#[cfg(test)]
mod tests {
    use sea_orm::Iterable as _;

    use super::*;

    #[test]
    fn each_column_of_a_click_is_a_trace_or_is_kept() {
        use Column::{AgentListId, BotKind, BotReason, ClickedAt, Id, IsPrefetch, Method, Seq, ShortLinkId};
        let kept = [
            Seq,
            Id,
            ClickedAt,
            ShortLinkId,
            Method,
            BotReason,
            BotKind,
            IsPrefetch,
            AgentListId,
        ];
        for column in Column::iter() {
            let is = |all: &[Column]| all.iter().any(|one| format!("{one:?}") == format!("{column:?}"));
            assert!(
                is(&TRACES) != is(&kept),
                "say whether {column:?} tells of a visitor"
            );
        }
    }

    #[test]
    fn forgetting_sets_each_trace_and_nothing_else() {
        assert_eq!(
            *FORGET,
            "UPDATE click SET user_agent_id = NULL, address = NULL, visitor = NULL, country = NULL, \
             referrer = NULL, language = NULL, parameters = NULL"
        );
    }
}

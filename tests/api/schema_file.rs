//! The schema that is checked in is the schema that is served.

use crate::support::TestApp;

#[tokio::test]
async fn the_checked_in_schema_is_the_served_one() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema.graphql");
    let file = std::fs::read_to_string(path).expect("schema.graphql");
    assert!(
        file == linkhop::graphql::sdl(),
        "schema.graphql is old: run `cargo run -q -- schema > schema.graphql`, and read the difference"
    );
    let app = TestApp::start().await;
    let served = app.get("go.example.com", "/schema.graphql").await;
    assert_eq!(served.status, 200);
    assert_eq!(served.header("content-type"), "text/plain; charset=utf-8");
    assert!(served.body == file);
}

//! The playground: GraphiQL on this server's own `/graphql`, embedded in the binary.
//!
//! One page and the files it loads. Nothing comes from another host, so it opens without the
//! internet, and the page's policy can forbid every other host and every inline script. What
//! differs between two servers, the key in the headers tab, is put into the page as data.

use std::fmt::Write as _;
use std::sync::LazyLock;

use axum::body::Bytes;
use axum::extract::Path;
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;
use sha2::{Digest, Sha256};

/// What stands for a key that the server can't know; `assets/playground.js` never sends it.
const PLACEHOLDER_KEY: &str = "trk_your_key";

/// The page, with one place for its data.
const PAGE: &str = include_str!("assets/playground.html");

/// Where in [`PAGE`] the data goes.
const CONFIG: &str = "{{CONFIG}}";

/// The operation that a first visit finds.
const QUERY: &str = "\
mutation CreateShortLink($input: CreateShortLinkInput!) {
  createShortLink(input: $input) {
    __typename
    ... on CreateShortLinkSuccess {
      shortUrl
      linkId
      destinationUrl
      domain
      replayed
    }
    ... on UserError {
      code
      message
      path
    }
  }
}
";

/// The variables of [`QUERY`]: text and not a value, so that they are shown in this order.
const VARIABLES: &str = r#"{
  "input": {
    "url": "https://example.com/spring-sale?utm_source=sms",
    "listId": 42,
    "metadata": { "campaign": "spring" }
  }
}
"#;

/// What the page may do. Styles are the one thing allowed inline, for the editor's own; it needs no
/// worker. `frame-ancestors` keeps another site from having a visitor click in here unknowingly.
const POLICY: &str = "default-src 'self'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    img-src 'self' data:; font-src 'self' data:; connect-src 'self'; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";

/// The playground's page, ready to be sent.
#[derive(Clone, Debug)]
pub(crate) struct Playground {
    html: Bytes,
}

impl Playground {
    /// Renders the page, with `api_key` in the headers tab or, without one, a placeholder.
    ///
    /// Everyone who can open the page can read the key: only a demo has one to give away.
    pub(crate) fn new(api_key: Option<&str>) -> Self {
        let headers = json!({ "X-Api-Key": api_key.unwrap_or(PLACEHOLDER_KEY) });
        let config = json!({
            "headers": format!("{headers:#}\n"),
            "query": QUERY,
            "variables": VARIABLES,
        });
        // The data stands in a script element, which `</script>` would end early.
        let config = config.to_string().replace('<', "\\u003c");
        Self {
            html: PAGE.replace(CONFIG, &config).into(),
        }
    }

    /// Answers with the page, which no cache may keep: it can hold a key.
    pub(crate) fn page(&self) -> Response {
        let headers = [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (header::CONTENT_SECURITY_POLICY, POLICY),
            (header::CACHE_CONTROL, "no-store"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ];
        (headers, self.html.clone()).into_response()
    }
}

/// A file that the page loads.
struct Asset {
    name: &'static str,
    media_type: &'static str,
    content: &'static [u8],
    etag: HeaderValue,
}

impl Asset {
    fn new(name: &'static str, media_type: &'static str, content: &'static [u8]) -> Self {
        let mut etag = String::from('"');
        // Half of the hash is plenty to tell versions of one file apart.
        for byte in &Sha256::digest(content)[..16] {
            write!(etag, "{byte:02x}").expect("writing to a String cannot fail");
        }
        etag.push('"');
        Self {
            name,
            media_type,
            content,
            etag: HeaderValue::try_from(etag).expect("hexadecimal digits in quotes are a header value"),
        }
    }
}

const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";

/// The files below `/graphql/assets/`, hashed once. The licences of the bundled packages are one of
/// them: who passes on the binary passes on the packages too.
static ASSETS: LazyLock<[Asset; 7]> = LazyLock::new(|| {
    macro_rules! third_party {
        ($name:literal) => {
            include_bytes!(concat!("../../third_party/graphiql/", $name))
        };
    }
    [
        Asset::new(
            "playground.js",
            JAVASCRIPT,
            include_bytes!("assets/playground.js"),
        ),
        Asset::new("playground.css", CSS, include_bytes!("assets/playground.css")),
        Asset::new("graphiql.min.js", JAVASCRIPT, third_party!("graphiql.min.js")),
        Asset::new("graphiql.min.css", CSS, third_party!("graphiql.min.css")),
        Asset::new(
            "react.production.min.js",
            JAVASCRIPT,
            third_party!("react.production.min.js"),
        ),
        Asset::new(
            "react-dom.production.min.js",
            JAVASCRIPT,
            third_party!("react-dom.production.min.js"),
        ),
        Asset::new(
            "NOTICE.txt",
            "text/plain; charset=utf-8",
            third_party!("NOTICE.txt"),
        ),
    ]
});

/// Answers `GET /graphql/assets/{name}` with an embedded file, 304 if the client has it already.
///
/// An hour in caches and not longer, since the names don't change with a release.
pub(crate) async fn asset(Path(name): Path<String>, headers: HeaderMap) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == name) else {
        return (StatusCode::NOT_FOUND, "The playground has no such file.\n").into_response();
    };
    let common: [(HeaderName, HeaderValue); 3] = [
        (header::ETAG, asset.etag.clone()),
        (
            header::CACHE_CONTROL,
            HeaderValue::from_static("public, max-age=3600"),
        ),
        (
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        ),
    ];
    if is_known(&headers, &asset.etag) {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    let media_type = [(header::CONTENT_TYPE, asset.media_type)];
    (common, media_type, Bytes::from_static(asset.content)).into_response()
}

/// Whether `If-None-Match` names this tag. A weak tag counts (RFC 9110, 13.1.2): a proxy that
/// compresses makes tags weak.
fn is_known(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .any(|tag| tag == b"*" || tag.strip_prefix(b"W/").unwrap_or(tag) == etag.as_bytes())
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;
    use serde_json::Value;

    use super::*;

    async fn text(response: Response) -> String {
        let body = to_bytes(response.into_body(), usize::MAX)
            .await
            .expect("the body is in memory");
        String::from_utf8(body.to_vec()).expect("the body is text")
    }

    async fn config(api_key: Option<&str>) -> Value {
        let html = text(Playground::new(api_key).page()).await;
        let (_, rest) = html
            .split_once(r#"id="playground-config">"#)
            .expect("the page has its data");
        let (data, _) = rest.split_once("</script>").expect("the data ends");
        serde_json::from_str(data).expect("the data is JSON")
    }

    fn json_in(config: &Value, name: &str) -> Value {
        let text = config[name].as_str().expect("an editor's text");
        serde_json::from_str(text).expect("the text is JSON")
    }

    async fn get(name: &str, if_none_match: Option<&str>) -> Response {
        let mut headers = HeaderMap::new();
        if let Some(tags) = if_none_match {
            headers.insert(header::IF_NONE_MATCH, tags.parse().expect("a header value"));
        }
        asset(Path(name.to_owned()), headers).await
    }

    #[tokio::test]
    async fn the_headers_tab_holds_the_key() {
        let config = config(Some("trk_0123456789abcdefghijklmnopqrstuv")).await;
        let expected = json!({ "X-Api-Key": "trk_0123456789abcdefghijklmnopqrstuv" });
        assert_eq!(json_in(&config, "headers"), expected);
    }

    #[tokio::test]
    async fn without_a_key_the_headers_tab_holds_a_placeholder_that_is_never_sent() {
        let config = config(None).await;
        assert_eq!(
            json_in(&config, "headers"),
            json!({ "X-Api-Key": PLACEHOLDER_KEY })
        );
        let script = text(get("playground.js", None).await).await;
        assert!(script.contains(&format!("const PLACEHOLDER_KEY = '{PLACEHOLDER_KEY}';")));
    }

    #[tokio::test]
    async fn the_default_operation_comes_with_its_variables() {
        let config = config(None).await;
        assert_eq!(config["query"], QUERY);
        let expected = json!({ "input": {
            "url": "https://example.com/spring-sale?utm_source=sms",
            "listId": 42,
            "metadata": { "campaign": "spring" },
        } });
        assert_eq!(json_in(&config, "variables"), expected);
    }

    #[tokio::test]
    async fn no_key_can_end_the_data_early() {
        let key = "</script><script>alert(1)</script>";
        let config = config(Some(key)).await;
        assert_eq!(json_in(&config, "headers"), json!({ "X-Api-Key": key }));
    }

    #[tokio::test]
    async fn the_page_is_stored_nowhere_and_bound_to_its_own_host() {
        let response = Playground::new(None).page();
        assert_eq!(response.status(), StatusCode::OK);
        let headers = response.headers();
        assert_eq!(headers[header::CONTENT_TYPE], "text/html; charset=utf-8");
        assert_eq!(headers[header::CACHE_CONTROL], "no-store");
        assert_eq!(headers[header::CONTENT_SECURITY_POLICY], POLICY);
        let html = text(response).await;
        assert!(!html.contains(CONFIG));
        // Two addresses are no requests: the name space of the icon, and the example's destination.
        let addresses = html.matches("://").count();
        let harmless = html.matches("='http://www.w3.org/2000/svg'").count()
            + html.matches("https://example.com/spring-sale").count();
        assert_eq!((addresses, harmless), (2, 2));
    }

    #[tokio::test]
    async fn every_file_the_page_names_is_there() {
        let names: Vec<&str> = PAGE
            .split("/graphql/assets/")
            .skip(1)
            .map(|rest| rest.split('"').next().expect("split yields at least one part"))
            .collect();
        assert_eq!(names.len(), 6);
        for name in names {
            let response = get(name, None).await;
            assert_eq!(response.status(), StatusCode::OK, "{name}");
            let media_type = if name.contains(".css") { CSS } else { JAVASCRIPT };
            assert_eq!(response.headers()[header::CONTENT_TYPE], media_type, "{name}");
            assert_eq!(response.headers()[header::CACHE_CONTROL], "public, max-age=3600");
            assert_eq!(response.headers()[header::X_CONTENT_TYPE_OPTIONS], "nosniff");
            assert!(text(response).await.len() > 100, "{name}");
        }
    }

    #[tokio::test]
    async fn no_file_asks_for_another() {
        for asset in ASSETS.iter().filter(|asset| asset.media_type == CSS) {
            let css = String::from_utf8_lossy(asset.content);
            let outside = css
                .split("url(")
                .skip(1)
                .find(|rest| !rest.trim_start_matches('"').starts_with("data:"));
            assert_eq!(
                outside.map(|rest| &rest[..rest.len().min(60)]),
                None,
                "{}",
                asset.name
            );
            assert!(!css.contains("@import"), "{}", asset.name);
        }
        for asset in ASSETS.iter().filter(|asset| asset.media_type == JAVASCRIPT) {
            let script = String::from_utf8_lossy(asset.content);
            assert!(!script.contains("sourceMappingURL"), "{}", asset.name);
        }
    }

    #[tokio::test]
    async fn a_file_the_client_has_is_not_sent_again() {
        let first = get("graphiql.min.js", None).await;
        let tag = first.headers()[header::ETAG]
            .to_str()
            .expect("an ASCII tag")
            .to_owned();
        assert_eq!(tag.len(), 34, "{tag}");
        for known in [
            tag.clone(),
            format!("W/{tag}"),
            format!("\"other\" , {tag}"),
            "*".to_owned(),
        ] {
            let again = get("graphiql.min.js", Some(&known)).await;
            assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{known}");
            assert_eq!(again.headers()[header::ETAG], tag);
            assert_eq!(text(again).await, "");
        }
    }

    #[tokio::test]
    async fn a_file_that_changed_is_sent() {
        let other = get("playground.css", None).await;
        let tag = other.headers()[header::ETAG]
            .to_str()
            .expect("an ASCII tag")
            .to_owned();
        for unknown in [tag, "\"other\"".to_owned(), String::new()] {
            let response = get("playground.js", Some(&unknown)).await;
            assert_eq!(response.status(), StatusCode::OK, "{unknown}");
        }
    }

    #[tokio::test]
    async fn an_unknown_file_is_not_found() {
        for name in ["", "playground.html", "../playground.rs", "graphiql.min.js.map"] {
            assert_eq!(get(name, None).await.status(), StatusCode::NOT_FOUND, "{name}");
        }
    }
}

//! Short links as QR codes.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::{Value, json};

use crate::support::{TestApp, text};

const DRAW: &str = "query($url: String!, $format: QrFormat, $size: Int) { shortLink(by: {shortUrl: $url}) {
    shortUrl qrCode(format: $format, size: $size) { text mediaType size dataUri base64 svg } } }";

/// Draws the link with this code.
async fn draw(app: &TestApp, code: &str, format: Value, size: Value) -> Value {
    let url = format!("https://go.example.com/{code}");
    let drawn = app
        .graphql(DRAW, json!({"url": url, "format": format, "size": size}))
        .await
        .data("shortLink");
    assert_eq!(drawn["shortUrl"], url);
    drawn["qrCode"].clone()
}

/// What a scanner reads of a picture of so many pixels.
fn scan(side: usize, is_dark: impl Fn(usize, usize) -> bool) -> String {
    let mut picture = rqrr::PreparedImage::prepare_from_bitmap(side, side, is_dark);
    let codes = picture.detect_grids();
    assert_eq!(codes.len(), 1);
    codes[0].decode().expect("a code").1
}

/// What a scanner reads of a PNG of so many pixels.
fn scan_png(file: &[u8], size: usize) -> String {
    let mut reader = png::Decoder::new(std::io::Cursor::new(file))
        .read_info()
        .expect("a PNG");
    let (width, height) = (reader.info().width as usize, reader.info().height as usize);
    assert_eq!((width, height), (size, size));
    let mut rows = Vec::new();
    while let Some(row) = reader.next_row().expect("a row") {
        rows.push(row.data().to_vec());
    }
    scan(size, |x, y| rows[y][x / 8] & (0x80 >> (x % 8)) == 0)
}

/// What a scanner reads of an SVG, whose dark modules are rectangles one high: `M4 4h7v1h-7z`.
fn scan_svg(svg: &str) -> String {
    let part = |start: &str, end: &str| {
        let (_, rest) = svg.split_once(start).expect("a start");
        rest.split_once(end).expect("an end").0
    };
    let modules: usize = part("viewBox=\"0 0 ", " ").parse().expect("a number");
    let mut dark = vec![vec![false; modules]; modules];
    for run in part("<path d=\"M", "z\"/></svg>").split("zM") {
        let (x, rest) = run.split_once(' ').expect("a place");
        let (y, rest) = rest.split_once('h').expect("a place");
        let (width, back) = rest.split_once("v1h-").expect("a width");
        assert_eq!(width, back);
        let [x, y, width]: [usize; 3] = [x, y, width].map(|number| number.parse().expect("a number"));
        dark[y][x..x + width].fill(true);
    }
    assert!(dark[3].iter().chain(&dark[modules - 4]).all(|dark| !dark));
    scan(modules * 4, |x, y| dark[y / 4][x / 4])
}

#[tokio::test]
async fn a_scanner_reads_the_short_url() {
    let app = TestApp::start().await;
    let long = "Z-9_".repeat(16);
    app.create(json!({"url": "https://example.com/", "listId": 42, "code": long}))
        .await;
    let short = app.link("https://example.com/").await;
    for code in [&short, &long] {
        let url = format!("https://go.example.com/{code}");
        let svg = draw(&app, code, Value::Null, Value::Null).await;
        assert_eq!(
            (&svg["text"], &svg["mediaType"], &svg["size"]),
            (&json!(url), &json!("image/svg+xml"), &json!(256))
        );
        let markup = text(&svg["svg"]);
        assert_eq!(scan_svg(markup), url);
        assert!(markup.contains("width=\"256\" height=\"256\""));
        assert_eq!(text(&svg["base64"]), STANDARD.encode(markup));
        assert_eq!(
            text(&svg["dataUri"]),
            format!("data:image/svg+xml;base64,{}", STANDARD.encode(markup))
        );
        for size in [128, 300, 2048] {
            let png = draw(&app, code, json!("PNG"), json!(size)).await;
            assert_eq!(
                (&png["mediaType"], &png["size"], &png["svg"]),
                (&json!("image/png"), &json!(size), &Value::Null)
            );
            let file = STANDARD.decode(text(&png["base64"])).expect("Base64");
            assert_eq!(scan_png(&file, size), url);
            // Little enough to be put into a page.
            assert!(file.len() < 20_000, "{size}: {}", file.len());
            assert_eq!(
                text(&png["dataUri"]),
                format!("data:image/png;base64,{}", text(&png["base64"]))
            );
        }
    }
}

#[tokio::test]
async fn a_size_that_is_not_drawn_is_refused() {
    let app = TestApp::start().await;
    let code = app.link("https://example.com/").await;
    for format in ["SVG", "PNG"] {
        for size in [127, 2049, 0, -1, i32::MIN, i32::MAX] {
            let url = format!("https://go.example.com/{code}");
            let variables = json!({"url": url, "format": format, "size": size});
            let answer = app.graphql(DRAW, variables).await;
            assert_eq!(answer.error_code(), "BAD_REQUEST", "{size}");
            assert!(
                answer.body.contains("size must be 128 to 2048."),
                "{}",
                answer.body
            );
        }
    }
}

#[tokio::test]
async fn a_page_of_links_has_their_codes_and_not_their_largest_pictures() {
    let app = TestApp::start().await;
    for _ in 0..3 {
        app.link("https://example.com/").await;
    }
    let page = |links: usize, wanted: &str| {
        format!(
            "{{ shortLinks(first: {links}) {{ nodes {{ shortUrl qrCode{wanted} {{ text dataUri }} }} }} }}"
        )
    };
    for wanted in ["", "(format: PNG)", "(format: PNG, size: 512)", "(size: 2048)"] {
        let shown = app
            .graphql(&page(100, wanted), Value::Null)
            .await
            .data("shortLinks");
        for node in shown["nodes"].as_array().expect("links") {
            assert_eq!(node["qrCode"]["text"], node["shortUrl"]);
        }
    }
    let large = "(format: PNG, size: 2048)";
    app.graphql(&page(10, large), Value::Null)
        .await
        .data("shortLinks");
    for (links, wanted) in [(11, large), (100, "(format: PNG, size: 1024)")] {
        let refused = app.graphql(&page(links, wanted), Value::Null).await;
        assert_eq!(refused.error_code(), "QUERY_TOO_COMPLEX", "{links}");
    }
    // By other names too, and one by one.
    let one = format!("shortLink(by: {{id: \"link_1\"}}) {{ qrCode{large} {{ size }} }}");
    let two = format!("{{ a: {one} b: {one} }}");
    assert_eq!(
        app.graphql(&two, Value::Null).await.error_code(),
        "QUERY_TOO_COMPLEX"
    );
    let variables = json!({"url": "https://go.example.com/x", "format": "PNG", "size": 2048});
    let many = DRAW.replace(
        "shortUrl qrCode",
        "other: qrCode(format: $format, size: $size) { size } qrCode",
    );
    assert_eq!(
        app.graphql(&many, variables).await.error_code(),
        "QUERY_TOO_COMPLEX"
    );
}

//! `linkhop links import`: links that are brought along, whatever is in their file.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
};

use entity::{
    account,
    audit_entry::{self, Action},
    short_link,
};
use linkhop::store::Store;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, PaginatorTrait as _,
    QueryFilter as _, QueryOrder as _,
};
use serde_json::{Value, json};

use super::process::{Ended, Program};
use crate::support::{Database, START, Tenant, items};

/// A database with a tenant, and a folder for files.
struct Import {
    database: Database,
    store: Store,
    tenant: Tenant,
    folder: tempfile::TempDir,
}

impl Import {
    async fn start() -> Self {
        let database = Database::migrated().await;
        let store = database.store().await;
        Self {
            tenant: Tenant::make(&store, "go.example.com", START).await,
            store,
            database,
            folder: tempfile::tempdir().expect("a temporary folder"),
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn file(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let file = self.path(name);
        fs::write(&file, text).expect("a file");
        file
    }

    fn begin(&self, file: &Path, more: &[&str]) -> Program {
        let account = self.tenant.account.id.to_string();
        let file = file.to_str().expect("UTF-8");
        let arguments = ["links", "import", "--json", "--account", &account, "--file", file];
        let arguments = [&arguments, more].concat();
        Program::start(arguments, [("LINKHOP_DATABASE_URL", self.database.url.as_str())])
    }

    fn end(&self, file: &Path, more: &[&str]) -> Ended {
        self.begin(file, more).end()
    }

    /// Imports a file in which nothing is wrong, and answers how many links are new and how many were there.
    fn import(&self, file: &Path, more: &[&str]) -> (Value, Value) {
        let mut said: Value = serde_json::from_str(&self.end(file, more).printed()).expect("JSON");
        (said["imported"].take(), said["skipped"].take())
    }

    async fn links(&self) -> Vec<short_link::Model> {
        let links = short_link::Entity::find().order_by_asc(short_link::Column::Id);
        links.all(&self.store.read).await.expect("links")
    }

    async fn count(&self) -> u64 {
        short_link::Entity::find()
            .count(&self.store.read)
            .await
            .expect("a count")
    }

    /// What the log says but for how the account and its key were made.
    async fn entries(&self) -> Vec<audit_entry::Model> {
        let before = [Action::AccountCreated, Action::ApiKeyCreated];
        audit_entry::Entity::find()
            .filter(audit_entry::Column::Action.is_not_in(before))
            .all(&self.store.read)
            .await
            .expect("entries")
    }
}

#[tokio::test]
async fn a_line_of_either_format_is_made_the_link_that_it_describes() {
    let import = Import::start().await;
    let csv = "\u{FEFF}url,listId,contactPhone,code,filterBots,expiresAt,maxClicks,fallbackUrl,metadata,metadata.name\r\n\
        https://example.com/,42,+14155552671,spring,true,2999-12-24T18:00:00Z,3,https://example.com/over,\
        \"{\"\"a\"\": 1}\",\"Ada \"\"L\"\"\r\nnext\"\r\n";
    let csv = import.file("links.csv", csv);
    assert_eq!(import.import(&csv, &[]), (json!(1), json!(0)));
    let line = json!({
        "url": "https://example.com/", "phoneNumber": "+18005551234", "contactPhone": "+14155552671", "code": "autumn",
        "filterBots": true, "expiresAt": "2999-12-24T18:00:00Z", "maxClicks": 3,
        "fallbackUrl": "https://example.com/over", "metadata": {"a": 1}, "metadata.name": "Ada \"L\"\r\nnext",
    });
    let ndjson = import.file("links.ndjson", line.to_string());
    assert_eq!(import.import(&ndjson, &[]), (json!(1), json!(0)));
    let links = import.links().await;
    let [spring, autumn] = links.as_slice() else {
        panic!("two links: {links:?}");
    };
    assert_eq!((spring.code.as_str(), autumn.code.as_str()), ("spring", "autumn"));
    assert_eq!(spring.metadata, json!({"a": 1, "name": "Ada \"L\"\r\nnext"}));
    assert_eq!(
        (spring.max_clicks, spring.filter_bots, spring.api_key_id),
        (Some(3), true, None)
    );
    let same = short_link::Model {
        id: spring.id,
        code: spring.code.clone(),
        created_at: spring.created_at,
        ..autumn.clone()
    };
    assert_eq!(*spring, same);
    for entry in import.entries().await {
        assert_eq!(entry.action, Action::ShortLinksImported);
        assert_eq!(
            (entry.api_key_id, entry.subject_id, entry.affected),
            (None, None, 1)
        );
    }
}

#[tokio::test]
async fn exports_of_other_shorteners_keep_their_codes() {
    let import = Import::start().await;
    for (name, text) in [
        (
            "bitly.csv",
            "Bitlink,Long URL,Title,Created,Custom Bitlinks\nbit.ly/3abcXYZ,https://a.example/,A,2020,\n",
        ),
        (
            "yourls.csv",
            "keyword,url,title,timestamp,ip,clicks\nyourls1,https://b.example/,B,2020,192.0.2.1,5\n",
        ),
        (
            "shlink.csv",
            "createdAt,title,shortUrl,domain,shortCode,longUrl,tags,visits\n\
             2020,C,https://s.example/shlink1,s.example,shlink1,https://c.example/,x|y,7\n",
        ),
    ] {
        let file = import.file(name, text);
        assert_eq!(
            import.import(&file, &["--list-id", "42"]),
            (json!(1), json!(0)),
            "{name}"
        );
    }
    let made = import.links().await.into_iter();
    let made: Vec<_> = made
        .map(|link| (link.code, link.destination, link.metadata))
        .collect();
    let link = |code: &str, url: &str, metadata| (code.to_owned(), url.to_owned(), metadata);
    assert_eq!(
        made,
        [
            link("3abcXYZ", "https://a.example/", json!({"title": "A"})),
            link("yourls1", "https://b.example/", json!({"title": "B"})),
            link(
                "shlink1",
                "https://c.example/",
                json!({"title": "C", "tags": "x|y"})
            ),
        ]
    );
}

#[tokio::test]
async fn rejected_lines_are_written_down_to_be_mended_and_given_again() {
    let import = Import::start().await;
    let other = Tenant::make(&import.store, "other.example.com", START).await;
    let theirs = other.more_list(&import.store, 43, "+18005551235", None).await;
    assert_eq!(theirs.list_id, 43);
    let csv = "url,listId,code,note\n\
        https://example.com/1,42,one,a\n\
        nowhere,42,two,\"b, \"\"c\"\"\"\n\
        https://example.com/3,43,three,\n\
        https://example.com/4,x,four,\n\
        https://example.com/5,42,one,\n\
        https://example.com/6\n\
        https://example.com/7,42,seven,\n";
    let wrong = import.path("wrong.csv");
    let wrong_name = wrong.to_str().expect("UTF-8");
    let ended = import.end(&import.file("links.csv", csv), &["--rejects", wrong_name]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("5 lines make no link"), "{ended:?}");
    assert!(ended.stderr.contains("note"), "{ended:?}");
    let said: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    assert_eq!((&said["imported"], &said["rejected"]), (&json!(2), &json!(5)));
    let codes: Vec<_> = items(&said["wrong"])
        .map(|wrong| (&wrong["line"], &wrong["errorCode"]))
        .collect();
    let expected = json!([
        [3, "INVALID_URL"],
        [4, "LIST_NOT_FOUND"],
        [5, "BAD_REQUEST"],
        [6, "CODE_TAKEN"],
        [7, "BAD_REQUEST"]
    ]);
    assert_eq!(json!(codes), expected);
    let text = fs::read_to_string(&wrong).expect("rejects");
    let rows: Vec<_> = text.lines().collect();
    assert_eq!(rows[0], "url,listId,code,note,line,errorCode,reason");
    assert!(
        rows[1].starts_with("nowhere,42,two,\"b, \"\"c\"\"\",3,INVALID_URL,\"url: give an absolute URL"),
        "{text}"
    );
    assert_eq!(rows.len(), 6);

    // Mended by hand, with the columns that were added still there.
    let mended = text
        .replace("nowhere", "https://example.com/2")
        .replace(",43,", ",42,")
        .replace(",x,", ",42,")
        .replace("/5,42,one", "/5,42,five")
        .replace("/6,,,", "/6,42,six,");
    let again = import.path("again.csv");
    let file = import.file("mended.csv", mended);
    let more = ["--rejects", again.to_str().expect("UTF-8")];
    assert_eq!(import.import(&file, &more), (json!(5), json!(0)));
    let header = fs::read_to_string(&again).expect("rejects");
    assert_eq!(header, "url,listId,code,note,line,errorCode,reason\n");
    let codes: Vec<_> = import.links().await.into_iter().map(|link| link.code).collect();
    assert_eq!(codes, ["one", "seven", "two", "three", "four", "five", "six"]);

    let lines = "{\"url\": \"nowhere\", \"listId\": 42, \"note\": [1]}\n{\n";
    let wrong = import.path("wrong.ndjson");
    let more = ["--rejects", wrong.to_str().expect("UTF-8")];
    assert_eq!(
        import.end(&import.file("links.ndjson", lines), &more).code,
        Some(1)
    );
    let text = fs::read_to_string(&wrong).expect("rejects");
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("JSON"))
        .collect();
    assert_eq!((&lines[0]["note"], &lines[0]["line"]), (&json!([1]), &json!(1)));
    assert_eq!(lines[0]["errorCode"], "INVALID_URL");
    assert_eq!(
        (&lines[1]["line"], &lines[1]["errorCode"]),
        (&json!(2), &json!("BAD_REQUEST"))
    );
}

#[tokio::test]
async fn a_quotation_mark_that_is_never_closed_costs_one_line_and_is_told_with_its_place() {
    let import = Import::start().await;
    let mut csv =
        "url,listId,metadata.name\nhttps://example.com/1,42,\"Ada\nhttps://example.com/2,42,\"L\nB\"\n\
        https://example.com/4,42,\"Ada\n"
            .to_owned();
    // More than a row may have, in which nothing is quoted.
    for line in 0..1500 {
        let _ = writeln!(csv, "https://example.com/{},42,{line}", "x".repeat(700));
    }
    let wrong = import.path("wrong.csv");
    let more = ["--rejects", wrong.to_str().expect("UTF-8")];
    let ended = import.end(&import.file("links.csv", csv), &more);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    let said: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    let reasons = [
        "the quotation mark that opens in line 2 is never closed",
        "the quotation mark that opens in line 5 is not closed within 1048576 bytes",
    ];
    let told = |(line, reason): (u64, _)| json!({"line": line, "errorCode": "BAD_REQUEST", "reason": reason});
    let expected = [told((2, reasons[0])), told((5, reasons[1]))];
    assert_eq!(
        (&said["imported"], &said["wrong"]),
        (&json!(1501), &json!(expected))
    );
    let text = fs::read_to_string(&wrong).expect("rejects");
    let expected = format!(
        "url,listId,metadata.name,line,errorCode,reason\n,,,2,BAD_REQUEST,{}\n,,,5,BAD_REQUEST,{}\n",
        reasons[0], reasons[1]
    );
    assert_eq!(text, expected);
}

#[tokio::test]
async fn a_dry_run_says_what_would_be_made_and_makes_nothing() {
    let import = Import::start().await;
    let first = import.file("links.csv", "url,code\nhttps://example.com/,spring\n");
    import.import(&first, &["--list-id", "42"]);
    let csv = "url,code\nhttps://example.com/,spring\nhttps://example.com/1,spring\nhttps://example.com/2,new\n\
        https://example.com/3,new\nhttps://example.com/4,\nnowhere,\n";
    let file = import.file("links.csv", csv);
    let ended = import.end(&file, &["--list-id", "42", "--dry-run"]);
    let said: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    assert_eq!(
        (&said["dryRun"], &said["imported"], &said["skipped"]),
        (&json!(true), &json!(2), &json!(1))
    );
    let wrong: Vec<_> = items(&said["wrong"])
        .map(|wrong| (&wrong["line"], &wrong["errorCode"]))
        .collect();
    assert_eq!(
        json!(wrong),
        json!([[3, "CODE_TAKEN"], [5, "CODE_TAKEN"], [7, "INVALID_URL"]])
    );
    assert_eq!((import.count().await, import.entries().await.len()), (1, 1));
    // It says what then happens.
    let ended = import.end(&file, &["--list-id", "42"]);
    let really: Value = serde_json::from_str(&ended.stdout).expect("JSON");
    for field in ["imported", "skipped", "rejected", "wrong"] {
        assert_eq!(really[field], said[field], "{field}");
    }
}

#[tokio::test]
async fn an_import_that_a_kill_cut_short_is_finished_by_a_second_run() {
    let import = Import::start().await;
    let mut csv = "url,listId,metadata.n\n".to_owned();
    for line in 0..6000 {
        // Lines that say the same are links of their own.
        let _ = writeln!(csv, "https://example.com/,42,{}", line / 2);
    }
    let file = import.file("links.csv", csv);
    let program = import.begin(&file, &[]);
    while import.count().await == 0 {}
    program.kill();
    let before = import.count().await;
    assert!(before < 6000, "the kill came too late: {before}");
    let told = |entries: Vec<audit_entry::Model>| entries.iter().map(|entry| entry.affected).sum::<i32>();
    assert_eq!(u64::try_from(told(import.entries().await)), Ok(before));
    assert_eq!(import.import(&file, &[]), (json!(6000 - before), json!(before)));
    assert_eq!(import.import(&file, &[]), (json!(0), json!(6000)));
    assert_eq!(told(import.entries().await), 6000);
    let mut made: Vec<_> = import
        .links()
        .await
        .into_iter()
        .map(|link| link.metadata["n"].to_string())
        .collect();
    made.sort_unstable();
    made.dedup();
    assert_eq!((made.len(), import.count().await), (3000, 6000));
}

#[tokio::test]
async fn what_can_t_be_imported_at_all_is_said_before_anything_is_made() {
    let import = Import::start().await;
    let good = "url,listId\nhttps://example.com/,42\n";
    let complain = |name: &str, text: &[u8], more: &[&str], code: i32, said: &str| {
        let ended = import.end(&import.file(name, text), more);
        assert_eq!(ended.code, Some(code), "{ended:?}");
        assert!(ended.stderr.contains(said), "{said}: {ended:?}");
    };
    complain(
        "links.txt",
        good.as_bytes(),
        &[],
        2,
        "--format: say \"ndjson\" or \"csv\"",
    );
    complain(
        "empty.csv",
        b"",
        &[],
        1,
        "the first row of CSV holds the names of its cells",
    );
    complain(
        "utf16.csv",
        b"\xFF\xFEu\0r\0l\0",
        &[],
        1,
        "the file is UTF-16; save it as UTF-8",
    );
    complain(
        "codes.csv",
        b"code,listId\nspring,42\n",
        &[],
        1,
        "names neither url nor offerId",
    );
    complain("twice.csv", b"url,longUrl\na,b\n", &[], 1, "which say the same");
    let itself = import.path("self.csv");
    let more = ["--rejects", itself.to_str().expect("UTF-8")];
    complain(
        "self.csv",
        good.as_bytes(),
        &more,
        2,
        "--rejects: name another file",
    );
    assert_eq!(fs::read_to_string(&itself).expect("the file"), good);
    let mut account = import.tenant.account.clone();
    account.products = account::Products::default();
    let changed = account.into_active_model().reset_all();
    changed
        .update(&import.store.write)
        .await
        .expect("a changed account");
    complain(
        "good.csv",
        good.as_bytes(),
        &[],
        1,
        "the account lacks the product SMS",
    );
    assert_eq!(import.count().await, 0);
}

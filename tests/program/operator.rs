//! What an operator does with accounts, keys and domains, for people and for scripts.

use std::time::Duration;

use sea_orm::{ActiveModelTrait as _, ActiveValue::Set};
use serde_json::{Value, json};
use tokio::time::timeout;

use super::{
    client::Client,
    process::{Ended, Program, run},
};
use crate::support::{Database, START, Tenant};

const VIEWER: &str = "{ viewer { apiKey { name } } }";

/// An account and a key that are well formed and never were.
const NO_ACCOUNT: &str = "acct_00000000000000000000000000000000";
const NO_KEY: &str = "key_00000000000000000000000000000000";

fn on(database: &Database, arguments: &[&str]) -> Ended {
    run(
        arguments.iter().copied(),
        [("LINKHOP_DATABASE_URL", database.url.as_str())],
    )
}

/// The one JSON value that a command prints.
fn json_on(database: &Database, arguments: &[&str]) -> Value {
    let printed = on(database, &[arguments, &["--json"]].concat()).printed();
    assert_eq!(printed.matches('\n').count(), 1, "{printed}");
    serde_json::from_str(&printed).expect("JSON")
}

fn text(value: &Value) -> &str {
    value.as_str().expect("a text")
}

/// The names of an object's fields.
fn fields(object: &Value) -> Vec<&str> {
    object
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect()
}

#[tokio::test]
async fn scripts_get_one_json_value_with_the_same_fields_from_every_command() {
    let database = Database::migrated().await;
    let account = json_on(
        &database,
        &["account", "create", "--name", "Example", "--product", "sms"],
    );
    let of_account = ["createdAt", "id", "name", "products", "status"];
    assert_eq!(fields(&account), of_account);
    assert_eq!(
        (&account["name"], &account["status"], &account["products"]),
        (&json!("Example"), &json!("ACTIVE"), &json!(["SMS"]))
    );
    let id = text(&account["id"]);
    assert_eq!(json_on(&database, &["account", "list"]), json!([account]));

    let create = [
        "key",
        "create",
        "--account",
        id,
        "--name",
        "ops",
        "--scope",
        "links-write",
    ];
    let expiring = [create.as_slice(), &["--expires-at", "2099-01-31T00:00:00Z"]].concat();
    let mut key = json_on(&database, &expiring);
    let secret = key
        .as_object_mut()
        .and_then(|key| key.remove("apiKey"))
        .expect("the key");
    assert!(text(&secret).starts_with("trk_"), "{secret}");
    let of_key = [
        "accountId",
        "createdAt",
        "expiresAt",
        "id",
        "lastUsedAt",
        "name",
        "revokedAt",
        "scopes",
    ];
    assert_eq!(fields(&key), of_key);
    assert_eq!(
        (
            &key["accountId"],
            &key["scopes"],
            &key["expiresAt"],
            &key["lastUsedAt"],
            &key["revokedAt"]
        ),
        (
            &account["id"],
            &json!(["LINKS_WRITE"]),
            &json!("2099-01-31T00:00:00Z"),
            &Value::Null,
            &Value::Null
        )
    );
    assert_eq!(
        json_on(&database, &["key", "list", "--account", id]),
        json!([key])
    );
    let revoked = json_on(&database, &["key", "revoke", text(&key["id"])]);
    assert!(revoked["revokedAt"].is_string(), "{revoked}");
    assert_eq!(
        json_on(&database, &["key", "list", "--account", id]),
        json!([revoked])
    );

    let suspended = json_on(&database, &["account", "suspend", id]);
    assert_eq!(
        (fields(&suspended), &suspended["status"]),
        (of_account.to_vec(), &json!("SUSPENDED"))
    );
    assert_eq!(json_on(&database, &["account", "resume", id]), account);

    assert_eq!(json_on(&database, &["domain", "list"]), json!([]));
    let status = json_on(&database, &["migrate", "status"]);
    assert_eq!(
        (fields(&status), &status["pending"]),
        (vec!["made", "pending"], &json!(0))
    );
}

#[tokio::test]
async fn people_get_tables_and_where_there_is_nothing_a_sentence() {
    let database = Database::migrated().await;
    let none = on(&database, &["account", "list"]).printed();
    assert_eq!(
        none,
        "There are no accounts yet: `linkhop account create` makes one.\n"
    );
    assert_eq!(
        on(&database, &["domain", "list"]).printed(),
        "There are no domains yet: the mutation createDomain makes one.\n"
    );

    let id = on(&database, &["account", "create", "--name", "Example Outfitters"]).printed();
    let id = id.trim_end();
    let none = on(&database, &["key", "list", "--account", id]).printed();
    assert_eq!(
        none,
        "The account has no keys yet: `linkhop key create` makes one.\n"
    );
    let create = [
        "key",
        "create",
        "--account",
        id,
        "--name",
        "ops",
        "--scope",
        "read",
        "--scope",
        "links-write",
    ];
    on(&database, &create).printed();

    let accounts = on(&database, &["account", "list"]).printed();
    let [header, row] = lines(&accounts);
    assert_eq!(
        words(header),
        ["ID", "NAME", "STATUS", "PRODUCTS", "CREATED"],
        "{accounts}"
    );
    // Columns stand under their names.
    assert_eq!(row.find("Example Outfitters"), header.find("NAME"), "{accounts}");
    assert_eq!(row.find("ACTIVE"), header.find("STATUS"), "{accounts}");
    let keys = on(&database, &["key", "list", "--account", id]).printed();
    let [header, row] = lines(&keys);
    assert_eq!(
        words(header),
        ["ID", "NAME", "SCOPES", "EXPIRES", "LAST USED", "REVOKED"],
        "{keys}"
    );
    assert_eq!(
        words(row)[1..],
        ["ops", "READ, LINKS_WRITE", "never", "never", "no"],
        "{keys}"
    );
}

fn lines(printed: &str) -> [&str; 2] {
    let lines: Vec<_> = printed.lines().collect();
    lines.try_into().expect("a header and a row")
}

/// The cells of a line.
fn words(line: &str) -> Vec<&str> {
    line.split("  ")
        .map(str::trim)
        .filter(|cell| !cell.is_empty())
        .collect()
}

#[tokio::test]
async fn a_list_of_keys_shows_neither_a_key_nor_its_hash() {
    let database = Database::migrated().await;
    let tenant = Tenant::make(&database.store().await, "go.example.com", START).await;
    let id = tenant.account.id.to_string();
    for more in [&[][..], &["--json"]] {
        let list = on(
            &database,
            &[&["key", "list", "--log=trace", "--account", &id], more].concat(),
        );
        assert_eq!(list.code, Some(0), "{list:?}");
        assert!(list.stdout.contains(&tenant.key_row.id.to_string()), "{list:?}");
        for secret in [&tenant.key, &tenant.key_row.hash] {
            assert!(!list.output().contains(secret.as_str()), "{list:?}");
        }
    }
}

#[tokio::test]
async fn domains_are_listed_of_all_accounts_or_of_one() {
    let database = Database::migrated().await;
    let store = database.store().await;
    let first = Tenant::make(&store, "go.example.com", START).await;
    let second = Tenant::make(&store, "go.example.net", START).await;
    let all = json_on(&database, &["domain", "list"]);
    assert_eq!(
        all,
        json!([
            of_domain(&first, "go.example.com"),
            of_domain(&second, "go.example.net")
        ])
    );
    let id = second.account.id.to_string();
    let one = json_on(&database, &["domain", "list", "--account", &id]);
    assert_eq!(one, json!([of_domain(&second, "go.example.net")]));
    let table = on(&database, &["domain", "list", "--account", &id]).printed();
    let [header, row] = lines(&table);
    assert_eq!(words(header), ["HOST", "STATUS", "SCHEME", "ACCOUNT", "ID"]);
    assert_eq!(
        words(row)[..4],
        ["go.example.net", "ACTIVE", "https", &id],
        "{table}"
    );
}

fn of_domain(tenant: &Tenant, host: &str) -> Value {
    json!({
        "id": tenant.domain.id.to_string(),
        "accountId": tenant.account.id.to_string(),
        "host": host,
        "scheme": "HTTPS",
        "status": "ACTIVE",
        "rootUrl": null,
        "fallbackUrl": null,
        "createdAt": "2026-11-23T12:00:00Z",
    })
}

#[tokio::test]
async fn a_suspended_account_is_refused_by_a_running_server_and_let_in_again_when_resumed() {
    let database = Database::migrated().await;
    let tenant = Tenant::make(&database.store().await, "go.example.com", START).await;
    let (_program, url) = Program::serve(&database);
    let client = Client::new(&url, &tenant.key);
    let id = tenant.account.id.to_string();
    let named = format!("account {id} (go.example.com) ");
    assert_eq!(client.status(VIEWER).await.expect("an answer"), 200);
    for (command, said, status) in [
        (
            "suspend",
            "is suspended: its keys are refused from the next request on",
            403,
        ),
        ("suspend", "was suspended already", 403),
        ("resume", "is active: its keys work from the next request on", 200),
        ("resume", "was active already", 200),
    ] {
        let printed = on(&database, &["account", command, &id]).printed();
        assert_eq!(printed, format!("{named}{said}\n"));
        assert_eq!(
            client.status(VIEWER).await.expect("an answer"),
            status,
            "{printed}"
        );
    }
}

#[tokio::test]
async fn an_account_has_the_product_that_links_need_unless_it_was_made_without() {
    let database = Database::migrated().await;
    let made = json_on(&database, &["account", "create", "--name", "Example"]);
    assert_eq!(made["products"], json!(["SMS"]));

    let store = database.store().await;
    let tenant = Tenant::make(&store, "go.example.com", START).await;
    let without = entity::account::ActiveModel {
        id: Set(tenant.account.id),
        products: Set(entity::account::Products::default()),
        ..Default::default()
    };
    without.update(&store.write).await.expect("an account");
    let (_program, url) = Program::serve(&database);
    let client = Client::new(&url, &tenant.key);
    let link =
        r#"mutation { createShortLink(input: {url: "https://example.com/", listId: 42}) { __typename } }"#;
    let refused = client.graphql(link, json!({})).await.expect("an answer");
    let expected = json!({"createShortLink": {"__typename": "ProductNotEnabledError"}});
    assert_eq!(refused, expected);

    let id = tenant.account.id.to_string();
    let enable = ["account", "enable", &id, "--product", "sms"];
    for said in ["has SMS from the next request on", "had SMS already"] {
        let printed = on(&database, &enable).printed();
        assert_eq!(printed, format!("account {id} (go.example.com) {said}\n"));
        let made = client.graphql(link, json!({})).await.expect("an answer");
        let expected = json!({"createShortLink": {"__typename": "CreateShortLinkSuccess"}});
        assert_eq!(made, expected);
    }
    let row = json_on(&database, &enable);
    assert_eq!(row["products"], json!(["SMS"]), "{row}");
}

#[tokio::test]
async fn a_revoked_key_is_refused_by_a_running_server_at_the_next_request() {
    let database = Database::migrated().await;
    let tenant = Tenant::make(&database.store().await, "go.example.com", START).await;
    let (_program, url) = Program::serve(&database);
    let client = Client::new(&url, &tenant.key);
    let id = tenant.key_row.id.to_string();
    assert_eq!(client.status(VIEWER).await.expect("an answer"), 200);
    let printed = on(&database, &["key", "revoke", &id]).printed();
    let said = format!("key {id} (test) is revoked: it is refused from the next request on\n");
    assert_eq!(printed, said);
    assert_eq!(client.status(VIEWER).await.expect("an answer"), 401);
    let when = json_on(
        &database,
        &["key", "list", "--account", &tenant.account.id.to_string()],
    );
    let again = on(&database, &["key", "revoke", &id]).printed();
    assert!(
        again.starts_with(&format!("key {id} (test) was revoked already, at 2")),
        "{again}"
    );
    // The first time counts.
    let later = json_on(
        &database,
        &["key", "list", "--account", &tenant.account.id.to_string()],
    );
    assert_eq!(later[0]["revokedAt"], when[0]["revokedAt"]);
}

#[tokio::test]
async fn the_last_use_of_a_key_is_listed_once_the_server_has_stopped() {
    let database = Database::migrated().await;
    let tenant = Tenant::make(&database.store().await, "go.example.com", START).await;
    let (program, url) = Program::serve(&database);
    Client::new(&url, &tenant.key)
        .graphql(VIEWER, json!({}))
        .await
        .expect("an answer");
    program.terminate();
    let ended = program.end_within(Duration::from_secs(15)).await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let keys = json_on(
        &database,
        &["key", "list", "--account", &tenant.account.id.to_string()],
    );
    assert!(keys[0]["lastUsedAt"].is_string(), "{keys}");
}

#[tokio::test]
async fn what_is_not_there_is_named_with_the_command_that_shows_what_is() {
    let database = Database::migrated().await;
    let accounts = format!("there is no account {NO_ACCOUNT}; `linkhop account list` shows those there are");
    let keys =
        format!("there is no API key {NO_KEY}; `linkhop key list --account ID` shows those of an account");
    for (command, said) in [
        (["account", "suspend", NO_ACCOUNT].as_slice(), &accounts),
        (&["account", "resume", NO_ACCOUNT], &accounts),
        (&["account", "enable", NO_ACCOUNT, "--product", "sms"], &accounts),
        (&["key", "list", "--account", NO_ACCOUNT], &accounts),
        (
            &[
                "key",
                "create",
                "--account",
                NO_ACCOUNT,
                "--name",
                "ops",
                "--scope",
                "read",
            ],
            &accounts,
        ),
        (&["domain", "list", "--account", NO_ACCOUNT], &accounts),
        (&["key", "revoke", NO_KEY], &keys),
    ] {
        let ended = on(&database, command);
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (Some(1), ""),
            "{command:?}: {ended:?}"
        );
        assert_eq!(ended.stderr, format!("linkhop: {said}\n"), "{command:?}");
    }
}

#[tokio::test]
async fn a_wrong_command_line_is_exit_code_2_and_leaves_the_database_alone() {
    let database = Database::migrated().await;
    let tenant = Tenant::make(&database.store().await, "go.example.com", START).await;
    let id = tenant.account.id.to_string();
    let key = ["key", "create", "--account", &id, "--scope", "read"];
    for (command, said) in [
        (
            ["account", "suspend", "go.example.com"].as_slice(),
            "`linkhop account list` shows it",
        ),
        (&["key", "revoke", &id], "`linkhop key list` shows it"),
        (
            &["account", "create", "--name", ""],
            "--name: a name has 1 to 255 characters",
        ),
        (
            &[key.as_slice(), &["--name", "a\nb"]].concat(),
            "--name: a name has 1 to 255 characters",
        ),
        (
            &[
                key.as_slice(),
                &["--name", "ops", "--expires-at", "2001-01-01T00:00:00Z"],
            ]
            .concat(),
            "--expires-at must be in the future",
        ),
        (&["account", "lst"], "similar"),
        (&["account"], "Usage: linkhop account"),
    ] {
        let ended = on(&database, command);
        assert_eq!(
            (ended.code, ended.stdout.as_str()),
            (Some(2), ""),
            "{command:?}: {ended:?}"
        );
        assert!(ended.stderr.contains(said), "{command:?}: {ended:?}");
    }
    assert_eq!(
        json_on(&database, &["account", "list"]).as_array().map(Vec::len),
        Some(1)
    );
    assert_eq!(
        json_on(&database, &["key", "list", "--account", &id])
            .as_array()
            .map(Vec::len),
        Some(1)
    );
}

#[test]
fn a_key_in_the_place_of_an_id_is_not_repeated() {
    let key = "trk_0123456789abcdefghijABCDEFGHIJ00";
    for command in [
        ["key", "revoke", key].as_slice(),
        &["key", "list", "--account", key],
        &["account", "suspend", key],
        &["domain", "list", "--account", key],
    ] {
        let database = ["--database-url", "sqlite:///nowhere/linkhop.db", "--log=trace"];
        let ended = run([command, &database].concat(), []);
        assert_eq!(ended.code, Some(2), "{command:?}: {ended:?}");
        assert!(ended.stderr.contains("32 hexadecimal digits"), "{ended:?}");
        assert!(!ended.output().contains(key), "{command:?}: {ended:?}");
    }
}

#[tokio::test]
async fn a_database_without_tables_is_said_to_need_migrate_up() {
    let database = Database::empty().await;
    if database.url.starts_with("sqlite:") {
        let ended = on(&database, &["account", "list"]);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(
            ended.stderr.contains("`linkhop migrate up` makes it"),
            "{ended:?}"
        );
        assert_eq!(ended.stderr.matches("unable to open").count(), 1, "{ended:?}");
    }
    database.store().await;
    for command in [["account", "list"], ["domain", "list"], ["account", "create"]] {
        let name = ["--name", "Example"];
        let more: &[_] = if command[1] == "create" { &name } else { &[] };
        let ended = on(&database, &[&command, more].concat());
        assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
        assert!(ended.stderr.contains("run `linkhop migrate up`"), "{ended:?}");
    }
}

#[tokio::test]
async fn a_host_is_blocked_and_unblocked_beside_a_running_server() {
    let database = Database::migrated().await;
    let tenant = Tenant::make(&database.store().await, "go.example.com", START).await;
    let (_program, url) = Program::serve(&database);
    let client = Client::new(&url, &tenant.key);
    let made = client
        .create(json!({"url": "https://www.phish.example/", "listId": 42}))
        .await
        .expect("an answer");
    let code = text(&made["linkId"]).to_owned();
    let visitor = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .expect("a client");
    let status = async || {
        let page = visitor
            .get(format!("{url}/{code}"))
            .header("host", "go.example.com")
            .send();
        page.await.expect("an answer").status()
    };
    let becomes = async |wanted: u16| {
        let seen = async { while status().await != wanted {} };
        let seen = timeout(Duration::from_mins(1), seen).await;
        seen.unwrap_or_else(|_| panic!("it does not become {wanted}"));
    };
    becomes(302).await;
    let block = ["destination", "block", "Phish.Example", "--reason", "reported"];
    let row = json_on(&database, &block);
    assert_eq!(fields(&row), ["blockedAt", "host", "reason", "unblockedAt"]);
    assert_eq!(
        (&row["host"], &row["reason"], &row["unblockedAt"]),
        (&json!("phish.example"), &json!("reported"), &Value::Null)
    );
    becomes(410).await;
    assert_eq!(json_on(&database, &["destination", "list"]), json!([row]));
    let listed = on(&database, &["destination", "list"]).printed();
    assert!(
        listed.contains("phish.example") && listed.contains("reported"),
        "{listed}"
    );
    let unblock = ["destination", "unblock", "phish.example"];
    let printed = on(&database, &unblock).printed();
    assert_eq!(printed, "Links may lead to phish.example again.\n");
    becomes(302).await;
    let again = on(&database, &unblock);
    assert_eq!(again.code, Some(1), "{again:?}");
    assert!(again.stderr.contains("phish.example is not blocked"), "{again:?}");
    let empty = on(&database, &["destination", "list"]).printed();
    assert_eq!(empty, "No host is blocked.\n");
    for wrong in ["https://phish.example/", "com", "*.phish.example"] {
        let ended = on(&database, &["destination", "block", wrong]);
        assert_eq!(ended.code, Some(2), "{wrong}: {ended:?}");
    }
}

#[tokio::test]
async fn reports_are_listed_until_they_are_closed() {
    let database = Database::migrated().await;
    let tenant = Tenant::make(&database.store().await, "go.example.com", START).await;
    let (_program, url) = Program::serve(&database);
    let made = Client::new(&url, &tenant.key)
        .create(json!({"url": "https://example.com/", "listId": 42}))
        .await
        .expect("an answer");
    let code = text(&made["linkId"]);
    let empty = on(&database, &["report", "list"]).printed();
    assert_eq!(empty, "Nothing is reported.\n");
    let sending = reqwest::Client::builder().no_proxy().build().expect("a client");
    let sending = sending
        .post(format!("{url}/report"))
        .header("host", "go.example.com")
        .header("content-type", "application/x-www-form-urlencoded")
        .body(format!("link={code}&reason=It+asks+for%0Amy+password"));
    assert_eq!(sending.send().await.expect("an answer").status(), 200);
    let listed = json_on(&database, &["report", "list"]);
    let report = &listed[0];
    let of_report = [
        "accountId",
        "createdAt",
        "email",
        "id",
        "reason",
        "shortLinkId",
        "url",
    ];
    assert_eq!(fields(report), of_report);
    assert_eq!(report["url"], format!("https://go.example.com/{code}"));
    assert_eq!(
        (&report["reason"], &report["email"]),
        (&json!("It asks for\nmy password"), &Value::Null)
    );
    let shown = on(&database, &["report", "list"]).printed();
    assert_eq!(shown.lines().count(), 2, "{shown}");
    let id = text(&report["id"]);
    assert_eq!(json_on(&database, &["report", "close", id]), *report);
    let again = on(&database, &["report", "close", id]);
    assert_eq!(again.code, Some(1), "{again:?}");
    let wrong = on(&database, &["report", "close", "link_1"]);
    assert_eq!(wrong.code, Some(2), "{wrong:?}");
}

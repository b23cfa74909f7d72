//! A small campaign with a history that can be counted by hand.

use entity::{
    ShortLinkId,
    click::{self, BotKind, BotReason},
    domain, offer, sending_list,
};
use serde_json::{Value, json};

use super::{TestApp, a_click};

/// Two offers, lists and domains, three links, and six clicks:
///
/// | | link | by | country, agent, referrer | opened with |
/// |---|---|---|---|---|
/// | 1 | shoes | visitor 1 | US, a phone, www.example.com | `sub1=a&source=sms` |
/// | 2 | shoes | visitor 1 | US, a phone, www.example.com | `sub1=a&source=sms` |
/// | 3 | shoes | a bot by its agent, for previews | | |
/// | 4 | hats | visitor 1 | DE, a phone, www.example.com | `sub1=b` … `sub5=b` |
/// | 5 | hats | a bot that asked for headers | DE | |
/// | 6 | plain | somebody who may not be told from others | | |
#[derive(Debug)]
pub struct Campaign {
    /// What shoes are sold by.
    pub shoes: offer::Model,
    /// What hats are sold by.
    pub hats: offer::Model,
    /// List 43, whose links live on [`Self::outlet`].
    pub list: sending_list::Model,
    /// The domain of the second list.
    pub outlet: domain::Model,
    /// The link to shoes, of list 42, for +12025550143, of the campaign `spring` and the wave 1.
    pub shoes_link: ShortLinkId,
    /// The link to hats, of list 43, for +12025550144, of the campaign `1` and the wave 2.5.
    pub hats_link: ShortLinkId,
    /// The link to a URL, of list 42, for nobody, of a list of campaigns and of no wave.
    pub plain_link: ShortLinkId,
}

impl Campaign {
    /// Makes the campaign and its clicks, one a second from the first second after the test began.
    pub async fn make(app: &TestApp) -> Self {
        let this = Self::without_clicks(app).await;
        app.store_clicks(&this.clicks()).await;
        this
    }

    /// Makes the campaign.
    pub async fn without_clicks(app: &TestApp) -> Self {
        let (tenant, store) = (&app.tenant, app.store());
        let shoes = tenant.offer(store, None, "https://shoes.example/").await;
        let shoes = app
            .save(offer::Model {
                name: "Shoes".to_owned(),
                ..shoes
            })
            .await;
        let hats = tenant.offer(store, None, "https://hats.example/").await;
        let hats = app
            .save(offer::Model {
                name: "Hats".to_owned(),
                ..hats
            })
            .await;
        let outlet = tenant.more_domain(store, "outlet.example.com").await;
        let list = tenant.more_list(store, 43, "+18005551235", Some(outlet.id)).await;
        let shoes_link = link(
            app,
            json!({
                "offerId": shoes.id.to_string(), "listId": 42, "contactPhone": "+12025550143",
                "metadata": {"campaign": "spring", "wave": 1},
            }),
        );
        let shoes_link = shoes_link.await;
        let hats_link = link(
            app,
            json!({
                "offerId": hats.id.to_string(), "listId": 43, "contactPhone": "+12025550144",
                "metadata": {"campaign": 1, "wave": 2.5},
            }),
        );
        let hats_link = hats_link.await;
        let plain_link = link(
            app,
            json!({"url": "https://example.com/", "listId": 42, "metadata": {"campaign": ["spring"], "wave": null}}),
        );
        let plain_link = plain_link.await;
        Self {
            shoes,
            hats,
            list,
            outlet,
            shoes_link,
            hats_link,
            plain_link,
        }
    }

    /// The six clicks, in the order in which they were made.
    pub fn clicks(&self) -> [click::Model; 6] {
        let nothing_of = |click: click::Model| click::Model {
            user_agent_id: None,
            address: None,
            visitor: None,
            country: None,
            referrer: None,
            language: None,
            parameters: None,
            ..click
        };
        [
            a_click(self.shoes_link, 1),
            a_click(self.shoes_link, 2),
            click::Model {
                bot_reason: Some(BotReason::UserAgent),
                bot_kind: Some(BotKind::SocialPreview),
                ..nothing_of(a_click(self.shoes_link, 3))
            },
            click::Model {
                country: Some("DE".to_owned()),
                parameters: Some(json!({"sub1": "b", "sub2": "b", "sub3": "b", "sub4": "b", "sub5": "b"})),
                ..a_click(self.hats_link, 4)
            },
            click::Model {
                method: click::Method::Head,
                bot_reason: Some(BotReason::Head),
                country: Some("DE".to_owned()),
                ..nothing_of(a_click(self.hats_link, 5))
            },
            nothing_of(a_click(self.plain_link, 6)),
        ]
    }

    /// A text in which ids stand as the names that they have here.
    pub fn named(&self, app: &TestApp, text: &str) -> String {
        [
            (self.shoes_link.to_string(), "shoes link"),
            (self.hats_link.to_string(), "hats link"),
            (self.plain_link.to_string(), "plain link"),
            (self.shoes.id.to_string(), "shoes"),
            (self.hats.id.to_string(), "hats"),
            (app.tenant.list.id.to_string(), "list 42"),
            (self.list.id.to_string(), "list 43"),
            (app.tenant.domain.id.to_string(), "go"),
            (self.outlet.id.to_string(), "outlet"),
        ]
        .iter()
        .fold(text.to_owned(), |text, (id, name)| text.replace(id, name))
    }
}

async fn link(app: &TestApp, input: Value) -> ShortLinkId {
    let made = app.create(input).await;
    let code = made["linkId"]
        .as_str()
        .unwrap_or_else(|| panic!("no link: {made}"));
    app.link_id(code).await
}

//! The list of chats and what was said in them.

use chrono::TimeDelta;
use reqwest::{Method, StatusCode};
use serde_json::json;
use uuid::Uuid;

use super::{CHATS, home::Home};

#[tokio::test]
async fn pinned_chats_come_first_and_pages_have_no_gaps() {
    let home = Home::new().await;
    for (title, pin_order, minutes) in
        [("old", 0, 9), ("new", 0, 1), ("first", 1, 8), ("second", 2, 2), ("mid", 0, 5)]
    {
        let mut row = home.idle(title);
        row.pin_order = pin_order;
        row.updated_at -= TimeDelta::minutes(minutes);
        home.add(row).await;
    }
    let all = ["first", "second", "new", "mid", "old"];
    assert_eq!(home.titles("").await, all);
    assert_eq!(home.titles("?limit=2&offset=1").await, all[1..3]);
    let (_, list) = home.server.get(CHATS).await;
    for (place, chat) in list.as_array().unwrap().iter().enumerate() {
        let query = format!("?after_id={}", chat["id"].as_str().unwrap());
        assert_eq!(home.titles(&query).await, all[place + 1..], "after {}", chat["title"]);
    }
    let unknown = format!("{CHATS}?after_id={}", Uuid::new_v4());
    assert_eq!(home.server.get(&unknown).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn chats_are_found_by_title_label_unread_mark_and_source() {
    let home = Home::new().await;
    let mut row = home.idle("Fix 100% of bugs");
    row.labels = json!({ "team": "core", "a.b/c": "x:y" });
    home.add(row).await;
    let unread = home.chat("Write docs").await;
    home.say(&unread, "assistant", "Done.").await;
    let mut row = home.idle("Old one");
    row.archived = true;
    home.add(row).await;

    for (query, found) in [
        ("?q=title:BUGS", &["Fix 100% of bugs"][..]),
        ("?q=title:%22of%20bugs%22", &["Fix 100% of bugs"]),
        ("?q=title:nothing", &[]),
        ("?label=team:core", &["Fix 100% of bugs"]),
        ("?label=team:core&label=a.b%2Fc:x:y", &["Fix 100% of bugs"]),
        ("?label=team:core&label=a.b%2Fc:x", &[]),
        ("?q=has_unread:true", &["Write docs"]),
        ("?q=has_unread:false", &["Fix 100% of bugs"]),
        ("?q=archived:true", &["Old one"]),
        ("?q=archived:true%20title:docs", &[]),
        ("?q=source:shared_with_me", &[]),
        ("?q=source:created_by_me%20title:docs", &["Write docs"]),
        ("?q=pr_status:open,merged", &[]),
    ] {
        assert_eq!(home.titles(query).await, found, "{query}");
    }
    for wrong in ["?q=bugs", "?q=colour:red", "?q=archived:maybe", "?label=team", "?q=source:x", "?q=pr:x"] {
        let (status, body) = home.server.get(&format!("{CHATS}{wrong}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{wrong}");
        assert!(body["validations"][0]["field"].is_string(), "{wrong}: {body}");
    }
}

#[tokio::test]
async fn chats_of_others_are_not_there_and_made_ones_are_within_their_root() {
    let home = Home::new().await;
    let root = home.idle("root");
    let child = warren_db::entity::chats::Model {
        parent_chat_id: Some(root.id),
        root_chat_id: Some(root.id),
        ..home.idle("child")
    };
    let path = home.add(root).await;
    let child_path = home.add(child).await;
    assert_eq!(home.titles("").await, ["root"]);
    let (_, list) = home.server.get(CHATS).await;
    assert_eq!(list[0]["children"][0]["title"], "child");
    let (_, one) = home.server.get(&path).await;
    assert_eq!(one["children"][0]["root_chat_id"], one["id"]);

    let bob = home.member("bob").await;
    assert_eq!(home.ask(&bob, Method::GET, CHATS, json!({})).await.1, json!([]));
    for (method, tail, body) in [
        (Method::GET, "", json!({})),
        (Method::GET, "/messages", json!({})),
        (Method::GET, "/prompts", json!({})),
        (Method::GET, "/approvals", json!({})),
        (Method::PATCH, "", json!({ "title": "mine" })),
        (Method::POST, "/messages", json!({ "content": super::text("x") })),
        (Method::POST, "/interrupt", json!({})),
        (Method::POST, "/reconcile-invalid", json!({})),
        (Method::POST, "/approvals", json!({ "decisions": [{ "tool_call_id": "c", "approve": true }] })),
        (Method::POST, "/tool-results", json!({ "results": [{ "tool_call_id": "c", "output": 1 }] })),
    ] {
        let (status, body) = home.ask(&bob, method.clone(), &format!("{path}{tail}"), body).await;
        assert_eq!(status, StatusCode::NOT_FOUND, "{method} {tail}: {body}");
    }
    for body in [json!({ "archived": true }), json!({ "pin_order": 1 })] {
        assert_eq!(home.patch(&child_path, body).await.0, StatusCode::BAD_REQUEST);
    }
    assert_eq!(home.patch(&path, json!({ "archived": true })).await.0, StatusCode::NO_CONTENT);
    assert_eq!(home.server.get(&child_path).await.1["archived"], true);
    assert_eq!(home.patch(&path, json!({ "archived": false })).await.0, StatusCode::NO_CONTENT);
    assert_eq!(home.server.get(&child_path).await.1["archived"], false);
}

#[tokio::test]
async fn messages_are_paged_without_gaps_in_both_directions() {
    let home = Home::new().await;
    let path = home.chat("long").await;
    for n in 0..7 {
        home.say(&path, if n % 2 == 0 { "assistant" } else { "user" }, &format!("m{n}")).await;
    }
    home.say(&path, "system", "hidden").await;
    let page = async |query: &str| home.server.get(&format!("{path}/messages{query}")).await;
    let ids = |body: &serde_json::Value| -> Vec<i64> {
        body["messages"].as_array().unwrap().iter().map(|one| one["id"].as_i64().unwrap()).collect()
    };
    let (_, all) = page("").await;
    let newest_first = ids(&all);
    assert_eq!((newest_first.len(), &all["has_more"]), (8, &json!(false)));

    let (mut seen, mut query) = (Vec::new(), String::from("?limit=3"));
    loop {
        let (_, body) = page(&query).await;
        seen.extend(ids(&body));
        query = format!("?limit=3&before_id={}", seen.last().unwrap());
        if body["has_more"] == false {
            break;
        }
    }
    assert_eq!(seen, newest_first);

    let oldest = *newest_first.last().unwrap();
    let (_, after) = page(&format!("?after_id={oldest}&limit=2")).await;
    assert_eq!(ids(&after), [newest_first[6], newest_first[5]], "ascending");
    let (_, both) = page(&format!("?after_id={oldest}&before_id={}", newest_first[3])).await;
    assert_eq!(ids(&both), newest_first[4..7]);
    for wrong in ["?limit=0", "?limit=201", "?after_id=5&before_id=5", "?after_id=x"] {
        assert_eq!(page(wrong).await.0, StatusCode::BAD_REQUEST, "{wrong}");
    }

    let (_, prompts) = home.server.get(&format!("{path}/prompts?limit=2")).await;
    assert_eq!(prompts["prompts"][0]["text"], "m5", "the newest first");
    assert_eq!(prompts["prompts"].as_array().unwrap().len(), 2);
    let too_many = format!("{path}/prompts?limit=2001");
    assert_eq!(home.server.get(&too_many).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn workspaces_are_matched_with_their_newest_living_chat() {
    let home = Home::new().await;
    let [one, two, other] = [Uuid::new_v4(), Uuid::new_v4(), Uuid::new_v4()];
    for (title, workspace, archived, minutes) in [
        ("older", one, false, 5),
        ("newer", one, false, 1),
        ("gone", one, true, 0),
        ("only gone", two, true, 0),
    ] {
        let mut row = home.idle(title);
        (row.workspace_id, row.archived) = (Some(workspace), archived);
        row.updated_at -= TimeDelta::minutes(minutes);
        home.add(row).await;
    }
    let path = format!("{CHATS}/by-workspace?workspace_ids={one},{two},{other},{one}");
    let (_, found) = home.server.get(&path).await;
    assert_eq!(found.as_object().unwrap().len(), 1, "{found}");
    assert_eq!(found[one.to_string()]["title"], "newer");
    let bob = home.member("bob").await;
    assert_eq!(home.ask(&bob, Method::GET, &path, json!({})).await.1, json!({}));
    let many: Vec<_> = (0..26).map(|_| Uuid::new_v4().to_string()).collect();
    for wrong in [many.join(","), String::from("x")] {
        let path = format!("{CHATS}/by-workspace?workspace_ids={wrong}");
        assert_eq!(home.server.get(&path).await.0, StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn an_archived_chat_stays_as_it_is_until_it_is_brought_back() {
    let home = Home::new().await;
    let mut row = home.idle("Old one");
    row.archived = true;
    let path = home.add(row).await;
    for body in [json!({ "title": "x" }), json!({ "labels": {} })] {
        let (status, answer) = home.patch(&path, body.clone()).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{body} {answer}");
    }
    assert_eq!(home.server.get(&path).await.1["title"], "Old one");
    let both = json!({ "archived": false, "title": " New\n\u{1b}[31mone\u{202e} " });
    assert_eq!(home.patch(&path, both).await.0, StatusCode::NO_CONTENT);
    assert_eq!(home.server.get(&path).await.1["title"], "New [31mone");
    assert_eq!(home.patch(&path, json!({ "title": "\u{200b}" })).await.0, StatusCode::BAD_REQUEST);
}

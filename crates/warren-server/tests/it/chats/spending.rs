//! What chats cost and what may be spent.

use reqwest::{Method, StatusCode};
use serde_json::json;
use warren_db::{
    DbError, Tx,
    entity::{chat_cut_calls, chat_messages},
    query,
};

use super::{CHATS, home::Home, text};

/// Stores an answer that cost something.
async fn cost(home: &Home, path: &str, micros: Option<i64>) {
    let chat = path.rsplit('/').next().unwrap().parse().unwrap();
    let row = chat_messages::Model {
        model_config_id: Some(home.model),
        input_tokens: Some(10),
        output_tokens: Some(5),
        total_cost_micros: micros,
        runtime_ms: Some(7),
        ..chat_messages::Model::new(chat, "assistant", text("Hi."), 1, warren_app::now())
    };
    let write = async |tx: &Tx| {
        query::chat_messages::insert(tx, row).await?;
        Ok::<_, DbError>(())
    };
    home.server.server.database().write(write).await.unwrap();
}

/// Books a call of a model that was stopped.
async fn cut_call(home: &Home, path: &str, micros: i64) {
    let row = chat_cut_calls::Model {
        chat_id: path.rsplit('/').next().unwrap().parse().unwrap(),
        history_version: 1,
        generation_attempt: 1,
        model_config_id: Some(home.model),
        input_tokens: Some(3),
        output_tokens: Some(2),
        cache_creation_tokens: None,
        cache_read_tokens: None,
        total_cost_micros: Some(micros),
        is_estimated: true,
        created_at: warren_app::now(),
    };
    let write = async |tx: &Tx| query::chat_cut_calls::insert(tx, row).await;
    home.server.server.database().write(write).await.unwrap();
}

#[tokio::test]
async fn whoever_has_spent_the_limit_is_told_when_it_begins_anew() {
    let home = Home::new().await;
    let path = home.chat("dear").await;
    cost(&home, &path, Some(1_200_000)).await;
    let limits = format!("{CHATS}/usage-limits");
    let status_path = format!("{limits}/status");
    let (_, status) = home.server.get(&status_path).await;
    assert_eq!(status, json!({ "is_limited": false, "current_spend": 1_200_000 }));

    let set = json!({ "spend_limit_micros": 1_000_000, "period": "month" });
    assert_eq!(home.put(&limits, set).await.0, StatusCode::OK);
    let (_, page) = home.server.get(&format!("{path}/messages")).await;
    let first = page["messages"].as_array().unwrap().last().unwrap()["id"].clone();
    let create = json!({ "organization_id": home.organization, "content": text("more") });
    let edit = format!("{path}/messages/{first}");
    for (method, path, body) in [
        (Method::POST, CHATS.to_owned(), create),
        (Method::POST, format!("{path}/messages"), json!({ "content": text("more") })),
        (Method::PATCH, edit, json!({ "content": text("more") })),
    ] {
        let (status, body) = home.server.send(method, &path, body).await;
        assert_eq!(status, StatusCode::CONFLICT, "{path}: {body}");
        assert_eq!((&body["spent_micros"], &body["limit_micros"]), (&json!(1_200_000), &json!(1_000_000)));
        assert!(body["message"].is_string() && body["resets_at"].is_string(), "{body}");
    }
    let (_, status) = home.server.get(&status_path).await;
    assert_eq!((&status["is_limited"], &status["spend_limit_micros"]), (&json!(true), &json!(1_000_000)));

    let own = format!("{limits}/overrides/me");
    let (status, set) = home.put(&own, json!({ "spend_limit_micros": 2_000_000 })).await;
    assert_eq!((status, &set["spend_limit_micros"]), (StatusCode::OK, &json!(2_000_000)));
    assert_eq!(home.server.get(&limits).await.1["overrides"][0]["user_id"], json!(home.owner));
    let (status, sent) =
        home.server.post(&format!("{path}/messages"), json!({ "content": text("more") })).await;
    assert_eq!(status, StatusCode::OK, "an own limit beats the one for everybody: {sent}");
    assert_eq!(home.put(&own, json!({ "spend_limit_micros": 0 })).await.0, StatusCode::BAD_REQUEST);
    assert_eq!(home.server.send(Method::DELETE, &own, json!({})).await.0, StatusCode::NO_CONTENT);
    assert_eq!(home.server.send(Method::DELETE, &own, json!({})).await.0, StatusCode::NOT_FOUND);
    let negative = json!({ "spend_limit_micros": -1, "period": "day" });
    assert_eq!(home.put(&limits, negative).await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn an_answer_that_was_stopped_counts_and_is_marked_as_estimated() {
    let home = Home::new().await;
    let path = home.chat("stopped").await;
    cost(&home, &path, Some(100)).await;
    cut_call(&home, &path, 40).await;
    let (_, sum) = home.server.get(&format!("{CHATS}/cost/me/summary")).await;
    let (_, users) = home.server.get(&format!("{CHATS}/cost/users")).await;
    for sum in [&sum, &sum["by_model"][0], &sum["by_chat"][0], &users["users"][0]] {
        let costs = (&sum["total_cost_micros"], &sum["estimated_cost_micros"]);
        assert_eq!(costs, (&json!(140), &json!(40)), "{sum}");
        assert_eq!(sum["total_input_tokens"], 13, "{sum}");
    }
    let (_, status) = home.server.get(&format!("{CHATS}/usage-limits/status")).await;
    assert_eq!(status["current_spend"], 140);
}

#[tokio::test]
async fn costs_are_summed_by_model_and_chat_for_those_who_may_see_them() {
    let home = Home::new().await;
    let (one, two) = (home.chat("one").await, home.chat("two").await);
    cost(&home, &one, Some(300)).await;
    cost(&home, &one, Some(200)).await;
    cost(&home, &two, None).await;
    let gone = format!("{CHATS}/model-configs/{}", home.model);
    home.server.send(Method::DELETE, &gone, json!({})).await;

    let (status, sum) = home.server.get(&format!("{CHATS}/cost/me/summary")).await;
    assert_eq!(status, StatusCode::OK, "{sum}");
    assert_eq!((&sum["total_cost_micros"], &sum["total_input_tokens"]), (&json!(500), &json!(30)));
    assert_eq!((&sum["priced_message_count"], &sum["unpriced_message_count"]), (&json!(2), &json!(1)));
    assert_eq!(sum["by_chat"][0]["chat_title"], "one");
    assert_eq!(sum["by_model"][0]["model"], "none", "also when the model was deleted");
    let (_, past) = home.server.get(&format!("{CHATS}/cost/me/summary?end_date=2001-01-01")).await;
    assert_eq!(past["total_cost_micros"], 0);
    for wrong in ["start_date=x", "start_date=2020-01-02&end_date=2020-01-01", "end_date=9999-12-31"] {
        let (status, _) = home.server.get(&format!("{CHATS}/cost/me/summary?{wrong}")).await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{wrong}");
    }
    let (_, users) = home.server.get(&format!("{CHATS}/cost/users")).await;
    assert_eq!((&users["count"], &users["users"][0]["chat_count"]), (&json!(1), &json!(2)), "{users}");
    let (_, none) = home.server.get(&format!("{CHATS}/cost/users?username=nobody")).await;
    assert_eq!((&none["count"], &none["users"]), (&json!(0), &json!([])));

    let bob = home.member("bob").await;
    let get = async |path: &str| home.ask(&bob, Method::GET, &format!("{CHATS}{path}"), json!({})).await.0;
    assert_eq!(get("/cost/me/summary").await, StatusCode::OK);
    for hidden in [format!("/cost/{}/summary", home.owner), "/cost/users".into(), "/usage-limits".into()] {
        assert_eq!(get(&hidden).await, StatusCode::NOT_FOUND, "{hidden}");
    }
    assert_eq!(get("/usage-limits/status").await, StatusCode::OK);
}

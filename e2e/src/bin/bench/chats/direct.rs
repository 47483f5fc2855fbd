//! The same answers, read from the model or from a proxy before it by a client of the OpenAI protocol.

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};
use tokio::{task::JoinSet, time::timeout};
use warren_dev_model::ScriptedModel;

use super::{DEADLINE, Load, litellm, live, viewers::take_times};
use crate::timing::Samples;

/// How long the parts of the answers of a load took to come, in milliseconds.
pub async fn latencies(model: &ScriptedModel, base_url: &str, kind: &str, load: Load) -> Result<Samples> {
    let client = reqwest::Client::new();
    let before = model.requests().len();
    let mut reading = JoinSet::new();
    for number in 0..load.chats {
        reading.spawn(read(client.clone(), format!("{base_url}/chat/completions"), load.name(kind, number)));
    }
    let n_live = live(model, before, load.chats).await;
    ensure!(n_live == load.chats, "only {n_live} of {} requests have come to the model", load.chats);
    load.begin(kind, model).await;
    let mut delays = Vec::new();
    while let Some(done) = reading.join_next().await {
        delays.extend(done??);
    }
    Ok(Samples::new(delays))
}

async fn read(client: reqwest::Client, url: String, name: String) -> Result<Vec<f64>> {
    let body =
        json!({ "model": "scripted", "stream": true, "messages": [{ "role": "user", "content": name }] });
    let request = client.post(url).bearer_auth(litellm::MASTER_KEY).json(&body);
    let mut response = timeout(DEADLINE, request.send()).await.context("no answer")??;
    ensure!(response.status().is_success(), "{}", response.text().await?);
    let (mut text, mut said, mut delays) = (String::new(), String::new(), Vec::new());
    while let Some(chunk) = timeout(DEADLINE, response.chunk()).await.context("nothing more came")?? {
        let now = chrono::Utc::now().timestamp_nanos_opt().context("the clock is beyond its range")?;
        text.push_str(std::str::from_utf8(&chunk)?);
        while let Some((line, rest)) = text.split_once('\n') {
            if let Some(data) = line.strip_prefix("data: ").filter(|data| data.starts_with('{')) {
                let event: Value = serde_json::from_str(data)?;
                said.push_str(event["choices"][0]["delta"]["content"].as_str().unwrap_or_default());
            }
            text = rest.to_owned();
        }
        delays.extend(take_times(&mut said).into_iter().map(|time| (now - time) as f64 / 1e6));
    }
    Ok(delays)
}

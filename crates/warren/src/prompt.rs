//! Questions to the person at the terminal. Nothing is asked when there is no terminal.

use std::{
    io::IsTerminal as _,
    sync::atomic::{AtomicBool, Ordering},
};

use anyhow::{Context as _, bail};
use inquire::{Confirm, InquireError, Password, PasswordDisplayMode, Select, Text};

use crate::failure::Canceled;

static ALWAYS: AtomicBool = AtomicBool::new(false);

/// Takes whatever standard input is for somebody who can answer.
pub fn always_ask() {
    ALWAYS.store(true, Ordering::Relaxed);
}

/// Whether standard input is to be taken for somebody who can answer.
pub fn is_forced() -> bool {
    ALWAYS.load(Ordering::Relaxed)
}

/// Whether somebody can answer.
pub fn can_ask() -> bool {
    is_forced() || std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// Asks for a yes. `assumed` is the answer of `-y`.
///
/// # Errors
/// [`Canceled`] for a no; without a terminal, a hint to use `-y`.
pub fn confirm(question: &str, assumed: bool) -> anyhow::Result<()> {
    if assumed {
        return Ok(());
    }
    if !can_ask() {
        bail!("{question} Confirm with -y, because there is no terminal to ask on.");
    }
    match answer(Confirm::new(question).with_default(true).prompt())? {
        true => Ok(()),
        false => Err(Canceled.into()),
    }
}

/// Asks for a text. `instead` says which flag gives it without a terminal.
///
/// # Errors
/// Without a terminal, or when the person leaves.
pub fn text(question: &str, default: Option<&str>, instead: &str) -> anyhow::Result<String> {
    require_terminal(question, instead)?;
    let prompt = Text::new(question);
    answer(match default {
        Some(default) => prompt.with_default(default).prompt(),
        None => prompt.prompt(),
    })
}

/// Asks for a secret that exists already.
///
/// # Errors
/// As [`text`].
pub fn secret(question: &str, instead: &str) -> anyhow::Result<String> {
    require_terminal(question, instead)?;
    answer(
        Password::new(question)
            .without_confirmation()
            .with_display_mode(PasswordDisplayMode::Masked)
            .prompt(),
    )
}

/// Asks for a new secret, twice.
///
/// # Errors
/// As [`text`].
pub fn new_secret(question: &str, instead: &str) -> anyhow::Result<String> {
    require_terminal(question, instead)?;
    answer(Password::new(question).with_display_mode(PasswordDisplayMode::Masked).prompt())
}

/// Lets the person pick one of several.
///
/// # Errors
/// As [`text`].
pub fn select(question: &str, options: Vec<String>, instead: &str) -> anyhow::Result<String> {
    require_terminal(question, instead)?;
    answer(Select::new(question, options).prompt())
}

fn require_terminal(question: &str, instead: &str) -> anyhow::Result<()> {
    if !can_ask() {
        bail!("{} is missing; give it with {instead}", question.trim_end_matches([':', '?']));
    }
    Ok(())
}

fn answer<T>(result: Result<T, InquireError>) -> anyhow::Result<T> {
    match result {
        Err(InquireError::OperationCanceled | InquireError::OperationInterrupted) => Err(Canceled.into()),
        other => other.context("cannot read the answer from the terminal"),
    }
}

//! Rows for the tests.

use std::{
    io,
    sync::{Arc, Mutex},
};

use chrono::Utc;
use sea_orm::{ActiveModelTrait, ActiveValue::Set, EntityTrait, IntoActiveModel};
use uuid::Uuid;
use warren_db::{DbError, Tx, entity::users};
use warren_vocab::LoginType;

pub(crate) fn user(email: &str) -> users::Model {
    let username = email.split('@').next().unwrap();
    users::Model {
        name: String::from("0"),
        ..users::Model::new(email, username, LoginType::Password, Utc::now())
    }
}

pub(crate) async fn insert(tx: &Tx, model: users::Model) -> Result<(), DbError> {
    users::Entity::insert(model.into_active_model()).exec_without_returning(tx).await?;
    Ok(())
}

/// Reads a number and writes the next one, which loses counts unless writers wait for each other.
pub(crate) async fn count_up(tx: &Tx, id: Uuid) -> Result<(), DbError> {
    let found = users::Entity::find_by_id(id).one(tx).await?.expect("the user exists");
    let next: u32 = found.name.parse::<u32>().unwrap() + 1;
    let mut active = found.into_active_model();
    active.name = Set(next.to_string());
    active.update(tx).await?;
    Ok(())
}

/// Writes everything that the driver says about connections where the test can read it.
#[derive(Clone, Default)]
pub(crate) struct Said(Arc<Mutex<Vec<u8>>>);

impl io::Write for Said {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Said {
    /// Collects what is logged on this thread until the guard is dropped.
    pub(crate) fn listen() -> (Self, tracing::subscriber::DefaultGuard) {
        let said = Self::default();
        let writer = said.clone();
        let subscriber = tracing_subscriber::fmt().with_writer(move || writer.clone()).finish();
        (said, tracing::subscriber::set_default(subscriber))
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

//! What an administrator does at the database itself, without a session: an owner when nobody can sign in, and a new
//! password for whoever forgot theirs. Whoever reaches the database needs no permission; the audit log names the command.

use serde_json::{Value, json};
use tokio::sync::Semaphore;
use warren_authz::SiteRole;
use warren_db::{
    Database, DbError, channels,
    entity::{organization_members, users},
    query,
};
use warren_vocab::{LoginType, UserId, UserStatus};

use crate::{
    Origin,
    audit::{self, Entry},
    error::{AppError, AppResult, Explanation},
    identity::{FirstUser, account_fields, check_strength, password},
};

/// Makes an owner who belongs to the default organization, on a fresh deployment or beside other accounts.
///
/// # Errors
/// Invalid when a field is; conflict for a name or address that another account has.
pub async fn create_owner(db: &Database, owner: FirstUser) -> AppResult<UserId> {
    let email = check(&owner)?;
    let hashed_password = password::hash(&Semaphore::new(1), owner.password).await?;
    let user = users::Model {
        name: account_fields::normal_name(&owner.name),
        hashed_password,
        status: UserStatus::Active.to_string(),
        roles: json!([SiteRole::Owner.as_str()]),
        ..users::Model::new(email, owner.username, LoginType::Password, db.now())
    };
    let id = UserId::from_uuid(user.id);
    db.write(async |tx| {
        let organization = query::organizations::lock_default(tx).await?;
        let organization = organization.ok_or(DbError::NotFound { what: "default organization" })?;
        query::users::insert(tx, user.clone()).await.map_err(crate::users::taken)?;
        let member = organization_members::Model {
            organization_id: organization.id,
            user_id: user.id,
            roles: json!([]),
            created_at: user.created_at,
            updated_at: user.created_at,
        };
        query::organizations::insert_member(tx, member).await?;
        Ok::<_, AppError>(
            audit::record(tx, &Origin::system("create-admin-user"), Entry::create(&user)).await?,
        )
    })
    .await?;
    Ok(id)
}

/// Sets the password of an account, named by user name, address or id, and ends its sessions and tokens.
///
/// # Errors
/// Not found for an unknown account; invalid for a weak password, or an account that does not use one.
pub async fn reset_password(db: &Database, which: &str, new_password: String) -> AppResult<users::Model> {
    check_strength(&new_password).map_err(|reason| AppError::field("password", reason))?;
    let user = find(db, which).await?.ok_or(AppError::NotFound)?;
    if user.login_type != LoginType::Password.as_str() {
        let message = format!("{} does not sign in with a password.", user.username);
        return Err(AppError::invalid(message));
    }
    let hashed_password = password::hash(&Semaphore::new(1), new_password).await?;
    let id = UserId::from_uuid(user.id);
    db.write(async |tx| {
        let current = query::users::locked(tx, id).await?.ok_or(AppError::NotFound)?;
        let new = users::Model {
            hashed_password: hashed_password.clone(),
            hashed_one_time_passcode: None,
            one_time_passcode_expires_at: None,
            updated_at: tx.now(),
            ..current.clone()
        };
        query::users::update(tx, new.clone()).await?;
        query::api_keys::delete_of_user(tx, id).await?;
        tx.notify(channels::sessions(id), Value::Null);
        Ok::<_, AppError>(
            audit::record(tx, &Origin::system("reset-password"), Entry::write(&current, &new)).await?,
        )
    })
    .await?;
    Ok(user)
}

async fn find(db: &Database, which: &str) -> AppResult<Option<users::Model>> {
    let reader = db.reader();
    if let Ok(id) = which.parse::<UserId>() {
        return Ok(query::users::by_id(reader, id).await?);
    }
    if which.contains('@') {
        return Ok(query::users::by_email(reader, &account_fields::stored(which)).await?);
    }
    Ok(query::users::by_username(reader, which).await?)
}

/// Checks the fields and returns the address in its stored form.
fn check(owner: &FirstUser) -> AppResult<String> {
    let mut wrong = Explanation::new("The account cannot be made.");
    let email = account_fields::email(&owner.email);
    if let Err(reason) = &email {
        wrong = wrong.field("email", reason.clone());
    }
    if let Err(reason) = account_fields::username(&owner.username) {
        wrong = wrong.field("username", reason);
    }
    if let Err(reason) = check_strength(&owner.password) {
        wrong = wrong.field("password", reason);
    }
    wrong.refuse_if_any()?;
    Ok(email.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use warren_db_testkit::TestDatabase;

    use super::*;

    const PASSWORD: &str = "SomeSecurePassword!";

    fn owner(username: &str, email: &str) -> FirstUser {
        FirstUser {
            email: email.into(),
            username: username.into(),
            name: String::new(),
            password: PASSWORD.into(),
        }
    }

    #[tokio::test]
    async fn an_owner_is_made_beside_others_and_once() {
        let test = TestDatabase::new().await;
        let db = test.database();
        create_owner(&db, owner("ada", "ada@example.com")).await.unwrap();
        let id = create_owner(&db, owner("bob", "Bob@Example.com")).await.unwrap();
        let bob = query::users::by_id(db.reader(), id).await.unwrap().unwrap();
        assert_eq!((bob.roles, bob.status.as_str()), (json!(["owner"]), "active"));
        let again = create_owner(&db, owner("bob", "other@example.com")).await;
        assert!(matches!(again, Err(AppError::Conflict(_))), "{again:?}");
        let weak = FirstUser { password: "1234".into(), ..owner("eve", "no address") };
        let Err(AppError::Invalid(explanation)) = create_owner(&db, weak).await else { panic!("accepted") };
        let fields: Vec<_> = explanation.validations.iter().map(|wrong| wrong.field.as_str()).collect();
        assert_eq!(fields, ["email", "password"]);
    }

    #[tokio::test]
    async fn a_new_password_replaces_the_old_one() {
        let test = TestDatabase::new().await;
        let db = test.database();
        let id = create_owner(&db, owner("ada", "ada@example.com")).await.unwrap();
        let before = query::users::by_id(db.reader(), id).await.unwrap().unwrap();
        for name in ["ada", "ADA@example.com", &id.to_string()] {
            let user = reset_password(&db, name, "AnotherSecurePassword!".into()).await.unwrap();
            assert_eq!(user.id, before.id);
        }
        let after = query::users::by_id(db.reader(), id).await.unwrap().unwrap();
        let limit = Semaphore::new(1);
        let hash = Some(after.hashed_password);
        let verdict = password::verify(&limit, "AnotherSecurePassword!".into(), hash.clone()).await.unwrap();
        assert_ne!(verdict, password::Verdict::Wrong);
        assert_eq!(password::verify(&limit, PASSWORD.into(), hash).await.unwrap(), password::Verdict::Wrong);
        assert!(matches!(reset_password(&db, "eve", PASSWORD.into()).await, Err(AppError::NotFound)));
        assert!(matches!(reset_password(&db, "ada", "1234".into()).await, Err(AppError::Invalid(_))));
    }
}

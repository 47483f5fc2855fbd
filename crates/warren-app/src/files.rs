//! Uploaded archives.

use bytes::Bytes;
use sha2::{Digest, Sha256};
use uuid::Uuid;
use warren_authz::{Action, Object, Resource};
use warren_db::{DbError, entity::files, query};
use warren_vocab::{FileId, UserId};

use crate::{
    App,
    actor::Actor,
    error::{AppError, AppResult, Explanation},
    templates,
};

/// The content type of a template archive.
pub const TAR: &str = "application/x-tar";

impl App {
    /// Stores an archive; the same content of the same account is stored once. The flag says whether it is new.
    ///
    /// # Errors
    /// Invalid when the type is not tar or the content is not a tar archive.
    pub async fn upload_file(&self, actor: &Actor, mimetype: &str, data: Bytes) -> AppResult<(FileId, bool)> {
        actor.check(Action::Create, &Object::owned(Resource::File, actor.id()))?;
        if mimetype != TAR {
            let text = format!("Files of type {mimetype:?} cannot be uploaded; send a tar archive as {TAR}.");
            return Err(AppError::invalid(text));
        }
        let (hash, data) = inspect(data).await?;
        self.db()
            .write(async |tx| {
                if let Some(id) = query::files::by_hash(tx, &hash, actor.id()).await? {
                    return Ok((id, false));
                }
                let id = Uuid::new_v4();
                let (created_by, mimetype) = (actor.user.id, mimetype.to_owned());
                let file = files::Model {
                    id,
                    hash,
                    created_by,
                    mimetype,
                    data: data.to_vec(),
                    created_at: self.now(),
                };
                query::files::insert(tx, file).await?;
                Ok((FileId::from_uuid(id), true))
            })
            .await
            .map_err(|error: DbError| error.into())
    }

    /// Reads a file that the caller uploaded.
    ///
    /// # Errors
    /// [`AppError::NotFound`] when there is none that the caller may read.
    pub async fn download_file(&self, actor: &Actor, id: FileId) -> AppResult<files::Model> {
        self.check_file(actor, id).await?;
        query::files::by_id(self.db().reader(), id).await?.ok_or(AppError::NotFound)
    }

    pub(crate) async fn check_file(&self, actor: &Actor, id: FileId) -> AppResult<()> {
        let creator: UserId =
            query::files::creator(self.db().reader(), id).await?.ok_or(AppError::NotFound)?;
        let object = Object::owned(Resource::File, creator).with_id(id.as_uuid());
        if actor.allows(Action::Read, &object) {
            return Ok(());
        }
        let is_in_scope = actor.subject.scope.allows(Action::Read, &object);
        if is_in_scope && self.may_change_template_of(actor, id).await? {
            Ok(())
        } else {
            Err(AppError::NotFound)
        }
    }

    /// Whoever may change a template may read what its versions were made of.
    async fn may_change_template_of(&self, actor: &Actor, id: FileId) -> AppResult<bool> {
        let versions = query::template_versions::of_file(self.db().reader(), id).await?;
        let ids: Vec<_> = versions.iter().filter_map(|version| version.template_id).collect();
        let rows = query::templates::by_ids(self.db().reader(), &ids).await?;
        Ok(rows.iter().any(|row| actor.allows(Action::Update, &templates::object(row))))
    }
}

/// Hashes the content and reads it through as an archive, off the async threads: it may have 100 MiB.
async fn inspect(data: Bytes) -> AppResult<(String, Bytes)> {
    let work = move || {
        let count = tar::Archive::new(data.as_ref()).entries().and_then(|entries| {
            entries.map(|entry| entry.map(drop)).try_fold(0_usize, |count, entry| entry.map(|()| count + 1))
        });
        (hex::encode(Sha256::digest(&data)), count, data)
    };
    let joined = tokio::task::spawn_blocking(work).await;
    let (hash, count, data) =
        joined.map_err(|_| AppError::Internal { message: "reading an archive failed" })?;
    match count {
        Ok(0) => Err(AppError::invalid("The archive is empty; it must hold at least one Terraform file.")),
        Ok(_) => Ok((hash, data)),
        Err(error) => {
            let why = Explanation::new("The file is not a tar archive, or it is cut off.");
            Err(AppError::Invalid(why.detail(error.to_string())))
        }
    }
}

//! Asking either engine in the same words.

/// Hands each question to a wrapper on to its field, an enum of `Sqlite` and `Postgres`.
macro_rules! hand_on {
    ($wrapper:ty, $engines:ident) => {
        #[async_trait::async_trait]
        impl sea_orm::ConnectionTrait for $wrapper {
            fn get_database_backend(&self) -> sea_orm::DbBackend {
                match &self.0 {
                    $engines::Sqlite(engine) => engine.get_database_backend(),
                    $engines::Postgres(engine) => engine.get_database_backend(),
                }
            }

            async fn execute_raw(
                &self,
                statement: sea_orm::Statement,
            ) -> Result<sea_orm::ExecResult, sea_orm::DbErr> {
                match &self.0 {
                    $engines::Sqlite(engine) => engine.execute_raw(statement).await,
                    $engines::Postgres(engine) => engine.execute_raw(statement).await,
                }
            }

            async fn execute_unprepared(&self, sql: &str) -> Result<sea_orm::ExecResult, sea_orm::DbErr> {
                match &self.0 {
                    $engines::Sqlite(engine) => engine.execute_unprepared(sql).await,
                    $engines::Postgres(engine) => engine.execute_unprepared(sql).await,
                }
            }

            async fn query_one_raw(
                &self,
                statement: sea_orm::Statement,
            ) -> Result<Option<sea_orm::QueryResult>, sea_orm::DbErr> {
                match &self.0 {
                    $engines::Sqlite(engine) => engine.query_one_raw(statement).await,
                    $engines::Postgres(engine) => engine.query_one_raw(statement).await,
                }
            }

            async fn query_all_raw(
                &self,
                statement: sea_orm::Statement,
            ) -> Result<Vec<sea_orm::QueryResult>, sea_orm::DbErr> {
                match &self.0 {
                    $engines::Sqlite(engine) => engine.query_all_raw(statement).await,
                    $engines::Postgres(engine) => engine.query_all_raw(statement).await,
                }
            }
        }
    };
}

pub(super) use hand_on;

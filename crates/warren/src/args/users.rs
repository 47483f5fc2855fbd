//! Flags of `users`.

use clap::{Args, Subcommand};
use warren_vocab::LoginType;

use super::{OrganizationArgs, OutputArgs};

/// Subcommands of `users`.
#[derive(Debug, Subcommand)]
pub enum UsersCommand {
    /// Create a user.
    Create(CreateUserArgs),
    /// List users.
    #[command(alias = "ls")]
    List(ListUsersArgs),
    /// Show a user.
    Show {
        /// User, by name or id, or `me`.
        user: String,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Delete a user, who must not own workspaces any more.
    #[command(alias = "rm")]
    Delete {
        /// User, by name or id.
        user: String,
    },
    /// Keep a user from signing in; workspaces stay.
    Suspend(StatusArgs),
    /// Let a user sign in again.
    #[command(alias = "active")]
    Activate(StatusArgs),
    /// Replace the site roles of a user.
    EditRoles(EditRolesArgs),
    /// Show what the OpenID Connect provider said about you when you last signed in.
    OidcClaims(OutputArgs),
}

/// Flags of `users create`.
#[derive(Debug, Args)]
pub struct CreateUserArgs {
    /// Email address.
    #[arg(short, long)]
    pub email: Option<String>,
    /// Name to sign in and to own workspaces with.
    #[arg(short, long)]
    pub username: Option<String>,
    /// Full name.
    #[arg(short = 'n', long)]
    pub full_name: Option<String>,
    /// Password [default: a random one, which is printed].
    #[arg(short, long)]
    pub password: Option<String>,
    /// How the user signs in.
    #[arg(long, default_value = "password")]
    pub login_type: LoginType,
    /// An account for programs: it has no address and cannot sign in.
    #[arg(long)]
    pub service_account: bool,
    #[command(flatten)]
    pub organization: OrganizationArgs,
}

/// Flags of `users list`.
#[derive(Debug, Args)]
pub struct ListUsersArgs {
    /// Only the user with this id at GitHub.
    #[arg(long, value_name = "ID")]
    pub github_user_id: Option<i64>,
    /// Search, for example `status:active role:owner`.
    #[arg(long, default_value = "")]
    pub search: String,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Flags of `users suspend` and `users activate`.
#[derive(Debug, Args)]
pub struct StatusArgs {
    /// User, by name or id.
    pub user: String,
    /// Columns of the table that shows the user, in order.
    #[arg(short, long, value_delimiter = ',', value_name = "NAMES")]
    pub column: Vec<String>,
    /// Do not ask.
    #[arg(short, long)]
    pub yes: bool,
}

/// Flags of `users edit-roles`.
#[derive(Debug, Args)]
pub struct EditRolesArgs {
    /// User, by name or id.
    pub user: String,
    /// All roles that the user is to have; an empty text takes every role away.
    #[arg(long, value_delimiter = ',', required = true)]
    pub roles: Vec<String>,
    /// Do not ask.
    #[arg(short, long)]
    pub yes: bool,
}

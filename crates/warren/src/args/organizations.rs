//! Flags of `organizations`.

use clap::{Args, Subcommand};

use super::{OrganizationArgs, OutputArgs};

/// Flags of `organizations`.
#[derive(Debug, Args)]
pub struct OrganizationsArgs {
    #[command(flatten)]
    pub organization: OrganizationArgs,
    #[command(subcommand)]
    pub command: OrganizationsCommand,
}

/// Subcommands of `organizations`.
#[derive(Debug, Subcommand)]
pub enum OrganizationsCommand {
    /// Show an organization, or those that you belong to.
    Show(ShowOrganizationArgs),
    /// List the organizations that you see.
    #[command(alias = "ls")]
    List(OutputArgs),
    /// Create an organization.
    Create {
        /// Name.
        name: String,
        /// Do not ask.
        #[arg(short, long)]
        yes: bool,
    },
    /// Delete an organization with everything in it.
    #[command(alias = "rm")]
    Delete {
        /// Organization, by name or id.
        name: String,
        /// Do not ask.
        #[arg(short, long)]
        yes: bool,
    },
    /// Manage the members of an organization.
    #[command(subcommand, alias = "member")]
    Members(MembersCommand),
    /// Manage the roles of an organization.
    #[command(subcommand, alias = "role")]
    Roles(RolesCommand),
}

/// Flags of `organizations show`.
#[derive(Debug, Args)]
pub struct ShowOrganizationArgs {
    /// Organization by name or id, `selected` for the one that commands use, `me` for all of yours.
    #[arg(default_value = "selected")]
    pub which: String,
    /// Print the id only.
    #[arg(long)]
    pub only_id: bool,
    #[command(flatten)]
    pub output: OutputArgs,
}

/// Subcommands of `organizations members`.
#[derive(Debug, Subcommand)]
pub enum MembersCommand {
    /// List members.
    #[command(alias = "ls")]
    List(OutputArgs),
    /// Make a user a member.
    Add {
        /// User, by name or id.
        user: String,
    },
    /// End a membership.
    #[command(alias = "rm")]
    Remove {
        /// User, by name or id.
        user: String,
    },
    /// Replace the roles of a member.
    #[command(alias = "edit-role")]
    EditRoles {
        /// User, by name or id.
        user: String,
        /// All roles that the member is to have; none takes every role away.
        roles: Vec<String>,
    },
}

/// Subcommands of `organizations roles`.
#[derive(Debug, Subcommand)]
pub enum RolesCommand {
    /// Show roles, all or those that are named.
    #[command(alias = "list")]
    Show {
        /// Names of roles.
        names: Vec<String>,
        #[command(flatten)]
        output: OutputArgs,
    },
    /// Create a custom role.
    Create(RoleArgs),
    /// Change a custom role.
    Update(RoleArgs),
    /// Delete a custom role.
    #[command(alias = "rm")]
    Delete {
        /// Name of the role.
        name: String,
        /// Do not ask.
        #[arg(short, long)]
        yes: bool,
    },
}

/// Flags of `organizations roles create` and `update`.
#[derive(Debug, Args)]
pub struct RoleArgs {
    /// Name of the role [default: the one in the JSON].
    pub name: Option<String>,
    /// Read the role as JSON from standard input.
    #[arg(long)]
    pub stdin: bool,
    /// Name for people.
    #[arg(long)]
    pub display_name: Option<String>,
    /// What the role may do in the organization, as TYPE:ACTION, for example template:read; may be repeated.
    #[arg(long, value_delimiter = ',', value_name = "TYPE:ACTION", conflicts_with = "stdin")]
    pub permission: Vec<String>,
    /// Print what would be sent, and send nothing.
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub output: OutputArgs,
    /// Do not ask.
    #[arg(short, long)]
    pub yes: bool,
}

//! Words of user accounts.

use crate::word::words;

words! {
    /// Whether an account may be used.
    UserStatus, "user status" {
        Active = "active",
        Dormant = "dormant",
        Suspended = "suspended",
    }
}

words! {
    /// How an account signs in.
    LoginType, "login type" {
        Password = "password",
        Github = "github",
        Oidc = "oidc",
        Token = "token",
        None = "none",
    }
}

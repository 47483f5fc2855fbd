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

words! {
    /// Whether the dashboard follows the system's light and dark mode.
    ThemeMode, "theme mode" {
        Unset = "",
        Sync = "sync",
        Single = "single",
    }
}

words! {
    /// The font of terminals in the dashboard.
    TerminalFont, "terminal font" {
        Unset = "",
        GeistMono = "geist-mono",
        IbmPlexMono = "ibm-plex-mono",
        FiraCode = "fira-code",
        SourceCodePro = "source-code-pro",
        JetbrainsMono = "jetbrains-mono",
    }
}

words! {
    /// How a chat shows the model's reasoning.
    ThinkingDisplayMode, "thinking display mode" {
        Auto = "auto",
        Preview = "preview",
        AlwaysExpanded = "always_expanded",
        AlwaysCollapsed = "always_collapsed",
    }
}

words! {
    /// How a chat shows tool calls and diffs.
    AgentDisplayMode, "display mode" {
        Auto = "auto",
        AlwaysExpanded = "always_expanded",
        AlwaysCollapsed = "always_collapsed",
    }
}

words! {
    /// Which keys send a chat message.
    ChatSendShortcut, "send shortcut" {
        Enter = "enter",
        ModifierEnter = "modifier_enter",
    }
}

//! Where a browser goes after it has signed in: a path of this server, whatever it was asked for.

use url::Url;

/// The start page.
const HOME: &str = "/";
/// Where the sign-in itself lives: going there again would begin anew without end.
const OWN: &[&str] = &["/api/v2/users/oidc/callback", "/api/v2/users/oauth2/github/callback"];
const LENGTH_MAX: usize = 2000;

/// The path, query and fragment of what was asked for, if browsers take it for a path of this server; else the start page.
pub(super) fn local_path(wanted: Option<&str>) -> String {
    wanted.and_then(checked).unwrap_or_else(|| HOME.to_owned())
}

fn checked(wanted: &str) -> Option<String> {
    // Browsers read a backslash as a slash and drop tabs and line ends: "/\evil.example" is another host.
    let is_bad = |letter: char| letter == '\\' || letter.is_control();
    if wanted.len() > LENGTH_MAX || wanted.contains(is_bad) || !wanted.starts_with('/') {
        return None;
    }
    let base: Url = "http://warren.invalid/".parse().ok()?;
    let url = base.join(wanted).ok()?;
    if url.origin() != base.origin() || !url.username().is_empty() || OWN.contains(&url.path()) {
        return None;
    }
    let path = &url[url::Position::BeforePath..];
    // "/.//evil.example" becomes "//evil.example", which is another host.
    (!path.starts_with("//")).then(|| path.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_paths_of_this_server_are_kept() {
        for (wanted, expected) in [
            (None, "/"),
            (Some("/workspaces/ada/dev?tab=logs#end"), "/workspaces/ada/dev?tab=logs#end"),
            (Some("/cli-auth"), "/cli-auth"),
            (Some("/a/../b"), "/b"),
            (Some(""), "/"),
            (Some("workspaces"), "/"),
            (Some("https://evil.example/"), "/"),
            (Some("//evil.example/"), "/"),
            (Some("///evil.example/"), "/"),
            (Some("/\\evil.example/"), "/"),
            (Some("\\\\evil.example"), "/"),
            (Some("/\t/evil.example"), "/"),
            (Some("/\n/evil.example"), "/"),
            (Some("/.//evil.example"), "/"),
            (Some("/a/..//evil.example"), "/"),
            (Some("javascript:alert(1)"), "/"),
            (Some("/@evil.example"), "/@evil.example"),
            (Some("/api/v2/users/oidc/callback?redirect=/"), "/"),
        ] {
            assert_eq!(local_path(wanted), expected, "{wanted:?}");
        }
        assert_eq!(local_path(Some(&format!("/{}", "x".repeat(3000)))), "/");
    }
}

use super::*;

#[test]
fn only_an_appearance_that_can_be_shown_is_accepted() {
    let banner = |background_color: &str| Banner {
        enabled: true,
        message: String::from("Maintenance tonight"),
        background_color: background_color.to_owned(),
    };
    let refused = |change: &dyn Fn(&mut Appearance)| {
        let mut appearance = Appearance::default();
        change(&mut appearance);
        match validate(&appearance) {
            Ok(()) => None,
            Err(AppError::Invalid(why)) => Some(why.validations[0].field.clone()),
            Err(other) => panic!("{other}"),
        }
    };
    assert_eq!(refused(&|_| {}), None);
    assert_eq!(refused(&|one| one.logo_url = "https://example.com/logo.svg".into()), None);
    assert_eq!(refused(&|one| one.logo_url = "/logo.svg".into()), None);
    assert_eq!(refused(&|one| one.announcement_banners = vec![banner("#0b5fff")]), None);
    assert_eq!(refused(&|one| one.logo_url = "javascript:alert(1)".into()).as_deref(), Some("logo_url"));
    assert_eq!(refused(&|one| one.logo_url = "//evil.example".into()).as_deref(), Some("logo_url"));
    let color = "announcement_banners.background_color";
    for wrong in ["red", "#12345", "#12345g", "url(x)"] {
        assert_eq!(
            refused(&|one| one.announcement_banners = vec![banner(wrong)]).as_deref(),
            Some(color),
            "{wrong}"
        );
    }
    assert_eq!(
        refused(&|one| one.announcement_banners = vec![banner("#000000"); BANNERS_MAX + 1]).as_deref(),
        Some("announcement_banners")
    );
}

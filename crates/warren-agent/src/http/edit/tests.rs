use super::*;

#[test]
fn an_exact_match_is_replaced() {
    let edited = apply("a b c", &[edit("b", "x")]).unwrap();
    assert_eq!(edited, Edited { text: "a x c".into(), n_replacements: 1 });
}

#[test]
fn edits_see_the_result_of_earlier_ones() {
    assert_eq!(apply("a", &[edit("a", "b"), edit("b", "c")]).unwrap().text, "c");
}

#[test]
fn several_matches_are_refused_with_their_lines() {
    let error = apply("x\ny\nx\n", &[edit("x", "z")]).unwrap_err();
    assert_eq!(
        error.to_string(),
        "edit 1: the search text occurs 2 times (lines 1, 3); add surrounding lines to make it unique or set replace_all"
    );
}

#[test]
fn several_matches_are_replaced_when_asked() {
    let all = FileEdit { replace_all: true, ..edit("x", "xx") };
    assert_eq!(apply("x\ny\nx\n", &[all]).unwrap(), Edited { text: "xx\ny\nxx\n".into(), n_replacements: 2 });
}

#[test]
fn trailing_blanks_and_line_endings_do_not_matter() {
    let text = "fn a() {  \r\n    one();\r\n}\r\n";
    let edited = apply(text, &[edit("fn a() {\n    one();\n}", "fn a() {\n    two();\n}")]).unwrap();
    assert_eq!(edited.text, "fn a() {\r\n    two();\r\n}\r\n");
}

#[test]
fn the_replacement_takes_over_the_indentation_of_the_file() {
    let text = "mod m {\n    if a {\n        b();\n    }\n}\n";
    let edited = apply(text, &[edit("if a {\n    b();\n}\n", "if c {\n    d();\n}\n")]).unwrap();
    assert_eq!(edited.text, "mod m {\n    if c {\n        d();\n    }\n}\n");
}

#[test]
fn a_miss_tells_where_it_nearly_matched() {
    let text = "one\n  two\nthree\n";
    let miss = |search: &str| apply(text, &[edit(search, "")]).unwrap_err().to_string();
    assert!(miss("two\nfour").contains("its first line is at line 2"), "{}", miss("two\nfour"));
    assert!(miss("THREE").contains("line 3 is similar"), "{}", miss("THREE"));
    assert!(miss("nothing").contains("read the file again"));
    assert!(apply(text, &[edit("", "x")]).is_err());
}

#[test]
fn a_match_that_is_cut_by_multibyte_text_is_safe() {
    assert_eq!(apply("äöü\nß\n", &[edit("ö", "o")]).unwrap().text, "äoü\nß\n");
}

#[test]
fn a_diff_shows_the_change_with_context() {
    let before = "1\n2\n3\n4\n5\n6\n7\n8\n9\n";
    let after = "1\n2\n3\n4\nfive\n6\n7\n8\n9\n";
    let expected = "--- /f\n+++ /f\n@@ -2,7 +2,7 @@\n 2\n 3\n 4\n-5\n+five\n 6\n 7\n 8\n";
    assert_eq!(diff("/f", before, after), expected);
    assert_eq!(diff("/f", before, before), "");
}

fn edit(search: &str, replace: &str) -> FileEdit {
    FileEdit { search: search.into(), replace: replace.into(), replace_all: false }
}

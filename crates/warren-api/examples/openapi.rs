//! Prints the schemas of the API as an OpenAPI document.

#![allow(clippy::print_stdout)]

fn main() {
    println!("{}", warren_api::openapi().to_pretty_json().expect("the document is plain JSON"));
}

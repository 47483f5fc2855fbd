//! Makes cargo notice a new dashboard build.

use std::{fs, path::Path};

fn main() {
    let site = Path::new("../../site");
    let dist = site.join("dist");
    // A missing path would rerun this script, and rebuild the crate, on every build; an empty folder does not.
    if site.exists() && fs::create_dir_all(&dist).is_ok() {
        println!("cargo:rerun-if-changed={}", dist.display());
    } else {
        println!("cargo:rerun-if-changed=build.rs");
    }
}

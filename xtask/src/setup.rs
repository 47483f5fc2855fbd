//! What building and testing need from the machine: installed where that is possible, named where it is not.

use std::{fs, process::Command};

use anyhow::{Result, bail};

use crate::process;

/// Programs of the tests and the Debian packages that bring them.
const TEST_PROGRAMS: &[(&str, &str)] = &[
    ("bwrap", "bubblewrap"),
    ("chromium", "chromium"),
    ("ssh", "openssh-client"),
    ("sftp", "openssh-client"),
    ("sshd", "openssh-server"),
    ("curl", "curl"),
    ("setsid", "util-linux"),
    ("postgres", "postgresql"),
];

/// Peers that the benchmarks compare with.
const BENCH_PROGRAMS: &[(&str, &str)] = &[("nginx", "nginx-light")];

/// Fails with one sentence if the dashboard cannot be built here.
pub fn require_node() -> Result<()> {
    if !process::exists("node") || !process::exists("npm") {
        bail!(
            "Node.js 20 or newer with npm 11 or newer is needed to build the dashboard; install it and try again"
        );
    }
    Ok(())
}

/// Fails with one sentence if Terraform is missing.
pub fn require_terraform() -> Result<()> {
    if !process::exists("terraform") {
        bail!("`terraform` (1.1 or newer) is not on the PATH; the tests run real builds with it");
    }
    Ok(())
}

/// Installs what the tests need and is missing. On a machine without apt, names it.
pub fn test_programs() -> Result<()> {
    install(TEST_PROGRAMS)
}

/// Installs what the benchmarks need beside the programs of the tests.
pub fn bench_programs() -> Result<()> {
    install(BENCH_PROGRAMS)
}

/// Installs the library with which a server's clock is set apart from others; without it they all tell the same time.
pub fn clock_library() -> Result<()> {
    let mut machines = fs::read_dir("/usr/lib")?.filter_map(std::io::Result::ok);
    let is_there = machines.any(|machine| machine.path().join("faketime/libfaketime.so.1").is_file());
    if is_there || !is_root() || !process::exists("apt-get") { Ok(()) } else { add(&["libfaketime"]) }
}

fn install(programs: &[(&str, &str)]) -> Result<()> {
    let missing: Vec<_> = programs.iter().filter(|(program, _)| !is_installed(program)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let mut packages: Vec<&str> = missing.iter().map(|(_, package)| *package).collect();
    packages.dedup();
    if !is_root() || !process::exists("apt-get") {
        bail!("these programs are needed; please install them: {}", packages.join(", "));
    }
    add(&packages)
}

fn add(packages: &[&str]) -> Result<()> {
    process::run(Command::new("apt-get").args(["update", "-qq"]))?;
    process::run(
        Command::new("apt-get")
            .env("DEBIAN_FRONTEND", "noninteractive")
            .args(["install", "-y", "-qq", "--no-install-recommends"])
            .args(packages),
    )
}

fn is_installed(program: &str) -> bool {
    if program == "postgres" {
        return warren_test_postgres::is_installed();
    }
    process::exists(program) || std::path::Path::new("/usr/sbin").join(program).is_file()
}

/// Whether this process may do everything.
pub fn is_root() -> bool {
    std::fs::metadata("/proc/self").is_ok_and(|data| std::os::unix::fs::MetadataExt::uid(&data) == 0)
}

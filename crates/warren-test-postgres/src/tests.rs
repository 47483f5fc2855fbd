use super::*;

fn place(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("warren-test-postgres-{name}-{}", std::process::id()))
}

fn ask(server: &PrivatePostgres, sql: &str) -> String {
    let mut psql = Command::new(server.program("psql"));
    let done = psql.args(["-X", "-A", "-t", "-q", "-c", sql, &server.url()]).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
    String::from_utf8(done.stdout).unwrap().trim().to_owned()
}

#[test]
fn a_server_keeps_its_data_however_it_is_stopped() {
    let directory = place("kept");
    let mut server = PrivatePostgres::make(&directory, Directory::Stays, "-c work_mem=5MB").unwrap();
    server.start().unwrap();
    server.wait_until_ready().unwrap();
    assert_eq!(ask(&server, "CREATE TABLE kept AS SELECT 7 AS n; SHOW work_mem"), "5MB");
    for how in [Stop::Fast, Stop::Immediate] {
        server.stop(how).unwrap();
        assert!(server.stop(how).is_err(), "once is enough");
        server.wait_until_ended().unwrap();
        assert!(!server.is_ready());
        server.start().unwrap();
        server.wait_until_ready().unwrap();
        assert_eq!(ask(&server, "SELECT n FROM kept"), "7");
    }
    drop(server);
    assert!(!directory.join("data/postmaster.pid").exists());
    fs::remove_dir_all(directory).unwrap();
}

#[test]
fn a_server_that_is_dropped_while_it_starts_leaves_nothing_behind() {
    let directory = place("gone");
    let mut server = PrivatePostgres::make(&directory, Directory::Goes, "").unwrap();
    server.start().unwrap();
    drop(server);
    assert!(!directory.exists());
}

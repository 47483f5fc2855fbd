use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use tokio::{
    io::duplex,
    time::{Instant, timeout},
};
use tokio_rustls::TlsConnector;

use super::*;

fn write(dir: &TempDir, name: &str, hosts: &[&str]) -> (PathBuf, PathBuf) {
    let hosts: Vec<_> = hosts.iter().map(|&host| host.to_owned()).collect();
    let made = rcgen::generate_simple_self_signed(hosts).unwrap();
    let (cert, key) = (dir.path().join(format!("{name}.crt")), dir.path().join(format!("{name}.key")));
    fs::write(&cert, made.cert.pem()).unwrap();
    fs::write(&key, made.signing_key.serialize_pem()).unwrap();
    (cert, key)
}

fn files(pairs: &[(PathBuf, PathBuf)]) -> Tls {
    let (cert_files, key_files) = pairs.iter().cloned().unzip();
    Tls { enable: true, cert_files, key_files, ..Tls::default() }
}

/// The certificate that a client is given who asks for a name.
async fn shown(acceptor: &TlsAcceptor, name: &str, trusted: &[&Path]) -> Result<Vec<u8>, io::Error> {
    let mut roots = RootCertStore::empty();
    for path in trusted {
        roots.add(CertificateDer::from_pem_slice(&fs::read(path).unwrap()).unwrap()).unwrap();
    }
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let (client, server) = duplex(65_536);
    let connector = TlsConnector::from(Arc::new(config));
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let both = async { tokio::join!(connector.connect(name, client), acceptor.accept(server)) };
    let (client, _) = timeout(Duration::from_secs(30), both).await.unwrap();
    let client = client?;
    let certificates = client.get_ref().1.peer_certificates().unwrap();
    Ok(certificates[0].to_vec())
}

fn der(path: &Path) -> Vec<u8> {
    CertificateDer::from_pem_slice(&fs::read(path).unwrap()).unwrap().to_vec()
}

fn provider() {
    // Another test may have installed it already.
    let _ = rustls::crypto::ring::default_provider().install_default();
}

#[tokio::test]
async fn the_certificate_that_fits_the_asked_name_is_shown() {
    provider();
    let dir = tempfile::tempdir().unwrap();
    let first = write(&dir, "first", &["one.example"]);
    let second = write(&dir, "second", &["two.example", "*.apps.example"]);
    let tasks = Tasks::new();
    let acceptor = acceptor(&files(&[first.clone(), second.clone()]), &tasks).unwrap();
    let trusted = [first.0.as_path(), second.0.as_path()];
    assert_eq!(shown(&acceptor, "one.example", &trusted).await.unwrap(), der(&first.0));
    assert_eq!(shown(&acceptor, "two.example", &trusted).await.unwrap(), der(&second.0));
    assert_eq!(shown(&acceptor, "x.apps.example", &trusted).await.unwrap(), der(&second.0));
    let error = shown(&acceptor, "three.example", &trusted).await.unwrap_err();
    assert!(error.to_string().contains("certificate"), "the first is shown and does not fit: {error}");
}

#[tokio::test]
async fn a_renewed_certificate_is_shown_and_a_broken_one_is_not_used() {
    provider();
    let dir = tempfile::tempdir().unwrap();
    let pair = write(&dir, "only", &["one.example"]);
    let certificates = Certificates::load(&files(std::slice::from_ref(&pair))).unwrap();
    let leaf = |certificates: &Certificates| certificates.current().pairs[0].leaf.to_vec();
    let old = der(&pair.0);
    assert_eq!(leaf(&certificates), old);
    touch_after(&pair.0, || {
        write(&dir, "only", &["one.example"]);
    });
    certificates.renew();
    let new = der(&pair.0);
    assert_ne!(old, new);
    assert_eq!(leaf(&certificates), new);
    touch_after(&pair.0, || fs::write(&pair.0, "nothing").unwrap());
    certificates.renew();
    assert_eq!(leaf(&certificates), new);
}

/// Changes a file until its time of modification differs, which a coarse clock may take a moment for.
fn touch_after(path: &Path, change: impl Fn()) {
    let modified = || fs::metadata(path).unwrap().modified().unwrap();
    let (before, deadline) = (modified(), Instant::now() + Duration::from_secs(10));
    while modified() == before {
        assert!(Instant::now() < deadline);
        change();
    }
}

#[test]
fn files_that_cannot_be_used_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let (cert, key) = write(&dir, "good", &["one.example"]);
    let other = write(&dir, "other", &["one.example"]);
    let missing = dir.path().join("missing.crt");
    let error = |certs: &[&PathBuf], keys: &[&PathBuf]| {
        let owned = |paths: &[&PathBuf]| paths.iter().map(|&path| path.clone()).collect::<Vec<_>>();
        let tls = Tls { cert_files: owned(certs), key_files: owned(keys), ..Tls::default() };
        Certificates::load(&tls).expect_err("refused").to_string()
    };
    assert!(error(&[], &[]).contains("--tls-cert-file"));
    assert!(error(&[&cert], &[]).contains("1 certificate files and 0 key files"));
    assert!(error(&[&missing], &[&key]).contains("missing.crt cannot be read"));
    assert!(error(&[&key], &[&key]).contains("good.key holds no usable PEM block"));
    assert!(error(&[&cert], &[&other.1]).contains("and its key cannot be used"));
}

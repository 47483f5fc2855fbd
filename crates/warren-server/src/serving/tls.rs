//! Certificates: loading pairs of files, choosing by the name that a client asks for, noticing renewed files.

use std::{
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
    time::{Duration, SystemTime},
};

use rustls::{
    ServerConfig,
    client::verify_server_name,
    pki_types::{CertificateDer, PrivateKeyDer, ServerName, pem, pem::PemObject},
    server::{ClientHello, ParsedCertificate, ResolvesServerCert},
    sign::CertifiedKey,
};
use thiserror::Error;
use tokio_rustls::TlsAcceptor;
use warren_config::{Tls, TlsVersion};
use warren_rt::Tasks;

/// How often the files are looked at for a renewed certificate.
const RENEWAL_INTERVAL: Duration = Duration::from_secs(30);

/// Why TLS cannot be used; each text is a sentence for whoever starts the server.
#[derive(Debug, Error)]
pub enum TlsError {
    #[error("TLS needs a certificate; name its files with --tls-cert-file and --tls-key-file")]
    NoFiles,
    #[error(
        "TLS has {n_certs} certificate files and {n_keys} key files; give each certificate its key, in the same order"
    )]
    Unequal { n_certs: usize, n_keys: usize },
    #[error("the TLS file {path} cannot be read")]
    Read { path: PathBuf, source: io::Error },
    #[error("the TLS file {path} holds no usable PEM block")]
    Pem { path: PathBuf, source: pem::Error },
    #[error("the TLS certificate {path} and its key cannot be used")]
    Pair { path: PathBuf, source: rustls::Error },
}

/// Loads the certificates and follows their renewal until the tasks stop.
///
/// # Errors
/// Names the file or option that cannot be used.
pub(crate) fn acceptor(files: &Tls, tasks: &Tasks) -> Result<TlsAcceptor, TlsError> {
    let certificates = Arc::new(Certificates::load(files)?);
    let config = ServerConfig::builder_with_protocol_versions(versions(files.min_version))
        .with_no_client_auth()
        .with_cert_resolver(certificates.clone());
    tasks.spawn("certificates", follow(certificates));
    Ok(TlsAcceptor::from(Arc::new(with_http(config))))
}

async fn follow(certificates: Arc<Certificates>) {
    let mut ticks = tokio::time::interval(RENEWAL_INTERVAL);
    loop {
        ticks.tick().await;
        certificates.renew();
    }
}

fn with_http(mut config: ServerConfig) -> ServerConfig {
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}

const BOTH: &[&rustls::SupportedProtocolVersion] = &[&rustls::version::TLS13, &rustls::version::TLS12];
const NEWEST: &[&rustls::SupportedProtocolVersion] = &[&rustls::version::TLS13];

fn versions(min: TlsVersion) -> &'static [&'static rustls::SupportedProtocolVersion] {
    match min {
        TlsVersion::Tls12 => BOTH,
        TlsVersion::Tls13 => NEWEST,
    }
}

struct Certificates {
    files: Tls,
    current: RwLock<Loaded>,
}

struct Loaded {
    pairs: Arc<Vec<Pair>>,
    changed_at: Vec<Option<SystemTime>>,
}

struct Pair {
    key: Arc<CertifiedKey>,
    /// The certificate's own DER text, to compare names with.
    leaf: CertificateDer<'static>,
}

impl fmt::Debug for Certificates {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Certificates").field("files", &self.files).finish_non_exhaustive()
    }
}

impl Certificates {
    fn load(files: &Tls) -> Result<Self, TlsError> {
        Ok(Self { current: RwLock::new(load(files)?), files: files.clone() })
    }

    /// Takes changed files over; files that cannot be used leave the certificates as they are.
    fn renew(&self) {
        let is_same = changed_at(&self.files) == self.current().changed_at;
        if is_same {
            return;
        }
        match load(&self.files) {
            Ok(loaded) => {
                *self.current.write().unwrap_or_else(PoisonError::into_inner) = loaded;
                tracing::info!("the TLS certificates were read again");
            }
            Err(error) => {
                let source = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(%error, source, "the changed TLS files are not used");
            }
        }
    }

    fn current(&self) -> std::sync::RwLockReadGuard<'_, Loaded> {
        self.current.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let pairs = self.current().pairs.clone();
        let name = hello.server_name().and_then(|name| ServerName::try_from(name.to_owned()).ok());
        let named = name.and_then(|name| pairs.iter().find(|pair| pair.is_for(&name)));
        named.or_else(|| pairs.first()).map(|pair| pair.key.clone())
    }
}

impl Pair {
    fn is_for(&self, name: &ServerName<'_>) -> bool {
        ParsedCertificate::try_from(&self.leaf)
            .is_ok_and(|certificate| verify_server_name(&certificate, name).is_ok())
    }
}

fn load(files: &Tls) -> Result<Loaded, TlsError> {
    let (n_certs, n_keys) = (files.cert_files.len(), files.key_files.len());
    if n_certs != n_keys {
        return Err(TlsError::Unequal { n_certs, n_keys });
    }
    // Read before the files, so that a change in between is seen as one.
    let changed_at = changed_at(files);
    let pairs = files.cert_files.iter().zip(&files.key_files).map(|(cert, key)| pair(cert, key));
    let pairs = pairs.collect::<Result<Vec<_>, _>>()?;
    if pairs.is_empty() { Err(TlsError::NoFiles) } else { Ok(Loaded { pairs: Arc::new(pairs), changed_at }) }
}

fn changed_at(files: &Tls) -> Vec<Option<SystemTime>> {
    let modified = |path: &PathBuf| fs::metadata(path).and_then(|metadata| metadata.modified()).ok();
    files.cert_files.iter().chain(&files.key_files).map(modified).collect()
}

fn pair(cert: &Path, key: &Path) -> Result<Pair, TlsError> {
    let chain = CertificateDer::pem_slice_iter(&read(cert)?)
        .collect::<Result<Vec<_>, _>>()
        .map_err(|source| TlsError::Pem { path: cert.to_owned(), source })?;
    let leaf = chain
        .first()
        .ok_or_else(|| TlsError::Pem { path: cert.to_owned(), source: pem::Error::NoItemsFound })?
        .clone();
    let private = PrivateKeyDer::from_pem_slice(&read(key)?)
        .map_err(|source| TlsError::Pem { path: key.to_owned(), source })?;
    let certified = CertifiedKey::from_der(chain, private, &rustls::crypto::ring::default_provider())
        .map_err(|source| TlsError::Pair { path: cert.to_owned(), source })?;
    Ok(Pair { key: Arc::new(certified), leaf })
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    fs::read(path).map_err(|source| TlsError::Read { path: path.to_owned(), source })
}

#[cfg(test)]
mod tests;

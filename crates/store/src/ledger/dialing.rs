//! Making a connection, with TLS as the address asks for it.
//!
//! Used by the ledger's pool and by migrations. `sslmode` and its certificates mean what they mean to libpq, so that an
//! address works for psql and for us alike:
//!
//! | `sslmode` | TLS | the certificate |
//! |---|---|---|
//! | `disable` | never | |
//! | `prefer` | where the server has it, else plain | any |
//! | `require` | always | any, unless there is a root certificate: then as `verify-ca` |
//! | `verify-ca` | always | signed by a root certificate |
//! | `verify-full` | always | the same, and its names hold the host's |
//!
//! Sockets of the file system are never encrypted. A certificate names its hosts in `subjectAltName`; a common name alone
//! is not looked at.

use std::sync::Arc;

use deadpool_postgres::Connect;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::{verify_server_cert_signed_by_trust_anchor, verify_server_name};
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, aws_lc_rs};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use tokio::task::JoinHandle;
use tokio_postgres::config::{Host, SslMode};
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Config, NoTls};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::address::{Address, cannot_read, is_open_to_others};
use crate::error::Error;

/// How far TLS goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Disable,
    Prefer,
    Require,
    VerifyCa,
    VerifyFull,
}

impl Mode {
    const WORDS: [(&'static str, Self); 5] = [
        ("disable", Self::Disable),
        ("prefer", Self::Prefer),
        ("require", Self::Require),
        ("verify-ca", Self::VerifyCa),
        ("verify-full", Self::VerifyFull),
    ];

    fn read(word: &str) -> Result<Self, Error> {
        let found = Self::WORDS.iter().find(|(known, _)| *known == word);
        found.map(|(_, mode)| *mode).ok_or_else(|| {
            let known = Self::WORDS.map(|(known, _)| known).join(", ");
            Error::Address(format!("`sslmode={word}` is none of {known}"))
        })
    }

    fn word(self) -> &'static str {
        let found = Self::WORDS.iter().find(|(_, mode)| *mode == self);
        found.map_or("", |(word, _)| word)
    }
}

/// Makes connections to one address.
pub(crate) struct Dialer {
    config: Config,
    tls: Option<MakeRustlsConnect>,
}

impl Dialer {
    /// One for an address; certificates are read now.
    pub(crate) fn new(address: Address) -> Result<Self, Error> {
        let mode = Mode::read(address.parameter("sslmode").unwrap_or("prefer"))?;
        let on_sockets = address
            .config
            .get_hosts()
            .iter()
            .all(|host| matches!(host, Host::Unix(_)));
        let tls = if mode == Mode::Disable || on_sockets {
            None
        } else {
            Some(MakeRustlsConnect::new(client_config(&address, mode)?))
        };
        let mut config = address.config;
        config.ssl_mode(match mode {
            _ if tls.is_none() => SslMode::Disable,
            Mode::Disable | Mode::Prefer => SslMode::Prefer,
            Mode::Require | Mode::VerifyCa | Mode::VerifyFull => SslMode::Require,
        });
        Ok(Self { config, tls })
    }

    /// What is dialled; limits of time may be set.
    pub(crate) fn config_mut(&mut self) -> &mut Config {
        &mut self.config
    }

    /// What is dialled.
    pub(crate) fn config(&self) -> &Config {
        &self.config
    }

    /// Connects; the task carries the connection until its end.
    pub(crate) async fn dial(&self) -> Result<(Client, JoinHandle<()>), tokio_postgres::Error> {
        if let Some(tls) = &self.tls {
            match self.config.connect(tls.clone()).await {
                Ok((client, connection)) => return Ok((client, tokio::spawn(connection.map(drop)))),
                Err(error) if self.config.get_ssl_mode() == SslMode::Prefer && is_about_tls(&error) => {}
                Err(error) => return Err(error),
            }
        }
        let (client, connection) = self.config.connect(NoTls).await?;
        Ok((client, tokio::spawn(connection.map(drop))))
    }
}

impl Connect for Dialer {
    fn connect(&self, _same: &Config) -> BoxFuture<'_, Result<(Client, JoinHandle<()>), tokio_postgres::Error>> {
        self.dial().boxed()
    }
}

/// Whether a connection failed for being encrypted: no handshake, or a server that lets nobody in that way.
fn is_about_tls(error: &tokio_postgres::Error) -> bool {
    error.code() == Some(&SqlState::INVALID_AUTHORIZATION_SPECIFICATION) || error.to_string().contains("TLS handshake")
}

fn client_config(address: &Address, mode: Mode) -> Result<ClientConfig, Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = Verifier::new(address, mode, &provider)?;
    let unfit = |what: &str, error: rustls::Error| Error::Address(format!("{what}: {error}"));
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| unfit("TLS cannot be set up", error))?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier));
    let mut config = match own_certificate(address)? {
        Some((chain, key)) => builder
            .with_client_auth_cert(chain, key)
            .map_err(|error| unfit("`sslcert` and `sslkey` do not fit each other", error))?,
        None => builder.with_no_client_auth(),
    };
    config.alpn_protocols = vec![b"postgresql".to_vec()];
    Ok(config)
}

/// What we show of ourselves where the server asks for it.
fn own_certificate(address: &Address) -> Result<Option<(Vec<CertificateDer<'static>>, PrivateKeyDer<'static>)>, Error> {
    let Some(path) = address.file("sslcert", ".postgresql/postgresql.crt") else {
        return Ok(None);
    };
    let chain = certificates("sslcert", &path)?;
    let Some(path) = address.file("sslkey", ".postgresql/postgresql.key") else {
        return Err(Error::Address("`sslcert` needs `sslkey`, the key it is for".to_owned()));
    };
    let key = PrivateKeyDer::from_pem_file(&path).map_err(|error| cannot_read("sslkey", &path, &error))?;
    if is_open_to_others(&path) {
        let why = "it is open to others than its owner";
        return Err(Error::Address(format!(
            "`sslkey={}` is not used: {why}",
            path.display()
        )));
    }
    Ok(Some((chain, key)))
}

fn certificates(parameter: &str, path: &std::path::Path) -> Result<Vec<CertificateDer<'static>>, Error> {
    let read = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
    let found = read.map_err(|error| cannot_read(parameter, path, &error))?;
    if found.is_empty() {
        return Err(cannot_read(parameter, path, &"it holds no certificate"));
    }
    Ok(found)
}

/// Judges a server's certificate as far as the mode goes.
#[derive(Debug)]
struct Verifier {
    mode: Mode,
    /// Who may sign; `None` where anybody may.
    roots: Option<Roots>,
    algorithms: WebPkiSupportedAlgorithms,
}

#[derive(Debug)]
struct Roots {
    anchors: RootCertStore,
    certificates: Vec<CertificateDer<'static>>,
}

impl Verifier {
    fn new(address: &Address, mode: Mode, provider: &CryptoProvider) -> Result<Self, Error> {
        let roots = match (mode, address.parameter("sslrootcert")) {
            (Mode::Disable | Mode::Prefer, _) => None,
            (Mode::VerifyFull, Some("system")) => Some(Roots::of_system()?),
            (_, Some("system")) => {
                let why = "needs `sslmode=verify-full`: any host can have a certificate of a public authority";
                return Err(Error::Address(format!("`sslrootcert=system` {why}")));
            }
            _ => match address.file("sslrootcert", ".postgresql/root.crt") {
                Some(path) => Some(Roots::of_file(&path)?),
                None if mode == Mode::Require => None,
                None => {
                    let word = mode.word();
                    return Err(Error::Address(format!(
                        "`sslmode={word}` needs `sslrootcert`, a file or `system`"
                    )));
                }
            },
        };
        Ok(Self {
            mode,
            roots,
            algorithms: provider.signature_verification_algorithms,
        })
    }

    fn judge(
        &self,
        roots: &Roots,
        end: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        host: &ServerName<'_>,
        now: UnixTime,
    ) -> Result<(), rustls::Error> {
        let parsed = ParsedCertificate::try_from(end)?;
        let algorithms = self.algorithms.all;
        match verify_server_cert_signed_by_trust_anchor(&parsed, &roots.anchors, between, now, algorithms) {
            // PostgreSQL's own recipe for a self-signed certificate makes one that may sign: it is its own authority.
            Err(error) if is_authority(&error) && roots.certificates.contains(end) => {}
            other => other?,
        }
        if self.mode == Mode::VerifyFull {
            verify_server_name(&parsed, host)?;
        }
        Ok(())
    }
}

/// Whether a certificate was refused for being an authority's and for nothing before that, its dates among it.
fn is_authority(error: &rustls::Error) -> bool {
    matches!(error, rustls::Error::InvalidCertificate(CertificateError::Other(other))
        if other.to_string() == "CaUsedAsEndEntity")
}

impl Roots {
    fn of_file(path: &std::path::Path) -> Result<Self, Error> {
        let certificates = certificates("sslrootcert", path)?;
        let mut anchors = RootCertStore::empty();
        for certificate in &certificates {
            let added = anchors.add(certificate.clone());
            added.map_err(|error| cannot_read("sslrootcert", path, &error))?;
        }
        Ok(Self { anchors, certificates })
    }

    fn of_system() -> Result<Self, Error> {
        let certificates = rustls_native_certs::load_native_certs().certs;
        let mut anchors = RootCertStore::empty();
        anchors.add_parsable_certificates(certificates.iter().cloned());
        if anchors.is_empty() {
            return Err(Error::Address(
                "`sslrootcert=system`: this machine has no root certificates".to_owned(),
            ));
        }
        Ok(Self { anchors, certificates })
    }
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end: &CertificateDer<'_>,
        between: &[CertificateDer<'_>],
        host: &ServerName<'_>,
        _ocsp: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if let Some(roots) = &self.roots {
            self.judge(roots, end, between, host, now).map_err(|error| {
                let word = self.mode.word();
                rustls::Error::General(format!("`sslmode={word}` refuses the server: {error}"))
            })?;
        }
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls12_signature(message, certificate, signed, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        rustls::crypto::verify_tls13_signature(message, certificate, signed, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

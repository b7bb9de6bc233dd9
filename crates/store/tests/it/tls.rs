//! TLS to a real PostgreSQL, with certificates made here: what each `sslmode` lets in and what it refuses.

use std::net::IpAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use muster_sandbox::postgres::Temporary;
use muster_store::ledger::migrate::migrate;
use muster_store::{Domain, Error, Ledger, Role, Settings};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, KeyUsagePurpose, SanType};
use tempfile::TempDir;
use tokio_postgres::NoTls;

/// An authority that signs certificates.
type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> Authority {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::DigitalSignature];
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

/// A certificate of this common name, good for 127.0.0.1 and `localhost` or for another host, and its key; in PEM.
fn signed(by: &Authority, name: &str, other_host: bool) -> (String, String) {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.subject_alt_names = if other_host {
        vec![SanType::DnsName("elsewhere.example".try_into().unwrap())]
    } else {
        let loopback: IpAddr = [127, 0, 0, 1].into();
        vec![
            SanType::IpAddress(loopback),
            SanType::DnsName("localhost".try_into().unwrap()),
        ]
    };
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, by).unwrap();
    (certificate.pem(), key.serialize_pem())
}

/// A server that speaks TLS, and a folder with what its clients know.
struct World {
    server: Temporary,
    folder: TempDir,
    trusted: Authority,
}

const TRUST: &str = "local all all trust\nhost all all 127.0.0.1/32 trust\n";

impl World {
    fn with(certificate: &str, key: &str, trusted: Authority, hba: &str) -> Self {
        let root = trusted.pem();
        let files = [
            ("server.crt", certificate.as_bytes()),
            ("server.key", key.as_bytes()),
            ("root.crt", root.as_bytes()),
            ("pg_hba.conf", hba.as_bytes()),
        ];
        let server = Temporary::start_on_loopback(&files, &["ssl=on", "ssl_ca_file=root.crt"]).unwrap();
        let world = Self {
            server,
            folder: tempfile::tempdir().unwrap(),
            trusted,
        };
        world.keep("root.crt", &root, 0o644);
        world
    }

    fn new(other_host: bool, hba: &str) -> Self {
        let trusted = authority("the right authority");
        let (certificate, key) = signed(&trusted, "server", other_host);
        Self::with(&certificate, &key, trusted, hba)
    }

    fn keep(&self, name: &str, text: &str, mode: u32) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        path
    }

    fn root(&self) -> PathBuf {
        self.folder.path().join("root.crt")
    }

    /// The address with these parameters.
    fn url(&self, user: &str, parameters: &str) -> String {
        format!("postgres://{user}@127.0.0.1:{}/muster?{parameters}", self.server.port())
    }
}

fn with_root(mode: &str, root: &Path) -> String {
    format!("sslmode={mode}&sslrootcert={}", root.display())
}

/// Whether a connection to the address is encrypted, as its server sees it.
async fn is_encrypted(server: &Temporary, address: &str) -> Result<bool, Error> {
    let settings = Settings::new(address);
    migrate(&settings).await?;
    let ledger = Ledger::new(&settings, Role::Read)?;
    ledger.ping().await?;
    let (client, connection) = tokio_postgres::connect(server.url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    let sql = "SELECT ssl FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
        WHERE application_name = 'muster' ORDER BY backend_start DESC LIMIT 1";
    let seen = client.query_one(sql, &[]).await.unwrap();
    ledger.close();
    Ok(seen.get(0))
}

/// Why it is refused.
async fn refusal(server: &Temporary, address: &str) -> String {
    is_encrypted(server, address).await.expect_err(address).to_string()
}

impl World {
    /// Whether a connection with these parameters is encrypted.
    async fn encrypts(&self, parameters: &str) -> bool {
        is_encrypted(&self.server, &self.url("muster", parameters))
            .await
            .expect(parameters)
    }

    /// Why a connection with these parameters is refused.
    async fn refuses(&self, parameters: &str) -> String {
        refusal(&self.server, &self.url("muster", parameters)).await
    }
}

#[tokio::test]
async fn each_mode_encrypts_and_checks_as_far_as_it_says() {
    let world = World::new(false, TRUST);
    for (parameters, encrypted) in [
        (String::new(), true),
        ("sslmode=disable".into(), false),
        ("sslmode=prefer".into(), true),
        ("sslmode=require".into(), true),
        (with_root("require", &world.root()), true),
        (with_root("verify-ca", &world.root()), true),
        (with_root("verify-full", &world.root()), true),
        (
            with_root("verify-full", &world.root()) + "&options=-c%20work_mem%3D5MB",
            true,
        ),
    ] {
        assert_eq!(world.encrypts(&parameters).await, encrypted, "{parameters}");
    }
    // A socket of the file system is as private as its folder: no mode asks more of it.
    let socket = format!("{}?{}", world.server.url(), with_root("verify-full", &world.root()));
    assert!(!is_encrypted(&world.server, &socket).await.unwrap());
}

#[tokio::test]
async fn a_certificate_of_another_authority_is_refused_where_it_is_looked_at() {
    let world = World::new(false, TRUST);
    let other = world.keep("other.crt", &authority("the wrong authority").pem(), 0o644);
    // No public authority signed it; a machine may know none.
    let why = world.refuses("sslmode=verify-full&sslrootcert=system").await;
    assert!(
        why.contains("UnknownIssuer") || why.contains("no root certificates"),
        "{why}"
    );
    for mode in ["require", "verify-ca", "verify-full"] {
        let why = world.refuses(&with_root(mode, &other)).await;
        assert!(
            why.contains(&format!("sslmode={mode}")) && why.contains("UnknownIssuer"),
            "{why}"
        );
    }
    assert!(world.encrypts(&with_root("prefer", &other)).await);
}

#[tokio::test]
async fn a_certificate_of_another_host_is_refused_by_verify_full_alone() {
    let world = World::new(true, TRUST);
    let why = world.refuses(&with_root("verify-full", &world.root())).await;
    assert!(
        why.contains("sslmode=verify-full") && why.contains("not valid for name"),
        "{why}"
    );
    assert!(world.encrypts(&with_root("verify-ca", &world.root())).await);
}

#[tokio::test]
async fn a_self_signed_certificate_is_its_own_root() {
    let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    params.subject_alt_names.push(SanType::IpAddress([127, 0, 0, 1].into()));
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let key = KeyPair::generate().unwrap();
    let own = params.self_signed(&key).unwrap().pem();
    let world = World::with(&own, &key.serialize_pem(), authority("nobody"), TRUST);
    let root = world.keep("own.crt", &own, 0o644);
    assert!(world.encrypts(&with_root("verify-full", &root)).await);
    let why = world.refuses(&with_root("verify-full", &world.root())).await;
    assert!(why.contains("sslmode=verify-full"), "{why}");
}

#[tokio::test]
async fn a_server_without_tls_is_refused_where_tls_is_asked_for() {
    let server = Temporary::start_on_loopback(&[], &[]).unwrap();
    let url = |mode: &str| format!("postgres://muster@127.0.0.1:{}/muster?sslmode={mode}", server.port());
    let why = refusal(&server, &url("require")).await;
    assert!(why.contains("no TLS") && why.contains("sslmode"), "{why}");
    for mode in ["prefer", "disable"] {
        assert!(!is_encrypted(&server, &url(mode)).await.unwrap(), "{mode}");
    }
}

#[tokio::test]
async fn a_server_that_lets_nobody_in_encrypted_is_reached_plainly_where_that_will_do() {
    let hba = "local all all trust\nhostnossl all all 127.0.0.1/32 trust\n";
    let world = World::new(false, hba);
    assert!(!world.encrypts("sslmode=prefer").await);
    let why = world.refuses("sslmode=require").await;
    assert!(why.contains("pg_hba.conf"), "{why}");
}

#[tokio::test]
async fn a_client_shows_its_own_certificate() {
    let hba = "local all all trust\nhostssl all all 127.0.0.1/32 cert\n";
    let world = World::new(false, hba);
    let (certificate, key) = signed(&world.trusted, "muster", false);
    let (_, other_key) = signed(&world.trusted, "muster", false);
    let certificate = world.keep("me.crt", &certificate, 0o644);
    let keys = [
        world.keep("me.key", &key, 0o600),
        world.keep("other.key", &other_key, 0o600),
        world.keep("open.key", &key, 0o666),
        world.keep("empty.key", "", 0o600),
    ];
    let [right, other, open, empty] = keys.map(|key| {
        let own = format!("&sslcert={}&sslkey={}", certificate.display(), key.display());
        world.url("muster", &(with_root("verify-full", &world.root()) + &own))
    });
    assert!(is_encrypted(&world.server, &right).await.unwrap());
    for (address, said) in [(other, "do not fit"), (open, "open to others"), (empty, "sslkey=")] {
        let why = refusal(&world.server, &address).await;
        assert!(why.contains(said), "{why}");
    }
    let why = world.refuses(&with_root("verify-full", &world.root())).await;
    assert!(why.contains("certificate"), "{why}");
}

#[tokio::test]
async fn a_password_file_lets_in_who_is_in_it() {
    let hba = "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256\n";
    let world = World::new(false, hba);
    let (client, connection) = tokio_postgres::connect(world.server.url(), NoTls).await.unwrap();
    tokio::spawn(connection);
    let role = "CREATE ROLE guest LOGIN SUPERUSER PASSWORD 'it is : secret'";
    client.batch_execute(role).await.unwrap();
    let right = world.keep("right", "127.0.0.1:*:muster:guest:it is \\: secret\n", 0o600);
    let wrong = world.keep("wrong", "*:*:*:*:no\n", 0o600);
    let with = |file: &Path| {
        let parameters = format!(
            "{}&passfile={}",
            with_root("verify-full", &world.root()),
            file.display()
        );
        // Channel binding ties the password's proof to this very certificate.
        world.url("guest", &(parameters + "&channel_binding=require"))
    };
    assert!(is_encrypted(&world.server, &with(&right)).await.unwrap());
    let why = refusal(&world.server, &with(&wrong)).await;
    assert!(why.contains("password") && !why.contains("secret"), "{why}");
}

#[tokio::test]
async fn what_cannot_be_used_is_named_and_is_the_users_trouble() {
    let folder = tempfile::tempdir().unwrap();
    let empty = folder.path().join("empty.crt");
    std::fs::write(&empty, "").unwrap();
    let damaged = folder.path().join("damaged.crt");
    std::fs::write(
        &damaged,
        "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
    )
    .unwrap();
    for (parameters, said) in [
        ("sslmode=allow".to_owned(), "sslmode=allow"),
        (
            "sslmode=verify-full&sslrootcert=/no/such/file".to_owned(),
            "sslrootcert=/no/such/file",
        ),
        (with_root("verify-full", &empty), "holds no certificate"),
        (with_root("verify-ca", &damaged), "damaged.crt"),
        ("sslmode=verify-ca&sslrootcert=system".to_owned(), "verify-full"),
        ("sslcert=/no/such/file".to_owned(), "sslcert=/no/such/file"),
        ("nosuch=1".to_owned(), "nosuch"),
    ] {
        let settings = Settings::new(format!("postgres://me@localhost/db?{parameters}"));
        let error = Ledger::new(&settings, Role::Read).err().unwrap();
        assert!(error.to_string().contains(said), "{parameters}: {error}");
        assert_eq!(error.domain(), Domain::User);
    }
}

//! The client against a real registry: Apicurio's, by its Confluent-compatible API.
//!
//! The server comes from Maven Central once a machine, into the user's cache folder. Where there is no Java or Maven the
//! test says so and passes; with `MUSTER_REQUIRE_KAFKA=1`, which means that real servers must be had, it fails instead.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use muster_registry::{Answer, NoCache, Options, Registry, Retry, Schemas, subject_of};
use muster_spec::SchemaId;

const VERSION: &str = "2.6.13";

/// A running registry; it ends with this value, or with the test's process however that ends.
struct Apicurio {
    shell: Child,
    url: String,
}

impl Drop for Apicurio {
    fn drop(&mut self) {
        drop(self.shell.stdin.take());
        let _ = self.shell.wait();
    }
}

/// The unpacked server, downloaded when it is not there yet.
fn server() -> Result<PathBuf, String> {
    let set = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let cache = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
    let cache = cache.ok_or("neither HOME nor XDG_CACHE_HOME is set")?.join("muster");
    fs::create_dir_all(&cache).map_err(|error| error.to_string())?;
    let folder = cache.join(format!("apicurio-{VERSION}"));
    let lock = File::create(cache.join(format!("apicurio-{VERSION}.lock"))).map_err(|error| error.to_string())?;
    lock.lock().map_err(|error| error.to_string())?;
    if !folder.is_dir() {
        let unfinished = cache.join(format!("apicurio-{VERSION}.new"));
        let _ = fs::remove_dir_all(&unfinished);
        fs::create_dir_all(&unfinished).map_err(|error| error.to_string())?;
        download(&unfinished)?;
        fs::rename(&unfinished, &folder).map_err(|error| error.to_string())?;
    }
    Ok(folder)
}

fn download(folder: &Path) -> Result<(), String> {
    let run = |program: &str, arguments: &[String]| {
        let output = Command::new(program)
            .args(arguments)
            .current_dir(folder)
            .stdin(Stdio::null())
            .output();
        let output = output.map_err(|error| format!("`{program}` cannot be run: {error}"))?;
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        if output.status.success() {
            Ok(())
        } else {
            Err(format!("`{program}` failed: {said}"))
        }
    };
    let plugin = "org.apache.maven.plugins:maven-dependency-plugin:3.9.0:copy".to_owned();
    let artifact = format!("-Dartifact=io.apicurio:apicurio-registry-app:{VERSION}.Final:tar.gz:all");
    run(
        "mvn",
        &[
            "-q".into(),
            "-B".into(),
            "-ntp".into(),
            plugin,
            artifact,
            "-DoutputDirectory=.".into(),
        ],
    )?;
    let archive = format!("apicurio-registry-app-{VERSION}.Final-all.tar.gz");
    run("tar", &["xzf".into(), archive.clone()])?;
    fs::remove_file(folder.join(archive)).map_err(|error| error.to_string())
}

async fn start() -> Result<Apicurio, String> {
    let folder = server()?;
    let port = std::net::TcpListener::bind("127.0.0.1:0")
        .and_then(|free| free.local_addr())
        .unwrap()
        .port();
    // The shell ends the server when the pipe to it closes.
    let script = "java \"$@\" >/dev/null 2>&1 & server=$!; cat >/dev/null; kill $server; wait $server";
    let mut shell = Command::new("/bin/sh");
    shell.args([
        "-c",
        script,
        "apicurio",
        "-Xmx128m",
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
    ]);
    shell.args([
        "-Dquarkus.http.host=127.0.0.1",
        &format!("-Dquarkus.http.port={port}"),
        "-jar",
    ]);
    shell.arg(format!("apicurio-registry-app-{VERSION}.Final-runner.jar"));
    let shell = shell
        .current_dir(&folder)
        .stdin(Stdio::piped())
        .spawn()
        .map_err(|error| error.to_string())?;
    let apicurio = Apicurio {
        shell,
        url: format!("http://127.0.0.1:{port}/apis/ccompat/v7"),
    };
    let registry = Registry::new(&Options::new(&apicurio.url)).unwrap();
    for _ in 0..300 {
        if registry.schema(SchemaId(1)).await.is_ok() {
            return Ok(apicurio);
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    Err("the registry did not answer within a minute (is `java` there, version 17 or newer?)".to_owned())
}

/// The registry, or `None` where it may be done without.
async fn apicurio() -> Option<Apicurio> {
    match start().await {
        Ok(apicurio) => Some(apicurio),
        Err(why) => {
            let required = std::env::var("MUSTER_REQUIRE_KAFKA").is_ok_and(|value| value == "1");
            assert!(!required, "no real schema registry, and MUSTER_REQUIRE_KAFKA=1: {why}");
            #[expect(clippy::print_stderr, reason = "a test that was left out must be seen")]
            {
                eprintln!("NOT TESTED against a real schema registry: {why}");
            }
            None
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_registry_means_by_its_answers_what_we_take_them_for() {
    let Some(apicurio) = apicurio().await else { return };
    let registry = Registry::new(&Options::new(&apicurio.url)).unwrap();
    let older = r#"{"type":"record","name":"R","fields":[{"name":"a","type":"int"}]}"#;
    let newer = r#"{"type":"record","name":"R","fields":[{"name":"a","type":"int"},{"name":"b","type":"string","default":"x"}]}"#;
    let broken = r#"{"type":"record","name":"R","fields":[{"name":"a","type":"string"}]}"#;
    let subject = subject_of("hr.candidate.v1");

    let id = registry.register(&subject, older).await.unwrap();
    assert_eq!(
        registry.register(&subject, older).await.unwrap(),
        id,
        "the same schema has the same id"
    );
    assert_eq!(
        registry.register("a/b-value", older).await.unwrap(),
        id,
        "and under any subject"
    );
    let text = registry.schema(id).await.unwrap().unwrap();
    assert_eq!(muster_spec::schema_id(&text), muster_spec::schema_id(older));

    backward(&apicurio.url).await;
    let later = registry.register(&subject, newer).await.unwrap();
    assert_ne!(later, id);
    for refused in [broken, r#"{"type":"nonsense"}"#] {
        let error = registry.register(&subject, refused).await.unwrap_err();
        assert_eq!((error.code(), error.retry()), ("refused", Retry::Never), "{error}");
    }

    let unknown = SchemaId(999_999);
    assert_eq!(registry.schema(unknown).await.unwrap(), None);
    let spacing = Duration::from_millis(50);
    let schemas = Schemas::new(registry, NoCache, 3, spacing);
    for _ in 0..2 {
        assert_eq!(schemas.get(unknown).await.unwrap_err().code(), "unconfirmed");
        tokio::time::sleep(spacing + Duration::from_millis(5)).await;
    }
    assert_eq!(schemas.get(unknown).await.unwrap(), Answer::Unknown);
    assert!(matches!(schemas.get(later).await.unwrap(), Answer::Schema(text) if text.contains("\"b\"")));

    // An address without the API's path answers 404 to everything: an outage, not a registry without schemas.
    let root = apicurio.url.trim_end_matches("/apis/ccompat/v7");
    let error = Registry::new(&Options::new(root))
        .unwrap()
        .schema(id)
        .await
        .unwrap_err();
    assert_eq!((error.code(), error.retry()), ("outage", Retry::Backoff), "{error}");

    let asked_after = apicurio.url.clone();
    drop(apicurio);
    let error = Registry::new(&Options::new(&asked_after))
        .unwrap()
        .schema(id)
        .await
        .unwrap_err();
    assert_eq!(error.code(), "silent", "{error}");
}

/// Apicurio accepts every change unless told; Confluent's registry asks for backward compatibility from the start.
async fn backward(url: &str) {
    let request = reqwest::Client::new().put(format!("{url}/config"));
    let request = request
        .header("content-type", "application/json")
        .body(r#"{"compatibility":"BACKWARD"}"#);
    assert!(request.send().await.unwrap().status().is_success());
}

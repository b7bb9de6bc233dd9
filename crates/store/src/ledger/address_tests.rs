//! Tests of addresses: what is the driver's, what is ours, and where a password goes.

use std::os::unix::fs::PermissionsExt;

use super::*;

fn read(text: &str) -> Result<Address, Error> {
    Address::read(text, &UsualFiles::default())
}

#[test]
fn our_parameters_are_taken_out_of_both_forms_and_the_rest_is_left_as_it_is() {
    let url =
        "postgresql://me:p%40ss@%2Ftmp%2Fa:5433,other/db?options=-c%20a%3Db&sslmode=verify-full&sslrootcert=%2Fa%20b";
    let pairs = r"host='/tmp/a' port = 5433 sslmode=verify-full options='-c a=b\'c' sslrootcert='/a b' user=me";
    for (text, left) in [
        (
            url,
            "postgresql://me:p%40ss@%2Ftmp%2Fa:5433,other/db?options=-c%20a%3Db",
        ),
        (pairs, r"host='/tmp/a' port = 5433 options='-c a=b\'c' user=me"),
    ] {
        let (driver, ours) = split(text, &OURS).unwrap();
        assert_eq!(driver, left);
        let expected = [("sslmode", "verify-full"), ("sslrootcert", "/a b")];
        assert_eq!(ours, expected.map(|(key, value)| (key.to_owned(), value.to_owned())));
    }
    let read = read(url).unwrap();
    assert_eq!(
        (read.config.get_options(), read.config.get_hosts().len()),
        (Some("-c a=b"), 2)
    );
    assert_eq!(read.parameter("sslmode"), Some("verify-full"));
}

#[test]
fn what_cannot_be_read_is_said_without_the_password() {
    for text in [
        "host=a password=secret sslmode",
        "host='a password=secret",
        "postgres://me:secret@host:notaport/db",
        "postgres://me:secret@host/db?nosuch=1",
        "host=a password=secret port=x",
    ] {
        let error = read(text).unwrap_err().to_string();
        assert!(
            error.contains("cannot be read") && !error.contains("secret"),
            "{text}: {error}"
        );
    }
}

#[test]
fn an_address_for_psql_has_no_password() {
    for (text, shown) in [
        ("postgres://me:se@cret@host:1/db?a=b", "postgres://me@host:1/db?a=b"),
        (
            "postgres://me@host/db?password=secret&sslmode=require",
            "postgres://me@host/db?sslmode=require",
        ),
        ("postgres://host:1/db", "postgres://host:1/db"),
        ("user=me password='se cret' dbname=db", "user=me dbname=db"),
    ] {
        assert_eq!(without_password(text).unwrap(), shown);
    }
}

#[test]
fn a_password_file_gives_the_password_of_the_first_line_that_fits() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("pass");
    let lines = "# comment\nother:*:*:*:wrong\nhost:5433:*:me:a\\:b\\\\c\n*:*:people:*:any\nlocalhost:*:*:*:local\n";
    fs::write(&file, lines).unwrap();
    let ask = |rest: &str| {
        let read = read(&format!("{rest} passfile={}", file.display()))?;
        Ok::<_, Error>(
            read.config
                .get_password()
                .map(|password| String::from_utf8_lossy(password).into_owned()),
        )
    };
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    let open = ask("host=host user=me").unwrap_err().to_string();
    assert!(open.contains("passfile=") && open.contains("open to others"), "{open}");
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    for (address, password) in [
        ("host=host port=5433 user=me dbname=x", Some("a:b\\c")),
        ("host=host user=me dbname=people", Some("any")),
        ("host=/tmp user=me dbname=x", Some("local")),
        ("host=host user=me dbname=x", None),
        ("host=host port=5433 user=me password=given", Some("given")),
    ] {
        assert_eq!(ask(address).unwrap().as_deref(), password, "{address}");
    }
    let missing = read("host=a user=me passfile=/no/such/file").unwrap_err().to_string();
    assert!(missing.contains("passfile=/no/such/file"), "{missing}");
}

#[test]
fn files_at_their_usual_places_are_found_below_the_home_folder_alone() {
    let home = tempfile::tempdir().unwrap();
    let usual = UsualFiles {
        home: Some(home.path().to_owned()),
        password_file: None,
    };
    let read = |text: &str| Address::read(text, &usual).unwrap();
    assert_eq!(
        read("host=a user=me").config.get_password(),
        None,
        "no file is no trouble"
    );
    let file = home.path().join(".pgpass");
    fs::write(&file, "a:*:*:me:usual\n").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    assert_eq!(read("host=a user=me").config.get_password(), Some(&b"usual"[..]));
    let root = home.path().join(".postgresql/root.crt");
    assert_eq!(read("host=a user=me").file("sslrootcert", ".postgresql/root.crt"), None);
    fs::create_dir(home.path().join(".postgresql")).unwrap();
    fs::write(&root, "").unwrap();
    assert_eq!(
        read("host=a user=me").file("sslrootcert", ".postgresql/root.crt"),
        Some(root)
    );
    let named = read("host=a user=me sslrootcert=/b").file("sslrootcert", ".postgresql/root.crt");
    assert_eq!(named, Some("/b".into()));
}

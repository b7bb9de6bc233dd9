//! URLs with another database.

use super::with_database;

#[test]
fn only_the_database_of_a_url_is_replaced() {
    for (server, wanted) in [
        ("postgresql://u:p@host:5432/db", "postgresql://u:p@host:5432/new"),
        ("postgresql://u@host", "postgresql://u@host/new"),
        (
            "postgres://u@%2Ftmp%2Fx:5432/db?sslmode=disable",
            "postgres://u@%2Ftmp%2Fx:5432/new?sslmode=disable",
        ),
        ("postgresql:///db?host=/tmp/x", "postgresql:///new?host=/tmp/x"),
    ] {
        assert_eq!(with_database(server, "new"), wanted, "{server}");
    }
}

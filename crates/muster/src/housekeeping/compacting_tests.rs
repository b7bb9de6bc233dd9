//! Tests of the file beside this one: which files become one.

use super::*;

fn files(bytes: &[u64]) -> Vec<SmallFile> {
    let file = |bytes: &u64| SmallFile {
        path: String::new(),
        bytes: *bytes,
        listings: Vec::new(),
    };
    bytes.iter().map(file).collect()
}

#[test]
fn a_group_is_as_large_as_fits_keeps_the_order_and_is_never_one_file() {
    let cases: [(&[u64], &str); 8] = [
        (&[], ""),
        (&[1], ""),
        (&[1, 2], "1+2"),
        (&[1, 2, 3, 4, 5], "1+2+3+4"),
        (&[5, 5, 5, 5], "5+5 5+5"),
        (&[11, 1, 1], "1+1"),
        (&[1, 1, 11, 2, 2], "1+1 2+2"),
        (&[6, 6, 6], ""),
    ];
    for (sizes, expected) in cases {
        let files = files(sizes);
        let grouped: Vec<String> = groups(&files, 10)
            .map(|group| {
                let bytes: Vec<String> = group.iter().map(|file| file.bytes.to_string()).collect();
                bytes.join("+")
            })
            .collect();
        assert_eq!(grouped.join(" "), expected, "{sizes:?}");
    }
}

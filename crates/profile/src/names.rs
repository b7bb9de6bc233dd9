//! Names from names: a header's as Avro takes them, a file's as a contract, a topic and a record are called.
//!
//! Used by [`crate::Guess`] and by the drafts. What must stay true: a name that is one already is kept as it is, no name is
//! given twice, and none begins with `_`, as Muster's own columns do.

use std::collections::HashSet;

/// The longest name of a field: a message must have room for it.
const CHARS_MAX: usize = 60;

/// A field's name for each column, in their order. What a text file calls the column stays its source.
pub fn fields(header: &[String]) -> Vec<String> {
    let kept: HashSet<&str> = header.iter().map(String::as_str).filter(|name| is_name(name)).collect();
    let mut taken: HashSet<String> = HashSet::new();
    let mut names = Vec::with_capacity(header.len());
    for (at, column) in header.iter().enumerate() {
        let first = is_name(column) && !taken.contains(column);
        let name = if first {
            column.clone()
        } else {
            let base = match plain(column) {
                base if base.is_empty() => format!("column_{}", at + 1),
                base if base.starts_with(|first: char| first.is_ascii_digit()) => format!("n{base}"),
                base => base,
            };
            let free = |name: &String| !taken.contains(name) && !kept.contains(name.as_str());
            let numbered = (2..).map(|number| format!("{base}_{number}"));
            std::iter::once(base.clone()).chain(numbered).find(free).unwrap_or(base)
        };
        taken.insert(name.clone());
        names.push(name);
    }
    names
}

/// Whether a text is a field's name as it stands.
fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    text.len() <= CHARS_MAX && text.starts_with(|first: char| first.is_ascii_alphabetic()) && text.bytes().all(plain)
}

/// A text in the letters, digits and single `_` of a name, in lower case; empty where nothing of it is left.
fn plain(text: &str) -> String {
    let mut name = String::new();
    let text = text.replace('%', " percent ").replace('&', " and ");
    for letter in text.chars() {
        if letter.is_ascii_alphanumeric() {
            name.push(letter.to_ascii_lowercase());
        } else if let Some(letters) = in_ascii(letter) {
            name.push_str(letters);
        } else if !name.is_empty() && !name.ends_with('_') {
            name.push('_');
        }
        if name.len() >= CHARS_MAX - 4 {
            break;
        }
    }
    name.truncate(name.trim_end_matches('_').len());
    name
}

/// A letter of Latin scripts without what ASCII lacks.
fn in_ascii(letter: char) -> Option<&'static str> {
    Some(match letter {
        'ä' | 'Ä' | 'æ' | 'Æ' => "ae",
        'ö' | 'Ö' | 'œ' | 'Œ' => "oe",
        'ü' | 'Ü' => "ue",
        'ß' => "ss",
        'à' | 'á' | 'â' | 'ã' | 'å' | 'ā' | 'ă' | 'ą' | 'À' | 'Á' | 'Â' | 'Ã' | 'Å' | 'Ą' => "a",
        'ç' | 'ć' | 'č' | 'Ç' | 'Ć' | 'Č' => "c",
        'ď' | 'đ' | 'Ď' | 'Đ' | 'ð' => "d",
        'è' | 'é' | 'ê' | 'ë' | 'ē' | 'ę' | 'ě' | 'È' | 'É' | 'Ê' | 'Ë' | 'Ę' => "e",
        'ì' | 'í' | 'î' | 'ï' | 'ı' | 'Ì' | 'Í' | 'Î' | 'Ï' | 'İ' => "i",
        'ł' | 'Ł' => "l",
        'ñ' | 'ń' | 'ň' | 'Ñ' | 'Ń' => "n",
        'ò' | 'ó' | 'ô' | 'õ' | 'ø' | 'ő' | 'Ò' | 'Ó' | 'Ô' | 'Õ' | 'Ø' => "o",
        'ř' | 'Ř' => "r",
        'ś' | 'š' | 'ş' | 'Ś' | 'Š' | 'Ş' => "s",
        'ť' | 'ţ' | 'Ť' | 'þ' => "t",
        'ù' | 'ú' | 'û' | 'ů' | 'ű' | 'Ù' | 'Ú' | 'Û' | 'Ů' => "u",
        'ý' | 'ÿ' | 'Ý' => "y",
        'ź' | 'ż' | 'ž' | 'Ź' | 'Ż' | 'Ž' => "z",
        _ => return None,
    })
}

/// What a table is called after its file's name without folders and ending: `HR Data (2024)` is `hr-data-2024`.
pub fn table(stem: &str) -> String {
    match plain(stem).trim_matches('_').replace('_', "-") {
        name if name.is_empty() => "table".to_owned(),
        name if name.starts_with(|first: char| first.is_ascii_digit()) => format!("table-{name}"),
        name => name,
    }
}

/// The Avro record of a table: `hr-data-2024` is `HrData2024`.
pub fn record(table: &str) -> String {
    let mut name = String::new();
    for word in table.split(|letter: char| !letter.is_ascii_alphanumeric()) {
        let mut letters = word.chars();
        name.extend(letters.next().map(|first| first.to_ascii_uppercase()));
        name.push_str(letters.as_str());
    }
    name
}

/// The words of a header, in lower case: `employeeID`, `employee_id` and `Employee Id` are the same two.
pub fn words(header: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before = ' ';
    for letter in header.chars() {
        if !letter.is_alphanumeric() {
            before = ' ';
            continue;
        }
        let begins = !before.is_alphanumeric() || (before.is_lowercase() && letter.is_uppercase());
        if begins {
            words.push(String::new());
        }
        if let Some(word) = words.last_mut() {
            word.extend(letter.to_lowercase());
        }
        before = letter;
    }
    words
}

#[cfg(test)]
#[path = "names_tests.rs"]
mod tests;

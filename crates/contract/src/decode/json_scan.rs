//! Cutting one JSON text (RFC 8259) into values, strictly and without allocation.
//!
//! Used by [`super::json`]. Numbers and texts are handed out as they are written, so that a decimal keeps all its
//! digits. Accepts what `serde_json` accepts, except that nesting is limited here too; a test holds the two together.

use muster_batch::Refusal;

/// How deep objects and arrays may nest.
const DEPTH_MAX: usize = 128;

/// A value, or the beginning of one.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Token<'a> {
    Null,
    Boolean(bool),
    /// As it is written.
    Number(&'a str),
    Text(Text<'a>),
    /// The opening brace was read.
    Object,
    /// The opening bracket was read.
    Array,
}

/// A text between its quotes, escapes included.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Text<'a> {
    pub(super) raw: &'a str,
    pub(super) escaped: bool,
}

impl Text<'_> {
    /// Appends the text without its escapes.
    pub(super) fn unescape(self, into: &mut String) {
        let mut rest = self.raw;
        while let Some(at) = rest.find('\\') {
            into.push_str(&rest[..at]);
            let mut scan = Scan::new(&rest[at + 1..]);
            // The text was scanned before, so its escapes are sound.
            into.extend(scan.escape());
            rest = scan.rest();
        }
        into.push_str(rest);
    }
}

/// A place in a JSON text.
#[derive(Debug)]
pub(super) struct Scan<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scan<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0 }
    }

    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn next(&mut self) -> Result<u8, Refusal> {
        let byte = self.peek().ok_or(Refusal::Json)?;
        self.at += 1;
        Ok(byte)
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    /// The next byte that is no white space must be this one.
    pub(super) fn expect(&mut self, wanted: u8) -> Result<(), Refusal> {
        self.space();
        if self.next()? == wanted {
            Ok(())
        } else {
            Err(Refusal::Json)
        }
    }

    /// Nothing but white space is left.
    pub(super) fn end(&mut self) -> Result<(), Refusal> {
        self.space();
        if self.at == self.text.len() {
            Ok(())
        } else {
            Err(Refusal::Json)
        }
    }

    /// The next member's name in an object, its colon read too; nothing at the closing brace.
    pub(super) fn member(&mut self, first: bool) -> Result<Option<Text<'a>>, Refusal> {
        if self.closes(b'}', first)? {
            return Ok(None);
        }
        self.expect(b'"')?;
        let name = self.quoted()?;
        self.expect(b':')?;
        Ok(Some(name))
    }

    /// Whether an object or array ends here; else the comma before its next part is read.
    fn closes(&mut self, bracket: u8, first: bool) -> Result<bool, Refusal> {
        self.space();
        if self.peek() == Some(bracket) {
            self.at += 1;
            return Ok(true);
        }
        if !first {
            self.expect(b',')?;
        }
        Ok(false)
    }

    /// The next value, or the beginning of an object or array.
    pub(super) fn value(&mut self) -> Result<Token<'a>, Refusal> {
        self.space();
        match self.next()? {
            b'"' => self.quoted().map(Token::Text),
            b'{' => Ok(Token::Object),
            b'[' => Ok(Token::Array),
            b'n' => self.word("ull", Token::Null),
            b't' => self.word("rue", Token::Boolean(true)),
            b'f' => self.word("alse", Token::Boolean(false)),
            b'-' | b'0'..=b'9' => self.number(),
            _ => Err(Refusal::Json),
        }
    }

    /// Passes over what is left of a value whose token was read. `depth` is how many objects and arrays surround it.
    pub(super) fn skip(&mut self, token: Token<'a>, depth: usize) -> Result<(), Refusal> {
        if !matches!(token, Token::Object | Token::Array) {
            return Ok(());
        }
        if depth >= DEPTH_MAX {
            return Err(Refusal::Depth);
        }
        let mut first = true;
        loop {
            let more = match token {
                Token::Object => self.member(first)?.is_some(),
                _ => !self.closes(b']', first)?,
            };
            if !more {
                return Ok(());
            }
            let inner = self.value()?;
            self.skip(inner, depth + 1)?;
            first = false;
        }
    }

    fn word(&mut self, rest: &str, token: Token<'a>) -> Result<Token<'a>, Refusal> {
        if !self.rest().starts_with(rest) {
            return Err(Refusal::Json);
        }
        self.at += rest.len();
        Ok(token)
    }

    /// A number whose first character was read.
    fn number(&mut self) -> Result<Token<'a>, Refusal> {
        let start = self.at - 1;
        let mut first = self.text.as_bytes()[start];
        if first == b'-' {
            first = self.next()?;
        }
        match first {
            b'0' => {}
            b'1'..=b'9' => self.digits(),
            _ => return Err(Refusal::Json),
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.some_digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.some_digits()?;
        }
        Ok(Token::Number(&self.text[start..self.at]))
    }

    fn digits(&mut self) {
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
    }

    fn some_digits(&mut self) -> Result<(), Refusal> {
        let start = self.at;
        self.digits();
        if self.at > start { Ok(()) } else { Err(Refusal::Json) }
    }

    /// A text whose opening quote was read.
    fn quoted(&mut self) -> Result<Text<'a>, Refusal> {
        let start = self.at;
        let mut escaped = false;
        loop {
            match self.next()? {
                b'"' => break,
                b'\\' => {
                    escaped = true;
                    self.escape().ok_or(Refusal::Json)?;
                }
                0..0x20 => return Err(Refusal::Json),
                _ => {}
            }
        }
        let raw = &self.text[start..self.at - 1];
        Ok(Text { raw, escaped })
    }

    /// The character that an escape stands for, its backslash read; nothing where it stands for none.
    fn escape(&mut self) -> Option<char> {
        Some(match self.next().ok()? {
            b'"' => '"',
            b'\\' => '\\',
            b'/' => '/',
            b'b' => '\u{8}',
            b'f' => '\u{c}',
            b'n' => '\n',
            b'r' => '\r',
            b't' => '\t',
            b'u' => {
                let unit = self.unit()?;
                if !(0xd800..0xdc00).contains(&unit) {
                    return char::from_u32(unit);
                }
                if !self.rest().starts_with("\\u") {
                    return None;
                }
                self.at += 2;
                let low = self.unit().filter(|low| (0xdc00..0xe000).contains(low))?;
                return char::from_u32(0x1_0000 + ((unit - 0xd800) << 10) + (low - 0xdc00));
            }
            _ => return None,
        })
    }

    /// Four hexadecimal digits.
    fn unit(&mut self) -> Option<u32> {
        let digits = self.text.as_bytes().get(self.at..self.at + 4)?;
        self.at += 4;
        digits
            .iter()
            .try_fold(0, |unit, digit| Some(unit * 16 + char::from(*digit).to_digit(16)?))
    }
}

#[cfg(test)]
#[path = "json_scan_tests.rs"]
mod tests;

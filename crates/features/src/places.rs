//! Where in a view's text something stands, by its words.
//!
//! Used by [`crate::view`] for what the planner says without a place. Comments are no words and neither is what stands
//! in quotes, so that a place found is one of the query's own. Lines and columns count from 1.

use datafusion::sql::sqlparser::dialect::GenericDialect;
use datafusion::sql::sqlparser::tokenizer::{Location, Token, TokenWithSpan, Tokenizer};

/// Line and column.
pub(crate) type Place = (usize, usize);

/// What to look for.
#[derive(Clone, Debug)]
pub(crate) enum Near {
    /// Where the query begins.
    Start,
    /// The first of these words that stands there.
    Words(&'static [&'static str]),
    /// A function by its name.
    Function(String),
    /// A name that a column is given.
    Alias(String),
    /// A `SELECT` within the query.
    Subquery,
}

/// The words of a view.
pub(crate) struct Places {
    tokens: Vec<TokenWithSpan>,
}

impl Places {
    pub(crate) fn of(sql: &str) -> Self {
        let mut tokens = Vec::new();
        // What cannot be cut into words does not parse either, and the parser says where.
        let _ = Tokenizer::new(&GenericDialect {}, sql).tokenize_with_location_into_buf(&mut tokens);
        tokens.retain(|token| !matches!(token.token, Token::Whitespace(_) | Token::EOF));
        Self { tokens }
    }

    /// Where the query begins.
    pub(crate) fn start(&self) -> Place {
        self.tokens.first().map_or((1, 1), |token| place(token.span.start))
    }

    /// Where it ends.
    pub(crate) fn end(&self) -> Place {
        self.tokens.last().map_or((1, 1), |token| place(token.span.end))
    }

    /// Where a second statement begins.
    pub(crate) fn second(&self) -> Option<Place> {
        let semicolon = self.tokens.iter().position(|token| token.token == Token::SemiColon)?;
        self.tokens.get(semicolon + 1).map(|token| place(token.span.start))
    }

    /// The place of what is meant, or where the query begins.
    pub(crate) fn near(&self, near: &Near) -> Place {
        let found = match near {
            Near::Start => None,
            Near::Words(words) => words.iter().find_map(|word| self.word(word)),
            Near::Function(name) => self.tokens.windows(2).find_map(|pair| {
                let called = is_word(&pair[0].token, name) && pair[1].token == Token::LParen;
                called.then(|| pair[0].span.start)
            }),
            Near::Alias(name) => self.word(name),
            Near::Subquery => self.tokens.windows(2).find_map(|pair| {
                let opens = pair[0].token == Token::LParen && is_word(&pair[1].token, "SELECT");
                opens.then(|| pair[1].span.start)
            }),
        };
        found.map_or_else(|| self.start(), place)
    }

    /// The place of a column of the view: of what stands for it in the outermost `SELECT`. `columns` is how many the
    /// view has; where a `*` stands for several, it is their place.
    pub(crate) fn column(&self, at: usize, columns: usize) -> Place {
        let items = self.items();
        let star = items.iter().position(|(_, star)| *star);
        let item = match star {
            Some(star) if at >= star => {
                let behind = items.len() - star - 1;
                let from_end = columns.saturating_sub(at);
                if from_end <= behind {
                    items.len() - from_end
                } else {
                    star
                }
            }
            _ => at,
        };
        items
            .get(item)
            .map_or_else(|| self.start(), |(location, _)| place(*location))
    }

    fn word(&self, word: &str) -> Option<Location> {
        let found = self.tokens.iter().find(|token| is_word(&token.token, word));
        found.map(|token| token.span.start)
    }

    /// Where each item of the outermost `SELECT` begins, and whether it is a `*`.
    fn items(&self) -> Vec<(Location, bool)> {
        let mut depth = 0_usize;
        let mut items = Vec::new();
        let mut begins = None;
        for token in &self.tokens {
            match &token.token {
                Token::LParen => depth += 1,
                Token::RParen => depth = depth.saturating_sub(1),
                Token::Comma if depth == 0 && begins.is_some() => {
                    begins = Some(true);
                    continue;
                }
                word if depth == 0 && begins.is_none() => {
                    if is_word(word, "SELECT") {
                        begins = Some(true);
                    }
                    continue;
                }
                word if depth == 0 && is_word(word, "FROM") => break,
                word if is_word(word, "DISTINCT") || is_word(word, "ALL") => continue,
                // `t.*` begins with its table's name.
                Token::Mul if depth == 0 => {
                    if let (Some(false), Some((_, star))) = (begins, items.last_mut()) {
                        *star = self.ends_in_star(token);
                    }
                }
                _ => {}
            }
            if begins == Some(true) {
                items.push((token.span.start, token.token == Token::Mul));
                begins = Some(false);
            }
        }
        items
    }

    /// Whether a `*` follows a point, as in `t.*`.
    fn ends_in_star(&self, star: &TokenWithSpan) -> bool {
        let at = self.tokens.iter().position(|token| token.span.start == star.span.start);
        at.and_then(|at| self.tokens.get(at.wrapping_sub(1)))
            .is_some_and(|before| before.token == Token::Period)
    }
}

fn is_word(token: &Token, wanted: &str) -> bool {
    matches!(token, Token::Word(word) if word.quote_style.is_none() && word.value.eq_ignore_ascii_case(wanted))
}

fn place(location: Location) -> Place {
    (location.line as usize, location.column as usize)
}

#[cfg(test)]
#[path = "places_tests.rs"]
mod tests;

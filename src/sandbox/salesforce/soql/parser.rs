//! SOQL tokens made into a query.

use crate::sandbox::salesforce::errors::Refusal;
use crate::sandbox::salesforce::soql::lexer::{Token, TokenKind, tokens};

/// How deep parentheses may go, so that no text can exhaust the stack.
const DEPTH_MAX: usize = 50;
const OFFSET_MAX: usize = 2_000;

/// A parsed query; names are as written.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Query {
    pub(crate) selection: Selection,
    pub(crate) object: String,
    pub(crate) condition: Option<Condition>,
    pub(crate) order: Vec<Order>,
    pub(crate) limit: Option<usize>,
    pub(crate) offset: usize,
}

/// What is selected.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Selection {
    Count,
    Fields(Vec<String>),
}

/// One entry of ORDER BY.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Order {
    pub(crate) path: String,
    pub(crate) descending: bool,
    pub(crate) nulls_last: bool,
}

/// A WHERE clause.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Compare(Comparison),
}

/// One comparison.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Comparison {
    pub(crate) path: String,
    pub(crate) operator: Operator,
    pub(crate) values: Vec<Literal>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    Like,
    In,
    NotIn,
}

/// A value in a query.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Literal {
    Null,
    Flag(bool),
    Text(String),
    /// A number, date or dateTime, as written.
    Bare(String),
}

struct Parser<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    next: usize,
}

/// Reads a query.
pub(crate) fn parse(text: &str) -> Result<Query, Refusal> {
    let mut parser = Parser {
        text,
        tokens: tokens(text)?,
        next: 0,
    };
    let query = parser.query()?;
    if parser.next < parser.tokens.len() {
        return Err(parser.unexpected());
    }
    Ok(query)
}

// === impl Parser ===

impl Parser<'_> {
    fn query(&mut self) -> Result<Query, Refusal> {
        self.expect_word("SELECT")?;
        let selection = self.selection()?;
        self.expect_word("FROM")?;
        let object = self.word()?;
        let condition = if self.take_word("WHERE") {
            Some(self.condition(0)?)
        } else {
            None
        };
        let order = if self.take_word("ORDER") {
            self.order()?
        } else {
            Vec::new()
        };
        let limit = if self.take_word("LIMIT") {
            Some(self.number()?)
        } else {
            None
        };
        let offset = if self.take_word("OFFSET") {
            self.number()?
        } else {
            0
        };
        if offset > OFFSET_MAX {
            let message = "maximum SOQL offset allowed is 2000";
            return Err(Refusal::new(400, "NUMBER_OUTSIDE_VALID_RANGE", message));
        }
        Ok(Query {
            selection,
            object,
            condition,
            order,
            limit,
            offset,
        })
    }

    fn selection(&mut self) -> Result<Selection, Refusal> {
        let mut names = vec![self.word()?];
        if self.take_symbol("(") {
            let counting = names.iter().all(|name| name.eq_ignore_ascii_case("COUNT"));
            if counting && self.take_symbol(")") {
                return Ok(Selection::Count);
            }
            return Err(self.unexpected());
        }
        while self.take_symbol(",") {
            names.push(self.word()?);
        }
        Ok(Selection::Fields(names))
    }

    fn order(&mut self) -> Result<Vec<Order>, Refusal> {
        self.expect_word("BY")?;
        let mut list = Vec::new();
        loop {
            let path = self.word()?;
            let descending = self.take_word("DESC");
            if !descending {
                self.take_word("ASC");
            }
            let mut nulls_last = false;
            if self.take_word("NULLS") {
                nulls_last = self.take_word("LAST");
                if !nulls_last {
                    self.expect_word("FIRST")?;
                }
            }
            list.push(Order {
                path,
                descending,
                nulls_last,
            });
            if !self.take_symbol(",") {
                return Ok(list);
            }
        }
    }

    /// AND and OR may not stand beside each other without parentheses.
    fn condition(&mut self, depth: usize) -> Result<Condition, Refusal> {
        if depth > DEPTH_MAX {
            return Err(Refusal::malformed_query("the condition is nested too deep"));
        }
        let first = self.factor(depth)?;
        let joined_by = ["AND", "OR"].into_iter().find(|word| self.sees_word(word));
        let Some(joined_by) = joined_by else {
            return Ok(first);
        };
        let mut parts = vec![first];
        while self.take_word(joined_by) {
            parts.push(self.factor(depth)?);
        }
        if self.sees_word("AND") || self.sees_word("OR") {
            return Err(self.unexpected());
        }
        Ok(if joined_by == "AND" {
            Condition::All(parts)
        } else {
            Condition::Any(parts)
        })
    }

    fn factor(&mut self, depth: usize) -> Result<Condition, Refusal> {
        if self.take_word("NOT") {
            if depth > DEPTH_MAX {
                return Err(Refusal::malformed_query("the condition is nested too deep"));
            }
            return Ok(Condition::Not(Box::new(self.factor(depth + 1)?)));
        }
        if self.take_symbol("(") {
            let inner = self.condition(depth + 1)?;
            self.expect_symbol(")")?;
            return Ok(inner);
        }
        let path = self.word()?;
        let operator = self.operator()?;
        let values = if matches!(operator, Operator::In | Operator::NotIn) {
            self.list()?
        } else {
            vec![self.literal()?]
        };
        Ok(Condition::Compare(Comparison {
            path,
            operator,
            values,
        }))
    }

    fn operator(&mut self) -> Result<Operator, Refusal> {
        const SYMBOLS: [(&str, Operator); 6] = [
            ("=", Operator::Equal),
            ("!=", Operator::NotEqual),
            ("<", Operator::Less),
            ("<=", Operator::LessOrEqual),
            (">", Operator::Greater),
            (">=", Operator::GreaterOrEqual),
        ];
        for (symbol, operator) in SYMBOLS {
            if self.take_symbol(symbol) {
                return Ok(operator);
            }
        }
        if self.take_word("LIKE") {
            return Ok(Operator::Like);
        }
        if self.take_word("IN") {
            return Ok(Operator::In);
        }
        if self.take_word("NOT") {
            self.expect_word("IN")?;
            return Ok(Operator::NotIn);
        }
        Err(self.unexpected())
    }

    fn list(&mut self) -> Result<Vec<Literal>, Refusal> {
        self.expect_symbol("(")?;
        let mut values = vec![self.literal()?];
        while self.take_symbol(",") {
            values.push(self.literal()?);
        }
        self.expect_symbol(")")?;
        Ok(values)
    }

    fn literal(&mut self) -> Result<Literal, Refusal> {
        let literal = match self.peek() {
            Some(TokenKind::Text(text)) => Literal::Text(text.clone()),
            Some(TokenKind::Literal(text)) => Literal::Bare(text.clone()),
            Some(TokenKind::Word(word)) if word.eq_ignore_ascii_case("null") => Literal::Null,
            Some(TokenKind::Word(word)) if word.eq_ignore_ascii_case("true") => Literal::Flag(true),
            Some(TokenKind::Word(word)) if word.eq_ignore_ascii_case("false") => {
                Literal::Flag(false)
            }
            _ => return Err(self.unexpected()),
        };
        self.next += 1;
        Ok(literal)
    }

    fn number(&mut self) -> Result<usize, Refusal> {
        let number = match self.peek() {
            Some(TokenKind::Literal(text)) => text.parse().ok(),
            _ => None,
        };
        let number = number.ok_or_else(|| self.unexpected())?;
        self.next += 1;
        Ok(number)
    }

    fn word(&mut self) -> Result<String, Refusal> {
        let Some(TokenKind::Word(word)) = self.peek() else {
            return Err(self.unexpected());
        };
        let word = word.clone();
        self.next += 1;
        Ok(word)
    }

    fn peek(&self) -> Option<&TokenKind> {
        self.tokens.get(self.next).map(|token| &token.kind)
    }

    fn sees_word(&self, wanted: &str) -> bool {
        matches!(self.peek(), Some(TokenKind::Word(word)) if word.eq_ignore_ascii_case(wanted))
    }

    fn take_word(&mut self, wanted: &str) -> bool {
        let seen = self.sees_word(wanted);
        self.next += usize::from(seen);
        seen
    }

    fn take_symbol(&mut self, wanted: &str) -> bool {
        let seen = matches!(self.peek(), Some(TokenKind::Symbol(symbol)) if *symbol == wanted);
        self.next += usize::from(seen);
        seen
    }

    fn expect_word(&mut self, wanted: &str) -> Result<(), Refusal> {
        if self.take_word(wanted) {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    fn expect_symbol(&mut self, wanted: &str) -> Result<(), Refusal> {
        if self.take_symbol(wanted) {
            Ok(())
        } else {
            Err(self.unexpected())
        }
    }

    /// The vendor names the token, or the end, where reading stopped.
    fn unexpected(&self) -> Refusal {
        let found = self.tokens.get(self.next).map_or_else(
            || "unexpected token: <EOF>".to_owned(),
            |token| {
                let rest = self.text.get(token.at..).unwrap_or_default();
                let shown: String = rest.chars().take(20).collect();
                format!("unexpected token: '{shown}' at column {}", token.at + 1)
            },
        );
        Refusal::malformed_query(found)
    }
}

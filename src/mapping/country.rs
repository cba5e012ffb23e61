//! Countries by the codes and the English names of ISO 3166-1.

use std::collections::BTreeMap;
use std::sync::OnceLock;

/// Two letters, three letters, the name, other names; see its first lines for where it comes from.
const TABLE: &str = include_str!("countries.tsv");

/// How a system writes a country.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Form {
    /// `IE`
    Alpha2,
    /// `IRL`
    Alpha3,
    /// `Ireland`
    #[default]
    Name,
}

impl Form {
    /// The name in the mapping file.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Alpha2 => "alpha_2",
            Self::Alpha3 => "alpha_3",
            Self::Name => "name",
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Country {
    pub alpha_2: &'static str,
    pub alpha_3: &'static str,
    pub name: &'static str,
}

impl Country {
    pub fn written(&self, form: Form) -> &'static str {
        match form {
            Form::Alpha2 => self.alpha_2,
            Form::Alpha3 => self.alpha_3,
            Form::Name => self.name,
        }
    }
}

/// The country that a text names, by a code or an English name in whatever case.
pub fn find(text: &str) -> Option<Country> {
    // Longer than every name: it is none, and needs no look.
    let text = Some(text.trim()).filter(|text| text.len() <= 100)?;
    table().get(&plain(text)).copied()
}

fn table() -> &'static BTreeMap<String, Country> {
    static KNOWN: OnceLock<BTreeMap<String, Country>> = OnceLock::new();
    KNOWN.get_or_init(|| {
        let rows = TABLE.lines().filter(|line| !line.starts_with('#'));
        let mut known = BTreeMap::new();
        for row in rows {
            let mut cells = row.split('\t');
            let mut cell = || cells.next().unwrap_or_default();
            let country = Country {
                alpha_2: cell(),
                alpha_3: cell(),
                name: cell(),
            };
            let others = cell().split('|').filter(|name| !name.is_empty());
            let names = [country.alpha_2, country.alpha_3, country.name];
            for name in names.into_iter().chain(others) {
                known.entry(plain(name)).or_insert(country);
            }
        }
        known
    })
}

/// A name as it is compared: without case, accents, dots and commas, `&` as `and`, `St` as `Saint`.
fn plain(text: &str) -> String {
    let mut plain = String::new();
    for sign in text.chars().flat_map(char::to_lowercase) {
        match unaccented(sign) {
            sign if sign.is_alphanumeric() => plain.push(sign),
            '\'' | '’' | '.' => {}
            '&' => plain.push_str(" and "),
            _ => plain.push(' '),
        }
    }
    let words = plain.split_whitespace().filter(|word| *word != "the");
    let words = words.map(|word| if word == "st" { "saint" } else { word });
    words.collect::<Vec<_>>().join(" ")
}

fn unaccented(sign: char) -> char {
    match sign {
        'å' | 'ã' | 'á' | 'à' | 'â' | 'ä' => 'a',
        'é' | 'è' | 'ê' | 'ë' => 'e',
        'í' | 'î' | 'ï' => 'i',
        'ô' | 'ö' | 'õ' | 'ó' => 'o',
        'ü' | 'ú' | 'û' => 'u',
        'ç' => 'c',
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_country_of_the_standard_is_found_by_each_of_its_names() {
        let rows: Vec<&str> = TABLE
            .lines()
            .filter(|line| !line.starts_with('#'))
            .collect();
        assert_eq!(rows.len(), 249);
        for row in rows {
            let cells: Vec<&str> = row.split(['\t', '|']).collect();
            for name in &cells {
                let found = find(&name.to_uppercase()).unwrap();
                assert_eq!(found.alpha_2, cells[0], "{name}");
            }
            assert!(cells[0].len() == 2 && cells[1].len() == 3, "{row}");
        }
    }

    #[test]
    fn names_are_found_as_people_write_them() {
        let check = |text: &str, code: &str| {
            assert_eq!(find(text).map(|found| found.alpha_2), Some(code), "{text}");
        };
        check(" the Netherlands ", "NL");
        check("u.s.a.", "US");
        check("UK", "GB");
        check("Cote d’Ivoire", "CI");
        check("Bosnia & Herzegovina", "BA");
        check("St. Lucia", "LC");
        check("TURKIYE", "TR");
        check("Korea, Republic of", "KR");
        assert_eq!(find("Atlantis"), None);
        assert_eq!(find(""), None);
        assert_eq!(find(&"x".repeat(5_000)), None);
    }
}

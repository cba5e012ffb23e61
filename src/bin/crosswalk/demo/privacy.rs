//! Privacy: what crosswalk logged must not hold what identifies the people of the story, nor a
//! secret.

/// The texts that occur in the log, each once. Names count as whole words only; everything else
/// wherever it stands.
pub fn found_in<'a>(log: &str, personal: &'a [String], secrets: &[&'a str]) -> Vec<&'a str> {
    let lower = log.to_lowercase();
    let personal = personal.iter().map(String::as_str);
    let mut found: Vec<&str> = personal
        .chain(secrets.iter().copied())
        .filter(|text| {
            let name = text.chars().all(|c| c.is_alphabetic() || c == ' ');
            if name {
                has_words(log, text)
            } else {
                lower.contains(&text.to_lowercase())
            }
        })
        .collect();
    found.dedup();
    found
}

fn has_words(log: &str, words: &str) -> bool {
    log.match_indices(words).any(|(at, _)| {
        let before = log[..at].chars().next_back();
        let after = log[at + words.len()..].chars().next();
        let inside = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        !inside(before) && !inside(after)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(log: &str, expected: &[&str]) {
        let texts = ["Ada", "Ada Lovelace", "ada@example.com", "+14155550100"];
        let personal = texts.map(str::to_owned);
        assert_eq!(found_in(log, &personal, &["s3cret"]), expected, "{log}");
    }

    #[test]
    fn every_kind_of_leak_is_found() {
        check("contact abc created in adAdapter", &[]);
        check("hello Ada!", &["Ada"]);
        check("{\"name\":\"Ada Lovelace\"}", &["Ada", "Ada Lovelace"]);
        check("who=ADA@Example.com", &["ada@example.com"]);
        check("tel +14155550100", &["+14155550100"]);
        check("key=s3cret", &["s3cret"]);
    }
}

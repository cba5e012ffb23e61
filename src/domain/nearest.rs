//! The known name that a mistyped one was most likely meant to be.

/// `; did you mean "x"?`, or nothing where no name is near.
pub fn did_you_mean<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> String {
    match nearest(given, known) {
        Some(name) => format!("; did you mean \"{name}\"?"),
        None => String::new(),
    }
}

/// The nearest name, if at most a third of its letters (at least two) differ.
fn nearest<'a>(given: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let given = given.to_ascii_lowercase();
    let near = |name: &&str| (name.len().max(given.len()) / 3).max(2);
    known
        .into_iter()
        .map(|name| (distance(&given, &name.to_ascii_lowercase()), name))
        .filter(|(distance, name)| *distance <= near(name) && *distance < name.len())
        .min()
        .map(|(_, name)| name)
}

/// Edits between two texts: insert, delete, replace, swap of neighbours.
pub fn distance(left: &str, right: &str) -> usize {
    let (left, right): (Vec<char>, Vec<char>) = (left.chars().collect(), right.chars().collect());
    let mut before: Vec<usize> = Vec::new();
    let mut last: Vec<usize> = (0..=right.len()).collect();
    for i in 1..=left.len() {
        let mut row = vec![i];
        for j in 1..=right.len() {
            let differs = usize::from(left[i - 1] != right[j - 1]);
            let mut best = (last[j] + 1).min(row[j - 1] + 1).min(last[j - 1] + differs);
            let swapped =
                i > 1 && j > 1 && left[i - 1] == right[j - 2] && left[i - 2] == right[j - 1];
            if swapped {
                best = best.min(before[j - 2] + 1);
            }
            row.push(best);
        }
        before = std::mem::replace(&mut last, row);
    }
    last[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_finds_its_name_and_a_stranger_finds_none() {
        let known = ["client_secret", "client_id", "login_url"];
        assert_eq!(nearest("client_secert", known), Some("client_secret"));
        assert_eq!(nearest("loginurl", known), Some("login_url"));
        assert_eq!(nearest("LOGIN_URL", known), Some("login_url"));
        assert_eq!(nearest("colour", known), None);
    }

    #[test]
    fn short_names_are_not_replaced_whole() {
        assert_eq!(nearest("ab", ["xy"]), None);
    }
}

//! How the fields of a section flow together: nothing is written twice, nothing goes round.

use crate::domain::Name;
use serde_saphyr::Spanned;

use crate::mapping::field::{Direction, FieldMap, System};
use crate::mapping::file::FieldFile;
use crate::mapping::lint::Findings;

/// A compiled field with its place in the file.
pub type Placed<'a> = (&'a Spanned<FieldFile>, FieldMap);

/// Two entries that write one field would overwrite each other for ever.
pub fn double_target(
    place: &Spanned<FieldFile>,
    field: &FieldMap,
    known: &[Placed<'_>],
    at: &str,
    out: &mut Findings,
) {
    let fix = "let one entry write it";
    let written = |system| {
        known
            .iter()
            .filter(move |(_, other)| other.flows_to(system))
    };
    for (_, other) in written(System::Salesforce).filter(|_| field.flows_to(System::Salesforce)) {
        if let Some(name) = shared_name(field, other) {
            let what = format!("`{name}` is written by `{}` already", other.intercom);
            let at = format!("{at}.salesforce");
            out.at(&place.value.salesforce, &at, what, fix);
        }
    }
    // Also where the objects differ: a customer can have a record in each of them.
    for (_, other) in written(System::Intercom).filter(|_| field.flows_to(System::Intercom)) {
        if field.intercom == other.intercom {
            let by = other.salesforce.join(", ");
            let what = format!("`{}` is written by `{by}` already", field.intercom);
            let at = format!("{at}.intercom");
            out.at(&place.value.intercom, &at, what, fix);
        }
    }
}

/// Another entry of the same path that makes something else of it decides for itself. What we write
/// to a path of several decisions would move only the one that wrote it.
pub fn own_decision(field: &mut FieldMap, known: &[Placed<'_>]) {
    let mut others = known.iter().map(|(_, other)| other);
    let clashes =
        others.any(|other| other.intercom == field.intercom && other.transform != field.transform);
    if clashes && field.direction == Direction::ToSalesforce {
        let target = field.salesforce.join(" and ");
        field.intercom = format!("{} for {target}", field.intercom).into();
    }
}

/// Refuses what is made of a path that another entry writes, where the two decide apart.
pub fn lagging(fields: &[Placed<'_>], at: &str, out: &mut Findings) {
    for (place, field) in fields.iter().filter(|(_, field)| field.path().is_none()) {
        let mut others = fields.iter().map(|(_, other)| other);
        let written = |other: &&FieldMap| {
            let path = other.path().filter(|_| other.flows_to(System::Intercom));
            path.is_some_and(|path| field.paths.contains(path))
        };
        if let Some(other) = others.find(written) {
            let what = format!(
                "`{}` is written by `{}`, and what is made of it here would not follow",
                other.intercom,
                other.salesforce.join(", ")
            );
            let fix = "make it of what people write in Intercom, or let Salesforce make it";
            out.at(&place.value.intercom, &format!("{at}.intercom"), what, fix);
        }
    }
}

/// The Salesforce field that two entries share in some object.
fn shared_name<'a>(field: &'a FieldMap, other: &FieldMap) -> Option<&'a Name> {
    let everywhere = field.objects.is_empty() || other.objects.is_empty();
    let mut objects = field.objects.iter();
    let meet = everywhere || objects.any(|object| other.objects.contains(object));
    let mut names = field.salesforce.iter();
    names.find(|name| meet && other.salesforce.contains(name))
}

/// Refuses entries that hand a value round in a circle: each change would come back as another
/// system's, with nobody to decide between them.
///
/// An entry that flows both ways cannot be part of one: it would be written twice.
pub fn circles(fields: &[Placed<'_>], at: &str, out: &mut Findings) {
    for start in 0..fields.len() {
        let Some(length) = circle_back_to(fields, start) else {
            continue;
        };
        let (place, field) = &fields[start];
        let (path, names) = (&field.intercom, field.salesforce.join(", "));
        let what = format!("`{path}` and `{names}` go round in a circle of {length} entries");
        let fix = match length {
            2 => "write one entry with `direction: both`",
            _ => "leave one of them out",
        };
        out.at(&place.value.intercom, &format!("{at}.direction"), what, fix);
    }
}

/// The number of entries of the shortest circle that ends at this entry, if it is the last of it in
/// the file: each circle is told once.
fn circle_back_to(fields: &[Placed<'_>], start: usize) -> Option<usize> {
    let mut reached = vec![start];
    let mut seen = vec![false; fields.len()];
    for length in 1..=fields.len() {
        let mut next = Vec::new();
        for from in reached {
            for to in 0..=start {
                if !feeds(&fields[from].1, &fields[to].1) {
                    continue;
                }
                if to == start {
                    return Some(length);
                }
                if !std::mem::replace(&mut seen[to], true) {
                    next.push(to);
                }
            }
        }
        reached = next;
    }
    None
}

/// Whether what one entry writes is what the other reads.
fn feeds(from: &FieldMap, to: &FieldMap) -> bool {
    match (from.direction, to.direction) {
        (Direction::ToSalesforce, Direction::ToIntercom) => shared_name(from, to).is_some(),
        (Direction::ToIntercom, Direction::ToSalesforce) => to.paths.contains(&from.intercom),
        _ => false,
    }
}

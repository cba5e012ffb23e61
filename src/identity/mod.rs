//! Who is who: match keys, lookups, links, deferrals, creation.

//! Owners: who in Intercom is who in Salesforce, by a table that the mapping declares.

use std::collections::BTreeMap;

use crate::domain::Value;
use crate::mapping::transform::Refusal;

/// The key prefixes of ids that can own a record.
const USER: &str = "005";
const QUEUE: &str = "00G";
/// Spells 5 bits of an id's checksum.
const ALPHABET: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ012345";

/// Admins of Intercom, by id or address, and users of the org.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Owners {
    /// An admin to the id of a user or queue.
    users: BTreeMap<String, String>,
    /// The way back.
    admins: BTreeMap<String, String>,
    /// Who owns in Salesforce what an admin owns whom the table does not name.
    pub fallback_user: Option<String>,
    /// Who owns in Intercom what a user or queue owns that the table does not name.
    pub fallback_admin: Option<String>,
}

impl Owners {
    /// Ids are those that `owner_id` knows.
    pub fn new(users: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut owners = Self::default();
        for (admin, user) in users {
            let admin = admin.trim().to_lowercase();
            owners
                .admins
                .entry(user.clone())
                .or_insert_with(|| admin.clone());
            owners.users.insert(admin, user);
        }
        owners
    }

    pub fn count(&self) -> usize {
        self.users.len()
    }

    /// Whether a queue is among those who can own.
    pub fn has_queue(&self) -> bool {
        let mut all = self.users.values().chain(&self.fallback_user);
        all.any(|id| id.starts_with(QUEUE))
    }

    /// Two admins who are one user: the way back would lose one of them.
    pub fn lost_on_the_way_back(&self) -> Option<(&str, &str)> {
        self.users.iter().find_map(|(admin, user)| {
            let first = self.admins.get(user).filter(|first| *first != admin)?;
            Some((first.as_str(), admin.as_str()))
        })
    }

    /// The admin by the table; of whom it does not know, what stands there.
    pub fn decided(&self, value: &Value) -> Value {
        let shown = value.display();
        let shown = shown.trim();
        let admin = shown.to_lowercase();
        if self.users.contains_key(&admin) {
            return Value::text(admin);
        }
        match owner_id(shown) {
            Some(id) => Value::text(self.admins.get(&id).cloned().unwrap_or(id)),
            None => Value::text(shown),
        }
    }

    /// What Intercom holds for an owner.
    pub fn to_intercom(&self, decided: &Value) -> Result<Value, Refusal> {
        let shown = decided.display();
        let known = self.users.contains_key(&shown);
        let admin = match (known, owner_id(&shown)) {
            (true, _) | (_, None) => Some(shown.as_str()),
            (false, Some(_)) => self.fallback_admin.as_deref(),
        };
        let admin = admin.ok_or(Refusal("no_admin_for_the_owner"))?;
        // `owner_id` is a number.
        Ok(admin
            .parse()
            .map_or_else(|_| Value::text(admin), Value::Int))
    }

    /// The id in Salesforce.
    pub fn to_salesforce(&self, decided: &Value) -> Result<Value, Refusal> {
        let shown = decided.display();
        let known = self.users.get(&shown).cloned().or_else(|| owner_id(&shown));
        let user = known.or_else(|| self.fallback_user.clone());
        let user = user.ok_or(Refusal("no_user_for_the_admin"))?;
        Ok(Value::text(user))
    }

    /// Whether two values name one owner.
    pub fn equivalent(&self, sent: &Value, stored: &Value) -> bool {
        self.decided(sent) == self.decided(stored)
    }
}

/// The id of a user or a queue in its 18 characters; none of any other text.
pub fn owner_id(text: &str) -> Option<String> {
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    let owns = text.starts_with(USER) || text.starts_with(QUEUE);
    if !plain || !owns || !matches!(text.len(), 15 | 18) {
        return None;
    }
    let mut full = text[..15].to_owned();
    for group in text.as_bytes()[..15].chunks(5) {
        let bits = group.iter().enumerate().fold(0, |bits, (place, byte)| {
            bits | (usize::from(byte.is_ascii_uppercase()) << place)
        });
        full.push(char::from(ALPHABET[bits]));
    }
    // An id of 18 whose end does not fit its beginning was written wrong.
    (text.len() == 15 || full.eq_ignore_ascii_case(text)).then_some(full)
}

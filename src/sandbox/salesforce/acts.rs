//! What a script can do in a simulated org as a person would; the verbs of
//! `POST /__sandbox/act` and [`crate::sandbox::salesforce::Handle::act`]. Documentation only.
//!
//! An act is an object with `verb` and that verb's fields. It answers `{"id": …}`, or a sentence
//! that says what is wrong. `as_user` names the user who acts (a sales person unless told); the
//! change origin is that of the product's own pages, and assignment rules do not run.
//!
//! | verb | fields |
//! |---|---|
//! | `create` | `object`, `fields` |
//! | `update` | `id`, `fields`; also answers `changed_fields` |
//! | `delete`, `undelete` | `id` |
//! | `convert_lead` | `id`, `account_id`, `contact_id`, `opportunity`; also answers the three ids |
//! | `merge` | `winner`, `losers` (one or two), `fields` picked for the winner |
//! | `expire_sessions` | none: every token is dead |

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
//!
//! Acts on the stream of change events:
//!
//! | verb | fields |
//! |---|---|
//! | `add_field` | `object`, `name`, `position`; later events have another schema |
//! | `forget_replay_ids` | none: the stream is reset and open streams are cut |
//! | `gap` | `id`, `change_type`, `fields`; GAP_UPDATE unless told otherwise |
//! | `overflow` | `object`: GAP_OVERFLOW with the empty record id |
//! | `wildcard` | `prefix` as `001`, `field`: a custom field lost its values everywhere |
//! | `pubsub_fault` | `kind`, and what the table below says |
//!
//! `add_field` puts a text field before the first custom one, or at `position`, and also answers
//! the new `schema_id`. `gap` with `fields` changes the record and tells that as a gap only.
//!
//! | `kind` | what goes wrong |
//! |---|---|
//! | `cut` | every open stream breaks off as a broken connection does |
//! | `silent` | every open stream says nothing any more, not even keepalives |
//! | `unavailable` | the next `times` (1) calls are answered `service.unavailable` |
//! | `duplicate` | the next `times` (1) events are stored twice: one uuid, two replay ids |
//! | `delay` | what is committed from now on is delivered `delay_ms` late; 0 ends it |
//! | `allocation` | the delivery allocation is used up until the next `none` |
//! | `none` | ends `unavailable`, `duplicate`, `delay` and `allocation` |

//! What a script can do in a simulated org as a person would; the verbs of
//! `POST /__sandbox/act` and [`crate::sandbox::salesforce::Handle::act`]. Documentation only.
//!
//! An act is an object with `verb` and that verb's fields. It answers `{"id": …}`, or a sentence
//! that says what is wrong. `as_user` names the user who acts (a sales person unless told); the
//! change origin is that of the product's own pages, or `origin`, and assignment rules do not
//! run.
//!
//! | verb | fields |
//! |---|---|
//! | `create` | `object`, `fields` |
//! | `update` | `id`, `fields`; also answers `changed_fields`. Renames a user, too |
//! | `delete`, `undelete` | `id` |
//! | `purge` | `id`: out of the recycle bin for good, and no event tells it |
//! | `convert_lead` | `id`, `account_id`, `contact_id`, `opportunity`; also answers the three ids |
//! | `merge` | `winner`, `losers` (one or two), `fields` picked for the winner |
//! | `expire_sessions` | none: every token is dead |
//! | `rotate_client_secret` | `secret`: the only one that opens a session from now on |
//! | `create_user` | `last_name`, `first_name`, `email`, `role` (made if new), `active` |
//!
//! What an administrator arranges; all of it is part of the state, and `reset` ends it:
//!
//! | verb | fields |
//! |---|---|
//! | `automation` | `object`, `set`, and those below; answers its id |
//! | `remove_automation` | `id` |
//! | `normalise` | `object`, `field`, `how`: the value is stored in that form |
//! | `remove_field` | `object`, `field`: a custom field is gone with its values |
//! | `hide_field` | `object`, `field`, `rights`: `none` (unless told), `read` or `write` |
//! | `revoke_object` | `object`; `granted: true` gives it back |
//! | `restore_access` | none: every field and object is there again |
//!
//! An automation reacts to writes by the API and by people. It may wait for `when_field` to
//! change and for an origin with `when_origin_contains`. `set` gives fields a value, or
//! `{"normalise": how}` their own in another form. With `same_transaction` it is part of the
//! write (see `automation_inherits_origin`), else a change right after it by `as_user` without
//! an origin. It never starts itself or another one.
//!
//! `how` is `upper`, `lower`, `trim` (inner runs of white space too), `phone`, `picklist` (the
//! defined case), `prefix:<text>`, `round:<decimals>`, or `none` to end it.
//!
//! `hide_field` and `revoke_object` bind the integration user only, as permissions do.
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

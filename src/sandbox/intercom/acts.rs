//! What a script can do in a simulated workspace as a person would; the verbs of
//! `POST /__sandbox/act` and [`crate::sandbox::intercom::Handle::act`]. Documentation only.
//!
//! An act is an object with `verb` and that verb's fields. It answers
//! `{"id": …, "notifications": [ids]}`, or a sentence that says what is wrong.
//!
//! People and companies:
//! - `create_contact`: `role` (user unless told), `email`, `name`, `phone`, `external_id`,
//!   `custom_attributes`, `utm_source`, …
//! - `visitor_writes`: the same, and `body`; a lead is made and opens a conversation, whose
//!   `conversation_id` is answered too
//! - `update_contact`: `id`, `set` with the fields above; `null` clears
//! - `sign_up`: `id`, `external_id`, `email`; the lead becomes a user
//! - `tag`, `untag`: `contact_id`, `name`; the tag is made if new
//! - `archive`, `unarchive`, `delete`: `id` of a contact
//! - `merge`: `from`, `into`
//! - `create_company`: `company_id` (made up if absent), `name`, `plan`, `size`, `website`,
//!   `industry`, `monthly_spend`, `custom_attributes`
//! - `update_company`: `id` or `company_id`, and `set`
//! - `delete_company`: `id`
//! - `attach_company`, `detach_company`: `contact_id`, `company_id` (either id of the company)
//! - `open_conversation`: `contact_id`, `body`; also answers `conversation_id`
//! - `reply`: `conversation_id`, or `contact_id` for their latest one; `body`
//!
//! The workspace:
//! - `define_attribute`: `model`, `name`, `data_type`, `options`
//! - `revoke_token`, `restore_token`: every REST call is 401 in between
//! - `rotate_token`: `token`, the only one that is taken from now on
//!
//! Deliveries:
//! - `ping`: `message`
//! - `send_raw`: `body` (text as is, or JSON), `signature`: `valid`, `none` or `bad`
//! - `redeliver`: `notification_id`, `times`
//! - `hold_deliveries`: `on`; notifications pile up instead of being sent
//! - `release_deliveries`: `order` (`as_is`, `reverse`, or a list of ids; what a list leaves out
//!   stays held), `times` (how often the whole list is sent, one after another),
//!   `keep_holding`
//!
//! Deliveries also go wrong by fault rules (`POST /__sandbox/faults`,
//! [`crate::sandbox::intercom::Handle::add_fault`]), the form to ask for many of them:
//! - `{"kind": "duplicate", "extra": n}`: delivered `n` more times, once unless told
//! - `{"kind": "drop"}`: never sent, as after two failed attempts
//! - `{"kind": "delay", "delay_ms": n}`: sent late
//! - `{"kind": "reorder", "delay_ms": n}`: sent after the next one, or `n` ms late
//! - `{"kind": "unsigned"}`, `{"kind": "bad_signature"}`
//!
//! Each takes `topic`, `times` (the next n; `null` for always), and `probability` with `seed`.

//! What the mapping takes and refuses.

mod transforms;

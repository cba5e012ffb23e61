//! The mapping file: fields, meaning, owner, direction, transforms, conditions, lint.

//! What an object and a field are: names, types, limits. Pure data.

/// The type of a field, with what its values must satisfy.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Kind {
    Id,
    Text {
        length: usize,
    },
    LongText {
        length: usize,
    },
    Email,
    Phone,
    Url,
    Picklist {
        values: &'static [&'static str],
        restricted: bool,
    },
    Boolean,
    Reference {
        targets: &'static [&'static str],
        relationship: &'static str,
    },
    DateTime,
    Date,
    Currency,
    Integer,
}

/// One field.
#[derive(Debug, Clone)]
pub(crate) struct Field {
    pub(crate) name: &'static str,
    pub(crate) kind: Kind,
    pub(crate) required: bool,
    pub(crate) createable: bool,
    pub(crate) updateable: bool,
    /// External id and unique, without regard to case (salesforce.md 5).
    pub(crate) external_id: bool,
    /// Can stand in the path of an upsert without being unique, as Email can.
    pub(crate) id_lookup: bool,
    /// The value a new row has when none is given.
    pub(crate) default: Option<&'static str>,
}

/// One object.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    pub(crate) name: &'static str,
    pub(crate) label: &'static str,
    pub(crate) plural: &'static str,
    pub(crate) prefix: &'static str,
    pub(crate) fields: Vec<Field>,
}

// === impl Kind ===

impl Kind {
    /// The name of the type in a describe answer.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Id => "id",
            Self::Text { .. } => "string",
            Self::LongText { .. } => "textarea",
            Self::Email => "email",
            Self::Phone => "phone",
            Self::Url => "url",
            Self::Picklist { .. } => "picklist",
            Self::Boolean => "boolean",
            Self::Reference { .. } => "reference",
            Self::DateTime => "datetime",
            Self::Date => "date",
            Self::Currency => "currency",
            Self::Integer => "int",
        }
    }

    /// The longest text, or 0 for other types.
    pub(crate) fn length(self) -> usize {
        match self {
            Self::Id | Self::Reference { .. } => 18,
            Self::Text { length } | Self::LongText { length } => length,
            Self::Email => 80,
            Self::Phone => 40,
            Self::Url | Self::Picklist { .. } => 255,
            _ => 0,
        }
    }

    pub(crate) fn is_text(self) -> bool {
        matches!(
            self,
            Self::Text { .. }
                | Self::LongText { .. }
                | Self::Email
                | Self::Phone
                | Self::Url
                | Self::Picklist { .. }
        )
    }
}

// === impl Field ===

impl Field {
    pub(crate) fn new(name: &'static str, kind: Kind) -> Self {
        Self {
            name,
            kind,
            required: false,
            createable: true,
            updateable: true,
            external_id: false,
            id_lookup: false,
            default: None,
        }
    }

    pub(crate) fn text(name: &'static str, length: usize) -> Self {
        Self::new(name, Kind::Text { length })
    }

    pub(crate) fn pick(name: &'static str, values: &'static [&'static str]) -> Self {
        Self::new(
            name,
            Kind::Picklist {
                values,
                restricted: false,
            },
        )
    }

    pub(crate) fn restricted(name: &'static str, values: &'static [&'static str]) -> Self {
        Self::new(
            name,
            Kind::Picklist {
                values,
                restricted: true,
            },
        )
    }

    pub(crate) fn reference(
        name: &'static str,
        targets: &'static [&'static str],
        relationship: &'static str,
    ) -> Self {
        Self::new(
            name,
            Kind::Reference {
                targets,
                relationship,
            },
        )
    }

    pub(crate) fn required(mut self) -> Self {
        self.required = true;
        self
    }

    pub(crate) fn read_only(mut self) -> Self {
        self.createable = false;
        self.updateable = false;
        self
    }

    pub(crate) fn external_id(mut self) -> Self {
        self.external_id = true;
        self.id_lookup = true;
        self
    }

    pub(crate) fn id_lookup(mut self) -> Self {
        self.id_lookup = true;
        self
    }

    pub(crate) fn default(mut self, value: &'static str) -> Self {
        self.default = Some(value);
        self
    }

    pub(crate) fn is_custom(&self) -> bool {
        self.name.ends_with("__c")
    }

    /// The label people see: `Company_Size__c` is "Company Size", `FirstName` "First Name".
    pub(crate) fn label(&self) -> String {
        let bare = self.name.trim_end_matches("__c").replace('_', " ");
        let mut label = String::new();
        let mut last_was_lower = false;
        for letter in bare.chars() {
            if letter.is_uppercase() && last_was_lower {
                label.push(' ');
            }
            last_was_lower = letter.is_lowercase();
            label.push(letter);
        }
        if matches!(self.kind, Kind::Reference { .. }) && label.ends_with(" Id") {
            label = label.replace(" Id", " ID");
        }
        label
    }
}

// === impl Object ===

impl Object {
    /// The field with this name; names have no case.
    pub(crate) fn field(&self, name: &str) -> Option<&Field> {
        self.fields
            .iter()
            .find(|field| field.name.eq_ignore_ascii_case(name))
    }

    /// People, roles and queues: part of the org's setup, never on the change channel.
    pub(crate) fn is_setup(&self) -> bool {
        matches!(self.name, "User" | "UserRole" | "Group")
    }

    /// The reference whose relationship has this name.
    pub(crate) fn relationship(&self, name: &str) -> Option<(&Field, &'static [&'static str])> {
        self.fields.iter().find_map(|field| match field.kind {
            Kind::Reference {
                targets,
                relationship,
            } if relationship.eq_ignore_ascii_case(name) => Some((field, targets)),
            _ => None,
        })
    }
}

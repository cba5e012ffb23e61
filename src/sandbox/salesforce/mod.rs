//! A simulator of Salesforce.

//! Simulators of Intercom and Salesforce that speak the vendors' real protocols.

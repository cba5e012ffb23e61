//! Socket tests of the simulated org.

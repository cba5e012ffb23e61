//! Socket tests of the simulated workspace.

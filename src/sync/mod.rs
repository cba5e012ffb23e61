//! What must change where: seen, decided, desired, versions, one write per record.

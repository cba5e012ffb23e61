//! Where the process listens.

use std::net::{Ipv4Addr, SocketAddr};

use crate::config::error::Problem;
use crate::config::field::Field;

const BODY_BYTES_MAX: u64 = 1_048_576;

/// Addresses and limits of the two HTTP servers. Port 0 takes a free port.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Server {
    pub webhooks: SocketAddr,
    pub admin: SocketAddr,
    /// The largest webhook that is taken; beyond it the answer is 413.
    pub body_bytes_max: usize,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            webhooks: (Ipv4Addr::LOCALHOST, 8080).into(),
            admin: (Ipv4Addr::LOCALHOST, 9090).into(),
            body_bytes_max: BODY_BYTES_MAX as usize,
        }
    }
}

impl Server {
    pub(super) fn read(field: &Field<'_>) -> Result<Self, Problem> {
        let default = Self::default();
        let table = field.table(&["webhooks", "admin", "body_bytes_max"])?;
        let server = Self {
            webhooks: table.or("webhooks", default.webhooks, Field::address)?,
            admin: table.or("admin", default.admin, Field::address)?,
            body_bytes_max: table.or("body_bytes_max", BODY_BYTES_MAX, |field| {
                field.whole_number(1_024, 64 * 1_048_576)
            })? as usize,
        };
        if server.webhooks == server.admin && server.admin.port() != 0 {
            let admin = table.require("admin").unwrap_or_else(|_| Field {
                path: field.path.clone(),
                ..*field
            });
            return Err(admin.problem("and server.webhooks are one address; change one of them"));
        }
        Ok(server)
    }
}

//! Secrets that stand in files, read anew while the process runs: a rotated credential needs no
//! restart.

use std::time::Duration;

use crosswalk::config::{Config, Grant, Reread, Secret, SourceKind};

/// How often the files are read; a rotated secret is used so much later at most.
const INTERVAL: Duration = Duration::from_secs(5);

/// What each secret is called in the configuration.
fn all(config: &Config) -> Vec<(String, Secret)> {
    let mut secrets = Vec::new();
    for source in config.sources.values() {
        let mut add = |name: &str, secret: &Secret| {
            if secret.file().is_some() {
                secrets.push((format!("sources.{}.{name}", source.id), secret.clone()));
            }
        };
        match &source.kind {
            SourceKind::Intercom(intercom) => {
                add("intercom.client_secret", &intercom.client_secret);
                add("intercom.access_token", &intercom.access_token);
            }
            SourceKind::Salesforce(salesforce) => match &salesforce.grant {
                Grant::ClientCredentials { client_secret } => {
                    add("salesforce.client_secret", client_secret);
                }
                Grant::JwtBearer { private_key, .. } => {
                    add("salesforce.oauth.private_key", private_key);
                }
            },
        }
    }
    secrets
}

/// Reads them again and again, as long as the process runs.
pub fn watch(config: &Config) {
    let secrets = all(config);
    if secrets.is_empty() {
        return;
    }
    tokio::spawn(async move {
        let mut unreadable = vec![false; secrets.len()];
        loop {
            tokio::time::sleep(INTERVAL).await;
            for ((name, secret), unreadable) in secrets.iter().zip(&mut unreadable) {
                let read = secret.clone();
                let read = tokio::task::spawn_blocking(move || read.reread()).await;
                match read {
                    Ok(Ok(Reread::Changed)) => {
                        tracing::info!("{name} was read anew from its file");
                        *unreadable = false;
                    }
                    Ok(Ok(Reread::Same)) => *unreadable = false,
                    // It is told once: the file may be missing for a moment, or for days.
                    Ok(Err(error)) if !*unreadable => {
                        tracing::warn!(%error, "{name} cannot be read anew; the old one stays");
                        *unreadable = true;
                    }
                    Ok(Err(_)) | Err(_) => {}
                }
            }
        }
    });
}

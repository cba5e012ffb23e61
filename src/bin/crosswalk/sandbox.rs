//! `crosswalk sandbox`: the simulated systems on their own.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use crosswalk::sandbox::{Tls, intercom, salesforce};
use crosswalk::telemetry::logging;

use crate::signals::Signals;

/// Run a simulated Salesforce or Intercom to try a mapping against.
///
/// They speak the vendors' real protocols on local ports and keep everything in memory. What is
/// printed first are the settings for crosswalk.yaml, as environment variables, and curl lines.
///
/// With --tls they are served as https, with a certificate made at start for localhost and
/// 127.0.0.1. It is written to a file; who trusts that file can connect:
/// export SSL_CERT_FILE=<file>, or curl --cacert <file>.
#[derive(clap::Args)]
#[command(verbatim_doc_comment)]
pub struct Arguments {
    #[command(subcommand)]
    which: Which,
}

#[derive(clap::Subcommand)]
enum Which {
    /// A simulated Salesforce org.
    #[command(
        after_help = "Example:\n  crosswalk sandbox salesforce --port 8091 --control\n  \
        crosswalk sandbox salesforce --tls"
    )]
    Salesforce(Salesforce),
    /// A simulated Intercom workspace.
    #[command(
        after_help = "Example:\n  crosswalk sandbox intercom --port 8090 --control \\\n    \
        --webhook-url http://127.0.0.1:8080/webhooks/intercom"
    )]
    Intercom(Intercom),
    /// Both, on successive ports: Intercom, Salesforce, its Pub/Sub API.
    #[command(
        after_help = "Example:\n  crosswalk sandbox both --port 8090 --control \\\n    \
        --webhook-url http://127.0.0.1:8080/webhooks/intercom"
    )]
    Both(Intercom),
}

#[derive(clap::Args)]
struct Secure {
    /// Serve https with a certificate made at start.
    #[arg(long)]
    tls: bool,
    /// Where the certificate is written; a temporary file unless told.
    #[arg(long, value_name = "FILE", requires = "tls")]
    tls_cert: Option<PathBuf>,
}

#[derive(clap::Args)]
struct Salesforce {
    /// The port on this machine; 0 takes a free one.
    #[arg(long, default_value_t = 8091)]
    port: u16,
    /// The Pub/Sub API's port; --port + 1 unless told, 0 takes a free one.
    #[arg(long, value_name = "PORT")]
    pubsub_port: Option<u16>,
    #[command(flatten)]
    secure: Secure,
    /// Open the control API under /__sandbox/: acts, faults, logs.
    #[arg(long)]
    control: bool,
}

#[derive(clap::Args)]
struct Intercom {
    /// The port on this machine; 0 takes a free one.
    #[arg(long, default_value_t = 8090)]
    port: u16,
    #[command(flatten)]
    secure: Secure,
    /// Open the control API under /__sandbox/: acts, faults, logs.
    #[arg(long)]
    control: bool,
    /// Where notifications are posted.
    #[arg(long, value_name = "URL")]
    webhook_url: Option<String>,
    /// Seconds until a notification is posted again.
    #[arg(long, value_name = "N", default_value_t = 60)]
    webhook_retry_seconds: u64,
}

pub fn run(arguments: Arguments) -> anyhow::Result<()> {
    logging::start(logging::Format::Pretty, "info")?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?;
    runtime.block_on(serve(arguments.which))
}

async fn serve(which: Which) -> anyhow::Result<()> {
    let mut signals = Signals::listen()?;
    let (intercom, salesforce) = match which {
        Which::Salesforce(options) => {
            let tls = certificate(&options.secure)?;
            (None, Some(start_salesforce(options, tls).await?))
        }
        Which::Intercom(options) => {
            let tls = certificate(&options.secure)?;
            (Some(start_intercom(options, tls).await?), None)
        }
        Which::Both(options) => {
            let port = match options.port {
                0 => 0,
                port => port
                    .checked_add(1)
                    .context("there is no port after --port 65535")?,
            };
            let control = options.control;
            let tls = certificate(&options.secure)?;
            let secure = Secure {
                tls: options.secure.tls,
                tls_cert: None,
            };
            let intercom = start_intercom(options, tls.clone()).await?;
            let salesforce = Salesforce {
                port,
                pubsub_port: None,
                secure,
                control,
            };
            let salesforce = start_salesforce(salesforce, tls).await?;
            (Some(intercom), Some(salesforce))
        }
    };
    println!("# running until Ctrl-C");
    signals.next().await;
    if let Some(intercom) = intercom {
        intercom.shutdown().await;
    }
    if let Some(salesforce) = salesforce {
        salesforce.shutdown().await;
    }
    Ok(())
}

/// Makes the certificate and writes it to its file, if TLS is wanted.
fn certificate(secure: &Secure) -> anyhow::Result<Option<Tls>> {
    if !secure.tls {
        return Ok(None);
    }
    let tls = Tls::self_signed().context("cannot make a certificate")?;
    let name = format!("crosswalk-sandbox-{}.pem", std::process::id());
    let path = match &secure.tls_cert {
        Some(path) => path.clone(),
        None => std::env::temp_dir().join(name),
    };
    write_certificate(&path, &tls)?;
    println!("# TLS: trust {}", path.display());
    println!("export SSL_CERT_FILE={}", path.display());
    Ok(Some(tls))
}

fn write_certificate(path: &Path, tls: &Tls) -> anyhow::Result<()> {
    std::fs::write(path, tls.certificate_pem()).with_context(|| {
        format!(
            "cannot write the certificate to {}: give --tls-cert another file",
            path.display()
        )
    })
}

async fn start_intercom(arguments: Intercom, tls: Option<Tls>) -> anyhow::Result<intercom::Handle> {
    let options = intercom::Options {
        listen: local(arguments.port),
        tls,
        webhook_url: arguments.webhook_url,
        webhook_retry_after: Duration::from_secs(arguments.webhook_retry_seconds),
        control: arguments.control,
        ..intercom::Options::default()
    };
    let told = options.clone();
    let handle = intercom::start(options)
        .await
        .context("cannot start the Intercom sandbox")?;
    let base = handle.base_url();
    println!("# Intercom: for a source named support");
    let source = "export CROSSWALK__SOURCES__SUPPORT__INTERCOM__";
    println!("{source}BASE_URL={base}");
    println!("{source}APP_ID={}", told.app_id);
    println!("{source}CLIENT_SECRET={}", told.client_secret);
    println!("{source}ACCESS_TOKEN={}", told.access_token);
    println!(
        "curl -s {base}/contacts -H 'Authorization: Bearer {}'",
        told.access_token
    );
    print_control(&base, told.control);
    if told.webhook_url.is_none() {
        println!("# no notifications are sent: give --webhook-url");
    }
    Ok(handle)
}

async fn start_salesforce(
    arguments: Salesforce,
    tls: Option<Tls>,
) -> anyhow::Result<salesforce::Handle> {
    let pubsub_port = match (arguments.pubsub_port, arguments.port) {
        (Some(port), _) => port,
        (None, 0) => 0,
        (None, port) => port
            .checked_add(1)
            .context("there is no port after --port 65535: give --pubsub-port")?,
    };
    let options = salesforce::Options {
        listen: local(arguments.port),
        pubsub_listen: local(pubsub_port),
        tls,
        control: arguments.control,
        ..salesforce::Options::default()
    };
    let told = options.clone();
    let handle = salesforce::start(options)
        .await
        .context("cannot start the Salesforce sandbox")?;
    let base = handle.base_url();
    println!("# Salesforce: for a source named sales");
    let source = "export CROSSWALK__SOURCES__SALES__SALESFORCE__";
    println!("{source}LOGIN_URL={base}");
    println!("{source}PUBSUB__ENDPOINT={}", handle.pubsub_url());
    println!("{source}CLIENT_ID={}", told.client_id);
    println!("{source}CLIENT_SECRET={}", told.client_secret);
    println!(
        "curl -s {base}/services/oauth2/token -d grant_type=client_credentials \
         -d client_id={} -d client_secret={}",
        told.client_id, told.client_secret
    );
    print_control(&base, told.control);
    Ok(handle)
}

fn print_control(base: &str, control: bool) {
    if control {
        println!("curl -s {base}/__sandbox/state");
        println!("curl -s {base}/__sandbox/requests");
    } else {
        println!("# the control API is closed: give --control");
    }
}

fn local(port: u16) -> SocketAddr {
    SocketAddr::from((Ipv4Addr::LOCALHOST, port))
}

//! What stands before a registry in earnest: TLS, a user name and a password, and at times nobody.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs::default_provider;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};

const HEAD_BYTES_MAX: usize = 16 * 1024;
const REFUSAL: &str = "HTTP/1.1 401 Unauthorized\r\ncontent-type: application/json\r\n\
    content-length: 46\r\nconnection: close\r\n\r\n\
    {\"error_code\":40101,\"message\":\"who are you??\"}";

/// A way to a registry that can be shut. It ends with its runtime.
pub struct Door {
    _runtime: Runtime,
    address: SocketAddr,
    path: String,
    is_open: Arc<AtomicBool>,
    certificate: Option<String>,
}

/// Whom it lets in, and how it shows itself.
struct Guard {
    upstream: String,
    /// What the header must say.
    header: Option<String>,
    tls: Option<TlsAcceptor>,
}

impl Door {
    /// Before the registry at `url`. With a user it also shows a certificate.
    pub fn before(url: &str, user: Option<(&str, &str)>) -> Self {
        let (upstream, path) = url
            .strip_prefix("http://")
            .unwrap()
            .split_once('/')
            .unwrap();
        let (tls, certificate) = match user {
            Some(_) => {
                let (acceptor, pem) = shown();
                (Some(acceptor), Some(pem))
            }
            None => (None, None),
        };
        let basic = |(user, password)| STANDARD.encode(format!("{user}:{password}"));
        let guard = Guard {
            upstream: upstream.to_owned(),
            header: user.map(basic).map(|text| format!("Basic {text}")),
            tls,
        };
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .enable_all()
            .build()
            .unwrap();
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).unwrap();
        let address = listener.local_addr().unwrap();
        let is_open = Arc::new(AtomicBool::new(true));
        runtime.spawn(serve(listener, Arc::new(guard), Arc::clone(&is_open)));
        Self {
            _runtime: runtime,
            address,
            path: path.to_owned(),
            is_open,
            certificate,
        }
    }

    pub fn url(&self) -> String {
        let scheme = match self.certificate {
            Some(_) => "https",
            None => "http",
        };
        format!("{scheme}://{}/{}", self.address, self.path)
    }

    pub fn certificate(&self) -> &str {
        self.certificate.as_deref().unwrap()
    }

    /// Whoever comes now is sent away.
    pub fn close(&self) {
        self.is_open.store(false, Ordering::SeqCst);
    }

    pub fn open(&self) {
        self.is_open.store(true, Ordering::SeqCst);
    }
}

fn shown() -> (TlsAcceptor, String) {
    let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
    let pem = made.cert.pem();
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    let key = made.signing_key.serialize_pem();
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    (TlsAcceptor::from(Arc::new(config)), pem)
}

async fn serve(listener: TcpListener, guard: Arc<Guard>, is_open: Arc<AtomicBool>) {
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        if !is_open.load(Ordering::SeqCst) {
            continue;
        }
        let guard = Arc::clone(&guard);
        // A client that goes away early has its error.
        tokio::spawn(async move {
            match guard.tls.clone() {
                Some(tls) => guard.let_in(tls.accept(stream).await?).await,
                None => guard.let_in(stream).await,
            }
        });
    }
}

impl Guard {
    async fn let_in(&self, mut client: impl AsyncRead + AsyncWrite + Unpin) -> std::io::Result<()> {
        let mut head = Vec::new();
        while !head.windows(4).any(|four| four == b"\r\n\r\n") && head.len() < HEAD_BYTES_MAX {
            if client.read_buf(&mut head).await? == 0 {
                return Ok(());
            }
        }
        let text = String::from_utf8_lossy(&head).into_owned();
        let mut lines = text.lines();
        let told = lines.find_map(|line| {
            let (name, value) = line.split_once(": ")?;
            name.eq_ignore_ascii_case("authorization").then_some(value)
        });
        if let Some(wanted) = &self.header
            && told != Some(wanted)
        {
            client.write_all(REFUSAL.as_bytes()).await?;
            return client.shutdown().await;
        }
        let mut registry = TcpStream::connect(&self.upstream).await?;
        registry.write_all(&head).await?;
        tokio::io::copy_bidirectional(&mut client, &mut registry).await?;
        Ok(())
    }
}

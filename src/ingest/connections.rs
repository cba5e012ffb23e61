//! Connections of the webhook door: how many, and how long each may take to say what it wants.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use axum::Router;
use axum::serve::Listener;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

/// Half of the 1,024 files that a process usually may open; beyond it newcomers wait.
pub const CONNECTIONS_MAX: usize = 512;
/// From the connection to the first post. Who has not asked by then is cut off.
const FIRST_POST_WAIT: Duration = Duration::from_secs(3);
/// Between two posts. Longer than the 60 s for which proxies keep a connection, so that they end
/// it first and never post into a closing one.
const NEXT_HEAD_WAIT: Duration = Duration::from_secs(75);
/// A head, and what is read ahead of a body.
const BUFFER_BYTES_MAX: usize = 16 * 1_024;

/// Serves until closed and until the posts under way are answered. `router` is asked for one per
/// connection, with the flag that it sets on the first post. Dropped, it cuts off everybody.
pub async fn serve<R>(
    mut listener: TcpListener,
    connections_max: usize,
    router: R,
    mut closed: watch::Receiver<bool>,
) where
    R: Fn(Arc<AtomicBool>) -> Router,
{
    let mut connections = JoinSet::new();
    loop {
        let room = connections.len() < connections_max;
        tokio::select! {
            (stream, _) = Listener::accept(&mut listener), if room => {
                let asked = Arc::new(AtomicBool::new(false));
                let router = router(Arc::clone(&asked));
                connections.spawn(connection(stream, router, asked, closed.clone()));
            }
            Some(_) = connections.join_next() => {}
            () = until(&mut closed) => break,
        }
    }
    drop(listener);
    while connections.join_next().await.is_some() {}
}

async fn connection(
    stream: TcpStream,
    router: Router,
    asked: Arc<AtomicBool>,
    mut closed: watch::Receiver<bool>,
) {
    // HTTP/1 alone: to tell it from HTTP/2, the builder would wait for the first bytes unbounded.
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(NEXT_HEAD_WAIT)
        .max_buf_size(BUFFER_BYTES_MAX);
    let service = TowerToHyperService::new(router);
    let serving = builder.serve_connection(TokioIo::new(stream), service);
    let mut serving = std::pin::pin!(serving);
    let mut first = std::pin::pin!(tokio::time::sleep(FIRST_POST_WAIT));
    let (mut waiting, mut closing) = (true, false);
    loop {
        tokio::select! {
            // A peer that breaks off is no news; what it posted was answered or will come again.
            _ = serving.as_mut() => return,
            () = first.as_mut(), if waiting => {
                if !asked.load(Ordering::Relaxed) {
                    return;
                }
                waiting = false;
            }
            () = until(&mut closed), if !closing => {
                serving.as_mut().graceful_shutdown();
                closing = true;
            }
        }
    }
}

async fn until(closed: &mut watch::Receiver<bool>) {
    // An error means that the handle is gone, which also ends the server.
    let _ = closed.wait_for(|closed| *closed).await;
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const SOON: Duration = Duration::from_millis(300);

    #[tokio::test]
    async fn beyond_the_limit_newcomers_wait_for_a_place() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (closing, closed) = watch::channel(false);
        let serving = tokio::spawn(serve(listener, 2, |_| Router::new(), closed));
        let mut silent = vec![
            TcpStream::connect(address).await.unwrap(),
            TcpStream::connect(address).await.unwrap(),
        ];
        tokio::time::sleep(SOON).await;
        let mut third = TcpStream::connect(address).await.unwrap();
        let request = b"GET / HTTP/1.1\r\nHost: door\r\n\r\n";
        third.write_all(request).await.unwrap();
        let mut answer = [0; 12];
        let early = tokio::time::timeout(SOON, third.read_exact(&mut answer)).await;
        assert!(early.is_err(), "served beyond the limit");
        silent.pop();
        third.read_exact(&mut answer).await.unwrap();
        assert_eq!(&answer, b"HTTP/1.1 404");
        closing.send_replace(true);
        drop((silent, third));
        serving.await.unwrap();
    }
}

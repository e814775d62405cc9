//! HTTP on a listener: requests enter; bodies of usage leave as chunks whose senders wait until they are safe, everything else as a
//! question to the process. It reads no JSON and answers no question itself.

mod answer;
mod body;
pub(super) mod filling;
mod grpc;
pub(super) mod watch;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use hyper::body::{Body as _, Incoming};
use hyper::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, HOST, HeaderMap, HeaderName, HeaderValue, ORIGIN};
use hyper::service::service_fn;
use hyper::{Request, Version};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::oneshot;
use tokio::time::{sleep_until, timeout};

use super::access::Access;
use super::socket::{self, Peer};
use super::start::Outlet;
use super::unpack::Packing;
use super::{Ask, Chunk, Encoding, Event, Frame, Method, Receipt, Receiving, Signal, SourceId};
use answer::{Answer, Refusal};
use body::{MAX_BODY, MAX_PACKED, Whole};
use watch::{Running, Watch, Watched};

/// Largest body of a question.
const MAX_ASK: usize = 1 << 20;
/// A sender waits so long until its body is safe.
const SAFE_WITHIN: Duration = Duration::from_secs(30);
/// An answer is waited for so long.
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);
/// Requests at once on one connection of HTTP/2.
const STREAMS: u32 = 32;
/// Bytes of one request that HTTP/2 takes unasked.
const WINDOW: u32 = 256 << 10;
/// Requests that were taken back before anybody looked at them, and streams that were ended for what was wrong with them; beyond them the
/// connection ends.
const MOST_TAKEN_BACK: usize = 20;
const MOST_WRONG: usize = 64;
/// Bytes of the headers of one request.
const MAX_HEADERS: usize = 64 << 10;

/// The one question without a token.
const HEALTH: &str = "/healthz";

/// One listener.
#[derive(Debug)]
pub(super) struct Site {
    /// Whose bodies these are; `None` where only questions are taken.
    pub(super) source: Option<SourceId>,
    /// Of all its bodies: where a body begins says nothing.
    pub(super) generation: u32,
    /// Bytes of bodies read.
    pub(super) read: Arc<AtomicU64>,
    /// Which tokens are good.
    pub(super) access: Access,
    pub(super) outlet: Outlet,
}

/// Serves a connection until its end.
pub(super) async fn serve<S>(stream: S, peer: Peer, watch: Arc<Watch>, site: Arc<Site>)
where
    S: AsyncRead + AsyncWrite + Send + Unpin + 'static,
{
    let mut protocols = auto::Builder::new(TokioExecutor::new());
    // The watch knows how long a head may take, and keeps an idle connection longer than that.
    protocols.http1().timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(MAX_HEADERS);
    protocols
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(MAX_HEADERS as u32)
        // What a sender may have on its way before it is asked for.
        .initial_stream_window_size(WINDOW)
        .initial_connection_window_size(2 * WINDOW)
        .max_pending_accept_reset_streams(MOST_TAKEN_BACK)
        .max_local_error_reset_streams(MOST_WRONG)
        .keep_alive_interval(Duration::from_secs(60))
        .keep_alive_timeout(Duration::from_secs(20));
    let (peer, seen) = (Arc::new(peer), Arc::clone(&watch));
    let service = service_fn(move |request| {
        let (site, peer) = (Arc::clone(&site), Arc::clone(&peer));
        let running = seen.begin(request.version() == Version::HTTP_2);
        async move { Ok::<Answer, std::convert::Infallible>(take(request, &peer, &running, &site).await) }
    });
    let connection = protocols.serve_connection(TokioIo::new(Watched(stream, Arc::clone(&watch))), service);
    tokio::pin!(connection);
    loop {
        let look = watch.until().unwrap_or_else(|| Instant::now() + watch::HEAD);
        tokio::select! {
            // What went wrong on it is the sender's to tell.
            _ = &mut connection => return,
            () = sleep_until(look.into()) => {
                if watch.until().is_some_and(|end| end <= Instant::now()) {
                    return;
                }
            }
        }
    }
}

/// What is posted under a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Intake {
    Events,
    Export(Signal),
}

fn intake(path: &str) -> Option<Intake> {
    Some(match path {
        "/v1/events" => Intake::Events,
        "/v1/logs" => Intake::Export(Signal::Logs),
        "/v1/traces" => Intake::Export(Signal::Traces),
        "/v1/metrics" => Intake::Export(Signal::Metrics),
        _ => return None,
    })
}

async fn take(request: Request<Incoming>, peer: &Peer, running: &Running, site: &Site) -> Answer {
    let admitted = admit(&request, peer, &site.access);
    if grpc::is_call(request.headers()) {
        let answered = match admitted {
            Ok(_) => call(request, running, site).await,
            Err(refusal) => Err(refusal),
        };
        return answered.map_or_else(grpc::refused, grpc::exported);
    }
    let wanted = intake(request.uri().path()).zip(site.source);
    // An exporter reads a refusal in its own encoding.
    let otlp = match wanted {
        Some((Intake::Export(_), _)) => Some(encoding(request.headers()).unwrap_or(Encoding::Json)),
        _ => None,
    };
    let answered = match (admitted, wanted) {
        (Err(refusal), _) => Err(refusal),
        (Ok(_), Some((intake, source))) => receive(request, intake, source, running, site).await,
        (Ok(peer), None) => ask(request, &peer, running, site).await,
    };
    answered.unwrap_or_else(|refusal| refusal.answer(otlp))
}

/// A call of gRPC.
async fn call(request: Request<Incoming>, running: &Running, site: &Site) -> Result<Receiving, Refusal> {
    let (signal, source) = grpc::method(request.uri().path()).zip(site.source).ok_or(Refusal::Nobody)?;
    let receiving = grpc::export(request, signal, source, running, site).await?;
    readable(receiving)
}

/// A body of which nothing could be read is refused: to send it again would not help.
fn readable(receiving: Receiving) -> Result<Receiving, Refusal> {
    if receiving.records > 0 && receiving.rejected == receiving.records {
        return Err(Refusal::Unreadable);
    }
    Ok(receiving)
}

/// Whether this request may be made at all, and who makes it. Where no token is asked for, whoever comes is on this machine; but a browser
/// is, too: anybody's page can send to a loopback address, with its `Origin`, or under a name that it makes to mean this machine.
fn admit(request: &Request<Incoming>, peer: &Peer, access: &Access) -> Result<Peer, Refusal> {
    let headers = request.headers();
    if headers.contains_key(ORIGIN) {
        return Err(Refusal::Origin);
    }
    let Peer::Tcp(address, _) = peer else { return Ok(peer.clone()) };
    if access.asks() {
        // Whoever watches over processes asks whether this one lives, and has no token.
        if request.method() == hyper::Method::GET && request.uri().path() == HEALTH {
            return Ok(peer.clone());
        }
        let shown = headers.get(AUTHORIZATION).map(HeaderValue::as_bytes);
        let holder = shown.and_then(|shown| access.holder(shown)).ok_or(Refusal::Token)?;
        return Ok(Peer::Tcp(*address, Some(holder.clone())));
    }
    let named = headers.get(HOST).map(|host| host.to_str().unwrap_or_default());
    let host = named.or_else(|| request.uri().authority().map(hyper::http::uri::Authority::as_str));
    // A certificate was shown to whoever is not on this machine.
    if !address.is_loopback() || host.is_some_and(is_this_machine) { Ok(peer.clone()) } else { Err(Refusal::Host) }
}

fn is_this_machine(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name.eq_ignore_ascii_case("localhost") || name.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback())
}

/// A body of usage, from its first byte to its being safe.
async fn receive(
    request: Request<Incoming>,
    intake: Intake,
    source: SourceId,
    running: &Running,
    site: &Site,
) -> Result<Answer, Refusal> {
    if request.method() != hyper::Method::POST {
        return Err(Refusal::Method("POST"));
    }
    let frame = match intake {
        Intake::Events if is_foreign(request.headers()) => return Err(Refusal::Type),
        Intake::Events => Frame::Values,
        Intake::Export(signal) => Frame::Otlp(signal, encoding(request.headers()).ok_or(Refusal::Type)?),
    };
    let packing = packing(request.headers(), &CONTENT_ENCODING)?;
    let declared = request.body().size_hint().exact();
    let most = if packing.is_some() { MAX_PACKED } else { MAX_BODY };
    let mut whole = body::collect(request.into_body(), declared, most, running, &site.outlet).await?;
    running.waits();
    site.read.fetch_add(whole.bytes.len() as u64, Ordering::Relaxed);
    if let Some(packing) = packing {
        whole = body::unpack(whole, packing, MAX_BODY, &site.outlet).await?;
    }
    let receiving = readable(hand_over(whole, frame, source, site).await?)?;
    Ok(match frame {
        Frame::Otlp(signal, encoding) => answer::exported(receiving, signal, encoding),
        Frame::Lines | Frame::Values => answer::received(receiving),
    })
}

/// Hands a body to the engine and waits until what it became is safe.
async fn hand_over(whole: Whole, frame: Frame, source: SourceId, site: &Site) -> Result<Receiving, Refusal> {
    let (receipt, safe) = Receipt::new();
    let chunk = Chunk {
        frame,
        bytes: whole.bytes,
        longest_line: MAX_BODY as u64,
        history: false,
        reserved: Some(whole.reserved),
        receipt: Some(receipt),
        ..Chunk::empty(source, site.generation, 0)
    };
    if !socket::post(&site.outlet, Event::Chunk(chunk)).await {
        return Err(Refusal::Ending);
    }
    match timeout(SAFE_WITHIN, safe).await {
        Ok(Ok(receiving)) => Ok(receiving),
        Ok(Err(_)) if site.outlet.stopped() => Err(Refusal::Ending),
        Ok(Err(_)) | Err(_) => Err(Refusal::Unsafe),
    }
}

async fn ask(request: Request<Incoming>, peer: &Peer, running: &Running, site: &Site) -> Result<Answer, Refusal> {
    let method = match *request.method() {
        hyper::Method::GET | hyper::Method::HEAD => Method::Get,
        hyper::Method::POST => Method::Post,
        _ => return Err(Refusal::Method("GET, POST")),
    };
    let (path, query) = (request.uri().path().to_owned(), request.uri().query().unwrap_or_default().to_owned());
    let declared = request.body().size_hint().exact();
    let whole = body::collect(request.into_body(), declared, MAX_ASK, running, &site.outlet).await?;
    running.waits();
    let (reply, replied) = oneshot::channel();
    let ask = Ask { method, path, query, body: whole.bytes, peer: peer.label(), reply };
    if !socket::post(&site.outlet, Event::Ask(ask)).await {
        return Err(Refusal::Ending);
    }
    match timeout(ANSWERED_WITHIN, replied).await {
        Ok(Ok(reply)) => Ok(answer::replied(reply)),
        // Dropped unanswered: whoever answers has ended. An unknown path is answered.
        Ok(Err(_)) => Err(Refusal::Ending),
        Err(_) => Err(Refusal::Busy),
    }
}

fn packing(headers: &HeaderMap, name: &HeaderName) -> Result<Option<Packing>, Refusal> {
    match word(headers, name).as_str() {
        "" | "identity" => Ok(None),
        "gzip" | "x-gzip" => Ok(Some(Packing::Gzip)),
        "zstd" => Ok(Some(Packing::Zstd)),
        _ => Err(Refusal::Encoding),
    }
}

/// How an export request is written; an exporter always says so.
fn encoding(headers: &HeaderMap) -> Option<Encoding> {
    match word(headers, &CONTENT_TYPE).as_str() {
        answer::JSON => Some(Encoding::Json),
        answer::PROTOBUF => Some(Encoding::Protobuf),
        _ => None,
    }
}

/// Media types that are surely no JSON. Others pass, `curl -d` says that it sends a form: what counts is what the body holds.
fn is_foreign(headers: &HeaderMap) -> bool {
    let media = word(headers, &CONTENT_TYPE);
    media.starts_with("multipart/") || media.ends_with("protobuf") || media.starts_with("application/grpc")
}

/// A header's first word in small letters, without parameters.
fn word(headers: &HeaderMap, name: &HeaderName) -> String {
    let text = headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_hosts() {
        for host in ["localhost", "LOCALHOST:4318", "127.0.0.1", "127.9.9.9:1", "[::1]", "[::1]:4318"] {
            assert!(is_this_machine(host), "{host}");
        }
        for host in
            ["", "evil.example", "localhost.evil.example:4318", "10.0.0.1", "[::2]:1", "127.0.0.1.evil.example", "::1"]
        {
            assert!(!is_this_machine(host), "{host}");
        }
    }

    #[test]
    fn headers_are_read_without_regard_to_case_and_parameters() {
        let mut headers = HeaderMap::new();
        headers.insert(CONTENT_TYPE, hyper::header::HeaderValue::from_static("Application/JSON; charset=utf-8"));
        assert_eq!(encoding(&headers), Some(Encoding::Json));
        headers.insert(CONTENT_ENCODING, hyper::header::HeaderValue::from_static("deflate"));
        assert_eq!(packing(&headers, &CONTENT_ENCODING).unwrap_err(), Refusal::Encoding);
    }
}

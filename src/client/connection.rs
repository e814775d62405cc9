//! One connection to a running costtop: requests leave one after the other, whole answers enter. Dropped in the middle of an answer, the
//! connection is closed and whoever answers need not go on.

use std::pin::Pin;
use std::sync::Arc;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderValue};
use hyper::{Method, Request, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpStream, UnixStream};
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::ServerName;

use super::{ANSWERED_WITHIN, Address, CONNECT_WITHIN, ClientError, Credentials, MAX_ANSWER, reason, tls};

trait Stream: AsyncRead + AsyncWrite + Send {}
impl<S: AsyncRead + AsyncWrite + Send> Stream for S {}

/// An open connection.
pub struct Connection {
    requests: SendRequest<Full<Bytes>>,
    host: String,
    name: String,
    authorization: Option<HeaderValue>,
}

impl Connection {
    /// Opens one.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn open(address: &Address, credentials: &Credentials) -> Result<Connection, ClientError> {
        let authorization = match &credentials.token {
            Some(token) => {
                let mut value = HeaderValue::from_str(&format!("Bearer {token}")).map_err(|_| ClientError::Token)?;
                value.set_sensitive(true);
                Some(value)
            }
            None => None,
        };
        let name = address.name();
        let unreachable = |error: &dyn std::fmt::Display| ClientError::Unreachable(name.clone(), error.to_string());
        let stream = timeout(CONNECT_WITHIN, connect(address, credentials))
            .await
            .map_err(|_| unreachable(&"it does not take the connection"))??;
        let (requests, connection) = handshake(TokioIo::new(stream)).await.map_err(|error| unreachable(&error))?;
        // It ends with the last request, or with the process.
        tokio::spawn(async move {
            let _ = connection.await;
        });
        Ok(Connection { requests, host: address.authority(), name, authorization })
    }

    /// Asks one thing; the body of a 2xx.
    ///
    /// # Errors
    /// See [`ClientError`].
    pub async fn ask(&mut self, method: Method, path: &str, body: Vec<u8>) -> Result<Vec<u8>, ClientError> {
        let name = self.name.clone();
        let unreachable = |error: hyper::Error| match tls::Distrust::of(&error) {
            Some(why) => ClientError::Distrusted(name.clone(), why),
            None => ClientError::Unreachable(name.clone(), error.to_string()),
        };
        let foreign = |error: &dyn std::fmt::Display| ClientError::Foreign(name.clone(), error.to_string());
        let mut request = Request::builder().method(method).uri(path).header(HOST, &self.host);
        if !body.is_empty() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        if let Some(authorization) = &self.authorization {
            request = request.header(AUTHORIZATION, authorization.clone());
        }
        let request = request.body(Full::new(Bytes::from(body))).map_err(|error| foreign(&error))?;
        let answer = async {
            self.requests.ready().await.map_err(unreachable)?;
            let answer = self.requests.send_request(request).await.map_err(unreachable)?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), MAX_ANSWER).collect().await;
            let body = body.map_err(|error| foreign(&error))?.to_bytes().to_vec();
            if status.is_success() {
                return Ok(body);
            }
            if status == StatusCode::UNAUTHORIZED {
                return Err(ClientError::Unauthorized { place: name.clone(), shown: self.authorization.is_some() });
            }
            let (status, why) = (status.as_u16(), reason(status.as_u16(), &body));
            Err(ClientError::Refused { place: name.clone(), status, why })
        };
        let too_long = |_| Err(ClientError::Unreachable(name.clone(), "it takes too long".to_owned()));
        timeout(ANSWERED_WITHIN, answer).await.unwrap_or_else(too_long)
    }

    /// Whether another request can be sent on it.
    #[must_use]
    pub fn is_open(&self) -> bool {
        !self.requests.is_closed()
    }
}

async fn connect(address: &Address, credentials: &Credentials) -> Result<Pin<Box<dyn Stream>>, ClientError> {
    let unreachable = |error: &std::io::Error| ClientError::Unreachable(address.name(), error.to_string());
    let (secure, host, port) = match address {
        Address::Socket(path) => {
            let stream = UnixStream::connect(path).await.map_err(|error| unreachable(&error))?;
            return Ok(Box::pin(stream));
        }
        Address::Url { secure, host, port } => (*secure, host.as_str(), *port),
    };
    let stream = TcpStream::connect((host, port)).await.map_err(|error| unreachable(&error))?;
    // A key's question is one small packet: it does not wait for a second one.
    stream.set_nodelay(true).map_err(|error| unreachable(&error))?;
    if !secure {
        return Ok(Box::pin(stream));
    }
    let connector = TlsConnector::from(Arc::new(tls::config(address, credentials)?));
    let name = ServerName::try_from(host.to_owned()).map_err(|_| ClientError::Url(host.to_owned()))?;
    let stream = connector.connect(name, stream).await.map_err(|error| match tls::Distrust::of(&error) {
        Some(why) => ClientError::Distrusted(address.name(), why),
        None => unreachable(&error),
    })?;
    Ok(Box::pin(stream))
}

//! One try at one address: the request, and what an answer is good for.

use std::io::{self, Read};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use adieu_data::RemoteFile;
use ureq::http::{Response, StatusCode, header};
use ureq::tls::{PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body};

use crate::address::is_here;
use crate::error::FetchError;
use crate::part::Part;
use crate::patience::{Patience, retry_after};

/// Redirects followed, at most.
const REDIRECTS: u32 = 5;
/// Bytes read at once.
const PIECE: usize = 1 << 16;
/// Most bytes of a file whose size is neither published nor announced: far above any dataset here.
const MOST: u64 = 16 << 30;

/// How a try ended.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// As far as can be told, all of it has come; a checksum may think otherwise.
    All,
    /// Worth another try, after so long if the server asks for it.
    Again { why: String, after: Option<Duration> },
    /// This address will not give the file.
    No(String),
}

fn again(why: impl Into<String>) -> Outcome {
    Outcome::Again { why: why.into(), after: None }
}

/// An agent with these limits; the environment's proxy is used, except for this machine's own addresses.
///
/// # Errors
/// [`FetchError::Certificates`] if `SSL_CERT_FILE` names a file that holds none.
pub(crate) fn agent(patience: &Patience) -> Result<Agent, FetchError> {
    let named = std::env::var_os("SSL_CERT_FILE").filter(|path| !path.is_empty());
    let roots = named.map_or(Ok(RootCerts::WebPki), |path| trusted(Path::new(&path)))?;
    let config = Agent::config_builder()
        .tls_config(TlsConfig::builder().root_certs(roots).build())
        .user_agent(concat!("adieu/", env!("CARGO_PKG_VERSION")))
        .accept_encoding("identity") // checksums are of the bytes as they are published
        .http_status_as_error(false)
        .max_redirects(REDIRECTS)
        .timeout_resolve(Some(patience.connect))
        .timeout_connect(Some(patience.connect))
        .timeout_recv_response(Some(patience.silence))
        .timeout_per_read(Some(patience.silence))
        .timeout_per_write(Some(patience.silence));
    Ok(config.build().new_agent())
}

/// The certificates of a PEM file: networks that look into what is fetched sign with one of their own.
fn trusted(path: &Path) -> Result<RootCerts, FetchError> {
    let fault = |what: String| FetchError::Certificates { path: path.to_path_buf(), what };
    let pem = std::fs::read(path).map_err(|error| fault(format!("cannot be read: {error}")))?;
    let mut found = Vec::new();
    for item in parse_pem(&pem) {
        match item {
            Ok(PemItem::Certificate(certificate)) => found.push(certificate),
            Ok(_) => {}
            Err(error) => return Err(fault(format!("is no PEM file: {error}"))),
        }
    }
    if found.is_empty() { Err(fault("holds no certificate".into())) } else { Ok(RootCerts::from(found)) }
}

/// A try: asks `address` for what `part` lacks of `file`, and appends what comes. `came` hears how many bytes there are,
/// and of how many if that is known.
///
/// # Errors
/// [`FetchError::Io`] if the part cannot be written; [`FetchError::Stopped`].
pub(crate) fn attempt(
    agent: &Agent,
    address: &str,
    file: &RemoteFile,
    part: &mut Part,
    stop: &AtomicBool,
    came: &mut dyn FnMut(u64, Option<u64>),
) -> Result<Outcome, FetchError> {
    let asked = part.bytes();
    let mut request = agent.get(address);
    if asked > 0 {
        request = request.header(header::RANGE, format!("bytes={asked}-"));
    }
    let mut config = request.config();
    if is_here(address) {
        config = config.proxy(None);
    }
    // What is published by https does not come by http, wherever it is redirected to.
    let answer = config.https_only(address.starts_with("https:")).build().call();
    if stop.load(Ordering::Relaxed) {
        return Err(stopped(part));
    }
    let mut answer = match answer {
        Ok(answer) => answer,
        Err(error) => return Ok(failed(&error)),
    };
    let total = match head(&answer, file, part)? {
        Ok(total) => total,
        Err(outcome) => return Ok(outcome),
    };
    came(part.bytes(), total);
    body(&mut answer, total, part, stop, came)
}

pub(crate) fn stopped(part: &Part) -> FetchError {
    FetchError::Stopped { part: part.path().to_path_buf(), bytes: part.bytes() }
}

/// Reads status and headers, and empties the part if the body begins at its start; then the bytes of the whole file, if
/// known. If there is no use for the body, the outcome.
fn head(
    answer: &Response<Body>,
    file: &RemoteFile,
    part: &mut Part,
) -> Result<Result<Option<u64>, Outcome>, FetchError> {
    let asked = part.bytes();
    let range = text(answer, header::CONTENT_RANGE).map(content_range);
    let (from, announced) = match (answer.status(), range) {
        (StatusCode::OK, _) => (0, answer.body().content_length()),
        (StatusCode::PARTIAL_CONTENT, Some(Some((Some(from), total)))) if from == asked => {
            (from, total.or(answer.body().content_length().map(|rest| from.saturating_add(rest))))
        }
        (StatusCode::PARTIAL_CONTENT, _) => {
            part.empty()?;
            return Ok(Err(again("sent other bytes than were asked for")));
        }
        (StatusCode::RANGE_NOT_SATISFIABLE, Some(Some((_, Some(total))))) if total == asked => {
            return Ok(Err(Outcome::All));
        }
        (StatusCode::RANGE_NOT_SATISFIABLE, _) if asked > 0 => {
            part.empty()?; // what is here is of another file
            return Ok(Err(again("has fewer bytes than had come already")));
        }
        (status, _) => return Ok(Err(refused(status, answer))),
    };
    match (file.bytes, announced) {
        (Some(published), Some(announced)) if published != announced => {
            return Ok(Err(Outcome::No(format!("has {announced} bytes where {published} are published"))));
        }
        _ => {}
    }
    if from == 0 && asked > 0 {
        part.empty()?;
    }
    Ok(Ok(file.bytes.or(announced)))
}

/// Appends the body to the part.
fn body(
    answer: &mut Response<Body>,
    total: Option<u64>,
    part: &mut Part,
    stop: &AtomicBool,
    came: &mut dyn FnMut(u64, Option<u64>),
) -> Result<Outcome, FetchError> {
    let mut reader = answer.body_mut().as_reader();
    let mut piece = vec![0; PIECE];
    loop {
        let read = reader.read(&mut piece);
        if stop.load(Ordering::Relaxed) {
            return Err(stopped(part));
        }
        let piece = match read {
            Ok(0) => break,
            Ok(n) => &piece[..n],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Ok(broke_off(&ureq::Error::from(error), total, part)),
        };
        if part.bytes() + piece.len() as u64 > total.unwrap_or(MOST) {
            part.empty()?;
            return Ok(Outcome::No(format!("sent more than {} bytes", total.unwrap_or(MOST))));
        }
        part.append(piece)?;
        came(part.bytes(), total);
    }
    Ok(match total {
        Some(total) if part.bytes() < total => {
            again(format!("ended after {} of {total} bytes", part.bytes()))
        }
        _ => Outcome::All,
    })
}

/// A body that broke off: always worth another try.
fn broke_off(error: &ureq::Error, total: Option<u64>, part: &Part) -> Outcome {
    let of = total.map_or(String::new(), |total| format!(" of {total}"));
    let why = match error {
        ureq::Error::Timeout(_) => "fell silent".to_owned(),
        ureq::Error::Io(error) if hung_up(error) => "broke off".to_owned(),
        other => format!("broke off ({other})"),
    };
    again(format!("{why} after {}{of} bytes", part.bytes()))
}

/// A status that is no file.
fn refused(status: StatusCode, answer: &Response<Body>) -> Outcome {
    let why = format!("answered {status}");
    match status.as_u16() {
        408 | 425 | 429 | 500 | 502 | 503 | 504 => {
            let asked = text(answer, header::RETRY_AFTER);
            let after = asked.and_then(|asked| retry_after(asked, text(answer, header::DATE)));
            Outcome::Again { why, after }
        }
        _ => Outcome::No(why),
    }
}

/// No answer at all.
fn failed(error: &ureq::Error) -> Outcome {
    use io::ErrorKind::{HostUnreachable, NetworkDown, NetworkUnreachable};
    match error {
        ureq::Error::HostNotFound => Outcome::No("no such host is known; is this machine online?".into()),
        ureq::Error::Io(error)
            if matches!(error.kind(), HostUnreachable | NetworkDown | NetworkUnreachable) =>
        {
            Outcome::No(format!("{error}; is this machine online?"))
        }
        ureq::Error::Io(error) if hung_up(error) => again("hung up without an answer"),
        // how a certificate that is not trusted comes out of a handshake
        ureq::Error::Io(error) if error.to_string().contains("peer certificate") => Outcome::No(format!(
            "{error}; if this network looks into connections, name the certificates it signs with by SSL_CERT_FILE"
        )),
        ureq::Error::Io(error) => again(error.to_string()),
        ureq::Error::Timeout(ureq::Timeout::Resolve) => {
            Outcome::No("its host's name was not found in time".into())
        }
        ureq::Error::Timeout(ureq::Timeout::Connect) => again("no connection in time"),
        ureq::Error::Timeout(_) => again("no answer in time"),
        ureq::Error::Protocol(_) | ureq::Error::ConnectionFailed => again(error.to_string()),
        ureq::Error::TooManyRedirects => Outcome::No(format!("more than {REDIRECTS} redirects")),
        ureq::Error::RequireHttpsOnly(_) => {
            Outcome::No("leads from https to plain http, which is not followed".into())
        }
        other => Outcome::No(other.to_string()),
    }
}

/// Whether the other end closed the connection: with what it had not read yet, that is a reset.
fn hung_up(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
}

fn text<T>(answer: &Response<T>, name: header::HeaderName) -> Option<&str> {
    answer.headers().get(name)?.to_str().ok()
}

/// First byte and total of `bytes 5-9/10`, `bytes 5-9/*` or `bytes */10`.
fn content_range(header: &str) -> Option<(Option<u64>, Option<u64>)> {
    let (range, total) = header.trim().strip_prefix("bytes")?.trim_start().split_once('/')?;
    let total = if total == "*" { None } else { Some(total.parse().ok()?) };
    match range {
        "*" => Some((None, total)),
        _ => Some((Some(range.split_once('-')?.0.parse().ok()?), total)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_may_pass_is_tried_again() {
        use io::ErrorKind::{ConnectionRefused, ConnectionReset, NetworkUnreachable, UnexpectedEof};
        let io = |kind: io::ErrorKind| ureq::Error::Io(kind.into());
        let cases = [
            (ureq::Error::HostNotFound, false, "is this machine online?"),
            (io(NetworkUnreachable), false, "is this machine online?"),
            (io(ConnectionRefused), true, "connection refused"),
            (io(ConnectionReset), true, "hung up without an answer"),
            (io(UnexpectedEof), true, "hung up without an answer"),
            (ureq::Error::Timeout(ureq::Timeout::Resolve), false, "not found in time"),
            (ureq::Error::Timeout(ureq::Timeout::Connect), true, "no connection in time"),
            (ureq::Error::Timeout(ureq::Timeout::PerRead), true, "no answer in time"),
            (ureq::Error::RequireHttpsOnly("http://h".into()), false, "plain http"),
            (ureq::Error::Tls("a bad certificate"), false, "a bad certificate"),
            (ureq::Error::BadUri("x".into()), false, "x"),
        ];
        for (error, tried, expected) in cases {
            let (again, why) = match failed(&error) {
                Outcome::Again { why, after: None } => (true, why),
                Outcome::No(why) => (false, why),
                other => panic!("{error:?}: {other:?}"),
            };
            assert!(again == tried && why.contains(expected), "{error:?}: {again} {why}");
        }
    }

    #[test]
    fn certificates_are_read_from_a_file_and_what_is_none_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("roots.pem");
        let said = |text: &str| {
            std::fs::write(&path, text).unwrap();
            trusted(&path).map(|_| ()).unwrap_err().to_string()
        };
        assert!(said("").contains("roots.pem: holds no certificate; it is named by SSL_CERT_FILE"));
        assert!(
            said("-----BEGIN CERTIFICATE-----\n!!!\n-----END CERTIFICATE-----\n").contains("is no PEM file")
        );
        let none = trusted(&folder.path().join("none")).map(|_| ()).unwrap_err().to_string();
        assert!(none.contains("cannot be read"), "{none}");
        // any bytes that are wrapped as one; what they say is looked at when somebody shows them
        std::fs::write(&path, "-----BEGIN CERTIFICATE-----\nMAA=\n-----END CERTIFICATE-----\n").unwrap();
        assert!(matches!(trusted(&path), Ok(RootCerts::Specific(found)) if found.len() == 1));
        let unknown = io::Error::new(io::ErrorKind::InvalidData, "invalid peer certificate: UnknownIssuer");
        let Outcome::No(why) = failed(&ureq::Error::Io(unknown)) else { panic!("it is not tried again") };
        assert!(why.contains("SSL_CERT_FILE"), "{why}");
    }

    #[test]
    fn content_ranges() {
        let cases = [
            ("bytes 5-9/10", Some((Some(5), Some(10)))),
            ("bytes 5-9/*", Some((Some(5), None))),
            ("bytes */10", Some((None, Some(10)))),
            ("bytes 0-18446744073709551615/18446744073709551615", Some((Some(0), Some(u64::MAX)))),
            ("bytes 0-1/99999999999999999999", None),
            ("lines 5-9/10", None),
            ("bytes 5/10", None),
            ("bytes -5-9/10", None),
            ("", None),
        ];
        for (header, expected) in cases {
            assert_eq!(content_range(header), expected, "{header:?}");
        }
    }
}

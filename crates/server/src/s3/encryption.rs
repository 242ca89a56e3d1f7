//! How a client asks for encryption: what is done anyway, or something that is not done here. Nothing of what is asked for is
//! passed over in silence.

use hyper::{HeaderMap, Method};
use s3s::{S3Result, s3_error};

const ASKED: &str = "x-amz-server-side-encryption";
/// Of what is copied.
const OF_SOURCE: &str = "x-amz-copy-source-server-side-encryption";
/// What every version gets: a key of its own, wrapped under a key of the vault.
const DONE: &str = "AES256";
/// A key that the client brings, in three headers.
const OWN_KEY: [&str; 3] = ["-customer-algorithm", "-customer-key", "-customer-key-md5"];
/// Keys of another service.
const SERVICES: [&str; 2] = ["aws:kms", "aws:kms:dsse"];

/// Lets a request through that asks for what is done, or for nothing.
pub(super) fn check(method: &Method, headers: &HeaderMap) -> S3Result<()> {
    let names = || headers.keys().filter_map(|name| name.as_str().strip_prefix(ASKED));
    let asked = headers.get(ASKED).map(|value| value.to_str().unwrap_or_default());
    let own_key = names().filter(|rest| rest.starts_with("-customer")).count();
    let others = names().filter(|rest| !rest.is_empty()).count() - own_key;
    let of_source = headers.keys().any(|name| name.as_str().starts_with(OF_SOURCE));
    let is_whole = OWN_KEY.iter().all(|rest| names().any(|own| own == *rest));
    match (asked, own_key, others) {
        // Whoever reads does not choose.
        (Some(_), _, _) if [Method::GET, Method::HEAD].contains(method) => {}
        (None | Some(DONE), 0, 0) if !of_source => return Ok(()),
        (None, 0, 0) => return Err(not_done()),
        (None, _, 0) if is_whole => return Err(not_done()),
        (Some(service), 0, _) if SERVICES.contains(&service) => return Err(not_done()),
        _ => {}
    }
    Err(s3_error!(InvalidArgument, "this asks for encryption in two ways, in none that there is, or in half of one"))
}

fn not_done() -> s3s::S3Error {
    s3_error!(NotImplemented, "objects are encrypted with keys of the vault, and no others")
}

#[cfg(test)]
mod tests {
    use hyper::header::{HeaderName, HeaderValue};
    use s3s::S3ErrorCode;

    use super::*;

    #[test]
    fn what_is_not_done_is_not_passed_over() {
        let asked = |method: Method, pairs: &[(&str, &str)]| {
            let pair = |(rest, value): &(&str, &str)| {
                let name = if rest.starts_with('x') { (*rest).to_owned() } else { format!("{ASKED}{rest}") };
                (name.parse::<HeaderName>().expect("a name"), value.parse::<HeaderValue>().expect("a value"))
            };
            check(&method, &pairs.iter().map(pair).collect()).map_err(|error| error.code().clone())
        };
        let put = |pairs: &[(&str, &str)]| asked(Method::PUT, pairs);
        let whole = [("-customer-algorithm", "AES256"), ("-customer-key", "a"), ("-customer-key-md5", "b")];
        assert_eq!(put(&[]), Ok(()));
        assert_eq!(put(&[("", "AES256")]), Ok(()));
        assert_eq!(put(&whole), Err(S3ErrorCode::NotImplemented));
        assert_eq!(put(&[("", "aws:kms"), ("-aws-kms-key-id", "k")]), Err(S3ErrorCode::NotImplemented));
        assert_eq!(asked(Method::GET, &whole), Err(S3ErrorCode::NotImplemented));
        let of_source = [("x-amz-copy-source-server-side-encryption-customer-key", "a")];
        assert_eq!(put(&of_source), Err(S3ErrorCode::NotImplemented));
        let none = Err(S3ErrorCode::InvalidArgument);
        assert_eq!(put(&[("", "aes:kms")]), none);
        assert_eq!(put(&[("-customer-key", "a")]), none);
        assert_eq!(put(&[("-aws-kms-key-id", "k")]), none);
        assert_eq!(put(&[("", "AES256"), ("-aws-kms-key-id", "k")]), none);
        assert_eq!(put(&[&whole[..], &[("", "AES256")]].concat()), none);
        assert_eq!(put(&[&whole[..], &[("", "aws:kms")]].concat()), none);
        assert_eq!(asked(Method::GET, &[("", "AES256")]), none);
    }
}

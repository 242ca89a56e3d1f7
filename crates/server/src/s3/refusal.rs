//! Refusals, as clients of S3 read them.

use axum::body::Body;
use axum::response::Response;
use cordon_gate::Refusal;
use cordon_identity::IdentityError;
use cordon_vault::VaultError;
use cordon_vault::error::PartsFault;
use hyper::StatusCode;
use s3s::{S3Error, S3ErrorCode, s3_error};

/// What of the vault's errors a client is told.
pub(crate) fn of_vault(error: VaultError) -> S3Error {
    match error {
        VaultError::NoBucket => s3_error!(NoSuchBucket),
        VaultError::NoObject => s3_error!(NoSuchKey),
        VaultError::NoUpload => s3_error!(NoSuchUpload),
        VaultError::Parts(fault) => {
            let code = match fault {
                PartsFault::Missing => S3ErrorCode::InvalidPart,
                PartsFault::Order => S3ErrorCode::InvalidPartOrder,
                PartsFault::Small => S3ErrorCode::EntityTooSmall,
                PartsFault::Number => S3ErrorCode::InvalidArgument,
            };
            S3Error::with_message(code, fault.to_string())
        }
        VaultError::Refused(refusal) => S3Error::with_message(S3ErrorCode::AccessDenied, words(&refusal)),
        error @ VaultError::Pending => S3Error::with_message(S3ErrorCode::ServiceUnavailable, error.to_string()),
        VaultError::Precondition(what) => S3Error::with_message(S3ErrorCode::PreconditionFailed, what),
        VaultError::Conflict(what) => S3Error::with_message(S3ErrorCode::OperationAborted, what),
        VaultError::Bound(what) => S3Error::with_message(S3ErrorCode::EntityTooLarge, what),
        VaultError::Sent(what) => S3Error::with_message(S3ErrorCode::IncompleteBody, what),
        VaultError::Unavailable(_) => s3_error!(ServiceUnavailable, "this cannot be recorded, or read, now"),
        VaultError::Integrity(_) => s3_error!(InternalError, "what is stored was changed beside Cordon: it is locked"),
        VaultError::BucketName(what) => S3Error::with_message(S3ErrorCode::InvalidBucketName, what.to_string()),
        VaultError::Key(what) => S3Error::with_message(S3ErrorCode::KeyTooLongError, what.to_string()),
    }
}

/// What is missing, and whom to ask.
fn words(refusal: &Refusal) -> String {
    let missing = refusal.missing.join("; ");
    match &refusal.ask {
        Some(ask) => format!("missing: {missing}. Ask {ask}"),
        None => format!("missing: {missing}"),
    }
}

/// What of a key that does not count a client is told.
pub(crate) fn of_identity(error: &IdentityError) -> S3Error {
    use cordon_identity::signature::SignatureError;
    let code = match error {
        IdentityError::Signature(SignatureError::Wrong) => S3ErrorCode::SignatureDoesNotMatch,
        IdentityError::Signature(SignatureError::Skewed) => S3ErrorCode::RequestTimeTooSkewed,
        IdentityError::Signature(_) => S3ErrorCode::AccessDenied,
        IdentityError::Unknown(_) => S3ErrorCode::InvalidAccessKeyId,
        IdentityError::Ended(_) => S3ErrorCode::ExpiredToken,
        _ => S3ErrorCode::ServiceUnavailable,
    };
    S3Error::with_message(code, error.to_string())
}

/// The answer of one who is refused before `s3s` is asked.
pub(crate) fn response(error: &S3Error) -> Response {
    let status = error.status_code().unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let text = |text: &str| text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    let body = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Error><Code>{}</Code><Message>{}</Message></Error>",
        text(error.code().as_str()),
        text(error.message().unwrap_or_default())
    );
    let mut response = Response::new(Body::from(body));
    *response.status_mut() = status;
    let kind = hyper::header::HeaderValue::from_static("application/xml");
    response.headers_mut().insert(hyper::header::CONTENT_TYPE, kind);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_told_what_is_missing_and_whom_to_ask() {
        let missing = vec!["an enrolled device".to_owned(), "a training that counts".to_owned()];
        let refusal =
            |ask: Option<&str>| Refusal { missing: missing.clone(), ask: ask.map(str::to_owned), hidden: false };
        let told = of_vault(VaultError::Refused(refusal(Some("the security team"))));
        assert_eq!(told.code(), &S3ErrorCode::AccessDenied);
        let text = "missing: an enrolled device; a training that counts. Ask the security team";
        assert_eq!(told.message(), Some(text));
        assert_eq!(words(&refusal(None)), "missing: an enrolled device; a training that counts");
        assert_eq!(of_vault(VaultError::NoObject).code(), &S3ErrorCode::NoSuchKey, "what is hidden is not there");
    }
}

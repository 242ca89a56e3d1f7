//! Access keys for clients of S3.

use clap::Args;
use serde_json::json;

use crate::error::Failure;
use crate::exit::Exit;
use crate::moment::written;
use crate::remote::Login;

/// Print the access key of `cordon login` in the format of the AWS `credential_process`.
///
/// In ~/.aws/config: credential_process = cordon credentials
///
/// Example: cordon credentials
#[derive(Args)]
#[group(id = "credentials-arguments")]
pub(crate) struct Arguments {}

pub(crate) fn run(_: &Arguments) -> Result<Exit, Failure> {
    let login = Login::read()?;
    println!(
        "{}",
        json!({
            "Version": 1,
            "AccessKeyId": login.key.id,
            "SecretAccessKey": login.key.secret.as_str(),
            "SessionToken": login.key.token.as_str(),
            "Expiration": written(login.key.expires()),
        })
    );
    Ok(Exit::Clean)
}

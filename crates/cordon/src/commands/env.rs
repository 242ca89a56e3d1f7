//! What clients of S3 take from the environment.

use clap::Args;

use crate::error::Failure;
use crate::exit::Exit;
use crate::remote::Login;

/// Print the access key of `cordon login`, and where it is of use, as a shell takes them into its environment: aws, boto3, rclone
/// and others find them there.
///
/// Example: eval "$(cordon env)" && aws s3 ls
#[derive(Args)]
#[group(id = "env-arguments")]
pub(crate) struct Arguments {}

pub(crate) fn run(_: &Arguments) -> Result<Exit, Failure> {
    let login = Login::read()?;
    let variables = [
        ("AWS_ACCESS_KEY_ID", login.key.id.as_str()),
        ("AWS_SECRET_ACCESS_KEY", login.key.secret.as_str()),
        ("AWS_SESSION_TOKEN", login.key.token.as_str()),
        ("AWS_ENDPOINT_URL_S3", login.key.endpoint.as_str()),
        ("AWS_REGION", "us-east-1"),
    ];
    for (name, value) in variables {
        // None of these has a sign that a shell would take for another.
        let plain = |sign: char| sign.is_ascii_alphanumeric() || "-_.:/=+".contains(sign);
        if !value.chars().all(plain) {
            return Err(Failure::integrity("the login holds what no node gives", "run `cordon login` again"));
        }
        println!("export {name}={value}");
    }
    Ok(Exit::Clean)
}

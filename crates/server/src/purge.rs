//! Telling whatever keeps copies of public things, such as a content network, that one was withdrawn.

use std::str::FromStr;
use std::time::Duration;

use crate::limits::PURGE_S;

/// Where it is told: an address of `https`, or of this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PurgeHook(url::Url);

impl FromStr for PurgeHook {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let url: url::Url = text.parse().map_err(|error| format!("`{text}` is no address: {error}"))?;
        let here = match url.host() {
            Some(url::Host::Domain(name)) => name == "localhost",
            Some(url::Host::Ipv4(address)) => address.is_loopback(),
            Some(url::Host::Ipv6(address)) => address.is_loopback(),
            None => false,
        };
        match url.scheme() {
            "https" => Ok(Self(url)),
            "http" if here => Ok(Self(url)),
            _ => Err("a hook is told by https, or on this machine".to_owned()),
        }
    }
}

impl PurgeHook {
    /// Tells it. Returns whether it answered that it was done; what it did not do is said in the log of the node.
    pub(crate) async fn tell(&self, address: &str) -> bool {
        let (hook, body) = (self.0.clone(), serde_json::json!({"schema": "cordon-purge-1", "address": address}));
        let told = tokio::task::spawn_blocking(move || {
            let config = ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(PURGE_S)));
            let agent: ureq::Agent = config.max_redirects(0).build().into();
            let request = agent.post(hook.as_str()).header("content-type", "application/json");
            request.send(body.to_string()).map(drop)
        });
        let outcome =
            told.await.map_err(|error| error.to_string()).and_then(|told| told.map_err(|error| error.to_string()));
        if let Err(error) = &outcome {
            eprintln!("warning: `{address}` was withdrawn, and the hook that removes copies did not take it: {error}");
        }
        outcome.is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_is_told_where_nobody_listens_in() {
        let is_one = |text: &str| text.parse::<PurgeHook>().is_ok();
        assert!(is_one("https://cdn.example/purge?zone=1"));
        assert!(is_one("http://127.0.0.1:9/purge") && is_one("http://[::1]:9/") && is_one("http://localhost/"));
        assert!(!is_one("http://cdn.example/purge") && !is_one("http://localhost.example/"));
        assert!(!is_one("ftp://127.0.0.1/") && !is_one("cdn.example") && !is_one("file:///etc/passwd"));
    }
}

//! Telling whatever keeps copies of public things, such as a content network, that one was withdrawn.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::limits::{PURGE_AGAIN_S, PURGE_S, PURGE_TRIES};

/// Where it is told: an address of `https`, or of this machine. It may hold a token, and is not shown.
#[derive(Clone, PartialEq, Eq)]
pub struct PurgeHook(url::Url);

impl fmt::Debug for PurgeHook {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("PurgeHook")
    }
}

impl FromStr for PurgeHook {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let url: url::Url = text.parse().map_err(|error| format!("a hook is an address: {error}"))?;
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
    /// Tells it, and goes on telling it for a while when it does not answer that it was done, whoever still waits for that.
    /// Returns what the first answer is.
    pub(crate) async fn tell(&self, address: String) -> bool {
        self.tell_again(address, Duration::from_secs(PURGE_AGAIN_S)).await
    }

    async fn tell_again(&self, address: String, after: Duration) -> bool {
        let (hook, (say, said)) = (self.clone(), oneshot::channel());
        tokio::spawn(async move {
            let mut say = Some(say);
            for attempt in 0..PURGE_TRIES {
                let outcome = hook.told(address.clone()).await;
                if let Some(say) = say.take() {
                    // Whoever waits for it may be gone.
                    let _ = say.send(outcome.is_ok());
                }
                let Err(error) = outcome else { return };
                eprintln!(
                    "warning: `{address}` was withdrawn, and the hook that removes copies did not take it: {error}"
                );
                if attempt + 1 < PURGE_TRIES {
                    tokio::time::sleep(after * (1 << attempt)).await;
                }
            }
        });
        said.await.unwrap_or(false)
    }

    async fn told(&self, address: String) -> Result<(), String> {
        let body = serde_json::json!({"schema": "cordon-purge-1", "address": address}).to_string();
        let hook = self.0.clone();
        let told = tokio::task::spawn_blocking(move || {
            let config = ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(PURGE_S)));
            let agent: ureq::Agent = config.max_redirects(0).proxy(None).http_status_as_error(false).build().into();
            let answer = agent.post(hook.as_str()).header("content-type", "application/json").send(body);
            answer.map(|answer| answer.status())
        });
        // What went wrong may name the address of the hook.
        let status = told.await.map_err(|_| "it was not asked")?.map_err(|_| "it cannot be reached")?;
        if status.is_success() { Ok(()) } else { Err(format!("it answers {}", status.as_u16())) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hook_is_told_where_nobody_listens_in_and_is_not_shown() {
        let is_one = |text: &str| text.parse::<PurgeHook>().is_ok();
        assert!(is_one("https://cdn.example/purge?zone=1"));
        assert!(is_one("http://127.0.0.1:9/purge") && is_one("http://[::1]:9/") && is_one("http://localhost/"));
        assert!(!is_one("http://cdn.example/purge") && !is_one("http://localhost.example/"));
        assert!(!is_one("ftp://127.0.0.1/") && !is_one("file:///etc/passwd"));
        let hook: PurgeHook = "https://cdn.example/purge?token=t0k3n".parse().expect("one");
        assert!(!format!("{hook:?}").contains("t0k3n"));
        let wrong = "cdn.example/t0k3n".parse::<PurgeHook>().expect_err("no address");
        assert!(!wrong.contains("t0k3n"), "{wrong}");
    }

    /// A hook that answers each request with the next of these, and tells how many came.
    fn answering(answers: &'static [&'static str]) -> (PurgeHook, std::thread::JoinHandle<usize>) {
        use std::io::{Read as _, Write as _};
        let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
        let hook = format!("http://{}/", listener.local_addr().expect("an address")).parse().expect("a hook");
        let heard = std::thread::spawn(move || {
            let answered = answers.iter().map(|answer| {
                let (mut stream, _) = listener.accept().expect("someone");
                assert!(stream.read(&mut [0; 4096]).expect("a request") > 0);
                let answer = format!("HTTP/1.1 {answer}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
                stream.write_all(answer.as_bytes()).expect("answers");
            });
            answered.count()
        });
        (hook, heard)
    }

    #[tokio::test]
    async fn a_hook_is_told_until_it_says_that_it_is_done() {
        let tell = async |hook: &PurgeHook| hook.tell_again("http://localhost/p/0".to_owned(), Duration::ZERO).await;
        let (hook, heard) = answering(&["500 x", "302 x", "404 x", "204 x"]);
        assert!(!tell(&hook).await, "the first answer is what is told");
        let heard = tokio::task::spawn_blocking(|| heard.join()).await.expect("it ran");
        assert_eq!(heard.expect("it ran"), PURGE_TRIES as usize);
        let (hook, heard) = answering(&["200 OK"]);
        assert!(tell(&hook).await);
        assert_eq!(heard.join().expect("it ran"), 1);
    }
}

//! Asking for public addresses as a stranger does: from this machine, and from another host where an observer is.

use std::fmt;
use std::io::Read as _;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::channel;
use std::time::Duration;

use clap::Args;
use cordon_domain::PublicationId;

use super::{Reached, numbered, reached};
use crate::limits::{OBSERVED_BYTES_MAX, OBSERVER_S};

/// Who asks beside this machine.
#[derive(Args, Default)]
#[group(id = "observer-arguments")]
pub(crate) struct Observer {
    /// A command that asks on another host, and says what `cordon publications check` says there; the address is added as its
    /// last word: "ssh outside.example cordon publications check". Empty: nobody.
    #[arg(long, value_name = "COMMAND", env = "CORDON_OBSERVER")]
    observer: Option<String>,
}

/// Who asked.
#[derive(Clone, Copy)]
enum By {
    Here,
    Observer,
}

/// What somebody who asked found.
pub(crate) struct Sighting {
    by: By,
    pub(crate) reached: Reached,
}

impl fmt::Display for Sighting {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.by {
            By::Here => "checked",
            By::Observer => "checked by the observer",
        })
    }
}

impl Observer {
    /// Asks for the address of a publication from everywhere.
    pub(crate) fn ask(&self, publication: PublicationId, address: &str) -> Vec<Sighting> {
        let here = Sighting { by: By::Here, reached: reached(address) };
        let command = self.observer.as_deref().filter(|command| !command.trim().is_empty());
        let there = command.map(|command| {
            let seen = match is_plain(address) && numbered(address) == Some(publication) {
                true => observed(command, address),
                false => Err("what the node gives is no address of it, and no observer is told".to_owned()),
            };
            Sighting { by: By::Observer, reached: seen.unwrap_or_else(Reached::Unknown) }
        });
        [here].into_iter().chain(there).collect()
    }
}

/// Tells whether whatever reads an address takes it for one word and no option: the node says it, and a shell on another host may
/// read it.
fn is_plain(address: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b":/.-_[]".contains(&byte);
    ["https://", "http://"].iter().any(|scheme| address.starts_with(scheme)) && address.bytes().all(plain)
}

/// What a command says of an address, in a while.
fn observed(command: &str, address: &str) -> Result<Reached, String> {
    let mut words = command.split_whitespace();
    let program = words.next().unwrap_or_default();
    let mut asking = Command::new(program);
    asking.args(words).arg(address).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut asking = asking.spawn().map_err(|error| format!("the observer does not run: {error}"))?;
    let said = said_within(&mut asking, Duration::from_secs(OBSERVER_S));
    // It may have ended itself.
    let _ = asking.kill();
    let _ = asking.wait();
    let unclear = "the observer says neither that a stranger gets it nor that none does";
    Reached::said(said?.trim()).ok_or_else(|| unclear.to_owned())
}

/// What a program prints until it ends; whoever holds its output open longer is not waited for.
fn said_within(child: &mut Child, time: Duration) -> Result<String, String> {
    let output = child.stdout.take().ok_or("the observer says nothing")?;
    let (say, said) = channel();
    std::thread::spawn(move || {
        let mut text = String::new();
        let read = output.take(OBSERVED_BYTES_MAX).read_to_string(&mut text);
        // Nobody waits any more.
        let _ = say.send(read.map(|_| text));
    });
    let said = said.recv_timeout(time).map_err(|_| format!("the observer says nothing in {} s", time.as_secs()))?;
    said.map_err(|error| format!("the observer: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_observer_is_believed_only_in_what_it_says_plainly() {
        let says = |what: &str| observed(&format!("echo {what}"), "");
        assert_eq!((says("given"), says("refused")), (Ok(Reached::Given), Ok(Reached::Refused)));
        for unclear in ["", "yes", "given refused", "GIVEN"] {
            assert!(says(unclear).is_err_and(|why| why.contains("neither")), "{unclear}");
        }
        assert!(observed("/nowhere/observer", "x").is_err());
    }

    #[test]
    fn whoever_holds_its_output_open_is_not_waited_for() {
        let mut child = Command::new("sh");
        child.args(["-c", "sleep 60 & echo given"]).stdout(Stdio::piped());
        let mut child = child.spawn().expect("runs");
        let said = said_within(&mut child, Duration::from_millis(200));
        assert!(said.is_err_and(|why| why.contains("says nothing")));
        child.wait().expect("ended");
    }

    #[test]
    fn an_observer_is_told_an_address_of_the_publication_and_nothing_else() {
        let id = |byte| PublicationId([byte; 16]);
        let address = |start: &str| format!("{start}/p/{}", "0b".repeat(16));
        let observer = Observer { observer: Some("printf given".to_owned()) };
        let told = |publication, address: &str| {
            let seen = observer.ask(publication, address).pop().expect("the observer");
            seen.reached == Reached::Given
        };
        assert!(told(id(0x0b), &address("http://[::1]:1")) && told(id(0x0b), &address("http://127.0.0.1:1")));
        assert!(!told(id(0x0c), &address("http://127.0.0.1:1")), "another one");
        for wrong in ["http://127.0.0.1:1/;id", "-oProxyCommand=id", "ftp://x", "http://127.0.0.1:1/$(id)", ""] {
            assert!(!told(id(0x0b), &address(wrong)), "{wrong}");
        }
        let nobody = Observer { observer: Some(" ".to_owned()) };
        assert_eq!(nobody.ask(id(0x0b), &address("http://127.0.0.1:1")).len(), 1);
    }
}

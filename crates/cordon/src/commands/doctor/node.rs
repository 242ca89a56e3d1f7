//! The node, as whoever uses it reaches it.

use cordon_domain::{Clock as _, Moment};
use cordon_identity::PublicUrl;
use cordon_store::edge::SystemClock;

use super::Found;
use crate::limits::{ANSWER_S, CLOCKS_DIFFER_MS};
use crate::remote::{Login, agent};

pub(super) fn looked_at(url: &PublicUrl) -> Vec<Found> {
    [reached(url), login()].into_iter().flatten().collect()
}

/// Asks whether it is ready. What it is asked is decided nowhere: anyone may ask.
fn reached(url: &PublicUrl) -> Vec<Found> {
    let address = format!("{}/ready", url.origin());
    let before = SystemClock.now();
    let answer = match agent(&address, ANSWER_S).get(&address).call() {
        Ok(answer) => answer,
        Err(error) => {
            let what = format!("nobody answers at {}: {error}", url.origin());
            return vec![Found::bad("node", what, "run `cordon up`; or see --public-url, and what is before the node")];
        }
    };
    let after = SystemClock.now();
    let date = answer.headers().get("date").and_then(|date| date.to_str().ok()).and_then(read_date);
    let node = match answer.status().as_u16() {
        200 => Found::good("node", format!("it answers at {}, and is ready", url.origin())),
        503 => Found::bad(
            "node",
            "it answers, and does not know what was revoked: it lets nobody do anything",
            "see that its database can be reached, and what it says on its standard error",
        ),
        status => Found::bad(
            "node",
            format!("something answers {status} at {}, as a node does not", url.origin()),
            "see --public-url, and what is before the node",
        ),
    };
    vec![node].into_iter().chain(date.map(|date| clocks([before, after], date))).collect()
}

/// Signatures of S3 count for some minutes about the clock of the node.
fn clocks([before, after]: [Moment; 2], there: Moment) -> Found {
    let ms = before.since_ms(there).max(there.since_ms(after));
    if ms > CLOCKS_DIFFER_MS {
        let what = format!("the clock of the node and that of this machine differ by {} seconds", ms / 1000);
        return Found::mind("node clock", what, "keep both set with NTP: signed requests count for minutes alone");
    }
    Found::good("node clock", "the clock of the node and that of this machine agree")
}

/// Reads a date as HTTP writes it (RFC 9110, section 5.6.7).
fn read_date(text: &str) -> Option<Moment> {
    let time = jiff::fmt::rfc2822::DateTimeParser::new().parse_timestamp(text).ok()?;
    Some(Moment(time.as_millisecond()))
}

fn login() -> Vec<Found> {
    // Whoever is at the machine need not sign in.
    let Ok(login) = Login::read() else { return Vec::new() };
    vec![Found::good("login", format!("{} is signed in until {}", login.principal, login.key.expires()))]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_of_http_are_read_and_clocks_that_differ_are_told() {
        let there = read_date("Sat, 28 Nov 2026 00:43:28 GMT").expect("a date");
        assert_eq!(there.to_string(), "2026-11-28T00:43:28Z");
        assert_eq!(read_date("yesterday"), None);
        let state = |(before, after)| clocks([before, after].map(|ms| there.plus_ms(ms)), there).state.as_str();
        let agree = [(0, 0), (5_000, 6_000), (-6_000, -5_000), (-20_000, 20_000)];
        assert_eq!(agree.map(state), ["ok"; 4]);
        assert_eq!([(5_001, 6_000), (-6_000, -5_001)].map(state), ["warning"; 2]);
    }
}

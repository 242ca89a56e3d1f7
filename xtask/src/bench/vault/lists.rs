//! Measures the first page of a list: of a bucket of a thousand objects, and of one of a million.

use std::path::Path;
use std::time::Instant;

use super::client::Client;
use super::servers::{self, Server};

const CONNECTIONS: usize = 16;
const OBJECTS: [usize; 2] = [1_000, 1_000_000];
const ROUNDS: usize = 50;
const PAGE: &str = "list-type=2&max-keys=1000";

/// Fills two buckets, and prints what a first page of each costs.
pub(crate) fn run() -> Result<(), String> {
    super::within(measured)
}

fn measured(folder: &Path) -> Result<(), String> {
    let server = servers::all(folder, "cordon")?.pop().ok_or("there is no server")?;
    for objects in OBJECTS {
        Client::connect(&server.key)?.ask("PUT", &bucket(objects), b"")?;
        filled(&server, objects)?;
    }
    // One that was connected meanwhile would have been cut off.
    let mut client = Client::connect(&server.key)?;
    let mut taken = OBJECTS.map(|_| Vec::with_capacity(ROUNDS));
    for _ in 0..ROUNDS {
        for (taken, objects) in taken.iter_mut().zip(OBJECTS) {
            let begun = Instant::now();
            client.ask("GET", &format!("{}?{PAGE}", bucket(objects)), b"")?;
            taken.push(begun.elapsed().as_secs_f64() * 1e3);
        }
    }
    println!("| a first page of 1,000 names of a bucket of | p50 |\n|---|---|");
    for (mut taken, objects) in taken.into_iter().zip(OBJECTS) {
        taken.sort_by(f64::total_cmp);
        let median = taken.get(taken.len() / 2).copied().unwrap_or(f64::NAN);
        println!("| {objects} objects | {median:.2} ms |");
    }
    Ok(())
}

fn bucket(objects: usize) -> String {
    format!("/objects-{objects}")
}

/// Writes so many objects of one byte, side by side.
fn filled(server: &Server, objects: usize) -> Result<(), String> {
    let written = |connection: usize| {
        let mut client = Client::connect(&server.key)?;
        (connection..objects).step_by(CONNECTIONS).try_for_each(|number| {
            client.ask("PUT", &format!("{}/{:03}/{number:07}", bucket(objects), number % 1_000), b"x").map(drop)
        })
    };
    std::thread::scope(|scope| {
        let running: Vec<_> = (0..CONNECTIONS).map(|connection| scope.spawn(move || written(connection))).collect();
        running.into_iter().try_for_each(|one| one.join().unwrap_or_else(|_| Err("a client ended".to_owned())))
    })
}

//! Measures the vault behind its S3 endpoint against other stores: the same client, in turns, CPU time of the server.

mod client;
pub(crate) mod lists;
mod servers;

use std::path::Path;
use std::time::{Duration, Instant};

use client::{Client, Key};
use servers::Server;

const LARGE_BYTES: usize = 1 << 30;
const SMALL_BYTES: usize = 4096;
/// Short objects of each connection.
const SMALL: usize = 250;
const CONNECTIONS: usize = 16;
const ROUNDS: usize = 3;

/// What is measured of a server, the least of several rounds.
struct Row {
    what: &'static str,
    unit: &'static str,
    /// Of each server; `None` where it does not answer.
    measured: Vec<Option<f64>>,
}

/// Starts ours and its peers, or that of them which is called so, and prints what each needs.
pub(crate) fn run(only: &str) -> Result<(), String> {
    within(|folder| compared(folder, only))
}

/// Measures in a folder of its own, which is removed.
fn within(measures: impl FnOnce(&Path) -> Result<(), String>) -> Result<(), String> {
    let folder = Path::new("target/bench-vault");
    if folder.exists() {
        std::fs::remove_dir_all(folder).map_err(|error| error.to_string())?;
    }
    std::fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    measures(folder)?;
    std::fs::remove_dir_all(folder).map_err(|error| error.to_string())
}

fn compared(folder: &Path, only: &str) -> Result<(), String> {
    let servers = servers::all(folder, only)?;
    let rows = measured(&servers)?;
    let names: Vec<&str> = servers.iter().map(|server| server.name).collect();
    println!("| what | {} |\n|---|{}", names.join(" | "), "---|".repeat(names.len()));
    for Row { what, unit, measured } in rows {
        let shown = measured.iter().map(|value| value.map_or("-".to_owned(), |value| format!("{value:.2} {unit}")));
        println!("| {what} | {} |", shown.collect::<Vec<_>>().join(" | "));
    }
    Ok(())
}

fn measured(servers: &[Server]) -> Result<Vec<Row>, String> {
    let row = |what, unit| Row { what, unit, measured: vec![None; servers.len()] };
    let mut rows = vec![
        row("idle memory", "MB"),
        row("PUT 1 GiB", "GB/CPU-s"),
        row("GET 1 GiB", "GB/CPU-s"),
        row("PUT 1 GiB, signed payload", "GB/CPU-s"),
        row("PUT 4 KiB", "us CPU"),
        row("PUT 4 KiB, p50", "ms"),
        row("GET 4 KiB", "us CPU"),
        row("GET 4 KiB, p50", "ms"),
        row("pending, 1 GiB", "s"),
        row("inspection of 1 GiB, workers", "MB/CPU-s"),
        row("PUT 4 KiB, workers", "us CPU"),
        row("memory after all", "MB"),
    ];
    for (place, server) in servers.iter().enumerate() {
        keep(&mut rows, 0, place, server.memory_mb());
        Client::connect(&server.key)?.ask("PUT", "/bench", b"")?;
    }
    let large: Vec<u8> = (0..LARGE_BYTES).map(|place| ((place * 2_654_435_761) >> 11) as u8).collect();
    for _ in 0..ROUNDS {
        for (place, server) in servers.iter().enumerate() {
            let values = round(server, &large)?;
            for (number, value) in (1..).zip(values) {
                keep(&mut rows, number, place, value);
            }
        }
    }
    for (place, server) in servers.iter().enumerate() {
        keep(&mut rows, 11, place, server.memory_mb());
    }
    Ok(rows)
}

/// Keeps the best of all rounds: of rates the highest, of the rest the least.
fn keep(rows: &mut [Row], number: usize, place: usize, value: f64) {
    let Some(row) = rows.get_mut(number).filter(|_| value.is_finite()) else { return };
    let is_rate = row.unit.contains('/');
    if let Some(slot) = row.measured.get_mut(place) {
        *slot = Some(slot.map_or(value, |old| if is_rate { old.max(value) } else { old.min(value) }));
    }
}

/// Waits until an object is inspected. Returns for how many seconds, and the rate of those who looked; nothing where nobody does.
fn inspected(server: &Server, client: &mut Client, bytes: usize, before: f64) -> Result<(f64, f64), String> {
    let begun = Instant::now();
    if !client.is_pending("/bench/large")? {
        return Ok((f64::NAN, f64::NAN));
    }
    while client.is_pending("/bench/large")? {
        std::thread::sleep(Duration::from_millis(20));
    }
    Ok((begun.elapsed().as_secs_f64(), bytes as f64 / 1e6 / (server.workers_cpu_s() - before)))
}

fn round(server: &Server, large: &[u8]) -> Result<[f64; 10], String> {
    let mut client = Client::connect(&server.key)?;
    let gigabytes = large.len() as f64 / 1e9;
    let rate = |client: &mut Client, method: &str, body: &[u8]| {
        let before = server.cpu_s();
        client.ask(method, "/bench/large", body)?;
        Ok::<f64, String>(gigabytes / (server.cpu_s() - before))
    };
    let looked = server.workers_cpu_s();
    let put = rate(&mut client, "PUT", large)?;
    let (pending, inspection) = inspected(server, &mut client, large.len(), looked)?;
    let get = rate(&mut client, "GET", b"")?;
    client.covers_body = true;
    let signed = rate(&mut client, "PUT", large)?;
    client.covers_body = false;
    inspected(server, &mut client, large.len(), 0.0)?;
    let looked = server.workers_cpu_s();
    let small = large.get(..SMALL_BYTES).unwrap_or_default();
    let (put_small, put_wait) = each(server, "PUT", small)?;
    let workers = (server.workers_cpu_s() - looked) / (SMALL * CONNECTIONS) as f64 * 1e6;
    let workers = if looked > 0.0 { workers } else { f64::NAN };
    let (get_small, get_wait) = each(server, "GET", b"")?;
    Ok([put, get, signed, put_small, put_wait, get_small, get_wait, pending, inspection, workers])
}

/// CPU microseconds of a short request, and the median of its time in milliseconds, while as many clients ask at once as
/// keep the server busy.
fn each(server: &Server, method: &str, body: &[u8]) -> Result<(f64, f64), String> {
    let before = server.cpu_s();
    let asked = |connection: usize| {
        let mut client = Client::connect(&server.key)?;
        let mut waits = Vec::with_capacity(SMALL);
        for number in 0..SMALL {
            let begun = Instant::now();
            client.ask(method, &format!("/bench/small/{connection}/{number}"), body)?;
            waits.push(begun.elapsed().as_secs_f64() * 1e3);
        }
        Ok::<Vec<f64>, String>(waits)
    };
    let all = std::thread::scope(|scope| {
        let running: Vec<_> = (0..CONNECTIONS).map(|connection| scope.spawn(move || asked(connection))).collect();
        let ended = running.into_iter().map(|one| one.join().unwrap_or_else(|_| Err("a client ended".to_owned())));
        ended.collect::<Result<Vec<_>, _>>()
    })?;
    let mut waits = all.concat();
    waits.sort_by(f64::total_cmp);
    let median = waits.get(waits.len() / 2).copied().unwrap_or(f64::NAN);
    Ok(((server.cpu_s() - before) / waits.len() as f64 * 1e6, median))
}

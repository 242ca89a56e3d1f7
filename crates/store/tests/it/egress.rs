//! What was read of late, in both databases: by several writers, over restarts, and when rows are changed.

use cordon_domain::{Charge, Egress, Level, Moment, Payer, PrincipalId};
use cordon_gate::{Journal as _, JournalError, Left, Toll};
use cordon_store::Installation;

use crate::{Ground, NOW, on_both, version};

const LIMITS: Egress = Egress { objects: [10; 4], bytes: [1_000; 4], ..Egress::ANY };

fn charge(number: u64, at: Moment, bytes: u64) -> Charge {
    let payers = vec![(Payer::Principal(PrincipalId([1; 16])), LIMITS), (payer(), LIMITS)];
    Charge {
        version: version(number),
        level: Level::Confidential,
        at,
        bytes,
        ahead: 0,
        weights: None,
        payers,
        proved_age_s: None,
        at_limit: cordon_domain::egress::AtLimit::Refuse,
    }
}

fn payer() -> Payer {
    Payer::Project("atlas".parse().expect("a project"))
}

async fn take(installation: &Installation, number: u64, bytes: u64) -> Result<(), JournalError> {
    installation.writer().take(Toll::Take(charge(number, NOW, bytes))).await
}

async fn what_one_node_counts_another_counts_too(ground: Ground) {
    let (one, _) = ground.create().await;
    let other = match ground.places().server {
        Some(_) => ground.node().await,
        None => ground.open().await.expect("opens"),
    };
    for number in 0..10 {
        let node = if number % 2 == 0 { &one } else { &other };
        take(node, number, 10).await.expect("within the limit");
    }
    for node in [&one, &other] {
        assert!(matches!(take(node, 10, 10).await, Err(JournalError::Limit { .. })));
        take(node, 3, 10).await.expect("read before");
    }
    assert!(matches!(take(&one, 3, 881).await, Err(JournalError::Limit { .. })), "120 bytes were read");
    one.writer().take(Toll::GiveBack(charge(3, NOW, 100), Left::Some)).await.expect("given back");
    take(&other, 3, 980).await.expect("the other knows");
    assert!(matches!(take(&one, 3, 1).await, Err(JournalError::Limit { .. })));
    drop((one, other));
    let again = ground.open().await.expect("opens");
    assert!(matches!(take(&again, 3, 1).await, Err(JournalError::Limit { .. })), "over a restart");
    ground.beside("DELETE FROM egress_heads").await;
    assert!(matches!(take(&again, 3, 1).await, Err(JournalError::Integrity(_))), "known, and gone");
}

/// Rows that were changed are noticed by whoever reads them, whatever stands above them.
async fn rows_that_were_changed_stop_their_reader(ground: Ground) {
    for change in [
        "UPDATE egress_bytes SET bytes = 0",
        "UPDATE egress_bytes SET minute = minute - 3600000",
        "UPDATE egress_objects SET at = 0",
        "DELETE FROM egress_objects",
    ] {
        let ground = if ground.places().server.is_some() { Ground::postgres() } else { Ground::sqlite() };
        let (installation, _) = ground.create().await;
        take(&installation, 3, 10).await.expect("read");
        drop(installation);
        assert!(ground.beside(change).await > 0);
        let again = ground.open().await.expect("opens");
        assert!(matches!(take(&again, 3, 1).await, Err(JournalError::Integrity(_))), "{change}");
    }
}

async fn what_lies_before_all_windows_is_not_kept(ground: Ground) {
    let (installation, _) = ground.create().await;
    take(&installation, 1, 10).await.expect("read");
    let rows = async || {
        let select = "SELECT (SELECT count(*) FROM egress_objects) + (SELECT count(*) FROM egress_bytes)";
        ground.count(select).await
    };
    assert_eq!(rows().await, 4, "an object and a minute, for each of two");
    let later = NOW.plus_ms(31 * 86_400_000);
    installation.writer().take(Toll::Take(charge(2, later, 10))).await.expect("read");
    assert_eq!(rows().await, 4);
}

on_both!(
    rows_that_were_changed_stop_their_reader,
    what_one_node_counts_another_counts_too,
    what_lies_before_all_windows_is_not_kept
);

//! Without the gate's permit no label changes, nothing is revoked, no key is wrapped anew.
use cordon_domain::RecordKey;
use cordon_gate::{Epoch, Journal};
use cordon_gate::act::{Read, Revoke};
use cordon_store::{Change, Writer};

async fn without(writer: &Writer, event: cordon_domain::Event) {
    let _ = writer.commit::<Revoke>((), event, Epoch::ANY, Change::revoke(RecordKey::Levels)).await;
}

async fn for_a_read(writer: &Writer, permit: cordon_gate::Permit<Read>, event: cordon_domain::Event) {
    let _ = writer.commit(permit, event, Epoch::ANY, Change::revoke(RecordKey::Levels)).await;
}

fn main() {}

//! A receipt opens one thing, once.
use cordon_gate::Receipt;
use cordon_gate::act::Read;
use cordon_keys::{BucketKey, WrappedDataKey};

fn twice(key: &BucketKey, receipt: Receipt<Read>, wrap: &WrappedDataKey) {
    let _ = key.open(receipt, wrap, &[]);
    let _ = key.open(receipt, wrap, &[]);
}

fn main() {}

//! Without a receipt of a read, no data key opens.
use cordon_gate::Receipt;
use cordon_gate::act::Search;
use cordon_keys::{Belongs, BucketKey, WrappedDataKey};

fn without(key: &BucketKey, wrap: &WrappedDataKey) {
    let _ = key.open((), wrap, &[]);
}

fn of_another_act(key: &BucketKey, receipt: Receipt<Search>, wrap: &WrappedDataKey) {
    let _ = key.open(receipt, wrap, &[]);
}

fn around(key: &BucketKey, wrap: &WrappedDataKey, belongs: Belongs<'_>) {
    let _ = key.unwrap(wrap, belongs);
}

fn main() {}

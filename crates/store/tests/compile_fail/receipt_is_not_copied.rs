//! A receipt cannot be cloned.
use cordon_gate::Receipt;
use cordon_gate::act::Read;

fn twice(receipt: Receipt<Read>) -> (Receipt<Read>, Receipt<Read>) {
    (receipt.clone(), receipt)
}

fn main() {}

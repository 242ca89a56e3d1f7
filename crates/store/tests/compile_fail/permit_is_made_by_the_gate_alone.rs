//! Nobody else makes a permit.
use cordon_gate::act::Revoke;
use cordon_gate::{Permit, Request};

fn permit(request: Request<Revoke>) -> Permit<Revoke> {
    Permit::new(&request)
}

fn main() {}

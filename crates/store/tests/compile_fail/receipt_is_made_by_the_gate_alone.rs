//! Nobody else makes a receipt.
use cordon_gate::Receipt;
use cordon_gate::act::Read;

fn receipt(request: cordon_domain::RequestId, actor: cordon_domain::Actor, target: cordon_domain::Target) -> Receipt<Read> {
    Receipt { request, actor, target, recorded: None, act: std::marker::PhantomData }
}

fn main() {}

//! Nobody adds an act that nobody decides on.
use cordon_domain::Action;
use cordon_gate::Act;

enum Anything {}

impl Act for Anything {
    const ACTION: Action = Action::ObjectRead;
}

fn main() {}

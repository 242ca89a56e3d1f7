//! A secret has no Debug, Display or Clone.
use cordon_keys::Secret;

fn shown(secret: &Secret) -> String {
    format!("{secret:?} {secret}")
}

fn copied(secret: &Secret) -> Secret {
    secret.clone()
}

fn main() {}

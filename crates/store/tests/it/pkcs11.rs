//! The root in a PKCS#11 token: SoftHSM, from Debian.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use cordon_keys::RootProvider;
use cordon_store::Installation;
use cordon_store::pkcs11::{Token, TokenPlace};
use zeroize::Zeroizing;

use crate::{Ground, clock, create_in};

fn token(label: &str, pin: &str) -> Arc<dyn RootProvider> {
    let module =
        PathBuf::from(std::env::var("CORDON_TEST_SOFTHSM").expect("run `cargo xtask test`, which sets a token up"));
    let pin = Zeroizing::new(pin.to_owned());
    Arc::new(Token::new(TokenPlace { module, token: label.to_owned(), key: "cordon-root".to_owned(), pin }))
}

/// `cargo xtask test` sets `SOFTHSM2_CONF` to a folder of its own, with a token `cordon` whose PIN is 1234.
#[tokio::test]
async fn a_token_holds_the_root_and_never_gives_its_key() {
    let ground = Ground::sqlite();
    let held = token("cordon", "1234");
    drop(create_in(ground.places(), &held, &mut Vec::new()).await.expect("made"));
    let again = Installation::open(ground.places(), &token("cordon", "1234"), clock()).await.expect("opens");
    assert_eq!(again.reader().size().await.expect("reads"), 1);
    drop(again);
    let refused = async |provider: Arc<dyn RootProvider>| {
        Installation::open(ground.places(), &provider, clock()).await.err().expect("refused").to_string()
    };
    let wrong_pin = refused(token("cordon", "9999")).await;
    assert!(wrong_pin.contains("`pkcs11` refuses"), "{wrong_pin}");
    let no_token = refused(token("elsewhere", "1234")).await;
    assert!(no_token.contains("no token is labelled `elsewhere`"), "{no_token}");
    let listed = Command::new("softhsm2-util").arg("--show-slots").output().expect("runs");
    assert!(String::from_utf8_lossy(&listed.stdout).contains("cordon"));
}

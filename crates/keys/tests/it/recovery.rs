//! The recovery kit: any k of n, no fewer, no mistakes of writing.

use cordon_keys::Secret;
use cordon_keys::recovery::{Share, ShareError, cut, join};
use cordon_testkit::Chance;
use proptest::prelude::*;

fn kit(seed: u64, need: u8, of: u8) -> (Secret, Vec<String>) {
    let mut chance = Chance::new(seed);
    let key = Secret::draw(&mut chance);
    let shares = cut(&key, need, of, &mut chance).expect("a shape");
    (key, shares.iter().map(|share| share.write().to_string()).collect())
}

fn read(texts: &[&String]) -> Result<Secret, ShareError> {
    join(&texts.iter().map(|text| Share::read(text)).collect::<Result<Vec<_>, _>>()?)
}

#[test]
fn any_three_of_five_give_the_key_and_two_do_not() {
    let (key, texts) = kit(1, 3, 5);
    for a in 0..5 {
        for b in 0..a {
            assert_eq!(read(&[&texts[a], &texts[b]]).err(), Some(ShareError::TooFew { have: 2, need: 3 }));
            for c in 0..b {
                assert!(read(&[&texts[a], &texts[b], &texts[c]]).expect("joins").equals(&key));
            }
        }
    }
    let repeated = read(&[&texts[0], &texts[0], &texts[1]]).err();
    assert_eq!(repeated, Some(ShareError::TooFew { have: 2, need: 3 }));
}

#[test]
fn shares_of_two_kits_do_not_mix() {
    let (_, first) = kit(1, 2, 3);
    let (_, second) = kit(2, 2, 3);
    assert!(matches!(read(&[&first[0], &second[1]]), Err(ShareError::Mixed(_, _))));
    let key = Secret::draw(&mut Chance::new(3));
    for (need, of) in [(1, 3), (4, 3), (2, 65)] {
        assert_eq!(cut(&key, need, of, &mut Chance::new(1)).err(), Some(ShareError::Shape));
    }
}

#[test]
fn a_letter_that_was_misread_is_noticed() {
    let (_, texts) = kit(1, 2, 3);
    let text = &texts[0];
    for place in 0..text.len() {
        let mut letters = text.clone().into_bytes();
        if letters[place] == b' ' {
            continue;
        }
        letters[place] = if letters[place] == b'a' { b'b' } else { b'a' };
        let misread = String::from_utf8(letters).expect("letters");
        assert!(misread == *text || Share::read(&misread).is_err(), "letter {place}");
    }
    let wrapped = text.to_uppercase().replace(' ', "\n  ");
    assert!(Share::read(&wrapped).is_ok(), "case and line ends do not matter");
}

proptest! {
    #[test]
    fn no_text_breaks_the_reader(text in "\\PC{0,300}") {
        let _ = Share::read(&text);
        let _ = Share::read(&format!("cordon-share-1 {text}"));
    }
}

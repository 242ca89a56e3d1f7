//! Files that are encrypted as a whole, known by how their formats begin. Nobody reads them without a key, and nor does Cordon.

/// What begins a file of each format.
const BEGINNINGS: [(&[u8], &str); 12] = [
    (b"age-encryption.org/v1\n", "age"),
    (b"-----BEGIN AGE ENCRYPTED FILE-----", "age"),
    (b"-----BEGIN PGP MESSAGE-----", "OpenPGP"),
    (b"Salted__", "OpenSSL"),
    (b"LUKS\xba\xbe", "LUKS"),
    (b"SKUL\xba\xbe", "LUKS"),
    (b"\x03\xd9\xa2\x9a\x67\xfb\x4b\xb5", "KeePass"),
    (b"\x03\xd9\xa2\x9a\x65\xfb\x4b\xb5", "KeePass"),
    (b"$ANSIBLE_VAULT;", "Ansible Vault"),
    (b"\0GITCRYPT\0", "git-crypt"),
    (b"encrcdsa", "encrypted disk image"),
    (b"\xeb\x58\x90-FVE-FS-", "BitLocker"),
];

/// The compound file in which Office keeps an encrypted document, and the name of the stream that it is in (MS-OFFCRYPTO 2.3).
const COMPOUND: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";
const PACKAGE: &str = "EncryptedPackage";

/// Names what encrypted a file, if it says so. `bytes` are its first ones, or all of it.
#[must_use]
pub fn encrypted(bytes: &[u8]) -> Option<&'static str> {
    let armour = bytes.trim_ascii_start();
    let begins = |(beginning, _): &&(&[u8], &str)| bytes.starts_with(beginning) || armour.starts_with(beginning);
    if let Some((_, name)) = BEGINNINGS.iter().find(begins) {
        return Some(name);
    }
    if bytes.starts_with(COMPOUND) {
        let name: Vec<u8> = PACKAGE.encode_utf16().flat_map(u16::to_le_bytes).collect();
        return memchr::memmem::find(bytes, &name).map(|_| "Office");
    }
    is_openpgp(bytes).then_some("OpenPGP")
}

/// Tells whether a file begins with a session key, encrypted to a key (tag 1) or to a passphrase (tag 3) of OpenPGP
/// (RFC 9580, sections 4.2, 5.1 and 5.3).
fn is_openpgp(bytes: &[u8]) -> bool {
    let Some((&first, rest)) = bytes.split_first() else { return false };
    let (tag, length_bytes) = match (first >> 6, first & 0x3f, rest.first()) {
        (0b10, old, _) if old & 3 < 3 => (old >> 2, 1 << (old & 3)),
        (0b11, new, Some(0..=191)) => (new, 1),
        (0b11, new, Some(192..=223)) => (new, 2),
        (0b11, new, Some(255)) => (new, 5),
        _ => return false,
    };
    let known = |at: usize, all: &[u8]| rest.get(length_bytes + at).is_some_and(|byte| all.contains(byte));
    match tag {
        // A version, eight bytes that name the key, an algorithm that encrypts.
        1 => known(0, &[3]) && known(9, &[1, 2, 16, 18, 25, 26]),
        // A version, a cipher, a way from a passphrase to a key.
        3 => known(0, &[4]) && known(1, &[1, 2, 3, 4, 7, 8, 9, 10, 11, 12, 13]) && known(2, &[0, 1, 3, 4]),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn openpgp(first: &[u8], length_bytes: usize, body: &[u8]) -> Vec<u8> {
        [first, &vec![0x40; length_bytes], body].concat()
    }

    #[test]
    fn each_says_what_it_is() {
        for (beginning, name) in BEGINNINGS {
            assert_eq!(encrypted(&[beginning, b"1.1;AES256\n"].concat()), Some(name));
        }
        assert_eq!(encrypted(b"\n  -----BEGIN PGP MESSAGE-----\n\nhQEM"), Some("OpenPGP"));
        let to_key = [&[3][..], &[7; 8], &[1], &[0; 16]].concat();
        let to_passphrase = [4, 9, 3, 8, 1, 2, 3];
        for file in [
            openpgp(&[0x84], 1, &to_key),
            openpgp(&[0x85], 2, &to_key),
            openpgp(&[0xc1], 1, &to_key),
            openpgp(&[0x8c], 1, &to_passphrase),
            openpgp(&[0xc3], 1, &to_passphrase),
        ] {
            assert_eq!(encrypted(&file), Some("OpenPGP"), "{file:?}");
        }
        let name: Vec<u8> = PACKAGE.encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(encrypted(&[COMPOUND, &[0; 1500], &name].concat()), Some("Office"));
    }

    #[test]
    fn others_are_read() {
        for plain in [
            &b"see age-encryption.org/v1\n"[..],
            b"Salted butter",
            b"a mail\n-----BEGIN PGP MESSAGE-----\n",
            b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n",
            b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n",
            b"\x99\x01\x0d\x04",
            b"\x84",
            b"",
        ] {
            assert_eq!(encrypted(plain), None, "{plain:?}");
        }
        assert_eq!(encrypted(&[COMPOUND, &[0; 4000]].concat()), None, "an old document, or a message of Outlook");
    }

    proptest! {
        #[test]
        fn text_is_never_called_so(text in "[a-z \\n]{0,200}") {
            prop_assert_eq!(encrypted(text.as_bytes()), None);
        }

        #[test]
        fn whatever_it_is_there_is_an_answer(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = encrypted(&bytes);
        }
    }
}

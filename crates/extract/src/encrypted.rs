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

/// Names what encrypted a file, if it says so. `bytes` are its first ones, or all of it; of a document of Office all of it is needed.
#[must_use]
pub fn encrypted(bytes: &[u8]) -> Option<&'static str> {
    let armour = bytes.trim_ascii_start();
    let begins = |(beginning, _): &&(&[u8], &str)| bytes.starts_with(beginning) || armour.starts_with(beginning);
    if let Some((_, name)) = BEGINNINGS.iter().find(begins) {
        return Some(name);
    }
    if bytes.starts_with(COMPOUND) {
        return memchr::memmem::find(bytes, &package()).map(|_| "Office");
    }
    is_openpgp(bytes).then_some("OpenPGP")
}

/// The beginning of the entry of a directory that names the stream: 64 bytes of name, how many of them, and that it is a stream
/// (MS-CFB 2.6.1).
fn package() -> Vec<u8> {
    let mut entry: Vec<u8> = PACKAGE.encode_utf16().flat_map(u16::to_le_bytes).collect();
    let length = entry.len() + 2;
    entry.resize(64, 0);
    entry.extend([length as u8, 0, 2]);
    entry
}

/// A packet of OpenPGP: its tag, and where its body begins and ends (RFC 9580, section 4.2).
fn packet(bytes: &[u8]) -> Option<(u8, usize, usize)> {
    let (&first, rest) = bytes.split_first()?;
    let number = |count: usize| {
        rest.get(..count).map(|octets| octets.iter().fold(0, |number, octet| number << 8 | usize::from(*octet)))
    };
    let (tag, octets, length) = match (first >> 6, rest.first()?) {
        (0b10, _) if first & 3 < 3 => (first >> 2 & 0xf, 1 << (first & 3), number(1 << (first & 3))?),
        (0b11, 0..=191) => (first & 0x3f, 1, number(1)?),
        (0b11, 192..=223) => (first & 0x3f, 2, number(2)? - (192 << 8) + 192),
        (0b11, 255) => (first & 0x3f, 5, number(5)? & 0xffff_ffff),
        _ => return None,
    };
    Some((tag, 1 + octets, 1 + octets + length))
}

/// Tells whether a file begins with a session key, encrypted to a key (tag 1) or to a passphrase (tag 3) of OpenPGP
/// (RFC 9580, sections 5.1 and 5.3), behind which nothing but more of them stands, or what is encrypted under it.
fn is_openpgp(bytes: &[u8]) -> bool {
    let Some((tag, begin, end)) = packet(bytes) else { return false };
    let body = bytes.get(begin..end.min(bytes.len())).unwrap_or_default();
    let is_key = match (tag, body) {
        // A version, eight bytes that name the key, an algorithm that encrypts.
        (1, [3, _, _, _, _, _, _, _, _, 1 | 2 | 16 | 18 | 25 | 26, ..]) => true,
        // A version, a cipher, a way from a passphrase to a key.
        (3, [4, 1..=4 | 7..=13, 0 | 1 | 3 | 4, _, ..]) => true,
        _ => false,
    };
    // Another session key, or data: encrypted, with integrity, authenticated.
    let follows = |first: u8| match first >> 6 {
        0b10 => [1, 3, 9].contains(&(first >> 2 & 0xf)),
        0b11 => [1, 3, 9, 18, 20].contains(&(first & 0x3f)),
        _ => false,
    };
    is_key && bytes.get(end).is_none_or(|first| follows(*first))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn openpgp(first: u8, length: &[u8], body: &[u8]) -> Vec<u8> {
        [&[first][..], length, body].concat()
    }

    fn to_key() -> Vec<u8> {
        [&[3][..], &[7; 8], &[1], &[0; 16]].concat()
    }

    #[test]
    fn each_says_what_it_is() {
        for (beginning, name) in BEGINNINGS {
            assert_eq!(encrypted(&[beginning, b"1.1;AES256\n"].concat()), Some(name));
        }
        assert_eq!(encrypted(b"\n  -----BEGIN PGP MESSAGE-----\n\nhQEM"), Some("OpenPGP"));
        let (to_key, to_passphrase, data) = (to_key(), [4, 9, 3, 8, 1, 2, 3], [0xd2, 5, 1, 9, 9, 9, 9]);
        for file in [
            openpgp(0x84, &[26], &to_key),
            openpgp(0x85, &[0, 26], &to_key),
            openpgp(0xc1, &[26], &to_key),
            openpgp(0xc1, &[255, 0, 0, 0, 26], &to_key),
            openpgp(0x8c, &[7], &to_passphrase),
            openpgp(0xc3, &[7], &to_passphrase),
        ] {
            for behind in [&[][..], &data, &file] {
                assert_eq!(encrypted(&[&file, behind].concat()), Some("OpenPGP"), "{file:?} {behind:?}");
            }
            assert_eq!(encrypted(&[&file[..], b"text"].concat()), None, "{file:?}");
            assert_eq!(encrypted(&file[..4]), None, "{file:?}");
        }
        let long = openpgp(0xc1, &[193, 2], &[to_key, vec![0; 424]].concat());
        assert_eq!(encrypted(&[&long[..], &data].concat()), Some("OpenPGP"), "450 bytes");
        assert_eq!(encrypted(&[COMPOUND, &[0; 1500], &package()].concat()), Some("Office"));
    }

    #[test]
    fn others_are_read() {
        let named: Vec<u8> = PACKAGE.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let mentions = [COMPOUND, &[0; 1500], &named, b" is its name"].concat();
        let (mut version, mut algorithm) = (to_key(), to_key());
        (version[0], algorithm[9]) = (2, 17);
        for plain in [
            &b"see age-encryption.org/v1\n"[..],
            b"Salted butter",
            b"a mail\n-----BEGIN PGP MESSAGE-----\n",
            b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n",
            b"-----BEGIN PGP PUBLIC KEY BLOCK-----\n",
            b"\x99\x01\x0d\x04",
            b"\x84\x01\x03Gabcdefg\x01",
            b"\x8c\x01\x04\x02\x03\x08",
            b"\x84",
            b"",
            &openpgp(0x84, &[26], &version),
            &openpgp(0x84, &[26], &algorithm),
            &mentions,
        ] {
            assert_eq!(encrypted(plain), None, "{plain:?}");
        }
        assert_eq!(encrypted(&[COMPOUND, &[0; 4000]].concat()), None, "an old document, or a message of Outlook");
    }

    proptest! {
        #[test]
        fn text_is_never_called_so(text in "\\PC{0,200}") {
            prop_assume!(!BEGINNINGS.iter().any(|(beginning, _)| text.trim_start().as_bytes().starts_with(beginning)));
            prop_assert_eq!(encrypted(text.as_bytes()), None);
        }

        #[test]
        fn whatever_it_is_there_is_an_answer(first in prop_oneof![Just(0x84), Just(0x85), Just(0x86), Just(0xc1), Just(0xc3), any::<u8>()], bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = encrypted(&[&[first][..], &bytes].concat());
        }
    }
}

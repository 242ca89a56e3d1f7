//! Lists of objects, in the two forms that clients ask for.

use aws_lc_rs::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use cordon_domain::{Bucket, PrincipalId};
use cordon_gate::Facts;
use cordon_keys::{KeyName, Purpose};
use cordon_store::StoreError;
use cordon_store::keyring::Keyring;
use cordon_vault::list::{Next, Start, Wanted};
use cordon_vault::{Listed, Page};
use data_encoding::BASE64URL_NOPAD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use s3s::dto::*;
use s3s::{S3Request, S3Response, S3Result, s3_error};

use super::operations::Operations;
use super::refusal::of_vault;
use super::said::{moment, tag};
use crate::limits::S3_TOKEN_CHARS_MAX;

/// Seals where a list goes on: the name may be one of which whoever asks may not know.
pub(super) struct Tokens(LessSafeKey);

impl Tokens {
    /// Makes the key from one that nodes share, for nothing else.
    pub(super) fn of(keys: &Keyring) -> Result<Self, StoreError> {
        let secret = keys.with(|unlocked| {
            let newest = unlocked.newest(KeyName::Purpose(Purpose::Nodes)).unwrap_or(1);
            Ok(unlocked.own(Purpose::Nodes, newest)?.derive("cordon/list-token/v1"))
        })?;
        Self::new(secret.expose()).ok_or(StoreError::Stopped)
    }

    fn new(key: &[u8; 32]) -> Option<Self> {
        Some(Self(LessSafeKey::new(UnboundKey::new(&AES_256_GCM, key).ok()?)))
    }

    /// Says where a list goes on, in a text that tells nobody.
    pub(super) fn write(&self, start: &Start, list: &[u8]) -> Option<String> {
        self.seal(&start.written(), list)
    }

    /// Reads where a list goes on; nothing when the text is none that was given here.
    pub(super) fn read(&self, token: &str, list: &[u8]) -> Option<Start> {
        Start::read(&self.open(token, list)?)
    }

    fn seal(&self, name: &str, list: &[u8]) -> Option<String> {
        let mut nonce = [0; NONCE_LEN];
        aws_lc_rs::rand::fill(&mut nonce).ok()?;
        let mut sealed = name.as_bytes().to_vec();
        self.0.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(list), &mut sealed).ok()?;
        Some(BASE64URL_NOPAD.encode(&[&nonce[..], &sealed].concat()))
    }

    fn open(&self, token: &str, list: &[u8]) -> Option<String> {
        let bytes = (token.len() <= S3_TOKEN_CHARS_MAX).then(|| BASE64URL_NOPAD.decode(token.as_bytes()).ok())??;
        let (nonce, sealed) = bytes.split_first_chunk::<NONCE_LEN>()?;
        let mut sealed = sealed.to_vec();
        let name = self.0.open_in_place(Nonce::assume_unique_for_key(*nonce), Aad::from(list), &mut sealed).ok()?;
        String::from_utf8(name.to_vec()).ok()
    }
}

/// How names are written: as they are, or so that XML takes them.
#[derive(Clone, Copy)]
pub(super) struct Names {
    encoded: bool,
}

/// What is left as it is in names.
const PLAIN: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~').remove(b'/').remove(b'*');

impl Names {
    pub(super) fn of(kind: Option<&EncodingType>) -> S3Result<Self> {
        match kind.map(EncodingType::as_str) {
            None => Ok(Self { encoded: false }),
            Some(EncodingType::URL) => Ok(Self { encoded: true }),
            Some(_) => Err(s3_error!(InvalidArgument, "names are encoded as `url`, or not")),
        }
    }

    pub(super) fn kind(self) -> Option<EncodingType> {
        self.encoded.then(|| EncodingType::from_static(EncodingType::URL))
    }

    pub(super) fn write(self, name: &str) -> String {
        if self.encoded { percent_encode(name.as_bytes(), PLAIN).to_string() } else { name.to_owned() }
    }

    fn objects(self, page: &Page, owners: bool) -> Vec<Object> {
        let objects = page.lines.iter().filter_map(|line| match line {
            Listed::Object(entry) => Some(entry.as_ref()),
            Listed::Beginning(_) => None,
        });
        let object = |entry: &cordon_store::Entry| Object {
            key: Some(self.write(entry.key.as_str())),
            e_tag: Some(tag(&entry.said)),
            last_modified: Some(moment(entry.said.at)),
            size: i64::try_from(entry.said.bytes).ok(),
            storage_class: Some(ObjectStorageClass::from_static(ObjectStorageClass::STANDARD)),
            owner: owners.then(|| owner(entry.said.by)),
            ..Default::default()
        };
        objects.map(object).collect()
    }

    pub(super) fn beginnings(self, page: &Page) -> Vec<CommonPrefix> {
        let beginnings = page.lines.iter().filter(|line| matches!(line, Listed::Beginning(_)));
        beginnings.map(|line| CommonPrefix { prefix: Some(self.write(line.name())) }).collect()
    }
}

/// Whoever wrote something: what else S3 calls an owner is here whoever is given that.
pub(super) fn owner(by: PrincipalId) -> Owner {
    Owner { display_name: None, id: Some(by.to_string()) }
}

/// What a list is of, and for whom: it goes on with the same one.
pub(super) fn same_list(bucket: &Bucket, asks: &Facts, prefix: &str) -> Vec<u8> {
    [&bucket.id.0[..], &asks.actor.principal.0, prefix.as_bytes()].concat()
}

pub(super) fn most(asked: Option<i32>) -> S3Result<(usize, i32)> {
    let asked = asked.unwrap_or(1000);
    let most = usize::try_from(asked).map_err(|_| s3_error!(InvalidArgument, "max-keys is negative"))?;
    Ok((most.min(1000), asked))
}

impl Operations {
    pub(super) async fn list_newer(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        let asks = Self::asks(&request)?;
        let input = request.input;
        let (names, (most, asked)) = (Names::of(input.encoding_type.as_ref())?, most(input.max_keys)?);
        let bucket = self.bucket(&asks, &input.bucket).await?;
        let prefix = input.prefix.clone().unwrap_or_default();
        let unknown = || s3_error!(InvalidArgument, "the continuation token is none that was given here");
        let list = same_list(&bucket, &asks.facts, &prefix);
        let from = input.continuation_token.as_deref().filter(|token| !token.is_empty());
        let from = from.map(|token| self.tokens.read(token, &list).ok_or_else(unknown));
        let wanted = Wanted {
            prefix,
            delimiter: input.delimiter.clone().filter(|delimiter| !delimiter.is_empty()),
            after: input.start_after.clone(),
            from: from.transpose()?,
            most,
            looked_at_max: None,
        };
        let page = self.vault().list(&asks.facts, &bucket, &wanted).await.map_err(of_vault)?;
        let (objects, beginnings) = (names.objects(&page, input.fetch_owner == Some(true)), names.beginnings(&page));
        Ok(S3Response::new(ListObjectsV2Output {
            name: Some(input.bucket),
            key_count: i32::try_from(page.lines.len()).ok(),
            max_keys: Some(asked),
            is_truncated: Some(page.next.is_some()),
            next_continuation_token: page.next.as_ref().and_then(|next| self.tokens.write(&next.start(), &list)),
            continuation_token: input.continuation_token,
            contents: Some(objects),
            common_prefixes: Some(beginnings),
            prefix: Some(names.write(&wanted.prefix)),
            delimiter: wanted.delimiter.as_deref().map(|delimiter| names.write(delimiter)),
            start_after: input.start_after.as_deref().map(|after| names.write(after)),
            encoding_type: names.kind(),
            ..Default::default()
        }))
    }

    pub(super) async fn list_older(
        &self,
        request: S3Request<ListObjectsInput>,
    ) -> S3Result<S3Response<ListObjectsOutput>> {
        let asks = Self::asks(&request)?;
        let input = request.input;
        let (names, (most, asked)) = (Names::of(input.encoding_type.as_ref())?, most(input.max_keys)?);
        let bucket = self.bucket(&asks, &input.bucket).await?;
        let prefix = input.prefix.clone().unwrap_or_default();
        let list = same_list(&bucket, &asks.facts, &prefix);
        let from = input.marker.as_deref().and_then(|marker| self.tokens.read(marker, &list));
        let wanted = Wanted {
            prefix,
            delimiter: input.delimiter.clone().filter(|delimiter| !delimiter.is_empty()),
            after: input.marker.clone().filter(|_| from.is_none()),
            from,
            most,
            looked_at_max: None,
        };
        let page = self.vault().list(&asks.facts, &bucket, &wanted).await.map_err(of_vault)?;
        let next_marker = match &page.next {
            // No line of this page leads on.
            Some(Next::Hidden(start)) => self.tokens.write(start, &list),
            Some(Next::Line(_)) if wanted.delimiter.is_some() => page.lines.last().map(|line| names.write(line.name())),
            Some(Next::Line(_)) | None => None,
        };
        Ok(S3Response::new(ListObjectsOutput {
            name: Some(input.bucket),
            max_keys: Some(asked),
            is_truncated: Some(page.next.is_some()),
            next_marker,
            marker: Some(input.marker.as_deref().map(|marker| names.write(marker)).unwrap_or_default()),
            contents: Some(names.objects(&page, true)),
            common_prefixes: Some(names.beginnings(&page)),
            prefix: Some(names.write(&wanted.prefix)),
            delimiter: wanted.delimiter.as_deref().map(|delimiter| names.write(delimiter)),
            encoding_type: names.kind(),
            ..Default::default()
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_a_list_goes_on_tells_no_name_and_is_not_made_up() {
        let tokens = Tokens::new(&[7; 32]).expect("a key");
        let token = tokens.seal("plans/next-model.md", b"list").expect("sealed");
        assert_eq!(tokens.open(&token, b"list").as_deref(), Some("plans/next-model.md"));
        assert_eq!(tokens.open(&token, b"another"), None, "of another list");
        let bytes = BASE64URL_NOPAD.decode(token.as_bytes()).expect("decodes");
        assert!(!bytes.windows(5).any(|window| window == b"plans"));
        for other in ["", "x", token.split_at(1).1, "cGxhbnMvbmV4dC1tb2RlbC5tZAAAAAAAAAAAAAAA", &"A".repeat(5000)] {
            assert_eq!(tokens.open(other, b"list"), None, "{other}");
        }
        assert_eq!(Tokens::new(&[8; 32]).expect("a key").open(&token, b"list"), None, "of another key");
        let start = Start { name: "plans/a".to_owned(), below: Some(3) };
        let token = tokens.write(&start, b"list").expect("sealed");
        assert_eq!(tokens.read(&token, b"list"), Some(start));
        assert_eq!(tokens.read("plans/next-model.md", b"list"), None, "a name is no such text");
    }

    #[test]
    fn names_are_written_so_that_xml_takes_them() {
        let names = Names { encoded: true };
        assert_eq!(names.write("a b/\u{1}ä+&.txt"), "a%20b/%01%C3%A4%2B%26.txt");
    }
}

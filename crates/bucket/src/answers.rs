//! Answers of S3: XML of a few elements, and nothing of it believed beyond that.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;
use quick_xml::events::Event;

use crate::limits::{ANSWER_DEPTH_MAX, ELEMENTS_MAX, PAGE_MAX, TAGS_MAX, TOLD_BYTES_MAX};

/// One element: what is in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Element {
    name: String,
    text: String,
    children: Vec<Self>,
}

impl Element {
    /// Reads an answer.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn read(xml: &[u8]) -> Result<Self, &'static str> {
        let xml = std::str::from_utf8(xml).map_err(|_| "it is no text")?;
        let mut reader = quick_xml::Reader::from_str(xml);
        let (mut open, mut elements): (Vec<Self>, usize) = (Vec::new(), 0);
        loop {
            let event = reader.read_event().map_err(|_| "it is no XML")?;
            elements += usize::from(matches!(event, Event::Start(_) | Event::Empty(_)));
            if elements > ELEMENTS_MAX {
                return Err("it has too many elements");
            }
            match event {
                Event::Start(tag) => {
                    if open.len() == ANSWER_DEPTH_MAX {
                        return Err("its elements stand too deep");
                    }
                    open.push(Self { name: tag.local_name().as_ref().to_owned(), ..Self::default() });
                }
                Event::Empty(tag) => {
                    let parent = open.last_mut().ok_or("it is empty")?;
                    parent.children.push(Self { name: tag.local_name().as_ref().to_owned(), ..Self::default() });
                }
                Event::Text(text) => push(&mut open, &text),
                Event::CData(text) => push(&mut open, &text),
                Event::GeneralRef(entity) => {
                    let mut sign = [0; 4];
                    push(&mut open, named(&entity, &mut sign).ok_or("it names what XML does not")?);
                }
                Event::End(_) => {
                    let done = open.pop().ok_or("it is no XML")?;
                    match open.last_mut() {
                        Some(parent) => parent.children.push(done),
                        None => return Ok(done),
                    }
                }
                Event::DocType(_) => return Err("it defines a language of its own"),
                Event::Eof => return Err("it breaks off"),
                _ => {}
            }
        }
    }

    /// What is under a name; nothing where it stands nowhere.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.children.iter().find(|child| child.name == name).map_or("", |child| child.text.as_str())
    }

    /// All that stands under a name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a Self> {
        self.children.iter().filter(move |child| child.name == name)
    }

    fn is(&self, name: &str) -> bool {
        self.text(name).eq_ignore_ascii_case("true")
    }
}

fn push(open: &mut [Element], text: &str) {
    if let Some(last) = open.last_mut() {
        last.text.push_str(text);
    }
}

/// What an entity is: one of the five of XML, or a sign by its number.
fn named<'a>(entity: &str, sign: &'a mut [u8; 4]) -> Option<&'a str> {
    let known = match entity {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => {
            let digits = entity.strip_prefix('#')?;
            let number = match digits.strip_prefix('x') {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => digits.parse(),
            };
            char::from_u32(number.ok()?)?
        }
    };
    Some(known.encode_utf8(sign))
}

/// A version of an object, or a mark that hides what is before it, as a list tells it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version {
    /// The name.
    pub key: String,
    /// Which version; none where a list tells names alone.
    pub id: Option<String>,
    /// What tells its content from another; empty for a mark.
    pub tag: String,
    /// How many bytes.
    pub bytes: u64,
    /// When it was written, as the store writes it.
    pub modified: String,
    /// Whether its name leads to it.
    pub is_latest: bool,
    /// Whether it is a mark of a deletion.
    pub is_mark: bool,
}

impl Version {
    /// What it is called in talk.
    #[must_use]
    pub fn shown(&self) -> String {
        match &self.id {
            Some(id) => format!("{} ({id})", self.key),
            None => self.key.clone(),
        }
    }
}

/// Where a list goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Next {
    pub(crate) key: String,
    pub(crate) version: String,
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page {
    /// What is on it, in the order of the store.
    pub versions: Vec<Version>,
    /// Where it goes on.
    pub next: Option<Next>,
}

impl Page {
    /// Reads a page of versions, the youngest of a name first.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn of_versions(xml: &[u8]) -> Result<Self, &'static str> {
        let answer = Element::read(xml)?;
        let coded = answer.text("EncodingType").eq_ignore_ascii_case("url");
        let line = |child: &Element| match child.name.as_str() {
            "Version" => Some(version(child, coded, false)),
            "DeleteMarker" => Some(version(child, coded, true)),
            _ => None,
        };
        let versions = page(answer.children.iter().filter_map(line))?;
        let next =
            |key: &str| Next { key: decoded(key, coded), version: answer.text("NextVersionIdMarker").to_owned() };
        let next = answer.is("IsTruncated").then(|| next(answer.text("NextKeyMarker")));
        Self { versions, next }.goes_on()
    }

    /// Reads a page of names (`ListObjectsV2`).
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub fn of_names(xml: &[u8]) -> Result<Self, &'static str> {
        let answer = Element::read(xml)?;
        let coded = answer.text("EncodingType").eq_ignore_ascii_case("url");
        let line = |child| version(child, coded, false).map(|one| Version { id: None, is_latest: true, ..one });
        let versions = page(answer.all("Contents").map(line))?;
        let token = answer.text("NextContinuationToken").to_owned();
        let next = answer.is("IsTruncated").then_some(Next { key: token, version: String::new() });
        Self { versions, next }.goes_on()
    }

    /// A list that goes on says where.
    fn goes_on(self) -> Result<Self, &'static str> {
        let is_lost = self.next.as_ref().is_some_and(|next| next.key.is_empty());
        if is_lost { Err("it goes on, and does not say where") } else { Ok(self) }
    }
}

fn page(lines: impl Iterator<Item = Result<Version, &'static str>>) -> Result<Vec<Version>, &'static str> {
    let lines: Vec<_> = lines.take(PAGE_MAX + 1).collect::<Result<_, _>>()?;
    if lines.len() > PAGE_MAX { Err("it has more lines than were asked for") } else { Ok(lines) }
}

fn version(line: &Element, coded: bool, is_mark: bool) -> Result<Version, &'static str> {
    let key = decoded(line.text("Key"), coded);
    if key.is_empty() {
        return Err("one of its lines has no name");
    }
    if ["VersionId", "ETag", "LastModified"].iter().any(|name| line.text(name).len() > TOLD_BYTES_MAX) {
        return Err("one of its lines is too long");
    }
    let bytes = if is_mark { Ok(0) } else { line.text("Size").parse() };
    Ok(Version {
        key,
        id: Some(line.text("VersionId").to_owned()),
        tag: line.text("ETag").to_owned(),
        bytes: bytes.map_err(|_| "one of its lines has no size")?,
        modified: line.text("LastModified").to_owned(),
        is_latest: line.is("IsLatest"),
        is_mark,
    })
}

/// A name as it is, where a list writes it as an address does.
fn decoded(text: &str, coded: bool) -> String {
    if !coded {
        return text.to_owned();
    }
    let text = if text.contains('+') { Cow::from(text.replace('+', " ")) } else { Cow::from(text) };
    percent_decode_str(&text).decode_utf8_lossy().into_owned()
}

/// Reads the tags of an object.
///
/// # Errors
///
/// What is wrong with them.
pub fn tags(xml: &[u8]) -> Result<Vec<(String, String)>, &'static str> {
    let answer = Element::read(xml)?;
    let pairs = answer.all("TagSet").flat_map(|set| set.all("Tag"));
    let pairs: Vec<_> = pairs.map(|tag| (tag.text("Key").to_owned(), tag.text("Value").to_owned())).collect();
    if pairs.len() > TAGS_MAX { Err("it has more tags than S3 has") } else { Ok(pairs) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const VERSIONS: &str = "<?xml version=\"1.0\"?><ListVersionsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
        <EncodingType>url</EncodingType><IsTruncated>true</IsTruncated><NextKeyMarker>a%2Bb+c</NextKeyMarker>\
        <NextVersionIdMarker>v1</NextVersionIdMarker>\
        <DeleteMarker><Key>a%2Bb+c</Key><VersionId>v3</VersionId><IsLatest>true</IsLatest></DeleteMarker>\
        <Version><Key>a%2Bb+c</Key><VersionId>v2</VersionId><IsLatest>false</IsLatest><ETag>&quot;t&#x26;&quot;</ETag>\
        <Size>7</Size><LastModified>2026-01-02T03:04:05.000Z</LastModified><Owner><ID>x</ID></Owner></Version>\
        <CommonPrefixes/></ListVersionsResult>";

    #[test]
    fn a_page_of_versions_keeps_marks_in_their_place() {
        let page = Page::of_versions(VERSIONS.as_bytes()).expect("a page");
        let told: Vec<_> = page.versions.iter().map(|one| (one.key.as_str(), one.id.as_deref(), one.is_mark)).collect();
        assert_eq!(told, [("a+b c", Some("v3"), true), ("a+b c", Some("v2"), false)]);
        assert_eq!((page.versions[1].tag.as_str(), page.versions[1].bytes), ("\"t&\"", 7));
        assert_eq!(page.next, Some(Next { key: "a+b c".to_owned(), version: "v1".to_owned() }));
    }

    #[test]
    fn a_page_of_names_leads_to_the_next() {
        let text = "<ListBucketResult><Contents><Key>a b+</Key><Size>1</Size></Contents><IsTruncated>true</IsTruncated>\
                    <NextContinuationToken>t+1</NextContinuationToken></ListBucketResult>";
        let page = Page::of_names(text.as_bytes()).expect("a page");
        assert_eq!((page.versions[0].key.as_str(), page.versions[0].id.as_deref()), ("a b+", None));
        assert_eq!(page.next.map(|next| next.key).as_deref(), Some("t+1"));
    }

    #[test]
    fn an_answer_that_is_none_is_not_taken_for_an_empty_one() {
        let deep = "<a>".repeat(ANSWER_DEPTH_MAX + 1);
        let many = format!("<a>{}</a>", "<Contents><Key>k</Key><Size>1</Size></Contents>".repeat(PAGE_MAX + 1));
        let full = format!("<a>{}</a>", "<b/>".repeat(ELEMENTS_MAX));
        let long = format!("<a><Contents><Key>k</Key><ETag>{}</ETag></Contents></a>", "x".repeat(TOLD_BYTES_MAX + 1));
        for (text, why) in [
            ("", "it breaks off"),
            ("<a><b></b>", "it breaks off"),
            ("<a></b>", "it is no XML"),
            ("<!DOCTYPE a [<!ENTITY b \"c\">]><a>&b;</a>", "it defines a language of its own"),
            ("<a>&b;</a>", "it names what XML does not"),
            (&deep, "its elements stand too deep"),
            (&many, "it has more lines than were asked for"),
            (&full, "it has too many elements"),
            (&long, "one of its lines is too long"),
            ("<a><Contents><Size>1</Size></Contents></a>", "one of its lines has no name"),
            ("<a><Contents><Key>k</Key></Contents></a>", "one of its lines has no size"),
            ("<a><Contents><Key>k</Key><Size>-1</Size></Contents></a>", "one of its lines has no size"),
            ("<a><IsTruncated>true</IsTruncated></a>", "it goes on, and does not say where"),
        ] {
            assert_eq!(Page::of_names(text.as_bytes()), Err(why), "{text:.60}");
        }
        assert_eq!(Page::of_names(b"\xff"), Err("it is no text"));
    }

    #[test]
    fn tags_are_pairs() {
        let text = "<Tagging><TagSet><Tag><Key>a</Key><Value>b &amp; c</Value></Tag></TagSet></Tagging>";
        assert_eq!(tags(text.as_bytes()), Ok(vec![("a".to_owned(), "b & c".to_owned())]));
        assert_eq!(tags(b"<Tagging><TagSet/></Tagging>"), Ok(Vec::new()));
    }

    proptest! {
        #[test]
        fn whatever_comes_is_read_or_refused(text in "(<[a-zA-Z/!?]{0,9}>?|&[a-z#0-9]{0,4};?|[ -~]{0,6}){0,40}") {
            let _ = (Page::of_versions(text.as_bytes()), Page::of_names(text.as_bytes()), tags(text.as_bytes()));
        }

        #[test]
        fn a_name_is_read_as_it_was(key in "[^\\x00-\\x1f]{1,40}") {
            let coded: String = key.bytes().map(|byte| format!("%{byte:02X}")).collect();
            prop_assert_eq!(decoded(&coded, true), key.clone());
            prop_assert_eq!(decoded(&key, false), key);
        }
    }
}

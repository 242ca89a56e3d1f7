//! The view of a stranger, against a server of our own on loopback.

use std::io::{Read as _, Write as _};
use std::net::TcpListener;

use crate::harness::{Place, token};

/// Serves fixed pages; anything else is 404. Ends with the test.
fn serve(pages: impl Fn(&str, &str) -> Option<(String, String)> + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let base = format!("http://127.0.0.1:{}", listener.local_addr().expect("an address").port());
    let own = base.clone();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let Ok(mut stream) = stream else { return };
            let mut request = [0; 4096];
            let count = stream.read(&mut request).unwrap_or(0);
            let text = String::from_utf8_lossy(&request[..count]).into_owned();
            assert!(!text.to_lowercase().contains("authorization") && !text.to_lowercase().contains("cookie"));
            let path = text.split(' ').nth(1).unwrap_or("/").to_owned();
            let answer = match pages(&path, &own) {
                Some((head, body)) => {
                    format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
                }
                None => "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".to_owned(),
            };
            let _ = stream.write_all(answer.as_bytes());
        }
    });
    base
}

#[test]
fn what_answers_a_stranger_is_inspected_and_compared_with_the_manifest() {
    let key = token(20);
    let base = serve(move |path, base| {
        let ok = |body: String| Some(("200 OK".to_owned(), body));
        match path {
            "/sitemap.xml" => ok(["/public", "/draft", "/gone", "/away"]
                .map(|path| format!("<url><loc>{base}{path}</loc></url>"))
                .concat()),
            "/public" => ok("hello".to_owned()),
            "/draft" => ok(format!("CONFIDENTIAL\n{key}\n")),
            "/away" => Some(("302 Found\r\nLocation: http://169.254.169.254/meta".to_owned(), String::new())),
            _ => None,
        }
    });
    let place = Place::new();
    let manifest = place.write("public.txt", format!("{base}/public\n"));
    let sitemap = format!("{base}/sitemap.xml");
    let arguments =
        ["scan", &sitemap, "--json", "--i-am-authorised", "--public-manifest", manifest.to_str().expect("UTF-8")];
    let report = place.run(&arguments);
    assert_eq!(report.places("reachable-by-anyone"), [format!("{base}/draft")]);
    assert_eq!(report.places("marking-confidential"), [format!("{base}/draft")]);
    let finding = report.findings().into_iter().find(|finding| finding["rule"] == "xai-api-key").expect("the key");
    assert!(finding["detail"].as_str().expect("a detail").contains("reachable by anyone"));
    assert_eq!(report.summary()["skipped"], 1, "the redirect to a private address: {}", report.summary());
    let without = place.run(&["scan", &sitemap, "--json"]);
    assert_eq!((without.code, without.findings().len()), (3, 0), "a host that is not listed is not asked");
}

//! How a node is reached: where it listens, and who encrypts the way to it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use clap::Args;
use cordon_domain::Network;
use cordon_identity::PublicUrl;
use cordon_server::{CertificateFiles, Doors, Tls};
use cordon_store::edge::SystemClock;
use hyper::Uri;
use tokio::net::TcpListener;

use crate::error::Failure;

/// How it is reached.
#[derive(Args)]
#[group(id = "up-ways")]
pub(super) struct Ways {
    /// Where to listen.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8700")]
    listen: SocketAddr,
    /// Where clients of S3 are answered.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:8701")]
    s3: SocketAddr,
    /// Where clients reach that, when a proxy is before it or they know it by another name [default: the address, or with a
    /// certificate the name of --public-url].
    #[arg(long, value_name = "URL")]
    s3_url: Option<String>,
    /// A certificate for the name of --public-url, and those that lead from it to an authority (PEM): with it, people and clients
    /// of S3 are answered by TLS 1.3. One that is renewed counts without a restart.
    #[arg(long, value_name = "FILE")]
    tls_certificate: Option<PathBuf>,
    /// The private key of that certificate (PEM), which nobody else may read.
    #[arg(long, value_name = "FILE")]
    tls_key: Option<PathBuf>,
    /// A network of proxies before it, whose word on addresses counts; may be given several times.
    #[arg(long, value_name = "NETWORK")]
    pub(super) proxy: Vec<Network>,
    /// Where to answer with numbers for Prometheus, at /metrics: on the loopback address.
    #[arg(long, value_name = "ADDRESS:PORT")]
    metrics: Option<SocketAddr>,
}

impl Ways {
    /// Refuses what would send passwords and objects over a network as they are.
    pub(super) fn check(&self, url: &PublicUrl) -> Result<(), Failure> {
        let encrypts = self.tls_certificate.is_some() || self.tls_key.is_some();
        if let Some(open) = self.open().filter(|_| self.proxy.is_empty() && !encrypts) {
            return Err(Failure::usage(
                format!("{open} is reached from other machines, and without a certificate this speaks plain HTTP"),
                "give --tls-certificate and --tls-key; or put a proxy that encrypts before it and name its network with \
                 --proxy; or listen on 127.0.0.1",
            ));
        }
        if encrypts && !url.is_https() {
            return Err(Failure::usage(
                format!("this answers by TLS, and people would come to {}", url.origin()),
                "give --public-url with https and the name of the certificate",
            ));
        }
        if let Some(open) = self.metrics.filter(|address| !address.ip().is_loopback()) {
            return Err(Failure::usage(
                format!("{open} is reached from other machines, and numbers are for this one"),
                "give --metrics an address such as 127.0.0.1:8702, and let what collects them run here",
            ));
        }
        Ok(())
    }

    /// Returns an address that is reached from other machines.
    pub(super) fn open(&self) -> Option<SocketAddr> {
        [self.listen, self.s3].into_iter().find(|address| !address.ip().is_loopback())
    }

    /// Tells whether clients come through something else.
    pub(super) fn is_proxied(&self) -> bool {
        !self.proxy.is_empty() || self.s3_url.is_some()
    }

    /// Says when other nodes of a database cannot ask this one: then it cannot be shown that something is revoked here.
    pub(super) fn warn_if_unasked(&self) {
        if self.listen.ip().is_unspecified() {
            eprintln!(
                "warning: other nodes of this database cannot ask this one at {}: give --listen the address by which \
                 they reach it, if there are others",
                self.listen
            );
        }
    }

    /// Reads the certificate.
    pub(super) fn tls(&self, url: &PublicUrl) -> Result<Option<Tls>, Failure> {
        let (certificate, key) = match (self.tls_certificate.clone(), self.tls_key.clone()) {
            (Some(certificate), Some(key)) => (certificate, key),
            (None, None) => return Ok(None),
            _ => {
                return Err(Failure::usage(
                    "a certificate is of use with its private key alone",
                    "give --tls-certificate and --tls-key",
                ));
            }
        };
        let mut names = vec![url.host().to_owned()];
        if let Some(other) = &self.s3_url {
            let host = other.parse::<Uri>().ok().filter(|uri| uri.scheme_str() == Some("https"));
            let host = host.as_ref().and_then(Uri::host).map(|host| host.trim_matches(['[', ']']).to_owned());
            names.push(host.ok_or_else(|| {
                Failure::usage(
                    format!("clients of S3 are answered by TLS, and `{other}` is no address of https"),
                    "see --s3-url",
                )
            })?);
        }
        let read = Tls::read(CertificateFiles { certificate, key }, names, Arc::new(SystemClock));
        read.map(Some)
            .map_err(|error| Failure::usage(error.to_string(), "see --tls-certificate, --tls-key and --public-url"))
    }

    /// Listens.
    pub(super) async fn doors(&self) -> Result<Doors, Failure> {
        let (pages, objects) = (listening(self.listen, "--listen").await?, listening(self.s3, "--s3").await?);
        let numbers = match self.metrics {
            Some(at) => Some(listening(at, "--metrics").await?),
            None => None,
        };
        Ok(Doors { pages, objects, numbers })
    }

    /// Where clients of S3 reach what listens there.
    pub(super) fn objects_url(&self, at: SocketAddr, url: &PublicUrl) -> String {
        match (&self.s3_url, &self.tls_certificate) {
            (Some(url), _) => url.clone(),
            (None, Some(_)) => format!("https://{}:{}", url.host(), at.port()),
            (None, None) => format!("http://{at}"),
        }
    }
}

async fn listening(at: SocketAddr, option: &str) -> Result<TcpListener, Failure> {
    let bound = TcpListener::bind(at).await;
    bound.map_err(|error| {
        Failure::usage(format!("{at} cannot be listened at: {error}"), format!("give another {option}"))
    })
}

//! TLS to a node: rustls with ring, against the public authorities or one's own.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::CryptoProvider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName, UnixTime};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};

use super::trouble::Trouble;
use crate::base::Shown;

/// How a line is kept from others.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Tls {
    /// In the open.
    #[default]
    Off,
    /// By TLS.
    On(TlsWays),
}

/// How TLS is spoken.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TlsWays {
    /// What of a certificate is checked.
    pub check: Check,
    /// The authority (PEM) that signed it; nothing: the public ones.
    pub authority: Option<PathBuf>,
    /// What firn shows of itself; a server asks for it unless `tls-auth-clients` is off or optional there.
    pub identity: Option<Identity>,
}

/// What of a server's certificate is checked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Check {
    /// Who signed it, and that it is for the name or address that was asked for.
    #[default]
    Name,
    /// Who signed it, for whatever name: that is what `redis-cli --tls` does.
    Signer,
    /// Nothing. Whoever sits between can read and answer.
    Nothing,
}

/// A certificate of firn's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// The certificate, and those up to its authority (PEM).
    pub certificate: PathBuf,
    /// Its key (PEM).
    pub key: PathBuf,
}

/// Checks the chain and not the name, or nothing.
#[derive(Debug)]
struct Lax {
    check: Check,
    strict: Option<Arc<WebPkiServerVerifier>>,
    provider: Arc<CryptoProvider>,
}

fn unreadable(path: &Path, why: impl std::fmt::Display) -> Trouble {
    Trouble::Own(format!("cannot read {}: {why}", Shown::path(path)))
}

fn unfit(why: impl std::fmt::Display) -> Trouble {
    Trouble::Own(format!("TLS cannot be set up: {why}"))
}

fn certificates(path: &Path) -> Result<Vec<CertificateDer<'static>>, Trouble> {
    let all = CertificateDer::pem_file_iter(path).map_err(|why| unreadable(path, why))?;
    let all: Vec<_> = all.collect::<Result<_, _>>().map_err(|why| unreadable(path, why))?;
    if all.is_empty() { Err(unreadable(path, "there is no certificate (PEM) in it")) } else { Ok(all) }
}

impl TlsWays {
    /// What a connection begins with. Reads the files: they may have been renewed since the last connection.
    pub fn config(&self) -> Result<Arc<ClientConfig>, Trouble> {
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider));
        let builder = builder.with_safe_default_protocol_versions().map_err(unfit)?;
        let strict = match self.check {
            Check::Nothing => None,
            Check::Name | Check::Signer => {
                let roots = Arc::new(self.roots()?);
                let strict = WebPkiServerVerifier::builder_with_provider(roots, Arc::clone(&provider));
                Some(strict.build().map_err(unfit)?)
            }
        };
        let verifier: Arc<dyn ServerCertVerifier> = match (self.check, strict) {
            (Check::Name, Some(strict)) => strict,
            (check, strict) => Arc::new(Lax { check, strict, provider }),
        };
        let builder = builder.dangerous().with_custom_certificate_verifier(verifier);
        let config = match &self.identity {
            None => builder.with_no_client_auth(),
            Some(identity) => {
                let chain = certificates(&identity.certificate)?;
                let key = PrivateKeyDer::from_pem_file(&identity.key).map_err(|why| unreadable(&identity.key, why))?;
                builder.with_client_auth_cert(chain, key).map_err(unfit)?
            }
        };
        Ok(Arc::new(config))
    }

    fn roots(&self) -> Result<RootCertStore, Trouble> {
        let mut roots = RootCertStore::empty();
        match &self.authority {
            None => roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned()),
            Some(path) => {
                for one in certificates(path)? {
                    roots.add(one).map_err(|why| unreadable(path, why))?;
                }
            }
        }
        Ok(roots)
    }
}

/// The name a certificate has to be for.
pub fn server_name(host: &str) -> Result<ServerName<'static>, Trouble> {
    ServerName::try_from(host.to_owned())
        .map_err(|_| Trouble::Tls(format!("{host} is no name that a certificate can be for")))
}

impl ServerCertVerifier for Lax {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let Some(strict) = self.strict.as_ref().filter(|_| self.check != Check::Nothing) else {
            return Ok(ServerCertVerified::assertion());
        };
        // The name is looked at last: whoever fails by it alone was signed by the right one.
        match strict.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now) {
            Err(Error::InvalidCertificate(
                CertificateError::NotValidForName | CertificateError::NotValidForNameContext { .. },
            )) => Ok(ServerCertVerified::assertion()),
            other => other,
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls12_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        rustls::crypto::verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

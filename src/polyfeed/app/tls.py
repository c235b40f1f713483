"""TLS for the listeners: the operator's certificate, or one of our own making."""

from __future__ import annotations

import datetime
import ipaddress
import ssl
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from polyfeed.app.config import ServerSection
from polyfeed.app.files import write_private

LIFETIME = datetime.timedelta(days=397)
"""The longest that browsers accept."""


def tls_files(section: ServerSection) -> tuple[Path, Path] | None:
    """The certificate and its key, None where the ports are plain alone; our own is made where it is asked for."""
    if not section.tls:
        return None
    if section.tls == "self-signed":
        return self_signed(Path(section.state_dir).expanduser() / "tls")
    return Path(section.tls).expanduser(), Path(section.tls_key).expanduser()


def server_context(certificate: Path, key: Path) -> ssl.SSLContext:
    """A context with the certificate chain and key. Raises OSError or ssl.SSLError that names the file."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    for path in (certificate, key):
        if not path.is_file():
            raise OSError(f"there is no TLS file {path}")
    context.load_cert_chain(certificate, key)
    return context


def self_signed(directory: Path) -> tuple[Path, Path]:
    """The paths of our own certificate and key for this machine's names, made where there are none that still hold."""
    certificate, key = directory / "cert.pem", directory / "key.pem"
    if not (certificate.is_file() and key.is_file() and _holds(certificate)):
        _make(certificate, key)
    return certificate, key


def _holds(path: Path) -> bool:
    try:
        end = x509.load_pem_x509_certificate(path.read_bytes()).not_valid_after_utc
    except ValueError:
        return False
    return end - datetime.datetime.now(datetime.UTC) > datetime.timedelta(days=1)


def _make(certificate: Path, key: Path) -> None:
    private = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "polyfeed on this machine")])
    start = datetime.datetime.now(datetime.UTC) - datetime.timedelta(minutes=5)
    hosts: list[x509.GeneralName] = [x509.DNSName("localhost")]
    hosts += [x509.IPAddress(ipaddress.ip_address(address)) for address in ("127.0.0.1", "::1")]
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(private.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + LIFETIME)
        .add_extension(x509.SubjectAlternativeName(hosts), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(private.public_key()), critical=False)
        .sign(private, hashes.SHA256())
    )
    write_private(
        key,
        private.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        ),
    )
    write_private(certificate, built.public_bytes(serialization.Encoding.PEM))

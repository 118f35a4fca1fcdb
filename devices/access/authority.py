"""The CA of a village's broker: made once, it signs the certificate that the broker shows on port 8883.

    ca.key (stays) ─► ca.pem (into every device) ◄─ checks ─ server.pem + server.key (the broker's)

Keys are ECDSA P-256, which an ESP32 checks in well under a second. A device that has ca.pem talks to no other
broker. The device itself is identified by its password, not by a certificate of its own.
"""

import ipaddress
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from devices.files import replace
from devices.texts import Misuse

CA_YEARS = 20  # Assumption: longer than any device of the pilot lives; a new CA means a visit to each of them
SERVER_DAYS = 825  # Assumption: the longest that Apple's clients take; a start of `make compose` renews it
RENEW_DAYS = 90
CA_KEY, CA, SERVER_KEY, SERVER = "ca.key", "ca.pem", "server.key", "server.pem"


class AuthorityError(Misuse):
    """The CA's files cannot be used; the sentence names the file and the mend."""


def prepare(folder: Path, server: Path, hosts: Sequence[str]) -> bool:
    """Make the CA in `folder` if there is none, and a certificate in the folder `server` unless one there is
    valid for `hosts` (names or addresses) for more than `RENEW_DAYS`. Returns whether it made a certificate.
    Raises AuthorityError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / CA_KEY).exists():
        _make_ca(folder)
    certificate = authority(folder)
    if _good(server, certificate, hosts):
        return False
    _make_server(folder, server, certificate, hosts)
    return True


def authority(folder: Path) -> x509.Certificate:
    """The CA's certificate. Raises AuthorityError."""
    path = folder / CA
    try:
        return x509.load_pem_x509_certificate(path.read_bytes())
    except FileNotFoundError:
        raise AuthorityError("ca.none", path=path) from None
    except ValueError:
        raise AuthorityError("ca.no_certificate", path=path) from None


def fingerprint(certificate: x509.Certificate) -> str:
    """SHA-256 of the certificate's DER form, in hexadecimal: what people and QR codes compare."""
    return certificate.fingerprint(hashes.SHA256()).hex()


def _make_ca(folder: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "hoiquan CA")])
    certificate = (
        _certificate(name, name, key, timedelta(days=365 * CA_YEARS))
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(_usage(signs=True), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    replace(folder / CA, certificate.public_bytes(Encoding.PEM), 0o644)
    _write_key(folder / CA_KEY, key)  # last: while the key is missing, the CA is made again


def _make_server(folder: Path, server: Path, ca: x509.Certificate, hosts: Sequence[str]) -> None:
    try:
        signer = load_pem_private_key((folder / CA_KEY).read_bytes(), None)
    except ValueError:
        raise AuthorityError("ca.no_key", path=folder / CA_KEY) from None
    if not isinstance(signer, ec.EllipticCurvePrivateKey) or signer.public_key() != ca.public_key():
        raise AuthorityError("ca.other_key", private=folder / CA_KEY, certificate=folder / CA)
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, hosts[0])])
    certificate = (
        _certificate(name, ca.subject, key, timedelta(days=SERVER_DAYS))
        .add_extension(x509.SubjectAlternativeName([_general_name(host) for host in hosts]), critical=False)
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(signs=False), critical=True)
        .add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), critical=False)
        .add_extension(
            x509.AuthorityKeyIdentifier.from_issuer_public_key(signer.public_key()), critical=False
        )
        .sign(signer, hashes.SHA256())
    )
    server.mkdir(parents=True, exist_ok=True)
    _write_key(server / SERVER_KEY, key)
    replace(server / SERVER, certificate.public_bytes(Encoding.PEM), 0o644)


def _good(server: Path, ca: x509.Certificate, hosts: Sequence[str]) -> bool:
    """Whether the broker has a certificate of this CA for these hosts that lasts long enough, and its key."""
    try:
        certificate = x509.load_pem_x509_certificate((server / SERVER).read_bytes())
        key = load_pem_private_key((server / SERVER_KEY).read_bytes(), None)
        certificate.verify_directly_issued_by(ca)
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (OSError, ValueError, TypeError, InvalidSignature, x509.ExtensionNotFound):
        return False
    lasts = certificate.not_valid_after_utc - datetime.now(UTC) > timedelta(days=RENEW_DAYS)
    return (
        lasts
        and key.public_key() == certificate.public_key()
        and list(names) == list(map(_general_name, hosts))
    )


def _certificate(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePrivateKey, lasts: timedelta
) -> x509.CertificateBuilder:
    begin = datetime.now(UTC) - timedelta(days=1)  # a device's clock may be behind
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(begin + lasts)
    )


def _usage(*, signs: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=not signs, key_cert_sign=signs, crl_sign=signs,
        content_commitment=False, key_encipherment=False, data_encipherment=False, key_agreement=False,
        encipher_only=False, decipher_only=False,
    )  # fmt: skip


def _general_name(host: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def _write_key(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    replace(path, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()), 0o600)

"""Passwords of devices, in the form Mosquitto's password file takes: `$7$iterations$salt$hash`.

PBKDF2-HMAC-SHA512, 64-byte hash, base64 (mosquitto_passwd's format since 2.0). Passwords are made
here with 128 random bits, so the count of iterations need not slow a broker with 10,000 devices.
"""

import base64
import hashlib
import hmac
import secrets

ITERATIONS = 101  # mosquitto_passwd's own default
GATEWAY = "gateway"  # broker account of the gateway; no device id may take it


def new_password() -> str:
    """128 random bits, URL-safe."""
    return secrets.token_urlsafe(16)


def hash_password(password: str, salt: bytes | None = None) -> str:
    """The stored form of `password`."""
    salt = salt or secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ITERATIONS)
    return f"$7${ITERATIONS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def verify_password(password: str, stored: str) -> bool:
    """Whether `password` is the one behind `stored`."""
    try:
        _, kind, iterations, salt, digest = stored.split("$")
        expected = base64.b64decode(digest, validate=True)
        given = hashlib.pbkdf2_hmac(
            "sha512", password.encode(), base64.b64decode(salt, validate=True), int(iterations)
        )
    except ValueError:
        return False
    return kind == "7" and hmac.compare_digest(given, expected)


def simulated_password(secret: str, device: str) -> str:
    """A simulated node's password: derived, so that the simulator needs one secret and no table."""
    return hmac.new(secret.encode(), device.encode(), hashlib.sha256).hexdigest()[:32]

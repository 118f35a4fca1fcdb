"""Accounts at the broker and their passwords: those of devices, and those of our own parts.

A device's password is stored as Mosquitto's password file takes it, `$7$iterations$salt$hash`:
PBKDF2-HMAC-SHA512, 64-byte hash, base64 (mosquitto_passwd's format since 2.0). Passwords are made here with
128 random bits, so few iterations are safe, and do not slow a broker with 10,000 devices.

The passwords of our own parts in an embedded run are made once, and kept in a file of the data folder that
only its owner can read.
"""

import base64
import hashlib
import hmac
import json
import os
import secrets
from pathlib import Path

from devices.files import replace
from devices.texts import Misuse

ITERATIONS = 101  # mosquitto_passwd's own default
GATEWAY = "gateway"  # broker account of the first gateway; no device may have this id, or one of those below
FIRST_INSTANCE = "gateway-1"  # the instance that uses this account
GATEWAYS = 8  # gateways that may share a broker: devices/access/mosquitto.acl lists each of them
CHIRPSTACK = "chirpstack"  # broker account of a LoRaWAN network server
READER = "reader"  # broker account that reads everything and sends nothing, for officers and `hoiquan doctor`
READERS = 4  # accounts of that kind: the others are for `hoiquan device check --live` and `learn`, one each
OPERATOR = "operator"  # broker account that may send commands, and reads nothing
SECRETS = (
    "HOIQUAN_GATEWAY_PASSWORD",
    "HOIQUAN_SIMULATOR_SECRET",
    "HOIQUAN_READER_PASSWORD",
    "HOIQUAN_OPERATOR_PASSWORD",
    "HOIQUAN_CHIRPSTACK_PASSWORD",
)
FILE = "secrets.json"


def gateway_accounts() -> list[str]:
    """The gateways' broker accounts: one each, because the broker takes the user name as the client id, and
    so as the session. They share one password: whoever may be one gateway may be any.
    """
    return [GATEWAY, *(f"{GATEWAY}-{number}" for number in range(2, GATEWAYS + 1))]


def reader_accounts() -> list[str]:
    """The broker accounts that read everything: several, because an account has one connection. They share
    one password.
    """
    return [READER, *(f"{READER}-{number}" for number in range(2, READERS + 1))]


def gateway_account(instance: str) -> str:
    """The broker account of a gateway's instance. Raises Misuse for a name without one."""
    if instance == FIRST_INSTANCE:
        return GATEWAY
    if instance == GATEWAY or instance not in gateway_accounts():
        raise Misuse("setting.instance", instance=instance, first=FIRST_INSTANCE, last=gateway_accounts()[-1])
    return instance


def reserved(name: str) -> bool:
    """Whether no device may have this name: it is, or may become, the account of one of our own parts."""
    ours = (GATEWAY, CHIRPSTACK, OPERATOR, *reader_accounts())
    return name in ours or name.startswith(f"{GATEWAY}-")


def new_password() -> str:
    """128 random bits as 26 letters and digits: easy to read out by telephone, because all are of one case.
    The first is never a `-`, which the command of MQTT.js takes for an option.
    """
    return base64.b32encode(secrets.token_bytes(16)).decode().rstrip("=").lower()


def hash_password(password: str) -> str:
    """The stored form of `password`."""
    salt = secrets.token_bytes(12)
    digest = hashlib.pbkdf2_hmac("sha512", password.encode(), salt, ITERATIONS)
    return f"$7${ITERATIONS}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def verify_password(password: str, stored: str) -> bool:
    """Whether `password` is the one behind `stored`."""
    try:
        _, kind, iterations, salt, digest = stored.split("$")
        expected = base64.b64decode(digest, validate=True)
        actual = hashlib.pbkdf2_hmac(
            "sha512", password.encode(), base64.b64decode(salt, validate=True), int(iterations)
        )
    except ValueError:
        return False
    return kind == "7" and hmac.compare_digest(actual, expected)


def simulated_password(secret: str, device: str) -> str:
    """A simulated node's password: derived, so that the simulator needs only one secret and no table."""
    return hmac.new(secret.encode(), device.encode(), hashlib.sha256).hexdigest()[:32]


def environment(data: Path) -> dict[str, str]:
    """The secrets of the folder `data` as environment variables. A value of the environment wins and is kept
    in the folder, since a command beside it (`device enroll`) writes the broker's accounts again.
    """
    before = kept_in(data)
    kept = {name: os.environ.get(name) or before.get(name) or secrets.token_hex(24) for name in SECRETS}
    if kept != before:
        data.mkdir(parents=True, exist_ok=True)
        replace(data / FILE, json.dumps(before | kept), 0o600)
    return kept


def kept_in(data: Path) -> dict[str, str]:
    """The secrets that the folder `data` keeps; {} if it has none yet. Raises Misuse if they are not JSON."""
    try:
        kept: dict[str, str] = json.loads((data / FILE).read_text("utf-8"))
    except FileNotFoundError:
        return {}
    except ValueError:
        raise Misuse("setting.broken_secrets", path=data / FILE) from None
    return kept

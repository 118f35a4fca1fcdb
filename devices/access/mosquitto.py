"""Mosquitto's accounts and rules, written from the registry; the broker reads them again within a second.

    registry ─┬─► passwords       every account that may connect
              └─► passwords.acl   mosquitto.acl, then a block for each account that keeps a diary

`deploy/mosquitto/run` watches both files and sends the broker SIGHUP. A device's other rules are patterns
over the user name; that somebody keeps a diary is of the model, which no pattern knows.
"""

import fcntl
import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from devices.access.registry import Registry
from devices.contract.models import DIARY
from devices.contract.topics import ROOT
from devices.credentials import (
    CHIRPSTACK,
    OPERATOR,
    READER,
    gateway_accounts,
    hash_password,
    reserved,
    simulated_password,
    verify_password,
)
from devices.files import replace
from devices.settings import Settings

RULES = Path(__file__).with_suffix(".acl")


def rules_beside(passwords: Path) -> Path:
    """Where the rules for the accounts of a password file are: Mosquitto's acl_file."""
    return passwords.with_name(f"{passwords.name}.acl")


def write_accounts(settings: Settings, path: Path, registry: Registry) -> int:
    """Write all accounts that the settings have passwords of; see `write_passwords`."""
    return write_passwords(
        path,
        registry,
        settings.gateway_password.get_secret_value(),
        settings.simulator_secret.get_secret_value(),
        {
            CHIRPSTACK: settings.chirpstack_password.get_secret_value(),
            READER: settings.reader_password.get_secret_value(),
            OPERATOR: settings.operator_password.get_secret_value(),
        },
    )


def write_passwords(
    path: Path,
    registry: Registry,
    gateway_password: str,
    simulator_secret: str,
    others: Mapping[str, str] | None = None,
) -> int:
    """Write every account that may connect, and the rules beside them; returns how many accounts. Replaces
    each file in one step. `others`: the passwords of accounts that are neither gateways nor devices; "" for
    one that there is not.
    """
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)  # of two enrolments at once the later must not leave one out
        accounts = _accounts(registry, gateway_password, simulator_secret, others or {}, _written(path))
        # Rules first, on the disk too: who may connect may write its diary. Mosquitto acknowledges what its
        # rules do not take, and MQTT 3.1.1 has no word for it: the event would be lost.
        replace(rules_beside(path), "".join(_rules(registry, simulator_secret)), 0o600)
        replace(path, "".join(f"{name}:{stored}\n" for name, stored in accounts.items()), 0o600)
        return len(accounts)
    finally:
        os.close(folder)


def _accounts(
    registry: Registry,
    gateway_password: str,
    simulator_secret: str,
    others: Mapping[str, str],
    before: Mapping[str, str],
) -> dict[str, str]:
    accounts = _hashed(dict.fromkeys(gateway_accounts(), gateway_password), before)
    accounts |= {account: hash_password(password) for account, password in others.items() if password}
    if simulator_secret:
        fleet = registry.pilot.fleet
        accounts |= _hashed({one: simulated_password(simulator_secret, one) for one in fleet}, before)
    # ours go first: a device enrolled under one of these names, before they were reserved, stays outside
    return registry.hashes() | accounts


def _hashed(passwords: Mapping[str, str], before: Mapping[str, str]) -> dict[str, str]:
    """The stored forms of passwords of one origin. Each takes its time to make; what was written `before`
    was written together, so where one of them is still right all are.
    """
    known = next((account for account in passwords if account in before), None)
    if known is None or not verify_password(passwords[known], before[known]):
        before = {}
    return {
        account: before.get(account) or hash_password(password) for account, password in passwords.items()
    }


def _written(path: Path) -> dict[str, str]:
    """What stands in a password file by account; nothing where there is none, or it is damaged."""
    try:
        lines = path.read_text("utf-8").splitlines()
    except (OSError, UnicodeDecodeError):
        return {}
    return {name: stored for name, colon, stored in (line.partition(":") for line in lines) if colon}


def _rules(registry: Registry, simulator_secret: str) -> Iterable[str]:
    yield RULES.read_text("utf-8")
    yield "\n# written at each enrolment: who keeps a diary\n"
    # of all pilots, as the accounts are
    known = [one.device for one in registry.enrolled() if one.revoked is None]
    if simulator_secret:
        known += registry.pilot.fleet.values()
    for name in sorted(one.device for one in known if one.model == DIARY and not reserved(one.device)):
        yield f"user {name}\ntopic write {ROOT}/+/+/{name}/diary\n"

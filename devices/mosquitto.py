"""Mosquitto's password file, written from the registry; the broker reads it again within a second.

`deploy/mosquitto/run` watches the file and sends the broker SIGHUP. Rules for topics are patterns over
the user name in `deploy/mosquitto/acl`, so they do not change when a device joins.
"""

import fcntl
import os
from collections.abc import Mapping
from pathlib import Path

from devices.credentials import gateway_accounts, hash_password, simulated_password
from devices.registry import Registry


def write_passwords(
    path: Path,
    registry: Registry,
    gateway_password: str,
    simulator_secret: str,
    others: Mapping[str, str] | None = None,
) -> int:
    """Write every account that may connect; returns how many. Replaces the file in one step. `others`: the
    passwords of accounts that are neither gateways nor devices; "" for one that there is not.
    """
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)  # of two enrolments at once the later must not leave one out
        return _write(path, registry, gateway_password, simulator_secret, others or {})
    finally:
        os.close(folder)


def _write(
    path: Path, registry: Registry, gateway_password: str, simulator_secret: str, others: Mapping[str, str]
) -> int:
    accounts = {account: hash_password(gateway_password) for account in gateway_accounts()}
    accounts |= {account: hash_password(password) for account, password in others.items() if password}
    if simulator_secret:
        for device in registry.pilot.fleet:
            accounts[device] = hash_password(simulated_password(simulator_secret, device))
    # ours go first: a device enrolled under one of these names, before they were reserved, stays outside
    accounts = registry.hashes() | accounts
    temporary = path.with_suffix(".tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.writelines(f"{name}:{stored}\n" for name, stored in accounts.items())
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    return len(accounts)

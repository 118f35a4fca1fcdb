"""Mosquitto's accounts and rules, written from the registry; the broker reloads them within a second.

    registry ─┬─► passwords       every account that may connect
              ├─► passwords.acl   mosquitto.acl, then a block for each account that keeps a diary
              └─► passwords.upto  the registry's change up to which both are written

`deploy/mosquitto/run` watches the first two and sends the broker SIGHUP. A device's other rules are patterns
over the user name; whether an account keeps a diary depends on its model, which no pattern knows.

New accounts are added at the end, so that one more costs the same however many there are. After any other
change, or if a file is not as it was left, both files are written anew.
"""

import errno
import fcntl
import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass
from pathlib import Path

from devices.access.registry import Change, Registry
from devices.access.roster import State
from devices.contract.models import DIARY
from devices.contract.topics import ROOT
from devices.credentials import (
    CHIRPSTACK,
    OPERATOR,
    gateway_accounts,
    hash_password,
    reader_accounts,
    reserved,
    simulated_password,
    verify_password,
)
from devices.files import replace
from devices.settings import Settings

RULES = Path(__file__).with_suffix(".acl")
ADDED = 20  # accounts that are added at once: with more, the broker could read half of them


def rules_beside(passwords: Path) -> Path:
    """The file of the rules for the accounts in a password file: Mosquitto's acl_file."""
    return passwords.with_name(f"{passwords.name}.acl")


def write_accounts(settings: Settings, path: Path, registry: Registry) -> int:
    """Write all accounts whose passwords the settings hold; see `write_passwords`."""
    return write_passwords(
        path,
        registry,
        settings.gateway_password.get_secret_value(),
        settings.simulator_secret.get_secret_value(),
        {
            CHIRPSTACK: settings.chirpstack_password.get_secret_value(),
            **dict.fromkeys(reader_accounts(), settings.reader_password.get_secret_value()),
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
    """Write every account that may connect, and the rules beside it; returns the number of accounts. Each
    file is replaced in one step, or added to. `others`: the passwords of accounts that are neither gateways
    nor devices; "" for an account that does not exist.
    """
    others = others or {}
    origin = json.dumps(
        [gateway_password, simulator_secret, dict(others), gateway_accounts(), RULES.read_text("utf-8"),
         registry.pilot.fleet_mark]
    )  # fmt: skip
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)  # of two enrolments at once, the later must leave none out
        before = _Upto.read(path)
        state, follows = registry.state_since(before.state if before is not None else State())
        if before is not None and follows and before.left(path, origin):
            new = registry.changes(before.last, state.last)
            if state.rows == before.rows + len(new) and _all_new(new, registry):
                return _add(path, before, new, state)
        accounts = _accounts(registry, gateway_password, simulator_secret, others)
        # Rules first, on the disk too: an account that may connect may write its diary. Mosquitto
        # acknowledges messages that its rules refuse, and MQTT 3.1.1 has no word for a refusal: the event
        # would be lost.
        replace(rules_beside(path), "".join(_rules(registry, simulator_secret)), 0o600)
        replace(path, "".join(f"{name}:{stored}\n" for name, stored in accounts.items()), 0o600)
        if registry.state_since(state) == (state, True):  # else it changed meanwhile: anew next time too
            _Upto(*state, len(accounts), *_sizes(path), hash_password(origin)).write(path)
        return len(accounts)
    finally:
        os.close(folder)


@dataclass(frozen=True, slots=True)
class _Upto:
    """What the files hold: the registry's `rows`, up to its change `last`, as of its act `act`. `accounts` is
    their number; `size` and `rules` are the files' sizes in bytes. `origin`: all else that they were made of,
    hashed as a password is.
    """

    rows: int
    last: int
    act: int
    accounts: int
    size: int
    rules: int
    origin: str

    @classmethod
    def read(cls, path: Path) -> "_Upto | None":
        """The note beside the password file; None if there is none, or it cannot be read."""
        try:
            note = cls(**json.loads(_note_beside(path).read_bytes()))
        except (OSError, ValueError, TypeError):
            return None
        kinds = [type(one) for one in astuple(note)]
        return note if kinds == [int, int, int, int, int, int, str] else None

    def write(self, path: Path) -> None:
        replace(_note_beside(path), json.dumps(asdict(self)), 0o600)

    @property
    def state(self) -> State:
        """The registry's state when the files were written."""
        return State(self.rows, self.last, self.act)

    def left(self, path: Path, origin: str) -> bool:
        """Whether the files are as they were left, and would be made of the same `origin`."""
        try:
            return _sizes(path) == (self.size, self.rules) and verify_password(origin, self.origin)
        except OSError:
            return False


def _note_beside(path: Path) -> Path:
    return path.with_name(f"{path.name}.upto")


def _sizes(path: Path) -> tuple[int, int]:
    return path.stat().st_size, rules_beside(path).stat().st_size


def _all_new(some: Sequence[Change], registry: Registry) -> bool:
    """Whether these are at most ADDED devices that may connect, under names that nobody else has."""
    fleet = registry.pilot.fleet
    return len(some) <= ADDED and not any(
        one.revoked or one.device in fleet or reserved(one.device) for one in some
    )


def _add(path: Path, before: _Upto, new: Sequence[Change], state: State) -> int:
    """Add these devices at the end; returns the number of accounts. A crash or a full disk leaves files that
    are longer than noted, so both are written anew the next time.
    """
    diaries = "".join(_keeper(one.device) for one in new if one.model == DIARY)
    _append(rules_beside(path), before.rules, diaries)  # rules first, as above
    _append(path, before.size, "".join(f"{one.device}:{one.password}\n" for one in new))
    accounts = before.accounts + len(new)
    _Upto(*state, accounts, *_sizes(path), before.origin).write(path)
    return accounts


def _append(path: Path, size: int, text: str) -> None:
    """Add to a file of `size` bytes; durable on return, and whole or not at all except after a crash."""
    data = text.encode()
    if not data:
        return
    file = os.open(path, os.O_WRONLY | os.O_APPEND)
    try:
        if os.write(file, data) < len(data):
            os.ftruncate(file, size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path))
        os.fsync(file)
    finally:
        os.close(file)


def _accounts(
    registry: Registry, gateway_password: str, simulator_secret: str, others: Mapping[str, str]
) -> dict[str, str]:
    """The stored form of every account's password, each made from its present password: the file may still
    hold that of an earlier device of the same name.
    """
    simulated = registry.pilot.fleet if simulator_secret else {}
    accounts = {one: hash_password(simulated_password(simulator_secret, one)) for one in simulated}
    # an enrolled device keeps its name if the fleet grew to hold it too, as it does in the gateway's roster
    accounts |= registry.hashes()
    # our accounts win: a device enrolled under one of these names, before they were reserved, stays outside
    ours = dict.fromkeys(gateway_accounts(), gateway_password) | dict(others)
    accounts = {name: stored for name, stored in accounts.items() if name not in ours}
    return accounts | {name: hash_password(password) for name, password in ours.items() if password}


def _rules(registry: Registry, simulator_secret: str) -> Iterable[str]:
    yield RULES.read_text("utf-8")
    yield "\n# written at each enrolment: who keeps a diary\n"
    # diaries of all pilots, as the accounts are
    keepers = registry.of_model(DIARY)
    if simulator_secret:
        keepers += [one.device for one in registry.pilot.fleet.values() if one.model == DIARY]
    for name in sorted(keepers):
        if not reserved(name):
            yield _keeper(name)


def _keeper(name: str) -> str:
    """The rule of an account that keeps a diary."""
    return f"user {name}\ntopic write {ROOT}/+/+/{name}/diary\n"

"""Which devices may speak: the simulated ones of the pilot file, and the enrolled real ones.

Enrolled devices live in one SQL table (SQLite by default, PostgreSQL by URL); the pilot's own fleet
is derived from its file and needs no row. Several processes share the table: the command enrols, the
broker authenticates, the gateway looks up. `lookup` is for hot loops: it reads memory, and the table
only when it changed.
"""

import re
import threading
import time
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import (
    BigInteger,
    Column,
    Engine,
    MetaData,
    String,
    Table,
    create_engine,
    event,
    func,
    insert,
    inspect,
    select,
    update,
)
from sqlalchemy.exc import IntegrityError
from sqlalchemy.schema import CreateTable

from devices.credentials import hash_password, new_password, reserved, verify_password
from devices.models import MODELS
from devices.pilot import Pilot
from devices.reading import Device
from devices.topics import ID

_DEVICES = Table(
    "device",
    MetaData(),
    Column("device", String(64), primary_key=True),
    Column("pilot", String(64), nullable=False),
    Column("community", String(64), nullable=False),
    Column("model", String(64), nullable=False),
    Column("password", String(200), nullable=False),
    Column("enrolled", BigInteger, nullable=False),
    Column("revoked", BigInteger),
    Column("changed", BigInteger, nullable=False),
    Column("dev_eui", String(16)),  # of a LoRaWAN device
)
# Every change gets the next number, so that it is noticed whatever the clocks of two machines say.
_NEXT = select(func.coalesce(func.max(_DEVICES.c.changed), 0) + 1).scalar_subquery()
RECHECK = 0.5  # seconds for which the table's state may be taken from memory


class EnrolmentError(ValueError):
    """The device cannot be enrolled or revoked; the sentence says why and what would do."""


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A device as listed; times are epoch milliseconds."""

    device: Device
    enrolled: int
    revoked: int | None


class Registry:
    """Devices of one pilot. `url` is an SQLAlchemy URL or a path of an SQLite file."""

    def __init__(self, url: str | Path, pilot: Pilot) -> None:
        self.pilot = pilot
        self._engine = _engine(url)
        with self._engine.begin() as connection:  # several processes may be the first at once
            connection.execute(CreateTable(_DEVICES, if_not_exists=True))
            if "dev_eui" not in {column["name"] for column in inspect(connection).get_columns("device")}:
                connection.exec_driver_sql("ALTER TABLE device ADD COLUMN dev_eui VARCHAR(16)")
        self._known: dict[str, Device] = dict(pilot.fleet)
        self._euis: dict[str, Device] = {}
        self._hashes: dict[str, str] = {}
        self._state: tuple[object, ...] = ()
        self._checked = float("-inf")
        self._lock = threading.Lock()

    def lookup(self, device: str) -> Device | None:
        """The device of that id, if it may speak."""
        known = self.known(device)
        if known is None:  # enrolled a moment ago?
            self.refresh()
            known = self._known.get(device)
        return known

    def known(self, device: str) -> Device | None:
        """The same without a second look at the table: one enrolled a moment ago may be unknown."""
        if time.monotonic() - self._checked > RECHECK:
            self.refresh()
        return self._known.get(device)

    def by_eui(self, eui: str) -> Device | None:
        """The device with that LoRaWAN devEUI, if it may speak, as `known` does."""
        if time.monotonic() - self._checked > RECHECK:
            self.refresh()
        return self._euis.get(eui)

    def devices(self) -> list[Device]:
        """All that may speak, simulated and enrolled."""
        self.refresh()
        return list(self._known.values())

    def enroll(self, community: str, model: str, device: str, dev_eui: str | None = None) -> str:
        """Enrol a real device, or one that was revoked again, and return its password, which is stored
        hashed and shown once. `dev_eui`: 16 hexadecimal digits of a LoRaWAN device.
        """
        if dev_eui is not None:
            dev_eui = dev_eui.lower()
            if not re.fullmatch(r"[0-9a-f]{16}", dev_eui):
                raise EnrolmentError(f"devEUI {dev_eui!r}: write its 16 hexadecimal digits")
            self.refresh()
            if dev_eui in self._euis and self._euis[dev_eui].device != device:
                taken = self._euis[dev_eui].device
                raise EnrolmentError(f"devEUI {dev_eui} belongs to {taken!r}; revoke that device first")
        if community not in self.pilot.place:
            raise EnrolmentError(
                f"no community {community!r} in pilot {self.pilot.pilot}; there are: "
                f"{', '.join(self.pilot.place)}"
            )
        if model not in MODELS:
            raise EnrolmentError(f"no model {model!r}; there are: {', '.join(MODELS)}")
        if not re.fullmatch(ID, device) or reserved(device):
            raise EnrolmentError(
                f"id {device!r}: use 1 to 64 of a-z, 0-9 and -, and none of gateway, gateway-…, chirpstack, "
                "reader, operator"
            )
        if device in self.pilot.fleet:
            raise EnrolmentError(f"id {device!r} belongs to a simulated node of the pilot; choose another")
        password = new_password()
        row = {
            "pilot": self.pilot.pilot,
            "community": community,
            "model": model,
            "password": hash_password(password),
            "enrolled": _now(),
            "revoked": None,
            "changed": _NEXT,
            "dev_eui": dev_eui,
        }
        with self._engine.begin() as connection:
            again = update(_DEVICES).where(_DEVICES.c.device == device, _DEVICES.c.revoked.is_not(None))
            try:
                if not connection.execute(again.values(**row)).rowcount:
                    connection.execute(insert(_DEVICES).values(device=device, **row))
            except IntegrityError:
                raise EnrolmentError(
                    f"id {device!r} is enrolled already; choose another, or revoke it first"
                ) from None
        self._checked = float("-inf")
        return password

    def revoke(self, device: str) -> None:
        """From now on the device may neither connect nor be stored. Its readings stay."""
        with self._engine.begin() as connection:
            done = connection.execute(
                update(_DEVICES)
                .where(_DEVICES.c.device == device, _DEVICES.c.revoked.is_(None))
                .values(revoked=_now(), changed=_NEXT)
            )
        if not done.rowcount:
            raise EnrolmentError(f"no enrolled device {device!r}; see `hoiquan device list`")
        self._checked = float("-inf")

    def enrolled(self) -> list[Enrolled]:
        """Real devices, revoked ones too, newest first."""
        with self._engine.connect() as connection:
            rows = connection.execute(select(_DEVICES).order_by(_DEVICES.c.enrolled.desc())).all()
        return [
            Enrolled(
                Device(row.pilot, row.community, row.device, row.model, simulated=False),
                row.enrolled,
                row.revoked,
            )
            for row in rows
        ]

    def verify(self, device: str, password: str) -> bool:
        """Whether an enrolled, unrevoked device has this password."""
        self.lookup(device)
        return verify_password(password, self._hashes.get(device, ""))

    def hashes(self) -> dict[str, str]:
        """Stored passwords of the devices that may connect, for a broker's password file."""
        self.refresh()
        return dict(self._hashes)

    def refresh(self) -> None:
        """Read the table where it changed. Others wait: the memory is never half new."""
        with self._lock:
            with self._engine.connect() as connection:
                summary = select(func.count(), func.max(_DEVICES.c.changed)).select_from(_DEVICES)
                state = tuple(connection.execute(summary).one())
                if state != self._state:
                    rows = connection.execute(select(_DEVICES).where(_DEVICES.c.revoked.is_(None))).all()
                    real = {
                        row.device: Device(row.pilot, row.community, row.device, row.model, simulated=False)
                        for row in rows
                        if row.pilot == self.pilot.pilot
                    }
                    self._known = {**self.pilot.fleet, **real}
                    self._euis = {
                        row.dev_eui: real[row.device] for row in rows if row.dev_eui and row.device in real
                    }
                    self._hashes = {row.device: row.password for row in rows}
                    self._state = state
            self._checked = time.monotonic()


def _engine(url: str | Path) -> Engine:
    address = str(url)
    if "://" in address:
        return create_engine(address, pool_pre_ping=True)
    Path(address).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(f"sqlite:///{address}")

    @event.listens_for(engine, "connect")
    def _wal(connection: object, _: object) -> None:
        cursor = connection.cursor()  # type: ignore[attr-defined]
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA busy_timeout=10000")
        cursor.close()

    return engine


def _now() -> int:
    return time.time_ns() // 1_000_000

"""The registry: the roster of devices that may connect, and how real devices join and leave it."""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

from sqlalchemy import Connection, delete, func, insert, select, update

from devices.access.acts import Act, acts, note
from devices.access.database import DEVICES, FORMER, reached
from devices.access.roster import Roster, State, readable, state_since
from devices.clock import now_ms
from devices.contract.models import MODELS
from devices.contract.reading import Device
from devices.contract.topics import ID
from devices.credentials import hash_password, new_password, reserved
from devices.texts import Misuse

# Every change gets the next number, so that it is noticed however the clocks of two machines differ.
_NEXT = select(func.coalesce(func.max(DEVICES.c.changed), 0) + 1).scalar_subquery()


class EnrolmentError(Misuse):
    """The device cannot be enrolled or revoked; the sentence says why, and what to do."""


class Wanted(NamedTuple):
    """A device to be enrolled. `dev_eui`: 16 hexadecimal digits of a LoRaWAN device; `plot`: where it stands;
    `probe`: the probe file that decodes its messages; `site`: the values of the place that this file needs;
    `why`: why it cannot be enrolled, as far as that is known before the table is read.
    """

    community: str
    model: str
    device: str
    dev_eui: str | None = None
    plot: str | None = None
    probe: str | None = None
    site: Mapping[str, float] = MappingProxyType({})
    why: EnrolmentError | None = None


class Change(NamedTuple):
    """A device as the broker's accounts know it: its stored password, and whether it was revoked."""

    device: str
    model: str
    password: str
    revoked: bool


@dataclass(frozen=True, slots=True)
class Enrolled:
    """A device as listed, and one of the spans in which it might connect; epoch milliseconds."""

    device: Device
    enrolled: int
    revoked: int | None

    def at(self, moment: int) -> bool:
        """Whether it might connect at epoch ms `moment`."""
        return self.enrolled <= moment and (self.revoked is None or moment < self.revoked)


def always(devices: Iterable[Device]) -> list[Enrolled]:
    """Devices that might connect at any time, as simulated ones may."""
    return [Enrolled(device, 0, None) for device in devices]


def moved(spans: Iterable[Enrolled], start: int, stop: int) -> set[str]:
    """The devices that stood in several communities within [start, stop) epoch ms."""
    places: dict[str, set[str]] = {}
    for one in spans:
        if one.enrolled < stop and (one.revoked is None or one.revoked > start):
            places.setdefault(one.device.device, set()).add(one.device.community)
    return {device for device, some in places.items() if len(some) > 1}


class Registry(Roster):
    """The roster of one pilot, with the methods that change it."""

    _spans: tuple[State | None, list[Enrolled]] = None, []  # the table's state, the spans as of it

    def enroll(
        self,
        community: str,
        model: str,
        device: str,
        dev_eui: str | None = None,
        plot: str | None = None,
        probe: str | None = None,
        site: Mapping[str, float] = MappingProxyType({}),
    ) -> str:
        """Enrol a real device, also one that was revoked, and return its password, which is stored hashed and
        shown once. The arguments are those of `Wanted`. Raises EnrolmentError.
        """
        (answer,) = self.enroll_many([Wanted(community, model, device, dev_eui, plot, probe, site)])
        if isinstance(answer, EnrolmentError):
            raise answer
        return answer

    def enroll_many(
        self, wanted: Sequence[Wanted], keep: Callable[[list[str | EnrolmentError]], None] = lambda _: None
    ) -> list[str | EnrolmentError]:
        """Enrol all devices that can be; returns for each its password, or why not. `keep` gets these answers
        before the passwords become valid, so that none is lost on the way; if `keep` raises, nobody is
        enrolled.
        """
        with self._writing() as connection:
            taken = self._taken(connection, wanted)
            answers: list[str | EnrolmentError] = []
            rows: list[dict[str, object]] = []
            changed = connection.execute(select(_NEXT)).scalar_one()  # before the newest change's row may go
            for one in wanted:
                eui = one.dev_eui.lower() if one.dev_eui else None
                if refusal := self._refusal(one, eui, taken):
                    answers.append(refusal)
                    continue
                answers.append(password := new_password())
                taken[one.device] = True
                if eui is not None:
                    taken[f"eui {eui}"] = one.device
                rows.append(
                    {"device": one.device, "pilot": self.pilot.pilot, "community": one.community,
                     "model": one.model, "password": hash_password(password), "enrolled": now_ms(),
                     "changed": changed, "dev_eui": eui, "plot": one.plot, "probe": one.probe,
                     "site": json.dumps(dict(one.site)) if one.site else None}
                )  # fmt: skip
            keep(answers)
            for part in _chunks([str(row["device"]) for row in rows]):  # a revoked device joins again
                these = DEVICES.c.device.in_(part)
                former = select(*(DEVICES.c[column.name] for column in FORMER.c)).where(these)
                connection.execute(insert(FORMER).from_select(list(FORMER.c), former))
                connection.execute(delete(DEVICES).where(these))
            if rows:
                connection.execute(insert(DEVICES), rows)
                note(connection, self.pilot.pilot, "enrolled", [str(row["device"]) for row in rows])
        self._checked = float("-inf")
        return answers

    def _taken(self, connection: Connection, wanted: Sequence[Wanted]) -> dict[str, bool | str]:
        """What the table has of these: id → whether it may connect; "eui " and devEUI → its owner."""
        taken: dict[str, bool | str] = {}
        for part in _chunks([one.device for one in wanted]):
            of = select(DEVICES.c.device, DEVICES.c.revoked).where(DEVICES.c.device.in_(part))
            taken.update({row.device: row.revoked is None for row in connection.execute(of)})
        for part in _chunks([one.dev_eui.lower() for one in wanted if one.dev_eui]):
            alive = DEVICES.c.dev_eui.in_(part) & DEVICES.c.revoked.is_(None)
            owners = select(DEVICES.c.device, DEVICES.c.dev_eui).where(alive)
            taken.update({f"eui {row.dev_eui}": row.device for row in connection.execute(owners)})
        return taken

    def _refusal(
        self, one: Wanted, eui: str | None, taken: Mapping[str, bool | str]
    ) -> EnrolmentError | None:
        """Why this device cannot be enrolled, and what to do; None if it can."""
        device = one.device
        if one.why is not None:
            return one.why
        if eui is not None and not re.fullmatch(r"[0-9a-f]{16}", eui):
            return EnrolmentError("enrol.dev_eui", dev_eui=one.dev_eui)
        owner = taken.get(f"eui {eui}", device)
        if owner != device:
            return EnrolmentError("enrol.dev_eui_taken", dev_eui=eui, owner=owner)
        if one.community not in self.pilot.place:
            places = ", ".join(self.pilot.place)
            return EnrolmentError("enrol.community", place=one.community, pilot=self.pilot.pilot,
                                  there=places)  # fmt: skip
        if one.model not in MODELS:
            return EnrolmentError("enrol.model", model=one.model, there=", ".join(MODELS))
        if not re.fullmatch(ID, device) or reserved(device):
            return EnrolmentError("enrol.id", device=device)
        if one.plot is not None and not re.fullmatch(ID, one.plot):
            return EnrolmentError("enrol.plot", plot=one.plot)
        if device in self.pilot.fleet:
            return EnrolmentError("enrol.id_simulated", device=device)
        if taken.get(device):
            return EnrolmentError("enrol.id_taken", device=device)
        return None

    def read_with(self, device: str, probe: str | None, site: Mapping[str, float]) -> None:
        """From now on, decode what the device sends with a probe file (None: it speaks the contract). Raises
        EnrolmentError.
        """
        self._change("probe_set", device, probe=probe, site=json.dumps(dict(site)) if site else None)

    def rotate(self, device: str) -> str:
        """Give an enrolled device a new password and return it; the old one is invalid from now on. Raises
        EnrolmentError.
        """
        password = new_password()
        self._change("rotated", device, password=hash_password(password))
        return password

    def revoke(self, device: str) -> None:
        """From now on, the device may not connect and its messages are not stored. Its readings stay. Raises
        EnrolmentError.
        """
        self._change("revoked", device, revoked=now_ms())

    def _change(self, what: str, device: str, **values: object) -> None:
        with self._writing() as connection:
            changed = connection.execute(
                update(DEVICES)
                .where(DEVICES.c.device == device, DEVICES.c.revoked.is_(None))
                .values(changed=_NEXT, **values)
            )
            if not changed.rowcount:
                raise EnrolmentError("enrol.none", device=device)
            note(connection, self.pilot.pilot, what, [device])
        self._checked = float("-inf")

    @contextmanager
    def acting(self, what: str) -> Iterator[None]:
        """Record an act that the block does, elsewhere than in this table; if the block raises, nothing is
        recorded. Raises RegistryAway.
        """
        with self._writing() as connection:
            note(connection, self.pilot.pilot, what, [""])
            yield

    def acts(self, since: int) -> list[Act]:
        """The acts on this pilot's devices since epoch ms `since`, the oldest first. Raises RegistryAway."""
        self.refresh()
        with reached(), self._engine.connect() as connection:
            return acts(connection, self.pilot.pilot, since)

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        """A transaction that has the table to itself from its beginning, so that the number of a change is
        given once. Raises RegistryAway.
        """
        self.refresh()
        with reached(), self._engine.begin() as connection:
            if connection.dialect.name == "sqlite":
                connection.exec_driver_sql("BEGIN IMMEDIATE")
            else:
                connection.exec_driver_sql("LOCK TABLE device IN SHARE ROW EXCLUSIVE MODE")
            yield connection

    def state_since(self, before: State) -> tuple[State, bool]:
        """The table's state, and whether it came from the state `before` by changes alone; if a copy was
        restored, it did not. Raises RegistryAway.
        """
        self.refresh()
        with reached(), self._engine.connect() as connection:
            return state_since(connection, before)

    def changes(self, since: int, until: int) -> list[Change]:
        """The devices whose last change has a number above `since`, up to `until`. Raises RegistryAway."""
        query = select(DEVICES.c.device, DEVICES.c.model, DEVICES.c.password, DEVICES.c.revoked)
        query = query.where(DEVICES.c.changed > since, DEVICES.c.changed <= until)
        with reached(), self._engine.connect() as connection:
            rows = connection.execute(query).all()
        return [Change(row.device, row.model, row.password, row.revoked is not None) for row in rows]

    def enrolled(self) -> list[Enrolled]:
        """Real devices, revoked ones too, newest first."""
        self.refresh()
        with reached(), self._engine.connect() as connection:
            rows = connection.execute(select(DEVICES).order_by(DEVICES.c.enrolled.desc())).all()
        return [Enrolled(device, row.enrolled, row.revoked) for row, device in readable(rows)]

    def of_model(self, model: str) -> list[str]:
        """Names of the real devices of a model that may connect, of all pilots. Raises RegistryAway."""
        query = select(DEVICES.c.device).where(DEVICES.c.model == model, DEVICES.c.revoked.is_(None))
        with reached(), self._engine.connect() as connection:
            return list(connection.execute(query).scalars())

    def spans(self) -> list[Enrolled]:
        """Every span in which a device of this pilot might connect: a simulated device always, a real one
        once for each enrolment. The devices have no values of their place: only decoding needs them, and a
        row whose text of them is spoilt still says where the device stood, and when. Raises RegistryAway if
        the table has changed and cannot be read.
        """
        self.refresh()
        state = self._state
        if self._spans[0] != state:
            spans = always(self.pilot.fleet.values())
            with reached(), self._engine.connect() as connection:
                for table in (FORMER, DEVICES):
                    rows = connection.execute(select(table).where(table.c.pilot == self.pilot.pilot))
                    some = readable(rows.all(), site=False)
                    spans += [Enrolled(device, row.enrolled, row.revoked) for row, device in some]
            self._spans = state, spans
        return self._spans[1]


def _chunks(names: list[str]) -> Iterator[list[str]]:
    """The names in parts that each fit into one statement."""
    for first in range(0, len(names), 500):
        yield names[first : first + 500]

"""Rows of the diary: stored events, pending work, and outcomes."""

from typing import NamedTuple

from devices.contract.diary import DiaryEvent
from devices.contract.reading import Device
from traceability.digital_link import LotKey

# the reasons for which no lot shows a correction that holds; "": a lot shows it
VALID = ("", "no_lot", "lot_refused", "nothing_to_correct")
# joins the event s that made a lot l by a split or merge: l.harvest is the id of s, a hyphen and a number
SOURCE = "s.community=l.community AND s.id=substr(l.harvest, 1, length(rtrim(l.harvest, '0123456789')) - 1)"
UNHANDLED = "unhandled"  # the reason of an entry that our own code failed on


class NewEntry(NamedTuple):
    """An event to store; `sealable`: it is a harvest of a product that its community has."""

    device: Device
    event: DiaryEvent
    sealable: bool


class Correcting(NamedTuple):
    """The bytes of a correction not refused for its content, and whether it is simulated and sealed."""

    community: str
    body: bytes
    simulated: bool
    sealed: bool


class PendingHarvest(NamedTuple):
    """A harvest to be sealed or refused, or whose outcome is not published yet; `time` is epoch ms."""

    community: str
    id: str
    simulated: bool
    body: bytes
    time: int


class PendingEntry(NamedTuple):
    """An entry about lots that is to be sealed or refused."""

    community: str
    id: str
    body: bytes


class PlotHarvest(NamedTuple):
    """A harvest in the diary, and whether it is sealed and of a simulated diary."""

    id: str
    body: bytes
    sealed: bool
    simulated: bool


class LotRow(NamedTuple):
    """The outcome of a harvest, or a lot made by a split or merge.

    `leaf` is its index in the log, or None with the reason in `refused`. `harvest` is its id in the diary,
    `time` epoch ms. `coverage` is None for refused and merged lots, for which no growing conditions were
    asked.
    """

    community: str
    harvest: str
    key: LotKey
    time: int
    kilograms: float
    coverage: float | None
    leaf: int | None
    refused: str = ""


class Outcome(NamedTuple):
    """The outcome of a harvest, and whether its diary is simulated. `made`: the lot is of a split or merge,
    and its time is theirs.
    """

    lot: LotRow
    simulated: bool
    made: bool


class AddendumRow(NamedTuple):
    """An addendum to a lot's record: kind of event, kilograms, index in the log."""

    community: str
    id: str
    key: LotKey
    kind: str
    kilograms: float
    leaf: int


class Fate(NamedTuple):
    """The outcome of an entry about lots; `refused` is empty if it was sealed."""

    community: str
    id: str
    refused: str


class Unsealed(NamedTuple):
    """A refused entry of a real diary, with the account that sent it ("": unknown)."""

    community: str
    id: str
    device: str
    reason: str


class Failed(NamedTuple):
    """An entry that our own code failed on, and the error's text."""

    community: str
    id: str
    error: str


class Unhandled(NamedTuple):
    """A failed entry as the quarantine stores it, with its sender ("": unknown) and its bytes."""

    community: str
    id: str
    device: str
    body: bytes
    error: str


class DiaryAct(NamedTuple):
    """An entry that was sealed or took effect at epoch ms `time`.

    `kind` is its kind of event, `device` its sender, and `object` the codes of the lots for which it was
    sealed, or else the id of the entry that it corrects.
    """

    time: int
    kind: str
    device: str
    object: str
    simulated: bool

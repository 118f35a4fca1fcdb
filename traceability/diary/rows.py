"""Rows of the diary: what is kept, what waits, and what became of it."""

from typing import NamedTuple

from devices.contract.diary import DiaryEvent
from devices.contract.reading import Device
from traceability.digital_link import LotKey

# why a correction that holds is shown by no lot; "": it is shown
VALID = ("", "no_lot", "lot_refused", "nothing_to_correct")
# the event s that a lot l came out of by a split or merge: l is known as its id, a hyphen and a number
SOURCE = "s.community=l.community AND s.id=substr(l.harvest, 1, length(rtrim(l.harvest, '0123456789')) - 1)"
UNHANDLED = "unhandled"  # the reason of what our own code stumbled over


class Kept(NamedTuple):
    """An event that came; `sealable`: a harvest of a product that its community has."""

    device: Device
    event: DiaryEvent
    sealable: bool


class Correcting(NamedTuple):
    """The bytes of a correction that nobody refused for what it says, whether it is simulated, and whether it
    is sealed.
    """

    community: str
    body: bytes
    simulated: bool
    sealed: bool


class PendingHarvest(NamedTuple):
    """A harvest that is to be sealed or refused, or whose outcome nobody was shown; `time` is epoch ms."""

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
    """A harvest of the diary, and whether it is sealed."""

    id: str
    body: bytes
    sealed: bool


class LotRow(NamedTuple):
    """What became of a harvest, or came out of a split or merge: `leaf` is its index in the log, or None with
    `refused` saying why. `harvest` is the id that the diary knows it by, `time` epoch ms; `coverage` is None
    where nobody asked how it grew: of what was refused, or merged.
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
    """What became of a harvest, and whether it is of a simulated diary."""

    lot: LotRow
    simulated: bool


class AddendumRow(NamedTuple):
    """An entry that was sealed beside a lot's record: kind of event, kilograms, index in the log."""

    community: str
    id: str
    key: LotKey
    kind: str
    kilograms: float
    leaf: int


class Fate(NamedTuple):
    """What became of an entry about lots; `refused` is empty where it was sealed."""

    community: str
    id: str
    refused: str


class Failed(NamedTuple):
    """An entry that our own code stumbled over, and the error's text."""

    community: str
    id: str
    error: str


class Unhandled(NamedTuple):
    """The same as whoever keeps a quarantine wants it: with who sent it ("": unknown), and its bytes."""

    community: str
    id: str
    device: str
    body: bytes
    error: str


class DiaryAct(NamedTuple):
    """An entry that was sealed or took effect at epoch ms `time`: its kind, who sent it, and the lots that it
    was sealed for, or else the entry that it corrects.
    """

    time: int
    kind: str
    device: str
    object: str
    simulated: bool

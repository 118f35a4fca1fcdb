"""All known probes: those of this folder, and the user's own in DATA/probes, which come first.

    makers/*.yaml, DATA/probes/*.yaml ─► documents with their lines ─► Probe | ProbeError (file, line, mend)

A file holds one probe, or several with a line of --- between them.
"""

import logging
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, NamedTuple

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from devices.contract import invalid
from devices.contract.signals import SIGNALS
from devices.errors import CONTENT, error_text
from devices.files import mend
from devices.probes.probe import Probe, ProbeFault, Wording
from devices.probes.reader import Measurements, Reader
from devices.texts import Mendable, Misuse

log = logging.getLogger(__name__)
HERE = Path(__file__).parent / "makers"
NORMALIZED = Path(__file__).with_name("normalized.yaml")
MOST_BYTES = 1_000_000  # of a probe file
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_KINDS = ("UnitBeside", "str", "constrained-str", "float", "bool")  # pydantic's names of a field's forms
_PLAIN = re.compile(r"[^a-z0-9]+")


class ProbeError(Misuse):
    """A probe file cannot be used; the sentence names file, line, field, cause and mend."""


class ShelvedProbe(NamedTuple):
    """A probe, and the file that it is from."""

    probe: Probe
    file: Path


def read(path: Path) -> list[Probe]:
    """The probes of a file. Raises ProbeError."""
    try:
        if path.stat().st_size > MOST_BYTES:
            raise ProbeError("probe.too_large", path=path, most=MOST_BYTES)
        return list(parse(path.read_text("utf-8"), path))
    except OSError as error:
        raise mend(error, ProbeError) from None
    except UnicodeDecodeError:
        raise ProbeError("path.no_text", path=path) from None


def parse(text: str, path: Path) -> Iterator[Probe]:
    """The probes of a file's text. Raises ProbeError."""
    try:
        loader = _LOADER(text)
        lines: dict[str, int] = {}
        try:
            while loader.check_node():
                node = loader.get_node()
                _refuse_repeated(node, path, (), set())
                probe = _probe(loader.construct_document(node), node, path)
                line = _line(node, ["id"])
                if (first := lines.setdefault(probe.id, line)) != line:
                    where = f"id: {probe.id}"
                    raise ProbeError("probe.repeated", path=path, line=line, where=where, first=first)
                yield probe
        finally:
            loader.dispose()
    except yaml.MarkedYAMLError as error:
        mark, why = error.problem_mark, error.problem or error.context
        at = {"line": 1, "column": 1} if mark is None else {"line": mark.line + 1, "column": mark.column + 1}
        raise ProbeError("probe.no_yaml_at", path=path, **at, error=why) from None
    except yaml.YAMLError as error:
        raise ProbeError("probe.no_yaml", path=path, line=1, error=" ".join(str(error).split())) from None
    except CONTENT as error:  # an impossible day, a tag that does not fit its value
        if isinstance(error, ProbeError):
            raise
        raise ProbeError("probe.no_yaml", path=path, line=1, error=error_text(error)) from None


def _probe(data: Any, node: yaml.Node, path: Path) -> Probe:
    try:
        return Probe.model_validate(data)
    except ValidationError as error:
        first = _clearest(error.errors(include_url=False))
        loc = [part for part in first["loc"] if part not in _KINDS]
        where, line = _place(first, loc, node)
        raise ProbeError("probe.wrong", path=path, line=line, where=where, why=_why(first)) from None


def _clearest(errors: list[ErrorDetails]) -> ErrorDetails:
    """The clearest error of a field all of whose forms failed: one of the form whose type was right."""
    of_one = [one for one in errors if one["loc"][:3] == errors[0]["loc"][:3]]
    return next((one for one in of_one if not one["type"].endswith("_type")), errors[0])


def _place(error: ErrorDetails, loc: list[Any], node: yaml.Node) -> tuple[str | Mendable, int]:
    """Field and line of an error. A reading's fault is raised for all readings; its signal says which."""
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, ProbeFault) and "signal" in cause.values and loc in ([], ["readings"]):
        at = cause.values.get("at")
        loc = [*(at if isinstance(at, tuple) else loc), cause.values["signal"]]
    return ".".join(map(str, loc)) or Mendable("probe.whole"), _line(node, loc)


def _line(node: yaml.Node, loc: list[Any]) -> int:
    line = node.start_mark.line + 1
    for part in loc:
        if isinstance(node, yaml.MappingNode):
            pair = next((one for one in node.value if one[0].value == str(part)), None)
            if pair is None:
                break
            line, node = pair[0].start_mark.line + 1, pair[1]
        elif isinstance(node, yaml.SequenceNode) and isinstance(part, int) and part < len(node.value):
            node = node.value[part]
            line = node.start_mark.line + 1
    return line


def _refuse_repeated(node: yaml.Node, path: Path, above: tuple[str, ...], seen: set[int]) -> None:
    """Refuse repeated names and references. YAML silently keeps the last of two equal names, so the first
    reading of a signal would be lost. A few lines of references can describe more than there is memory.
    """
    if isinstance(node, yaml.CollectionNode):
        if id(node) in seen:
            line = node.start_mark.line + 1
            raise ProbeError("probe.reference", path=path, line=line)
        seen.add(id(node))
    if isinstance(node, yaml.SequenceNode):
        for one in node.value:
            _refuse_repeated(one, path, above, seen)
    if not isinstance(node, yaml.MappingNode):
        return
    lines: dict[str, int] = {}
    for key, value in node.value:
        line = key.start_mark.line + 1
        if not isinstance(key, yaml.ScalarNode):  # no field has such a name
            raise ProbeError("probe.no_name", path=path, line=line)
        if key.value in lines:
            where = ".".join((*above, key.value))
            raise ProbeError("probe.repeated", path=path, line=line, where=where, first=lines[key.value])
        lines[key.value] = line
        _refuse_repeated(value, path, (*above, key.value), seen)


def _why(error: ErrorDetails) -> Misuse:
    cause = error.get("ctx", {}).get("error")
    if isinstance(cause, ProbeFault):
        return Misuse(cause.key, **cause.values)
    if error["type"] == "extra_forbidden":
        model: Any = Wording if error["loc"][:1] == ("readings",) else Probe
        fields = [field.alias or name for name, field in model.model_fields.items()]
        return Misuse("probe.no_field", fields=", ".join(fields))
    if error["type"] == "missing":
        return Misuse("probe.missing")
    return Misuse("probe.value", why=invalid.why(error))


class Shelf:
    """Probes by id, by a network server's profile, and by a maker's model. The files of `own`, a folder that
    need not exist, are read again when they change. A file that cannot be used is in `troubles`; its last
    usable content stays in use until the file can be used again, or is gone.
    """

    def __init__(self, own: Path | None = None) -> None:
        self._own = own
        self._marks: tuple[object, ...] | None = None
        self._whole: dict[Path, list[Probe]] = {}  # the last usable content of each own file
        self._readers: dict[str, Reader] = {}
        self._kept: dict[str, ShelvedProbe] = {}
        self._profiles: dict[str, str] = {}
        self.troubles: tuple[ProbeError, ...] = ()

    def refresh(self) -> None:
        """Read own files again if they changed; before the first use, nothing is read."""
        if self._marks is not None and self._look() != self._marks:
            self._read()

    def _read(self) -> None:
        marks = self._look()
        own: dict[str, ShelvedProbe] = {}
        troubles = []
        whole: dict[Path, list[Probe]] = {}
        for path in self._files():
            some: list[Probe] = []
            before = self._whole.get(path, [])
            try:
                some = read(path)
            except ProbeError as error:
                troubles.append(error)
            if not some and before:  # half saved, or wrong: whoever edits it need not lose a reading
                log.warning("%s: the probe file cannot be used now; what it said before goes on", path)
                some = before
            whole[path] = some
            for probe in some:
                if (first := own.setdefault(probe.id, ShelvedProbe(probe, path))).file != path:
                    troubles.append(
                        ProbeError("probe.two_files", path=path, probe=probe.id, first=first.file)
                    )
        self._whole = whole
        self._marks, self._kept, self.troubles = marks, _built_in() | own, tuple(troubles)
        self._readers.clear()
        self._profiles = _called(_built_in().values()) | _called(own.values())

    def _files(self) -> list[Path]:
        return sorted(self._own.glob("*.yaml")) if self._own is not None and self._own.is_dir() else []

    def _look(self) -> tuple[object, ...]:
        return tuple((path.name, *_mark(path)) for path in self._files())

    @property
    def probes(self) -> Mapping[str, ShelvedProbe]:
        """All probes, by id."""
        if self._marks is None:
            self._read()
        return self._kept

    def reader(self, probe: str) -> Reader | None:
        """The reader for the probe with that id."""
        shelved = self.probes.get(probe)
        if shelved is None:
            return None
        reader = self._readers.get(probe)
        if reader is None:
            reader = self._readers[probe] = Reader(shelved.probe)
        return reader

    def of_profile(self, name: str, maker: str = "") -> str | None:
        """The probe whose profiles or models have this name, whatever marks and case; None if no probe's or
        several probes' do.
        """
        if self._marks is None:
            self._read()
        return self._profiles.get(f"{plain(maker)}/{plain(name)}" if maker else plain(name))

    def fitting(self, data: Any) -> list[str]:
        """Ids of the probes that read most signals of an object, the best first. A probe must read at least
        two, or all that it has, each with a plausible value.
        """
        if not isinstance(data, dict):
            return []
        counted = []
        for shelved in self.probes.values():
            measured = self._reader(shelved.probe).read(data, dict.fromkeys(shelved.probe.place_values, 0.0))
            signals = set(measured.values) | set(measured.totals)
            if (len(signals) > 1 or len(signals) == len(shelved.probe.readings)) and all(
                _plausible(name, measured) for name in signals
            ):
                counted.append((len(signals), len(signals) / len(shelved.probe.readings), shelved.probe.id))
        return [name for *_, name in sorted(counted, key=lambda one: (-one[0], -one[1], one[2]))]

    def _reader(self, probe: Probe) -> Reader:
        reader = self.reader(probe.id)
        assert reader is not None
        return reader


def _called(some: Iterable[ShelvedProbe]) -> dict[str, str]:
    """The probe that each name means: a maker's name with a model's, and a model's name alone if only one
    probe has it. Several makers have a co2-sensor: alone this name means nothing.
    """
    names: dict[str, str] = {}
    of_several: set[str] = set()
    for probe, _ in some:
        for name in (*probe.models, *probe.profiles):
            for key in {plain(name), f"{plain(probe.maker)}/{plain(name)}"}:
                if names.setdefault(key, probe.id) != probe.id:
                    of_several.add(key)
    return {key: probe for key, probe in names.items() if key not in of_several}


def _mark(path: Path) -> tuple[int, int]:
    try:
        now = path.stat()
    except OSError:  # gone meanwhile, or a link to nothing, as some editors leave beside an open file
        return 0, 0
    return now.st_mtime_ns, now.st_size


def _plausible(name: str, measured: Measurements) -> bool:
    return name in measured.totals or SIGNALS[name].low <= measured.values[name] <= SIGNALS[name].high


def plain(name: str) -> str:
    """A name without case and marks: LSE01, lse-01. Some models differ by a plus: it becomes a word."""
    letters = unicodedata.normalize("NFKD", name.lower().replace("đ", "d").replace("+", "plus"))
    return _PLAIN.sub("", letters)


@cache
def _built_in() -> dict[str, ShelvedProbe]:
    files = [NORMALIZED, *sorted(HERE.glob("*.yaml"))]
    return {probe.id: ShelvedProbe(probe, path) for path in files for probe in read(path)}

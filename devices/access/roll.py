"""Enrols many devices at once from a CSV file, and reports on each line.

    id,community,model,dev_eui,plot          ─►  line,id,community,model,result,host,port,user,password,topic
    probe-001,tam-que,soil-probe,,plot-1          2,probe-001,tam-que,soil-probe,enrolled,…

The columns `dev_eui`, `plot`, `probe` (the id of a probe file) and `set` (what that file needs: height=3.2)
may be left out. The report holds the passwords, so only its owner can read it; it is on disk before anybody
is enrolled. A line that cannot be enrolled says why and holds up no other; the same file, run again, enrols
such lines.
"""

import csv
import io
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import NamedTuple

from devices.access.registry import EnrolmentError, Registry, Wanted
from devices.access.site import site_of
from devices.access.ticket import Ticket
from devices.files import mend, write_privately
from devices.probes.shelf import Shelf
from devices.texts import Misuse

COLUMNS = ("id", "community", "model")
REPORT = ("line", "id", "community", "model", "result", "host", "port", "user", "password", "topic")


class RollError(Misuse):
    """The file cannot be read as a list of devices; the sentence names line, cause and mend."""


class Enrolment(NamedTuple):
    """How many lines were enrolled, and why the others were not, by line number."""

    enrolled: int
    refused: list[tuple[int, EnrolmentError]]


def enroll_roll(
    registry: Registry,
    path: Path,
    report: Path,
    issue: Callable[[Wanted, str], Ticket],
    lang: str = "en",
    shelf: Shelf | None = None,
) -> Enrolment:
    """Enrol the lines of `path` and write `report`, with reasons in `lang`. `issue` makes the ticket of a
    device with its password; `shelf` holds the probe files. Raises RollError, FileExistsError.
    """
    lines = read_roll(path, shelf)
    wanted = [one for _, one in lines]
    results: list[str | EnrolmentError] = []

    with ExitStack() as undo:

        def keep(answers: list[str | EnrolmentError]) -> None:
            write_privately(report, _report(lines, answers, issue, lang).encode())
            undo.callback(report.unlink, missing_ok=True)  # its passwords never became valid
            results.extend(answers)

        registry.enroll_many(wanted, keep)
        undo.pop_all()
    refused = [
        (number, answer)
        for (number, _), answer in zip(lines, results, strict=True)
        if isinstance(answer, EnrolmentError)
    ]
    return Enrolment(len(lines) - len(refused), refused)


def read_roll(path: Path, shelf: Shelf | None = None) -> list[tuple[int, Wanted]]:
    """The devices of the file with the numbers of their lines. Raises RollError."""
    shelf = shelf or Shelf()
    try:
        content = path.read_text("utf-8-sig")  # spreadsheets write a byte order mark
    except OSError as error:
        raise mend(error, RollError) from None
    except UnicodeDecodeError:
        raise RollError("roll.no_utf8", path=path) from None
    mark = ";" if content.partition("\n")[0].count(";") > content.partition("\n")[0].count(",") else ","
    rows = csv.DictReader(io.StringIO(content), delimiter=mark, strict=True)
    try:
        names = [name.strip().lower() for name in rows.fieldnames or []]
        missing = [name for name in COLUMNS if name not in names]
        if missing:
            raise RollError("roll.no_column", path=path, column=missing[0], columns=",".join(COLUMNS))
        rows.fieldnames = names
        lines = []
        for row in rows:
            if None in row or None in row.values():
                raise RollError("roll.columns", path=path, line=rows.line_num, number=len(names))
            cells = {name: cell.strip() for name, cell in row.items()}
            dev_eui, plot, probe = (cells.get(name) or None for name in ("dev_eui", "plot", "probe"))
            site, why = {}, None
            try:
                site = site_of(shelf, probe, cells.get("set", "").split())
            except Misuse as error:
                why = EnrolmentError(error.key, **error.values)
            one = Wanted(cells["community"], cells["model"], cells["id"], dev_eui, plot, probe, site, why)
            lines.append((rows.line_num, one))
    except csv.Error as error:
        raise RollError("roll.other", path=path, line=rows.line_num, error=error) from None
    return lines


def _report(
    lines: list[tuple[int, Wanted]],
    answers: list[str | EnrolmentError],
    issue: Callable[[Wanted, str], Ticket],
    lang: str,
) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(REPORT)
    for (number, one), answer in zip(lines, answers, strict=True):
        row = [number, one.device, one.community, one.model]
        if isinstance(answer, EnrolmentError):
            writer.writerow([*row, f"refused: {answer.sentence(lang)}", "", "", "", "", ""])
        else:
            ticket = issue(one, answer)
            writer.writerow(
                [*row, "enrolled", ticket.host, ticket.port, ticket.user, ticket.password, ticket.topic]
            )
    return out.getvalue()

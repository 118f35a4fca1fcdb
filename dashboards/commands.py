"""`hoiquan dashboards …`: boards and alert rules as files. `hoiquan report`: the yearly report."""

import hashlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from dashboards.report.document import MOST_YEARS
from devices import installation
from devices.clock import day_of
from devices.files import may_write
from devices.settings import Settings
from devices.terminal import Data, Language, PilotName, announce
from devices.texts import Misuse, text

if TYPE_CHECKING:
    from dashboards.figures import Figures
    from dashboards.report.document import Report

ENDINGS = (".pdf", ".docx", ".md")
OpenFigures = Callable[[Settings], AbstractContextManager["Figures"]]

dashboards_app = typer.Typer(no_args_is_help=True)


@dashboards_app.command()
def build() -> None:
    """Write every board and alert rule, in Vietnamese and English, under dashboards/."""
    from dashboards.boards.build import build as write  # late: the SDK is slow to import

    for path in write():
        typer.echo(str(path))


@dashboards_app.command()
def check(lang: Language = "vi") -> None:
    """Check that dashboards/json and dashboards/alerts hold what the code writes. Exit code 1 if not."""
    from dashboards.boards.build import stale

    old = stale()
    if old:
        typer.echo(text("boards.stale", lang, names=", ".join(old)), err=True)
        raise typer.Exit(1)


def sealed(settings: Settings, report: "Report") -> tuple[bytes, str]:
    """The report as PDF with its QR code, and the address of the page that checks it. The PDF is kept for the
    transparency log; one that was kept before is returned. Raises Misuse where its file has changed.
    """
    from dashboards.report.paper import pdf
    from traceability.pages import label
    from traceability.records.reports import Reports, path_of

    # the id depends on the pages' address: sealed under another one, the report needs another QR code
    site, reports = settings.base_url.rstrip("/"), Reports(settings.trace)
    id = hashlib.sha256(f"{site} {report!r}".encode()).hexdigest()[:16]
    address = f"{site}{path_of(id)}"
    reports.adopt()
    content = reports.read(id)
    if content is None:
        content = pdf(report, address, label.svg(address).decode())
        reports.keep(id, content)
    elif reports.changed(id, content):
        raise Misuse("report.changed", path=reports.file(id))
    return content, address


def report_command(open_figures: OpenFigures) -> Callable[..., None]:
    """The command `hoiquan report`; `open_figures` opens the store's figures under given settings."""

    def report(
        year: Annotated[int | None, typer.Option(min=2020, max=2100, help="help.year")] = None,
        pilot: PilotName = None,
        years: Annotated[
            int,
            typer.Option(min=1, max=MOST_YEARS, help="help.years"),
        ] = 1,
        out: Annotated[Path, typer.Option(help="help.report_out")] = Path("bao-cao.pdf"),
        seal: Annotated[
            bool,
            typer.Option(
                "--seal",
                help="help.seal",
            ),
        ] = False,
        lang: Language = "vi",
        data: Data = None,
    ) -> None:
        """Write the yearly report, or a review of several years, from the store, as PDF, Word or Markdown."""
        from dashboards.report.compose import compose
        from dashboards.report.yearly import look_back

        if out.suffix not in ENDINGS:
            raise Misuse("path.report", path=out)
        if seal and out.suffix != ".pdf":
            raise Misuse("report.seal_pdf", path=out)
        may_write(out)
        settings = installation.beside(data, pilot)
        with open_figures(settings) as figures:
            now = figures.now()
            chosen = year if year is not None else day_of(now, figures.pilot.zone).year
            past = look_back(figures, chosen, years, now)
            composed = compose(figures.pilot, past, lang, figures.rehearsal)
        if out.suffix == ".md":
            from dashboards.report.plain import markdown

            content = markdown(composed).encode()
        elif out.suffix == ".docx":
            from dashboards.report.word import docx

            content = docx(composed)
        elif seal:
            content, address = sealed(settings, composed)
            announce("report.to_be_sealed", lang, address=address)
        else:
            from dashboards.report.paper import pdf

            content = pdf(composed)
        out.write_bytes(content)
        typer.echo(str(out))

    return report

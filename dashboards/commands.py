"""`hoiquan dashboards …`: boards and alert rules as files. `hoiquan report`: the yearly report."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from devices import installation
from devices.clock import moment_of
from devices.files import may_write
from devices.settings import Settings
from devices.terminal import Data, Language, PilotName
from devices.texts import Misuse

if TYPE_CHECKING:
    from dashboards.figures import Figures

ENDINGS = (".pdf", ".docx", ".md")
MOST_YEARS = 10  # of a review
OpenFigures = Callable[[Settings], AbstractContextManager["Figures"]]

dashboards_app = typer.Typer(
    no_args_is_help=True, help="Grafana boards: write them, or check that they are fresh."
)


@dashboards_app.command()
def build() -> None:
    """Write every board and alert rule, in Vietnamese and English, to dashboards/json and alerts."""
    from dashboards.boards.build import build as write  # late: the SDK is slow to import

    for path in write():
        typer.echo(str(path))


@dashboards_app.command()
def check() -> None:
    """Fail where a file in dashboards/json or dashboards/alerts is not what the code writes."""
    from dashboards.boards.build import stale

    old = stale()
    for name in old:
        typer.echo(f"stale: {name}", err=True)
    if old:
        typer.echo("run `hoiquan dashboards build`", err=True)
        raise typer.Exit(1)


def report_command(open_figures: OpenFigures) -> Callable[..., None]:
    """The command; `open_figures` gives the store's figures under some settings."""

    def report(
        year: Annotated[int | None, typer.Option(min=2020, max=2100, help="Year; this one.")] = None,
        pilot: PilotName = None,
        years: Annotated[
            int, typer.Option(min=1, max=MOST_YEARS, help="Years that end with it; 3 or 5 make a review.")
        ] = 1,
        out: Annotated[
            Path, typer.Option(help="File to write: .pdf, .docx for Word, or .md for Markdown.")
        ] = Path("bao-cao.pdf"),
        lang: Language = "vi",
        data: Data = None,
    ) -> None:
        """The yearly report, or a review of several years, as PDF, Word or Markdown, out of the store. A year
        without data is a report too.
        """
        from dashboards.report.compose import compose
        from dashboards.report.yearly import look_back

        if out.suffix not in ENDINGS:
            raise Misuse("path.report", path=out)
        may_write(out)
        settings = installation.beside(data, pilot)
        with open_figures(settings) as figures:
            now = figures.now()
            chosen = year if year is not None else moment_of(now).year
            past = look_back(figures, chosen, years, now)
            made = compose(figures.pilot, past, lang, figures.rehearsal)
        if out.suffix == ".md":
            from dashboards.report.plain import markdown

            content = markdown(made).encode()
        elif out.suffix == ".docx":
            from dashboards.report.word import docx

            content = docx(made)
        else:
            from dashboards.report.paper import pdf

            content = pdf(made)
        out.write_bytes(content)
        typer.echo(str(out))

    return report

"""`hoiquan dashboards …`: the boards as files."""

import typer

dashboards_app = typer.Typer(
    no_args_is_help=True, help="Grafana boards: write them, or check that they are fresh."
)


@dashboards_app.command()
def build() -> None:
    """Write every board and alert rule, in Vietnamese and English, to dashboards/json and alerts."""
    from dashboards.build import build as write  # late: the SDK is slow to import

    for path in write():
        typer.echo(str(path))


@dashboards_app.command()
def check() -> None:
    """Fail where a file in dashboards/json or dashboards/alerts is not what the code writes."""
    from dashboards.build import stale

    old = stale()
    for name in old:
        typer.echo(f"stale: {name}", err=True)
    if old:
        typer.echo("run `hoiquan dashboards build`", err=True)
        raise typer.Exit(1)

"""hoiquan: the command, and the one place where adapters are built and joined.

up ─► broker, gateway, web, simulate     as processes of their own, ended in the other order
gateway: gateway.service over a store        web: pages over the same store, and the records
"""

import _signal  # type: ignore[import-not-found] # `signal` itself takes its time to import others first
import sys

# Ctrl-C ends the command as it ends any program, without a word, while the rest is imported too. What has
# something to put in order at its end takes it over (`stop_on_signals`). Tests import this, and keep it.
if sys.argv[0].rpartition("/")[2].startswith("hoiquan"):
    _signal.signal(_signal.SIGINT, _signal.SIG_DFL)

import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from typing import Annotated, Any, Literal

import typer

from dashboards.commands import dashboards_app, report_command
from devices import installation, secrets
from devices.commands import accounts, ca, config, devices_app, pilot_app
from devices.paths import mend
from devices.pilots.pilot import Pilot
from devices.processes import CHILD, Child, follow_parent, leave, run_together, stop_on_signals
from devices.settings import Settings
from devices.terminal import AsJson, Data, Language, PilotName, announce, complain
from devices.texts import Misuse, number
from gateway.brokers import house as house_broker
from gateway.commands import advice_app, quarantine_app, tokens
from sim.commands import command as simulate_command
from sim.commands import require_speed
from sim.scenario import SCENARIO, Scenario
from traceability.commands import trace_app

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=(
    "Smart-village IoT and traceability pilot: simulator, gateway, boards and QR records. "
    "Start with `hoiquan up`."))  # fmt: skip
app.add_typer(devices_app, name="device")
app.add_typer(quarantine_app, name="quarantine")
app.add_typer(trace_app, name="trace")
app.add_typer(advice_app, name="advice")
app.add_typer(pilot_app, name="pilot")
app.add_typer(dashboards_app, name="dashboards")
log = logging.getLogger("hoiquan")

Rollout = Annotated[
    Literal["plan", "on-time", "late"], typer.Option(help="When communities and organisations join.")
]
Faults = Annotated[Literal["none", "normal", "harsh"], typer.Option(help="How often nodes and links fail.")]
Mqtt = Annotated[str | None, typer.Option(help="Broker, mqtt://host:port (HOIQUAN_MQTT).")]


def main() -> None:
    """Run the command; every error a user can mend is one line and exit code 2 or 1."""
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(name)s: %(message)s", stream=sys.stderr)
    for noisy in ("amqtt", "transitions", "urllib3"):
        logging.getLogger(noisy).setLevel(logging.ERROR)
    if CHILD in os.environ:
        follow_parent()
    from gateway.stores.store import RetryLater

    try:
        app()
    except SystemExit as end:
        if isinstance(end.code, int) and (CHILD in os.environ or sys.argv[1:2] == ["up"]):
            leave(end.code)
        raise
    except ValueError as error:
        complain(error, 2)
    except (RetryLater, sqlite3.Error, OSError) as error:
        complain(mend(error), 1)


@app.command(name="broker", hidden=True)
def serve_broker(
    port: Annotated[int, typer.Option(help="Port to listen on, of 127.0.0.1.")] = 1883,
    kind: Annotated[Literal["mosquitto", "amqtt"], typer.Option("--with", help="Which.")] = "amqtt",
    data: Data = None,
    pilot: PilotName = None,
) -> None:
    """The broker alone (a part of `hoiquan up`)."""
    from gateway.brokers.house import serve

    raise SystemExit(serve(Settings.read(data=data, pilot=pilot), kind, port, stop_on_signals()))


@app.command()
def gateway(
    data: Data = None,
    pilot: PilotName = None,
    mqtt: Mqtt = None,
    group: Annotated[
        str | None, typer.Option(help="Share the messages with the gateways of this group (HOIQUAN_GROUP).")
    ] = None,
    instance: Annotated[
        str | None, typer.Option(help="Name of this one: gateway-1, gateway-2, … (HOIQUAN_INSTANCE).")
    ] = None,
) -> None:
    """The gateway alone: MQTT → spool → checks → store, records and indicators."""
    from gateway.service import serve

    settings = Settings.read(data=data, pilot=pilot, mqtt=mqtt, group=group, instance=instance)
    with open_store(settings) as store:
        if not serve(settings, store, stop_on_signals()):
            raise SystemExit(1)


@app.command()
def web(
    data: Data = None,
    pilot: PilotName = None,
    http_port: Annotated[int, typer.Option(help="Port of the pages.")] = 8080,
    bind: Annotated[str, typer.Option(help="Address of the pages.")] = "127.0.0.1",
) -> None:
    """The pages alone: overview, records, log, open data."""
    import uvicorn

    settings = Settings.read(data=data, pilot=pilot)
    with open_store(settings) as store:
        pages = build_pages(settings, store)
        uvicorn.run(pages, host=bind, port=http_port, log_level="warning", timeout_graceful_shutdown=1)


def build_figures(settings: Settings, store: Any) -> Any:
    """What pages and report show, out of a store and the folder of records."""
    from dashboards.figures import Figures
    from devices.access.registry import Registry
    from gateway.indicators.count import Evaluation, evaluate
    from traceability.sealing import seal

    place, played = settings.loaded_pilot, settings.data / SCENARIO
    shown: dict[str, Any] = {}
    if played.exists():  # a rehearsal: its last moment, judged by its rules
        scenario = Scenario.model_validate_json(played.read_bytes())
        place = scenario.judged(place)
        begin, end = scenario.span(place)
        days = (end - begin) // 86_400_000
        shown = {"now": lambda: end - 1, "rehearsal": scenario.name, "trend_days": days}
    folder = settings.data / "trace"
    registry = Registry(settings.registry_url, place)
    minute = 60_000

    @lru_cache(maxsize=32)
    def evaluated(at: int) -> Evaluation:
        return evaluate(store, place, registry.devices(), at)

    return Figures(
        store, place, lambda limit: seal.lots(folder, limit),
        lambda now: evaluated(now // minute * minute), **shown,
    )  # fmt: skip


def build_pages(settings: Settings, store: Any) -> Any:
    """The FastAPI application over a store and the folder of records."""
    from fastapi import FastAPI, Request, Response

    from dashboards.opendata import routes as api
    from dashboards.pages import check, overview, state
    from devices.access.database import RegistryAway
    from devices.access.registry import Registry
    from gateway.preview import judged
    from gateway.stores.store import RetryLater
    from traceability.pages import web as records
    from traceability.secretary import form
    from traceability.secretary.post import Post

    figures = build_figures(settings, store)
    place, folder = figures.pilot, settings.data / "trace"
    pages = FastAPI(
        title="hoiquan", version="1", docs_url=None, redoc_url=None, openapi_url="/api/v1/openapi.json"
    )
    registry = Registry(settings.registry_url, place)
    pages.include_router(overview.router(figures))
    pages.include_router(state.router(figures))
    pages.include_router(api.router(figures))
    pages.include_router(check.router(lambda *given: check.Verdict(*judged(registry, *given))))
    pages.include_router(records.router(folder, place, settings.base_url.rstrip("/")))
    post = Post(settings.mqtt, settings.mqtt_version, settings.mqtt_ca)
    secure = settings.base_url.startswith("https:")
    pages.include_router(form.router(folder, place, registry, post.send, secure=secure))

    @pages.exception_handler(RetryLater)
    @pages.exception_handler(RegistryAway)
    def away(_: Request, error: Exception) -> Response:
        """Store or registry is away: one line for people, and a sign to caches and monitors to ask again."""
        return Response(f"{error}\n", 503, {"Retry-After": "5"}, media_type="text/plain; charset=utf-8")

    return pages


@contextmanager
def open_store(settings: Settings) -> Iterator[Any]:
    """The store that the settings name: InfluxDB with HOIQUAN_INFLUX_URL, else a file."""
    from gateway.stores.influx import InfluxStore
    from gateway.stores.sqlite import SqliteStore

    store: InfluxStore | SqliteStore
    if settings.influx_url:
        token = settings.influx_token.get_secret_value()
        store = InfluxStore(settings.influx_url, token, settings.influx_org, settings.influx_bucket)
    else:
        store = SqliteStore(settings.data / "store.sqlite")
    try:
        yield store
    finally:
        store.close()


@contextmanager
def open_figures(settings: Settings) -> Iterator[Any]:
    """The figures over the store of the settings."""
    with open_store(settings) as store:
        yield build_figures(settings, store)


@contextmanager
def open_past(settings: Settings, judged: Pilot) -> Iterator[Any]:
    """What takes a simulated past: the store, and in a rehearsal's folder the records."""
    from gateway.lots.growth import Growth
    from gateway.past import Past
    from traceability.sealing.seal import Sealer

    with open_store(settings) as store:
        if not (settings.data / SCENARIO).exists():
            yield Past(store, judged)
            return
        origin = f"{settings.log_origin}/{judged.pilot}"
        sealer = Sealer(settings.data / "trace", judged, Growth(store, judged), settings.base_url, origin)
        try:
            yield Past(store, judged, sealer)
        finally:
            sealer.close()


@app.command()
def doctor(
    data: Data = None,
    pilot: PilotName = None,
    lang: Language = "vi",
    json_output: AsJson = False,
) -> None:
    """Look at each part and say what is wrong and what to do. Exit code 1 where a part is bad."""
    from gateway.doctor import report

    raise SystemExit(report(lambda: Settings.read(data=data, pilot=pilot).as_running(), lang, open_store,
                            as_json=json_output))  # fmt: skip


@app.command()
def up(
    data: Data = None,
    pilot: PilotName = None,
    history: Annotated[str, typer.Option(help="How much of the past to show at once.")] = "30d",
    speed: Annotated[float, typer.Option(help="Speed of the simulator; 1 is real time.")] = 1.0,
    http_port: Annotated[int, typer.Option(help="Port of the pages.")] = 8080,
    mqtt_port: Annotated[int, typer.Option(help="Port of the broker.")] = 1883,
    bind: Annotated[
        str,
        typer.Option(help="Address of the pages; 0.0.0.0: for phones too. The broker stays on 127.0.0.1."),
    ] = "127.0.0.1",
    host: Annotated[
        str | None, typer.Option(help="Name or address of this machine in QR codes and links, with --bind.")
    ] = None,
    broker: Annotated[
        Literal["auto", "mosquitto", "amqtt"], typer.Option(help="auto: Mosquitto where it is installed.")
    ] = "auto",
    seed: Annotated[int, typer.Option(help="Seed of the simulator.")] = 1,
    faults: Faults = "none",
    rollout: Rollout = "plan",
    lang: Language = "vi",
) -> None:
    """Everything on this machine, no Docker: broker, gateway, SQLite store, pages, simulator."""
    from sim.session import parse_duration

    stop = stop_on_signals()
    own = host or (installation.own_address() if bind not in installation.LOOPBACK else "localhost")
    settings = Settings.read(data=data, pilot=pilot).on_port(http_port, own)
    place = settings.loaded_pilot
    parse_duration(history)
    require_speed(speed)
    if (settings.data / SCENARIO).exists():
        raise Misuse("up.rehearsal", folder=settings.data)
    simulator = ["simulate", "--store", "--seed", str(seed), "--history", history]
    simulator += ["--faults", faults, "--rollout", rollout]
    with installation.claim(settings.data) as told:
        installation.require_ports(bind, http_port, mqtt_port)
        which, chosen = house_broker.choose(broker, settings.data, mqtt_port)
        os.environ |= secrets.environment(settings.data) | house_broker.environment(chosen) | {
            "HOIQUAN_DATA": str(settings.data),
            "HOIQUAN_PILOT": settings.pilot,
            "HOIQUAN_BASE_URL": settings.base_url,
            "HOIQUAN_LANG": lang,
        }  # fmt: skip
        here = f"http://{'127.0.0.1' if bind not in installation.LOOPBACK else bind}:{http_port}"
        places = {"pilot": settings.pilot, "web_url": here, "base_url": settings.base_url}
        installation.tell(told, chosen | places)
        if speed != 1.0:
            announce("up.other_time", lang, speed=number(speed, lang))
        announce("up.pilot", lang, pilot=place.pilot, folder=settings.data.resolve())
        announce(f"up.{which.name}", lang, version=which.version)
        alive = settings.data / "gateway" / "alive"
        alive.unlink(missing_ok=True)
        children = [
            Child("broker", ["broker", "--port", str(mqtt_port), "--with", which.name]),
            Child("gateway", ["gateway"]),
            Child("web", ["web", "--http-port", str(http_port), "--bind", bind], waited_for=False),
            # a broker drops what comes before the gateway's first subscription
            Child(
                "simulator", [*simulator, "--mqtt", str(chosen["mqtt"]), "--speed", str(speed)], alive.exists
            ),
        ]
        run_together(
            # what it has written is whole, and what is missing the next start makes
            first=Child("history", [*simulator, "--history-only"], waited_for=False),
            children=children,
            ready=lambda: installation.taken(bind, http_port),
            say=lambda: announce("up.open", lang, url=settings.base_url, command=sys.argv[0]),
            stop=stop,
            lang=lang,
        )


app.command(name="report")(report_command(open_figures))
app.command()(ca)
app.command()(config)
app.command(hidden=True)(accounts)
app.command(hidden=True)(tokens)
app.command(name="simulate")(simulate_command(open_past, stop_on_signals))

if __name__ == "__main__":
    main()

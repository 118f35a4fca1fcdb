"""The command `hoiquan simulate`: runs the simulator alone."""

import os
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from devices import broker_url
from devices.clock import DAY_MS, HOUR_MS, MINUTE_MS, epoch_ms, midnight_of, moment_of, now_ms
from devices.files import may_write
from devices.installation import require_same
from devices.pilots import scenario as scenarios
from devices.pilots.levers import FIRST, LAST
from devices.pilots.pilot import Pilot
from devices.processes import CHILD, stop_on_signals
from devices.settings import Settings
from devices.terminal import Data, Language, PilotName, announce, show
from devices.texts import Lang, Misuse
from sim.rehearsal import PLAYED

if TYPE_CHECKING:
    from sim.session import Past, Plan

Rollout = Annotated[
    scenarios.Variant | None,
    typer.Option(help="help.own_rollout"),
]
Faults = Annotated[
    scenarios.Faults | None,
    typer.Option(help="help.own_faults"),
]
UNITS = {"d": DAY_MS, "h": HOUR_MS, "m": MINUTE_MS}
LONGEST_JITTER = 3600  # s; a node that waits longer for its link has an outage
# epoch ms; the same as `ANCHOR`, without importing numpy
BEGINS = midnight_of(FIRST, timezone(timedelta(hours=7)))
ENDS = midnight_of(LAST, timezone(timedelta(hours=7))) + DAY_MS
DIGITS = 12  # a longer number is a typing error
OpenPast = Callable[[Settings, Pilot], AbstractContextManager["Past"]]


def command(open_past: OpenPast) -> Callable[..., None]:
    """Make the command. `open_past` opens what takes a past, for settings and the pilot whose rules count."""

    def simulate(
        action: Annotated[
            Literal["run", "describe", "scenarios", "adoption"],
            typer.Argument(help="help.action"),
        ] = "run",
        data: Data = None,
        pilot: PilotName = None,
        mqtt: Annotated[
            str | None,
            typer.Option(help="help.to_broker"),
        ] = None,
        out: Annotated[
            str | None,
            typer.Option(help="help.out"),
        ] = None,
        store: Annotated[bool, typer.Option("--store", help="help.store")] = False,
        scenario: Annotated[
            str | None,
            typer.Option(
                help="help.one_scenario "
                + ", ".join(sorted(path.stem for path in scenarios.HERE.glob("*.yaml")))
            ),
        ] = None,
        history: Annotated[str | None, typer.Option(help="help.history")] = None,
        start: Annotated[str | None, typer.Option(help="help.start")] = None,
        until: Annotated[str | None, typer.Option(help="help.until")] = None,
        speed: Annotated[float, typer.Option(help="help.own_speed")] = 1.0,
        seed: Annotated[
            int | None,
            typer.Option(help="help.own_seed"),
        ] = None,
        shard: Annotated[str, typer.Option(help="help.shard")] = "1/1",
        faults: Faults = None,
        storm: Annotated[
            str | None,
            typer.Option(help="help.storm"),
        ] = None,
        jitter: Annotated[
            float,
            typer.Option(help="help.jitter"),
        ] = 0.0,
        truth: Annotated[str | None, typer.Option(help="help.truth")] = None,
        history_only: Annotated[bool, typer.Option("--history-only", help="help.history_only")] = False,
        rollout: Rollout = None,
        community: Annotated[str, typer.Option(help="help.drawn_community")] = "tam-que",
        year: Annotated[int, typer.Option(help="help.drawn_year")] = 2026,
        lang: Language = "vi",
    ) -> None:
        """Run only the simulator, or list and play scenarios: over MQTT, into a file or into the store."""
        # imported late, as in all commands, so that `--help` is quick
        from sim.session import Plan, Session

        play = None if scenario is None else scenarios.load(scenario)
        own = None if play is None else play.pilot
        settings = Settings.read(data=data, pilot=own if pilot is None else pilot)
        if action != "run":
            answer(action, settings.loaded_pilot, play, seed, rollout, (community, year), out, lang)
            return
        require_speed(speed)
        require_connections(mqtt, storm, jitter)
        if mqtt is not None and broker_url.parse(mqtt).tls:
            broker_url.trust(settings.mqtt_ca)  # report mistakes in either setting before the past is made
        begins, ends = parse_span(start, until)
        plan = Plan(
            seed=1 if seed is None else seed,
            shard=parse_shard(shard),
            history_ms=parse_history(history or "0d", begins),
            start=begins,
            until=ends,
            speed=speed,
            mqtt=None if history_only else mqtt,
            ca=settings.mqtt_ca,
            out=out,
            store=store,
            live=not history_only,
            faults=faults or "none",
            truth=truth,
            rollout=rollout or "plan",
            storm_ms=None if storm is None else parse_duration(storm, "--storm", least=1),
            jitter=jitter,
        )
        if not (plan.mqtt or plan.out or plan.store):
            raise Misuse("simulated.nowhere")
        judged = settings.loaded_pilot
        if play is None and store:
            require_same(settings)
        if play is not None:
            if start or until or history:
                raise Misuse("simulated.own_time")
            judged = play.judged(settings.loaded_pilot)
            chosen = {"pilot": pilot, "seed": seed, "faults": faults, "rollout": rollout}
            play = play.model_copy(update={name: one for name, one in chosen.items() if one is not None})
            plan = played(plan, play, settings.loaded_pilot)
            if plan.complete:
                rehearse(settings.data, play)
            name = play.name.get(lang)
            announce("simulated.plays", lang, err=True, name=name, start=play.start, until=play.until)
        for file in (out, truth):
            may_write(Path(file) if file and file != "-" else None)
        stop = stop_on_signals()
        secret = settings.simulator_secret.get_secret_value()
        if not store:
            Session(plan, settings.loaded_pilot, settings.data, secret, None).run(stop)
            return
        with open_past(settings, judged) as past:
            session = Session(plan, settings.loaded_pilot, settings.data, secret, past)
            if (span := session.simulated_span()) and (
                history_only or CHILD not in os.environ
            ):  # `up` has two children
                since, end = (moment_of(at, judged.zone) for at in span)
                announce("simulated.made", lang, err=True, since=since, until=end, asked=history or "")
            session.run(stop)
        if plan.complete and plan.shard == (1, 1) and not stop.is_set():
            (settings.data / PLAYED).touch()
        if plan.complete and not stop.is_set() and CHILD not in os.environ:
            announce("simulated.see", lang, err=True, folder=settings.data)

    return simulate


def answer(
    action: str,
    pilot: Pilot,
    play: scenarios.Scenario | None,
    seed: int | None,
    rollout: scenarios.Variant | None,
    drawn: tuple[str, int],
    out: str | None,
    lang: Lang,
) -> None:
    """Draw a place's week and year into `out`, or list the scenarios, or print who takes part and why.

    Only the last takes a scenario.
    """
    if play is not None and action != "adoption":
        raise Misuse("simulated.no_scenario", action=action)
    if action == "describe":
        from sim.describe import page

        community, year = drawn
        if community not in pilot.place:
            raise Misuse("simulated.no_community", place=community)
        if not FIRST.year <= year <= LAST.year:
            raise Misuse("simulated.no_year_drawn", year=year, first=FIRST.year, last=LAST.year)
        path = Path(out or "simulated.html")
        may_write(path)
        path.write_text(page(1 if seed is None else seed, pilot, community, year, lang), "utf-8")
        typer.echo(str(path))
        return
    from sim.listing import adopted, listed

    if action == "scenarios":
        typer.echo("\n".join(listed(lang)))
        return
    if play is not None:
        play.require(pilot)
        seed, rollout = play.seed if seed is None else seed, rollout or play.rollout
    events = () if play is None else play.events
    names, rows = adopted(pilot, rollout or "plan", 1 if seed is None else seed, lang, events)
    show(names, rows, whole=range(len(names)))


def played(plan: "Plan", play: scenarios.Scenario, pilot: Pilot) -> "Plan":
    """Apply a scenario to the plan: live over MQTT, or else as a past to a file or the store."""
    play.require(pilot)
    begin, end = play.span(pilot)
    plan = replace(
        plan, seed=play.seed, faults=play.faults, rollout=play.rollout, interval=play.interval,
        years=play.years, events=play.events,
    )  # fmt: skip
    if plan.mqtt:
        return replace(plan, start=begin, until=end)
    return replace(plan, start=end, until=end, history_ms=end - begin, complete=plan.store and not plan.out)


def rehearse(data: Path, play: scenarios.Scenario) -> None:
    """Mark the data folder as holding this scenario. Raises Misuse if it holds something else."""
    if (data / "sim").exists() or (data / "gateway").exists():
        raise Misuse("simulated.running", folder=data)
    scenarios.hold(data, play)


def require_connections(mqtt: str | None, storm: str | None, jitter: float) -> None:
    """Check that options about lost connections come with a broker."""
    if not 0 <= jitter <= LONGEST_JITTER:
        raise Misuse("simulated.jitter", jitter=jitter, most=LONGEST_JITTER)
    if mqtt is None and (storm is not None or jitter):
        raise Misuse("simulated.no_connections", option="--storm" if storm is not None else "--jitter")


def require_speed(speed: float) -> None:
    """Check that a speed is 0 (as fast as possible) or more."""
    if not 0 <= speed < float("inf"):
        raise Misuse("simulated.speed", speed=speed)


def beside_a_store(history: str, speed: float, seed: int, faults: str, rollout: str) -> list[str]:
    """Return the arguments of a simulator whose past goes to the store, without the broker's. Raises Misuse
    for a history or speed that the simulator would refuse.
    """
    parse_history(history)
    require_speed(speed)
    arguments = ["simulate", "--store", "--seed", str(seed), "--history", history]
    return [*arguments, "--faults", faults, "--rollout", rollout, "--speed", str(speed)]


def parse_history(value: str, start: int | None = None) -> int:
    """Parse a length of history before epoch ms `start` (None: now) to ms. It may not reach back before the
    simulated world begins. Raises Misuse.
    """
    length = parse_duration(value, "--history")
    most = max((now_ms() if start is None else start) - BEGINS, 0)
    if length > most:
        raise Misuse("simulated.history", value=value, first=FIRST, most=most // DAY_MS)
    return length


def parse_duration(value: str, option: str, least: int = 0) -> int:
    """Parse 30d, 12h or 90m to ms, at least `least` units. Raises Misuse, which names the option."""
    number, unit = value[:-1], value[-1:]
    if unit in UNITS and _whole(number) and int(number) >= least:
        return int(number) * UNITS[unit]
    raise Misuse("simulated.duration", option=option, value=value)


def _whole(value: str) -> bool:
    """Return whether int() can read it; for `²` isdigit() is true and int() fails."""
    return value.isdecimal() and len(value) < DIGITS


def parse_span(start: str | None, until: str | None) -> tuple[int | None, int | None]:
    """Parse --start and --until to epoch ms. Both must lie within the simulated world, and --until not before
    --start or now. Raises Misuse.
    """
    first, last = (None if value is None else parse_moment(value) for value in (start, until))
    for value, at in ((start, first), (until, last)):
        if at is not None and not BEGINS <= at <= ENDS:
            raise Misuse("simulated.outside", value=value, first=FIRST, last=LAST)
    if last is not None and last < (now_ms() if first is None else first):
        raise Misuse("simulated.backwards", until=until)
    return first, last


def parse_moment(value: str) -> int:
    """Parse RFC 3339 to epoch ms. Raises Misuse."""
    try:
        moment = datetime.fromisoformat(value)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise Misuse("simulated.time", value=value)
    return epoch_ms(moment)


def parse_shard(value: str) -> tuple[int, int]:
    """Parse i/n with 1 ≤ i ≤ n. Raises Misuse."""
    index, _, count = value.partition("/")
    if _whole(index) and _whole(count) and 1 <= int(index) <= int(count):
        return int(index), int(count)
    raise Misuse("simulated.shard", value=value)

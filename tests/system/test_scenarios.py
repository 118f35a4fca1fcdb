"""The effects of scenarios on records and indicators, counted and sealed by the gateway's own rules."""

import json
import threading
from datetime import date, timedelta

from devices.clock import day_of, midnight_of
from devices.pilots import scenario
from devices.pilots.pilot import load
from gateway.lots.growth import Growth
from gateway.past import Past
from gateway.stores.sqlite import SqliteStore
from sim.commands import played, rehearse
from sim.rollout import drop_outs
from sim.session import Plan, Session
from tests.system.running import done, hoiquan
from traceability.sealing.seal import Sealer

WHOLE = load("dong-thap")


def part(*communities, villages=1):
    """The pilot with some communities and its first villages only: quicker, judged by the same rules."""
    some = {
        "communities": [place for place in WHOLE.communities if place.id in communities],
        "villages": sorted(WHOLE.villages, key=lambda place: place.joined)[:villages],
        "records": {}, "alarms": None, "advice": {}, "adopters": None,
    }  # fmt: skip
    return type(WHOLE).model_validate(WHOLE.model_dump() | some)


def play(folder, name, pilot, **instead):
    """Play a scenario, changed by `instead`, into a folder; returns (open store, pilot that judges it)."""
    what = scenario.Scenario.model_validate(
        scenario.load(name).model_dump() | {"interval_minutes": 720} | instead
    )
    rehearse(folder, what)
    judged = what.judged(pilot)
    store = SqliteStore(folder / "store.sqlite")
    sealer = Sealer(folder / "trace", judged, Growth(store, judged), "http://localhost", "localhost/x")
    plan = played(Plan(1, (1, 1), 0, None, None, 0, None, None, True), what, pilot)
    Session(plan, pilot, folder, "", Past(store, judged, sealer)).run(threading.Event())
    sealer.close()
    return store, judged


def indicator(store, pilot, name):
    """Day → value."""
    where = {"pilot": pilot.pilot, "indicator": name}
    return {
        day_of(point.time, pilot.zone): float(point.fields["value"])
        for point in store.series("kpi", where, 0, 2**53, 10_000)
    }


def test_labels_of_before_the_merger_verify_after_it_and_have_the_old_address_alone(tmp_path):
    pilot = part("tam-que", "tan-binh", "my-dien")
    store, _ = play(tmp_path / "data", "merger-2025", pilot)
    store.close()
    rows = json.loads(done(hoiquan(tmp_path, "trace", "list", "--limit", "100", "--json")))
    sealed = {row["lot"]: row["gtin"] for row in rows if not row["refused"]}
    days = {lot: lot[2:8] for lot in sealed}  # TQ250921-…: two letters of the place, then the day
    june = max((lot for lot in sealed if days[lot] < "250701"), key=days.__getitem__)
    august = min((lot for lot in sealed if days[lot] > "250701"), key=days.__getitem__)
    for lot, merged in ((june, False), (august, True)):
        done(hoiquan(tmp_path, "trace", "export", sealed[lot], lot, "--out", "out"))
        done(hoiquan(tmp_path, "trace", "verify", f"out/{lot}.json", "--lang", "en"))
        producer = json.loads((tmp_path / "out" / f"{lot}.json").read_bytes())["producer"]
        place = pilot.place[producer["community"]]
        old, new = f"{place.commune_old}, Đồng Tháp", f"{place.commune_new}, Đồng Tháp"
        assert producer["address"] == (f"{new} (trước đây: {place.commune_old})" if merged else old)


def test_a_cut_budget_moves_the_indicators_down_and_up_again(tmp_path):
    pilot = part("thuan-tan", "canh-tan", "tam-que", "tan-binh", "my-dien", villages=4)
    store, judged = play(
        tmp_path, "budget-cut", pilot, start="2027-06-01", until="2028-03-15",
        events=[{"kind": "budget-cut", "start": "2027-07-01", "stop": "2027-12-01", "broken": 0.25}],
    )  # fmt: skip
    for name, all_of_them in (("iot_communities", 5), ("smart_villages", 4)):
        values = indicator(store, judged, name)
        assert values[date(2027, 6, 20)] == all_of_them
        assert values[date(2027, 11, 30)] <= all_of_them - 3
        assert values[date(2028, 3, 1)] == all_of_them
    store.close()


def test_villages_fall_within_a_month_of_the_cut_and_communities_not_yet(tmp_path):
    places = {"communities": WHOLE.communities, "villages": WHOLE.villages}
    some = {kind: [one for one in all_ if one.joined < date(2027, 6, 1)] for kind, all_ in places.items()}
    pilot = part(*(one.id for one in some["communities"]), villages=len(some["villages"]))
    store, judged = play(tmp_path, "budget-cut", pilot, start="2027-06-20", until="2027-08-01")
    villages, communities = (indicator(store, judged, name) for name in ("smart_villages", "iot_communities"))
    assert villages[date(2027, 6, 30)] == 10 and villages[date(2027, 7, 31)] == 5
    assert communities[date(2027, 6, 30)] == communities[date(2027, 7, 31)] == 10
    store.close()


def test_who_drops_out_is_not_counted_any_more(tmp_path):
    pilot = part("thuan-tan", "canh-tan", "tam-que", "tan-binh", "hoa-kieng-lai-vung", "my-dien")
    stops = drop_outs(pilot, "drop-out", 1)
    last = max(stops.values())
    store, judged = play(
        tmp_path, "drop-out", pilot, start=last - timedelta(days=20), until=last + timedelta(days=30)
    )
    values = indicator(store, judged, "iot_communities")
    assert values[last + timedelta(days=20)] < values[last - timedelta(days=5)]
    store.close()


def test_a_storm_silences_four_places_and_the_indicator_falls(tmp_path, capsys):
    """Nodes under masts that are down buffer their readings; the rehearsal ends before they can send."""
    struck = ("thuan-tan", "tam-que", "tan-binh")
    pilot = part(*struck, "my-dien", "canh-tan")
    store, judged = play(tmp_path, "storm-3-days", pilot, interval_minutes=30, start="2026-10-05")
    assert capsys.readouterr().err.count("100%") == 3  # history, harvests, days: also those that are empty
    values = indicator(store, judged, "iot_communities")
    assert values[date(2026, 10, 13)] >= 4
    assert values[date(2026, 10, 16)] == 2
    # most of them harvested before the rehearsal began, and the share looks back a year
    assert indicator(store, judged, "traceability_share")[date(2026, 10, 16)] == 5 / 400
    begin = midnight_of(date(2026, 10, 14), pilot.zone)
    for place in pilot.places:
        where = {"pilot": pilot.pilot, "community": place.id}
        heard = store.series("telemetry", where, begin, 2**53, 10)
        assert bool(heard) == (place.id not in (*struck, "lang-tan-thuan-tay")), place.id
    store.close()

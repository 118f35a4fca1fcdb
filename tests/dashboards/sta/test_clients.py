"""Others' clients and conformance suite, run against our server: `HOIQUAN_TEST_STA=1` fetches them.

OGC's conformance suite (Maven `org.opengis.cite:ets-sta10` 1.5, level 1: the others write and delete) passes
whole. PyPI frost_sta_client 1.1.53, istsos4-client 0.4.0 and stapy 0.3.1 and Maven FROST-Client 0.45 walk
from a Thing to a day's observations over two pages and get the numbers of `/api/v1/series`.
"""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest
from fastapi import FastAPI

from dashboards.opendata import routes as opendata
from dashboards.sta import routes
from devices.web.named import Named
from tests.dashboards import soil
from tests.fetched import asked, java, python, run
from tests.seen import Served

PROBE = "tam-que-soil-probe-01"
DAY = "phenomenonTime ge 2026-11-20T00:00:00Z and phenomenonTime lt 2026-11-21T00:00:00Z"
WALK = """
import de.fraunhofer.iosb.ilt.sta.model.*;
import de.fraunhofer.iosb.ilt.sta.service.SensorThingsService;
import java.net.URL;
public class Walk {
  public static void main(String[] a) throws Exception {
    var service = new SensorThingsService(new URL(a[0]));
    var thing = service.things().query().filter("name eq '" + a[1] + "'").first();
    var stream = thing.datastreams().query().first();
    var pages = stream.observations().query().filter(a[2]).orderBy("phenomenonTime asc").top(13).list();
    for (var all = pages.fullIterator(); all.hasNext();) System.out.println("got " + all.next().getResult());
  }
}
"""
PYTHON = {
    "frost_sta_client": """
import sys
import frost_sta_client as fsc
root, name, day = sys.argv[1:]
service = fsc.SensorThingsService(root)
(thing,) = service.things().query().filter(f"name eq '{name}'").list()
stream = next(iter(thing.get_datastreams().query().list()))
for one in stream.get_observations().query().filter(day).orderby("phenomenonTime", "asc").top(13).list():
    print("got", one.result)
""",
    "istsos4-client": """
import sys
import istsos4_client as sos
root, name, day = sys.argv[1:]
client = sos.Client(root)
(thing,) = client.list(sos.Thing, filter=f"name eq '{name}'")
stream = client.list(sos.Datastream, filter=f"Thing/id eq {thing.iot_id}")[0]
day = f"Datastream/id eq {stream.iot_id} and {day}"
for one in client.list(sos.Observation, filter=day, orderby="phenomenonTime asc", top=13):
    print("got", one.result)
""",
    "stapy": """
import sys
from stapy import Entity, Query, set_sta_url
root, name, day = sys.argv[1:]
set_sta_url(root + "/")
thing = Query(Entity.Thing).filter(f"name eq '{name}'").select("@iot.id").get_data_sets()
streams = Query(Entity.Thing).entity_id(thing).sub_entity(Entity.Datastream).select("@iot.id")
stream = streams.get_data_sets()
stream = stream[0] if isinstance(stream, list) else stream
query = Query(Entity.Datastream).entity_id(stream).sub_entity(Entity.Observation).filter(day)
for one in query.order("phenomenonTime").limit(13).select("result").get_data_sets():
    print("got", one)
""",
}  # fmt: skip
PACKAGES = ("frost_sta_client==1.1.53", "istsos4-client==0.4.0", "stapy==0.3.1")


@pytest.fixture(scope="module")
def walk() -> list[str | Path]:
    """The Java client's command, beside OGC's suite."""
    asked("HOIQUAN_TEST_STA", "OGC's suite and four clients")
    return java(
        "sta", "Walk", WALK, "org.opengis.cite:ets-sta10:1.5", "de.fraunhofer.iosb.ilt:FROST-Client:0.45"
    )


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    app = FastAPI()
    with soil.figures(tmp_path_factory.mktemp("sta")) as figures:
        app.include_router(opendata.router(figures, soil.fleet(figures), soil.targets(figures)))
        app.include_router(routes.router(figures))
        named = Named(app, "http://localhost:8080")  # as `hoiquan web` puts it before the routes
        with Served(named) as address:  # type: ignore[arg-type]
            yield address


def test_ogcs_suite_passes_level_1(walk: list[str | Path], server: str, tmp_path: Path) -> None:
    rows = f'<entry key="iut">{server}/sta/v1.1</entry><entry key="ics">1</entry>'
    (tmp_path / "run.xml").write_text(f'<properties version="1.0">{rows}</properties>')
    command = ["java", f"-Duser.home={tmp_path}", f"-Djava.io.tmpdir={tmp_path}", *walk[1:-1]]
    said = run(*command, "org.opengis.cite.sta10.TestNGController", tmp_path / "run.xml", must=False)
    (results,) = tmp_path.rglob("testng-results.xml")
    methods = re.findall(r"<test-method [^>]*>", results.read_text("utf-8"))
    core = [one for one in methods if 'groups="level-1"' in one]
    assert len(core) == 6 and all('status="PASS"' in one for one in core), said[-2000:] + "\n".join(core)


@pytest.mark.parametrize("client", [*PYTHON, "FROST-Client"])
def test_a_client_finds_the_numbers_of_series(
    walk: list[str | Path], server: str, client: str, tmp_path: Path
) -> None:
    program = (
        walk if client == "FROST-Client" else [python("sta", *PACKAGES), "-W", "ignore", "-c", PYTHON[client]]
    )
    said = run(*program, f"{server}/sta/v1.1", PROBE, DAY, folder=tmp_path, must=False)
    query = {"signal": "soil_moisture", "device": PROBE, "limit": "1000",
             "start": "2026-11-20T00:00:00Z", "end": "2026-11-21T00:00:00Z"}  # fmt: skip
    with urlopen(f"{server}/api/v1/series?{urlencode(query)}", timeout=30) as answer:
        expected = [row["mean"] for row in json.load(answer)["rows"]]
    found = [float(line.removeprefix("got ")) for line in said.splitlines() if line.startswith("got ")]
    assert found == expected and len(found) == 24, said[-2000:]

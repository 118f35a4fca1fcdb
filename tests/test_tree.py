"""Checks on the tree as a whole: the lock matches pyproject.toml and names no download address; modules stay
small; documents name only paths and modules that exist.
"""

import ast
import re
import tomllib
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
LOCK = (ROOT / "uv.lock").read_text("utf-8")
PRODUCT = ("devices", "sim", "gateway", "traceability", "dashboards")
EXAMPLES = {path.parent for path in (ROOT / "devices" / "examples").rglob("*.py")}


def _normal(requirement: dict[str, Any]) -> tuple[str, str]:
    extras = f"[{','.join(requirement['extras'])}]" if "extras" in requirement else ""
    where = f"; {requirement['marker']}" if "marker" in requirement else ""
    return requirement["name"], extras + requirement.get("specifier", "") + where


def _split(text: str) -> tuple[str, str]:
    name = re.match(r"[A-Za-z0-9._-]+", text)
    assert name is not None
    return re.sub(r"[-_.]+", "-", name.group()).lower(), text[name.end() :]


def test_lock_is_of_this_project() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    locked = next(p for p in tomllib.loads(LOCK)["package"] if p["name"] == "hoiquan")
    metadata = locked["metadata"]
    wanted = sorted(map(_split, project["project"]["dependencies"]))
    assert sorted(map(_normal, metadata["requires-dist"])) == wanted, "run: make lock"
    dev = sorted(map(_split, project["dependency-groups"]["dev"]))
    assert sorted(map(_normal, metadata["requires-dev"]["dev"])) == dev, "run: make lock"


def test_lock_serves_any_index() -> None:
    assert "://" not in LOCK
    hashes = LOCK.count('hash = "sha256:')
    assert hashes > 100 and hashes == LOCK.count("{ path = ")


def test_modules_stay_readable() -> None:
    """One module has one noun; over 350 lines it becomes two."""
    modules = [ROOT / "hoiquan.py", *(path for folder in PRODUCT for path in (ROOT / folder).rglob("*.py"))]
    modules += [path for folder in ("tests", "benchmarks") for path in (ROOT / folder).rglob("*.py")]
    assert {path.name: n for path in modules if (n := len(path.read_text("utf-8").splitlines())) > 350} == {}

    # it joins the parts, and does nothing else
    assert len((ROOT / "hoiquan.py").read_text("utf-8").splitlines()) < 200


def test_folders_show_few_doors() -> None:
    """At most 12 modules at the top of a folder, 14 in a wing, and each folder has a docstring."""
    for folder in PRODUCT:
        for place in {path.parent for path in (ROOT / folder).rglob("*.py")} - EXAMPLES:
            modules = [path for path in place.glob("*.py") if path.name != "__init__.py"]
            assert len(modules) <= (12 if place == ROOT / folder else 14), place
            assert (place / "__init__.py").read_text("utf-8").startswith('"""'), place


# Code that handles times itself: the milliseconds of a day, an hour or a minute, a clock, a zone's name.
TIMES = re.compile(
    r"86_400_000|3_600_000|1_577_836_800_000|\b(?:DAY|HOUR|MINUTE|AHEAD|YEAR_2020)_MS = "
    r"|time_ns\(\) // (?:1_000_000|10\*\*6)|fromtimestamp\(\S+ / 1000|\.timestamp\(\) \* 1000"
)


def test_times_and_days_stand_in_one_module() -> None:
    clock = ROOT / "devices" / "clock.py"
    assert len(TIMES.findall(clock.read_text("utf-8"))) > 8  # the pattern finds at least its own module
    modules = {path for folder in (*PRODUCT, "benchmarks") for path in (ROOT / folder).rglob("*.py")}
    modules -= {clock, *(path for at in EXAMPLES for path in at.glob("*.py"))}
    written = {_name(path): TIMES.findall(path.read_text("utf-8")) for path in modules}
    assert {name: found for name, found in written.items() if found} == {}


def test_clients_leave_the_broker_in_one_place() -> None:
    """paho's `loop_stop` alone may raise AttributeError after a goodbye."""
    top = (*PRODUCT, "tests", "benchmarks")
    modules = {path for folder in top for path in (ROOT / folder).rglob("*.py")} - {Path(__file__)}
    calls = {_name(path) for path in modules if ".loop_stop()" in path.read_text("utf-8")}
    assert calls == {"devices/broker_url.py", "devices/examples/python/node.py"}


# Code that formats for itself: digits or thousands of a number, a day, a decimal comma.
WRITTEN = re.compile(
    r":,?(?:\.\d+)?[gGfFeE%]\}|:,[}.]|:\.\{|strftime|:%[aAbBdHImMpSyYjx]"
    r"|replace\(\"[.,]\", ?\"[.,]\"\)|\.translate\(_?VIETNAMESE|\|round\b|\|format\(|toLocale"
)
# module → why it may do so: people do not read its output as a number or a day in a sentence
NOT_FOR_PEOPLE = {
    "devices/texts.py": "the formatter",
    "devices/contract/senml.py": "rounds to what a double holds",
    "devices/contract/signals.py": "counts digits",
    "devices/contract/tables.py": "a table of code for README",
    "devices/probes/counters.py": "rounds to what a double holds",
    "devices/probes/probe.py": "names what stands in a YAML file, as it stands there",
    "devices/probes/reader.py": "rounds to what a double holds",
    "devices/probes/units.py": "rounds to what a double holds",
    "dashboards/map/picture.py": "coordinates of a picture",
    "dashboards/sta/network.py": "open data, in English",
    "gateway/brokers/embedded.py": "a log",
    "sim/physics/weather.py": "names what stands in a YAML file, as it stands there",
    "traceability/diary/entries.py": "reads what people type",
    "traceability/exchange/event_hash.py": "the form of GS1's hash",
    "traceability/pages/chart.py": "coordinates of a picture",
    "traceability/pages/label.py": "coordinates of a picture",
    "traceability/sealing/lot.py": "a code",
    "traceability/secretary/form.py": "the value of an input",
}  # fmt: skip


def test_numbers_and_days_for_people_are_written_in_one_module() -> None:
    texts = ROOT / "devices" / "texts.py"
    assert WRITTEN.search(texts.read_text("utf-8"))  # the pattern finds at least its own module
    kinds = ("*.py", "templates/*.html", "templates/*.js", "templates/*.typ")
    files = {path for folder in PRODUCT for kind in kinds for path in (ROOT / folder).rglob(kind)}
    files -= {path for at in EXAMPLES for path in at.glob("*.py")}
    written = {_name(path): WRITTEN.findall(path.read_text("utf-8")) for path in files}
    found = {name: some for name, some in written.items() if some}
    assert {name: some for name, some in found.items() if name not in NOT_FOR_PEOPLE} == {}
    assert NOT_FOR_PEOPLE.keys() - found.keys() == set(), "these need no exemption any more"


FRONT = ("README.md", "README.en.md")
NOT_OURS = {"data", "secrets", "backups", "wheels", "node_modules"}
PAGES = [
    path
    for path in sorted(ROOT.rglob("*.md"))
    if not any(part in NOT_OURS or part[0] == "." for part in path.relative_to(ROOT).parts)
]
INITS = sorted(path for folder in PRODUCT for path in (ROOT / folder).rglob("__init__.py"))
FOLDERS = "|".join((*PRODUCT, "tests", "deploy", "benchmarks"))
# a path from the top of the tree, and a module's dotted name
NAMED = re.compile(rf"(?<![\w./-])(?:{FOLDERS})/[\w./-]*\w")
DOTTED = re.compile(rf"(?<![\w./-])(?:{'|'.join(PRODUCT)})(?:\.[A-Za-z_]\w*)+")
FILES = re.compile(r"(?<![\w./*{}-])[\w/]+\.(?:py|yaml|json|html)\b")  # as a wing names its own modules


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _anchors(page: str) -> set[str]:
    """The anchors of all headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", re.sub(r"^```.*?^```", "", page, flags=re.M | re.S), re.M)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def _missing(text: str) -> list[str]:
    """The paths and modules that a text names and that do not exist."""
    paths = [path for path in NAMED.findall(text) if not (ROOT / path).exists()]
    return paths + [name for name in DOTTED.findall(text) if not _is_there(name)]


def _is_there(dotted: str) -> bool:
    """Whether it is a module, or an attribute of a module."""
    parts = dotted.split(".")
    try:
        if find_spec(dotted):
            return True
    except ModuleNotFoundError:
        pass
    module = (ROOT / "/".join(parts[:-1])).with_suffix(".py")
    return module.exists() and re.search(rf"\b{parts[-1]}\b", module.read_text("utf-8")) is not None


@pytest.mark.parametrize("page", FRONT)
def test_front_pages_are_short_and_show_the_commands(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    assert len(text.splitlines()) <= 90
    for command in ("make up", "make compose", "make test"):
        assert f"```sh\n{command}\n```" in text
    assert set(FRONT) - {page} <= set(re.findall(r"\]\(([^)\s]+)\)", text))


def test_each_folder_has_its_page() -> None:
    for folder in PRODUCT:
        page = (ROOT / folder / "README.md").read_text("utf-8")
        assert f"]({folder}/README.md" in (ROOT / "README.md").read_text("utf-8")
        assert len(page) > 1000


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_links_of_documents_lead_somewhere(page: Path) -> None:
    text = page.read_text("utf-8")
    lost = []
    for link in re.findall(r"\]\(([^)\s]+)\)|src=\"([^\"]+)\"", text):
        target, _, anchor = "".join(link).partition("#")
        if "://" in target:
            continue
        there = page.parent / target if target else page
        if not there.exists() or (anchor and anchor not in _anchors(there.read_text("utf-8"))):
            lost.append("".join(link))
    assert lost == []


@pytest.mark.parametrize("page", PAGES, ids=_name)
def test_documents_name_what_is_there(page: Path) -> None:
    assert _missing(page.read_text("utf-8")) == []


@pytest.mark.parametrize("init", INITS, ids=_name)
def test_each_folder_names_what_it_has(init: Path) -> None:
    text = ast.get_docstring(ast.parse(init.read_text("utf-8"))) or ""
    own = [
        name for name in FILES.findall(text) if not any((at / name).exists() for at in (init.parent, ROOT))
    ]
    wings = re.findall(r"^([\w]+)/ +\w", text, re.M)
    assert _missing(text) + own + [wing for wing in wings if not (init.parent / wing).is_dir()] == []


def test_every_benchmark_is_listed() -> None:
    folder = ROOT / "benchmarks"
    listed = ast.get_docstring(ast.parse((folder / "__init__.py").read_text("utf-8"))) or ""
    modules = {path.name for path in folder.glob("*.py")} - {"__init__.py"}
    assert modules == {name for name in FILES.findall(listed) if (folder / name).exists()}


def test_the_check_of_documents_finds_old_names() -> None:
    old = (
        "see `devices/signals.py`, gateway.spool, `gateway/receive.py` and devices.contract.signals.NOTHING_9"
    )
    assert len(_missing(old)) == 4
    assert _missing("`gateway/ingest/spool.py`, gateway.ingest.spool.Spool, devices.contract, sim. And") == []

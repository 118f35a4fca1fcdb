"""Every sentence that code uses exists in both languages, with the same blanks to fill."""

import ast
import errno
import os
import re
import socket
import ssl
import unicodedata
from pathlib import Path
from string import Formatter

import pytest

from devices.contract.payloads import _BY_TYPE
from devices.probes.telemetry import UNCLEAR
from devices.texts import LANGS, Mendable, catalogue, shown, text, worded

ROOT = Path(__file__).parents[2]
FOLDERS = ("devices", "gateway", "traceability", "dashboards", "sim")
PYTHON = [
    ROOT / "hoiquan.py",
    *(path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py"))),
]
# functions that code calls for a sentence, and the group where all calls of a file mean one group
ASKS = {"text": "", "t": "", "say": "boards", "announce": ""}
# and errors that carry their sentence
ERRORS = {"kind", "Mendable"}
CLASSES = [node for path in PYTHON for node in ast.walk(ast.parse(path.read_text("utf-8")))
           if isinstance(node, ast.ClassDef)]  # fmt: skip
while more := {node.name for node in CLASSES if ERRORS & {ast.unparse(base) for base in node.bases}} - ERRORS:
    ERRORS |= more
ASKS |= dict.fromkeys(ERRORS, "")
GROUPS = {
    "dashboards/pages/overview.py": {"t": "overview"},
    "dashboards/report/compose.py": {"say": "report"},
    "gateway/control/client.py": {"NotHeard": "listen"},
    "gateway/control/dispatch.py": {"NotHeard": "listen"},
}


def blanks(sentence):
    return {name for _, name, _, _ in Formatter().parse(sentence) if name is not None}


def in_python():
    """Each (file, key or pattern, arguments) that code uses; parts known only at run time are `*`."""
    for path in PYTHON:
        name = path.relative_to(ROOT).as_posix()
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not (
                isinstance(node, ast.Call)
                and isinstance(node.func, ast.Name)
                and node.func.id in ASKS
                and node.args
            ):
                continue
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                key = first.value
            elif isinstance(first, ast.JoinedStr):
                key = "".join(
                    str(part.value) if isinstance(part, ast.Constant) else "*" for part in first.values
                )
            else:
                continue
            if " " in key:  # a sentence, of an error class whose name is shared with one that takes a key
                continue
            group = GROUPS.get(name, {}).get(node.func.id, ASKS[node.func.id])
            given = (
                None if any(word.arg is None for word in node.keywords) else {w.arg for w in node.keywords}
            )
            yield name, f"{group}.{key}" if group else key, given


def in_templates():
    for path in sorted(ROOT.glob("*/templates/*.html")):
        name = path.relative_to(ROOT).as_posix()
        group = GROUPS.get(name, {}).get("t", "")
        for key, rest in re.findall(r"""\bt\(\s*["']([^"']+)["']([^}]*)""", path.read_text("utf-8")):
            arguments = rest.partition(")")[0] if "(" not in rest.partition(")")[0] else rest
            given = None if rest.lstrip().startswith("~") else set(re.findall(r",\s*(\w+)=", arguments))
            pattern = key + "*" if given is None else key
            yield name, f"{group}.{pattern}" if group else pattern, given


ASKED = [*in_python(), *in_templates()]


def test_the_search_finds_what_code_asks_for():
    files = {name for name, _, _ in ASKED}
    assert {
        "devices/contract/payloads.py",
        "dashboards/boards/targets.py",
        "dashboards/pages/overview.py",
    } <= files
    assert {"dashboards/templates/overview.html", "traceability/templates/record.html"} <= files
    assert len(ASKED) > 80


@pytest.mark.parametrize(("name", "key", "given"), ASKED, ids=[f"{name}:{key}" for name, key, _ in ASKED])
def test_what_code_asks_for_is_in_the_catalogue(name, key, given):
    pattern = re.compile(re.escape(key).replace(r"\*", ".+"))
    found = [known for known in catalogue() if pattern.fullmatch(known)]
    assert found, f"{name} asks for {key}"
    if given is not None and "*" not in key:
        for lang in LANGS:
            assert blanks(catalogue()[key][lang]) <= given, (
                f"{name}: {key} in {lang} has blanks that stay empty"
            )


def test_every_reason_of_a_refusal_has_its_sentence():
    reasons = set()
    for path in [
        path for folder in ("devices", "gateway", "traceability") for path in (ROOT / folder).rglob("*.py")
    ]:
        source = path.read_text("utf-8")
        reasons |= set(re.findall(r'PayloadError\("(\w+)"', source))
        reasons |= set(re.findall(r'Refusal\([^)]*?"(\w+)"', source, re.S))
    reasons |= {*_BY_TYPE.values(), *UNCLEAR.values()}
    assert {f"rejected.{reason}" for reason in reasons} == {
        k for k in catalogue() if k.startswith("rejected.")
    }


@pytest.mark.parametrize("key", sorted(catalogue()))
def test_a_sentence_is_there_in_both_languages_with_the_same_blanks(key):
    entry = catalogue()[key]
    assert set(entry) == set(LANGS)
    for lang in LANGS:
        assert isinstance(entry[lang], str)
        assert entry[lang].strip()
        assert entry[lang] == entry[lang].strip() or "\n" in entry[lang]
    assert blanks(entry["vi"]) == blanks(entry["en"])
    filled = dict.fromkeys(blanks(entry["vi"]), "x")
    for lang in LANGS:
        assert text(key, lang, **filled)


@pytest.mark.parametrize("key", sorted(key for key in catalogue() if f"{key}_public" in catalogue()))
@pytest.mark.parametrize("lang", LANGS)
def test_a_page_for_anybody_shows_no_value_that_may_be_a_path_or_a_servers_word(key, lang):
    names = blanks(catalogue()[key]["vi"])
    for values in (dict.fromkeys(names, "/srv/inside"), dict.fromkeys(names, Path("/srv/inside"))):
        assert "inside" in Mendable(key, **values).sentence(lang)
        assert "inside" not in Mendable(key, **values).public(lang)
        within = Mendable("spool.unwritable", path="/srv/inside", why=Mendable(key, **values))
        assert "inside" not in within.public(lang)


def test_a_page_for_anybody_keeps_numbers_and_names_what_to_do():
    full = Mendable("spool.disk", path="/srv/inside", free=12, keep=200)
    assert "12 MB" in full.public("vi") and "giải phóng chỗ" in full.public("vi")
    locked = Mendable("spool.unwritable", path="/srv", why=Mendable("sqlite.full", error="full"))
    assert locked.public("en").endswith(
        "so nothing more is taken from the broker: its disk is full; make room there"
    )
    # a sentence without such values stays, one that nobody wrote for the public is replaced
    silent = Mendable("unwell.silent", seconds=15)
    assert silent.public("vi") == silent.sentence("vi")
    assert Mendable("store.diary", why="/srv").public("en") == text("unwell.public", "en")


def test_vietnamese_letters_are_composed():
    """Two spellings of one letter would be unequal, and searches would miss one."""
    for key, entry in catalogue().items():
        assert unicodedata.is_normalized("NFC", entry["vi"]), key


def test_one_thing_has_one_name_in_vietnamese():
    """Two names for a checkpoint of the log read like two things."""
    checkpoints = [one for one in catalogue().values() if "checkpoint" in one["en"]]
    assert checkpoints and all("điểm kiểm tra (checkpoint)" in one["vi"].lower() for one in checkpoints)


@pytest.mark.parametrize(
    ("right", "other"),
    [("nhãn", "tem"), ("chứng thư", "chứng chỉ"), ("mã truy cập", "token"), ("đánh giá", "nhìn lại")],
)
def test_help_and_pages_call_a_thing_the_same(right, other):
    """Who reads two words looks for two things. A foreign word may stand once in brackets."""
    said = {key: one["vi"].replace("(token)", "") for key, one in catalogue().items()}
    assert any(right in one for one in said.values())
    assert [key for key, one in said.items() if re.search(rf"\b{other}\b", one)] == []


@pytest.mark.parametrize("name", [key for key in catalogue() if key.startswith("system.")])
def test_an_error_of_the_system_has_its_own_english(name):
    number = getattr(errno, name.removeprefix("system."))
    assert catalogue()[name]["en"] == os.strerror(number)
    for lang in LANGS:
        assert worded(OSError(number, os.strerror(number)), lang) == catalogue()[name][lang]


@pytest.mark.parametrize(
    ("error", "vi"),
    [
        (ConnectionRefusedError(111, "Connection refused"), "kết nối bị từ chối"),
        (PermissionError(13, "Permission denied", "a/b"), "không có quyền: a/b"),
        (TimeoutError("timed out"), "quá thời gian chờ"),
        (socket.gaierror(-2, "Name or service\nnot known"), "[Errno -2] Name or service not known"),
        (ssl.SSLError(1, "[SSL] record layer failure"), "[SSL] record layer failure"),
        (OSError("a word of its own"), "a word of its own"),
    ],
)
def test_an_error_of_the_system_is_said_in_the_readers_language(error, vi):
    """Numbers that another library gives are no numbers of the system."""
    assert text("path.other", "vi", path="x", error=error) == f"x: {vi}"


def test_an_unknown_key_is_an_error():
    with pytest.raises(KeyError):
        text("rejected.no_such_reason", "vi")


@pytest.mark.parametrize(
    ("words", "safe"),
    [
        ("Độ ẩm đất [/b] “27 °C”", "Độ ẩm đất [/b] “27 °C”"),
        ("\x1b[2J", "\\x1b[2J"),
        ("a\nb\x00\x9b", "a\\nb\\x00\\x9b"),
        ("\u202eabc\ud800", "\\u202eabc\\ud800"),
    ],
)
def test_what_a_stranger_wrote_commands_no_terminal(words, safe):
    assert shown(words) == shown(safe) == safe

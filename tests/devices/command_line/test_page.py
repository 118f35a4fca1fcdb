"""Every help page is whole and in one language: Vietnamese unless English is asked for."""

import re
import string
import sys

import pytest
from typer.core import TyperArgument, TyperGroup
from typer.testing import CliRunner

import hoiquan
from devices import terminal
from devices.contract.models import MODELS
from devices.contract.orders import ACTUATORS
from devices.pilots import scenario
from devices.texts import LANGS, catalogue, text
from gateway.audit.acts import WHAT
from tests.dashboards.walked import faults

WIDTH = 80
# what a reader types as it stands in every language: an example, an option, a variable, a file, an address
TYPED = re.compile(
    r"`[^`]*`|--[a-z-]+|HOIQUAN_\w+|\w+=\S+|\S+://\S+|[\w-]*[.:/]\w[\w./-]*|\w+_\w+|[\w,]*\[,\S+"
)
# values to type that are in no table, and words that engineers of both languages share
VALUES = {"on", "off", "open", "closed", "roll", "localhost", "operator"}
SHARED = {"token", "webhook", "uplink", "ndjson", "web", "TCP", "CA", "PEM", "DER", "MicroPython", "Docker",
          "SQLite", "YAML", "DevEUI", "devEUI", "Markdown", "checkpoint", "amqtt"}  # fmt: skip


def commands():
    """Each command by its path, the hidden ones too."""
    for name, late in hoiquan.COMMANDS.items():
        command = late.command(name)
        yield (name,), command
        if isinstance(command, TyperGroup):
            yield from (((name, one), each) for one, each in command.commands.items())


TREE = dict(commands())
PATHS = [(), *TREE]
CHOICES = {str(choice) for command in TREE.values() for param in command.params
           for choice in param.type_descriptor.choices or ()}  # fmt: skip
SCENARIOS = {path.stem for path in scenario.HERE.glob("*.yaml")}
AS_THEY_ARE = (
    VALUES
    | SHARED
    | CHOICES
    | SCENARIOS
    | {*MODELS, *ACTUATORS, *WHAT}
    | {name for path in TREE for name in path}
)


@pytest.fixture(autouse=True)
def _nobody_chose_a_language():
    terminal.remember_language("")


def page(path, lang):
    """The lines of a command's help page on a terminal of WIDTH columns."""
    shown = CliRunner().invoke(
        hoiquan.app, [*path, "--help"], prog_name="hoiquan", env={"HOIQUAN_LANG": lang}
    )
    assert shown.exit_code == 0, shown.output
    return shown.output.splitlines()


def test_every_command_option_and_argument_has_its_text_and_every_text_its_place():
    used = {f"command.{'_'.join(path) or 'hoiquan'}".replace("-", "_") for path in PATHS} | {"help.help"}
    for command in TREE.values():
        for param in command.params:
            used.add(param.help.partition(" ")[0])
            if isinstance(param, TyperArgument):
                used.add(f"help.name_{param.name}")
    assert used == {key for key in catalogue() if key.startswith(("command.", "help."))}


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_a_page_is_in_vietnamese(path):
    lines = page(path, "vi")
    assert lines[0].startswith(f"Cách dùng: hoiquan {' '.join(path)}".strip())
    whole = TYPED.sub(" ", " ".join(" ".join(lines).split()))
    bare = re.sub(
        rf"\b(?:{'|'.join(sorted(map(re.escape, AS_THEY_ARE), key=len, reverse=True))})\b", " ", whole
    )
    assert [what for what, _ in faults([bare], (), "vi") if what.startswith("word: ")] == []


@pytest.mark.parametrize("path", PATHS, ids=" ".join)
def test_a_page_is_in_english_and_fits_its_terminal(path):
    lines = page(path, "en")
    assert lines[0].startswith(f"Usage: hoiquan {' '.join(path)}".strip())
    assert set("".join(lines)) - set("→×…") <= set(string.printable)
    for lang in LANGS:
        assert [line for line in page(path, lang) if len(line) > WIDTH] == []


@pytest.mark.parametrize("lang", LANGS)
def test_what_a_reader_copies_is_not_broken(lang):
    for path, command in TREE.items():
        said = page(path, lang)
        for param in command.params:
            assert any(max(param.opts, key=len) in line for line in said) or isinstance(param, TyperArgument)
        for whole in re.findall(
            r"(?<!\S)[a-z0-9]+(?:-[a-z0-9]+)+", text(f"command.{'_'.join(path)}".replace("-", "_"), lang)
        ):
            assert any(whole in line for line in said), whole


def test_a_page_tells_what_typer_knows_of_an_option():
    told = " ".join(" ".join(page(("quarantine", "list"), "vi")).split())
    assert (
        "--limit <số nguyên> Hiện nhiều nhất chừng này dòng, mới nhất trước. [từ 1 đến 1000000; mặc định: 20]"
        in told
    )
    assert "(cả hai)" in " ".join(page(("device", "check"), "vi")) and "(cả hai)" not in told
    assert "--lang vi|en" in told and "[biến môi trường: HOIQUAN_LANG; mặc định: vi]" in told
    told = " ".join(" ".join(page(("trace", "cosign"), "en")).split())
    assert (
        "hoiquan trace cosign [OPTIONS] FILE" in told
        and "--witnesses <path> " in told
        and "[required]" in told
    )
    assert "--since <year-month-day>" in " ".join(page(("audit", "list"), "en"))
    assert "--photo <path>" in " ".join(page(("trace", "verify"), "en"))  # several may be given


@pytest.mark.parametrize(
    "line", ["web --lang en --help", "web --help --lang=en", "--lang en --help", "device --help --lang en"]
)
def test_the_language_may_be_asked_for_anywhere_beside_help(line, monkeypatch, capsys):
    monkeypatch.setenv("HOIQUAN_LANG", "vi")
    monkeypatch.setattr(sys, "argv", ["hoiquan", *line.split()])
    with pytest.raises(SystemExit) as end:
        hoiquan.main()
    assert end.value.code == 0 and capsys.readouterr().out.startswith("Usage: hoiquan")


def test_a_hidden_command_is_in_no_list():
    names = [line.split()[0] for line in page((), "vi") if line.startswith("  ")]
    assert "config" in names and not {"accounts", "broker", "tokens"} & set(names)

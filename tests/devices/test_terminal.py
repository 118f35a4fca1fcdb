"""Tables on a terminal of any width: values that the next command needs are never broken."""

from zoneinfo import ZoneInfo

import pytest
import typer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from typer.testing import CliRunner

from devices import terminal
from devices.texts import LANGS, text

WORDS = st.lists(st.text("abcđêộ", min_size=1, max_size=12), max_size=25).map(" ".join)
WHOLE = st.text("abc/0-", min_size=1, max_size=100)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    rows=st.lists(st.tuples(WHOLE, WORDS, WHOLE, WORDS), min_size=1, max_size=4),
    width=st.integers(40, 200),
)
def test_nothing_whole_is_cut_and_nothing_else_is_too_wide(capsys, monkeypatch, rows, width):
    monkeypatch.setenv("COLUMNS", str(width))
    terminal.show(["id", "đăng ký", "topic", "lý do"], rows, whole=(0, 2))
    said = capsys.readouterr().out
    lines = said.splitlines()
    for row in rows:
        for number in (0, 2):
            assert any(row[number] in line for line in lines)
    alone = {row[number] for row in rows for number in (0, 2)}
    assert all(cell_len(line) <= width for line in lines if line not in alone)
    assert "…" not in said
    for row in rows:
        for word in (*row[1].split(), *row[3].split()):
            assert word in said, "words of up to 20 letters are not broken"


@pytest.mark.parametrize(("width", "first"), [(80, "┏"), (36, "id  topic")])
def test_a_table_where_there_is_room_else_rows(capsys, monkeypatch, width, first):
    monkeypatch.setenv("COLUMNS", str(width))
    terminal.show(
        ["id", "topic", "reason"], [("1", "a/topic/of/some/length", "a reason that has words")], (0, 1)
    )
    assert capsys.readouterr().out.startswith(first)


def test_words_of_strangers_are_no_markup(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    terminal.show(["id", "by"], [("1", "[/b] :skull: [red]")], (0,))
    assert "[/b] :skull: [red]" in capsys.readouterr().out


def test_moments_have_their_zone():
    zone = ZoneInfo("Asia/Ho_Chi_Minh")
    assert terminal.moment(1795845904000, zone, "vi") == "28/11/2026 13:05 +07"
    assert terminal.moment(1795845904000, zone, "en", seconds=True) == "28 Nov 2026 13:05:04 +07"


@pytest.mark.parametrize(
    ("answers", "default", "said"),
    [("c", False, True), ("có", False, True), ("Y", False, True), ("k", True, False), ("không", True, False),
     ("n", True, False), ("", True, True), ("", False, False), ("maybe\nk", True, False)],
)  # fmt: skip
@pytest.mark.parametrize("lang", LANGS)
def test_a_question_is_answered_in_either_language(answers, default, said, lang):
    app = typer.Typer()

    @app.command()
    def ask() -> None:
        typer.echo(terminal.agreed("Ghi?", lang, default=default))

    done = CliRunner().invoke(app, input=f"{answers}\n")
    assert done.stdout.endswith(f"{said}\n") and done.exit_code == 0
    assert done.stdout.startswith(
        f"Ghi? [{text('option.yes_or_no' if default else 'option.no_or_yes', lang)}]"
    )
    assert done.stderr == (text("option.answer", lang) + "\n" if "maybe" in answers else "")

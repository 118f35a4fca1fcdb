"""A command line that cannot be read is answered with one sentence, Vietnamese first."""

import sys

import pytest

import hoiquan
from devices import terminal

REFUSED = {
    "up --histry 3d": ("không có tùy chọn --histry; có phải --history", "--histry; is it --history"),
    "gateway -x": ("không có tùy chọn -x", "there is no option -x"),
    "device enroll": ("thiếu --community; xem hoiquan device enroll --help", "--community is missing"),
    "trace show": ("thiếu GTIN", "GTIN is missing"),
    "device command bom-1 pump": ("thiếu MỨC_ĐẶT; xem", "SET is missing"),
    "report --year": ("sau --year phải có một giá trị", "--year needs a value"),
    "doctor --json=1": ("--json đứng một mình", "--json takes no value"),
    "up --speed abc": ("--speed 'abc': hãy ghi một số,", "--speed 'abc': write a number"),
    "up --speed 1,5": ("--speed '1,5': hãy ghi một số, dấu thập phân là dấu chấm", "with a decimal point"),
    "report --year x": ("--year 'x': hãy ghi một số nguyên", "--year 'x': write a whole number"),
    "report --year 1999": ("--year 1999: phải từ 2020 trở lên", "2020 is the least"),
    "quarantine show 99999999999999999999": (
        "SỐ 99999999999999999999: nhiều nhất là",
        "NUMBER 99999999999999999999: ",
    ),
    "audit list --since 2026-13-01": (
        "--since '2026-13-01': hãy ghi một ngày có thật",
        "--since '2026-13-01': write a day",
    ),
    "audit list --since 1/12/2026": ("--since '1/12/2026': hãy ghi một ngày", "such as 2026-11-21"),
    "up --broker x": ("--broker 'x': hãy chọn một trong auto, mosquitto, amqtt", "choose one of auto"),
    "device nosuch": ("hoiquan device không có lệnh nosuch; có: enroll,", "no command nosuch; there are"),
    "nosuch": ("hoiquan không có lệnh nosuch; có: up,", "hoiquan has no command nosuch"),
    "up x y": ("hoiquan up không hiểu x y", "hoiquan up can do nothing with x y"),
    "config \x1b[1m": ("không hiểu \\x1b[1m", "can do nothing with \\x1b[1m"),
}  # fmt: skip


@pytest.mark.parametrize("line", REFUSED)
@pytest.mark.parametrize("lang", [0, 1])
def test_a_line_that_cannot_be_read_is_answered_in_a_sentence(line, lang, monkeypatch, capsys):
    monkeypatch.setenv("HOIQUAN_LANG", ("vi", "en")[lang])
    monkeypatch.setattr(sys, "argv", ["hoiquan", *line.split()])
    with pytest.raises(SystemExit) as end:
        hoiquan.main()
    assert end.value.code == 2
    said = capsys.readouterr().err
    assert said.startswith("hoiquan: ") and said.count("\n") == 1 and REFUSED[line][lang] in said, said
    assert "accounts" not in said  # a hidden command stays hidden


@pytest.mark.parametrize("asked", ["--lang en", "--lang=en"])
def test_the_language_on_the_line_is_that_of_the_answer(asked, monkeypatch, capsys):
    monkeypatch.delenv("HOIQUAN_LANG", raising=False)
    monkeypatch.setattr(terminal, "_LANG_OPTION", terminal.ContextVar("language", default=""))
    monkeypatch.setattr(sys, "argv", ["hoiquan", "up", "--bogus", *asked.split()])
    with pytest.raises(SystemExit):
        hoiquan.main()
    assert "there is no option --bogus" in capsys.readouterr().err


@pytest.mark.parametrize("line", ["hoiquan", "hoiquan device"])
def test_a_group_alone_shows_its_help(line, monkeypatch, capsys):
    monkeypatch.setenv("HOIQUAN_LANG", "vi")
    monkeypatch.setattr(sys, "argv", line.split())
    with pytest.raises(SystemExit) as end:
        hoiquan.main()
    shown = capsys.readouterr()
    assert (
        end.value.code == 2 and shown.err == "" and shown.out.startswith(f"Cách dùng: {line} [TÙY CHỌN] LỆNH")
    )


def test_a_command_that_ends_well_ends_with_0(monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["hoiquan", "config"])
    with pytest.raises(SystemExit) as end:
        hoiquan.main()
    assert end.value.code == 0 and "HOIQUAN_PILOT" in capsys.readouterr().out

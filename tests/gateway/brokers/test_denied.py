"""The denials of Mosquitto's rules are read from the lines of its log."""

import pytest

from devices.contract.topics import DENIED
from gateway.brokers import denied
from gateway.brokers.denied import Denials

LINE = "1795856846: Denied PUBLISH from soil-02 (d0, q1, r0, m1, '{topic}', ... (75 bytes))\n"


@pytest.fixture
def file(tmp_path):
    return tmp_path / "denied.log"


def say(file, *topics, mode="a"):
    with file.open(mode) as written:
        written.writelines(LINE.format(topic=topic) for topic in topics)


def test_what_stood_there_before_is_of_another_time(file):
    say(file, "old/topic")
    denials = Denials(file)
    assert denials.new() == []
    say(file, "hoiquan/v1/a/b/soil-2/telemetry")
    assert denials.new() == [f"{DENIED}/soil-02/hoiquan/v1/a/b/soil-2/telemetry"]
    assert denials.new() == []


def test_a_file_that_comes_later_and_one_that_begins_again_are_read_from_their_start(file):
    denials = Denials(file)
    assert denials.new() == []
    say(file, "a/first", "a/second")
    assert len(denials.new()) == 2
    say(file, "a/third", mode="w")
    assert denials.new() == [f"{DENIED}/soil-02/a/third"]


def test_half_a_line_waits_for_its_end_and_others_are_left_out(file):
    denials = Denials(file)
    whole = LINE.format(topic="it's/a topic, 'quoted'")
    file.write_text("1795856846: No Denied line\n" + whole[:30])
    assert denials.new() == []
    file.write_text("1795856846: No Denied line\n" + whole)
    assert denials.new() == [f"{DENIED}/soil-02/it's/a topic, 'quoted'"]


def test_the_same_topic_again_is_told_once_a_minute(file, monkeypatch):
    denials = Denials(file)
    say(file, *["a/b"] * 500, "a/c")
    assert len(denials.new()) == 2
    say(file, "a/b")
    assert denials.new() == []
    monkeypatch.setattr(denied, "AGAIN", 0.0)
    say(file, "a/b")
    assert len(denials.new()) == 1


def test_more_than_is_read_at_a_time_comes_with_the_next_looks(file):
    denials = Denials(file)
    topics = [f"a/{n:06d}" for n in range(2000)]
    say(file, *topics)
    found = []
    while new := denials.new():
        found += new
    assert found == [f"{DENIED}/soil-02/{topic}" for topic in topics]


def test_what_cannot_be_read_is_logged_once_and_so_is_its_end(file, caplog):
    denials = Denials(file)
    (file / "x").mkdir(parents=True)
    for _ in range(3):
        assert denials.new() == []
    (file / "x").rmdir()
    file.rmdir()
    say(file, "a/first")
    assert len(denials.new()) == 1
    assert len(caplog.messages) == 2 and "over" in caplog.messages[1]

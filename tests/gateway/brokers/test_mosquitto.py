"""Which log lines of Mosquitto are kept; a full disk does not block Mosquitto."""

from collections import deque
from pathlib import Path

from gateway.brokers import mosquitto

NOTICE = b"1795856846: New client connected from 127.0.0.1:4 as soil-02 (p2, c1, k60, u'soil-02').\n"
DENIED = b"1795856846: Denied PUBLISH from soil-02 (d0, q1, r0, m1, 'a/b', ... (2 bytes))\n"
OTHERS = [
    b"1795856846: Received PUBLISH from soil-02 (d0, q1, r0, m1, 'a/b', ... (2 bytes))\n",
    b"1795856846: Sending PUBACK to soil-02 (m1, rc0)\n",
    b"1795856846: \ta/# (QoS 1)\n",
    b"1795856846: No will message specified.\n",
]


def sort(lines, kept, turned_away):
    last = deque(maxlen=2)
    with kept.open("wb", 0) as first, turned_away.open("wb", 0) as second:
        mosquitto._sort(lines, first, second, last)
    return [line.encode() + b"\n" for line in last]


def test_notices_and_denials_have_a_file_each_and_other_debug_lines_none(tmp_path):
    kept, turned_away = tmp_path / "kept", tmp_path / "denied"
    assert sort([NOTICE, *OTHERS, DENIED, NOTICE], kept, turned_away) == [NOTICE, NOTICE]
    assert kept.read_bytes() == NOTICE * 2 and turned_away.read_bytes() == DENIED


def test_the_file_of_denials_begins_again_before_it_is_large(tmp_path, monkeypatch):
    monkeypatch.setattr(mosquitto, "_MOST_DENIED", 3 * len(DENIED))
    sort([DENIED] * 10, tmp_path / "kept", tmp_path / "denied")
    assert 0 < (tmp_path / "denied").stat().st_size <= 4 * len(DENIED)


def test_on_a_full_disk_every_line_is_read_all_the_same():
    lines = iter([NOTICE, DENIED] * 100)
    assert sort(lines, Path("/dev/full"), Path("/dev/full")) == [NOTICE, NOTICE]
    assert next(lines, None) is None

"""Gateways of a group are killed in turn: every acknowledged message is stored, and stored once."""

import os
import random
import time
from contextlib import closing

import pytest

from gateway.ingest.spool import Spool
from gateway.instance import files
from tests.system.ingest import DEVICES, Fleet, Ingest
from tests.system.running import Gateway, until

SEED = random.randrange(2**32)
KILLS = int(os.environ.get("HOIQUAN_TEST_KILLS", "10"))
NAMES = ("gateway-1", "gateway-2", "gateway-3")


class Member(Gateway):
    """One gateway of the group."""

    def __init__(self, road, name):
        self.spool = files(road.folder / "data", name).spool
        settings = road.settings | {"HOIQUAN_GROUP": "g", "HOIQUAN_INSTANCE": name}
        super().__init__(road.folder / f"{name}.log", settings)

    def books(self):
        with closing(Spool.to_read(self.spool)) as spool:
            return spool.books()


@pytest.fixture
def road(tmp_path):
    made = Ingest(tmp_path)
    yield made
    made.stop()


def test_a_killed_member_loses_nothing_and_the_others_go_on(road):
    moments = random.Random(SEED)
    members = []
    fleet = Fleet(road.broker.port)
    try:
        members += [Member(road, name) for name in NAMES]
        for member in members:
            until("each connects", 30, member.connected)
        fleet.start()
        for _ in range(KILLS):
            time.sleep(moments.uniform(0.2, 1.0))  # the random part of the test
            victim, other = moments.sample(members, 2)
            before = other.books().received
            victim.kill()
            until("another goes on", 30, lambda other=other, before=before: other.books().received > before)
            victim.start()
            until("it comes back", 30, victim.connected)
        fleet.finish()
        expected = {device.device: fleet.sent[device.device] for device in DEVICES}
        until(
            "all is stored", 60,
            lambda: {device: len(rows) for device, rows in road.stored().items()} == expected
            and not any(member.books().spooled for member in members),
        )  # fmt: skip
        for member in members:
            assert member.books().balanced
            assert not member.books().quarantined
            assert "Traceback" not in member.running.text()
        # a gateway killed between its write and its books may count its own points as repeated
        counted = sum(member.books().stored + member.books().duplicate for member in members)
        assert counted >= sum(expected.values()), f"seed {SEED}"
        found = road.stored()
        for device, count in expected.items():
            assert set(found[device]) == set(range(1, count + 1)), f"seed {SEED}"
            assert max(found[device].values()) == 1, f"seed {SEED}: a value twice"
    finally:
        fleet.halt.set()
        for member in members:
            member.running.stop()

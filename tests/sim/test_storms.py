"""A mast's outage cuts off all nodes of its place and restores them; the seed decides which mast."""

import simpy

from devices.clock import HOUR_MS
from devices.pilots.pilot import load
from sim.storms import DOWN_MS, storms

DEVICES = list(load("dong-thap").fleet.values())


class Masts:
    """Records which nodes were cut and restored, and when."""

    def __init__(self, env):
        self._env = env
        self.acts = []

    def cut(self, devices):
        self.acts.append(("cut", self._env.now, tuple(devices)))

    def restore(self, devices):
        self.acts.append(("restore", self._env.now, tuple(devices)))


def played(seed, every, hours=24):
    env = simpy.Environment()
    masts = Masts(env)
    env.process(storms(env, seed, DEVICES, every, masts))
    env.run(hours * HOUR_MS)
    return masts.acts


def test_whoever_is_cut_is_restored_when_the_mast_is_back():
    acts = played(1, 2 * HOUR_MS)
    for (what, at, nodes), (then, later, same) in zip(acts[::2], acts[1::2], strict=True):
        assert (what, then, nodes) == ("cut", "restore", same)
        assert later - at == DOWN_MS
    assert [at for what, at, _ in acts if what == "cut"] == [n * 2 * HOUR_MS for n in range(1, 12)]


def test_a_mast_has_all_nodes_of_one_place():
    for _, _, nodes in played(1, HOUR_MS):
        (place,) = {node.community for node in nodes}
        assert set(nodes) == {device for device in DEVICES if device.community == place}


def test_the_seed_settles_which_mast_it_is():
    assert played(1, HOUR_MS) == played(1, HOUR_MS) != played(2, HOUR_MS)


def test_no_mast_fails_before_the_last_one_is_back():
    acts = played(1, 1, hours=1)
    assert [what for what, *_ in acts][:4] == ["cut", "restore"] * 2

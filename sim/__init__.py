"""The simulator: a seeded province that could be believed, one SimPy process a node.

physics/  the true world             nodes/  what a node says of it, and what goes wrong with it
publish/  MQTT, a connection a node and no thread

    physics.world ─► nodes.node ─► run.history ─► straight to a store
       season.py (diaries) ─┐        └─► run.Live ───► publish (MQTT, one link a node)
                            └───────────┘                 ▲
                                    storms.py (masts fail, all nodes of a place come back)
session.py  one run: history first, then live          describe/  the world as one page of plots
rollout.py  when places join                           what is played: devices/pilots/scenarios

It meets the gateway on MQTT alone, so that real hardware can take its place.
"""

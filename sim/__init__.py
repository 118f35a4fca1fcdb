"""The simulator: a seeded province that could be believed, one SimPy process a node.

physics/  the true world             nodes/  what a node says of it, and what goes wrong with it
publish/  MQTT, a connection a node and no thread

    physics.world ─► nodes.node ─► run.history ─► straight to a store
       season.py (diaries) ─┐        └─► run.Live ───► publish (MQTT, one link a node)
                            └───────────┘                 ▲
                                    storms.py (masts fail, all nodes of a place come back)
rehearsal.py  a scenario in a folder of its own, and its pages     listing.py  what there is to rehearse
session.py  one run: history first, then live          describe/  the world as one page of plots
foresight.py  while nothing is due: the nodes' day is measured, then the world's years leave memory
rollout.py, adoption.py  when places and organisations join and stop
staging.py  a scenario (devices/pilots/scenarios) ─► the seed with its stage, places, who keeps a diary

It meets the gateway on MQTT alone, so that real hardware can take its place.
"""

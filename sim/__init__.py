"""The simulator: a believable province made from a seed, with one SimPy process a node.

physics/  the true world             nodes/  what a node measures and sends, and its faults
publish/  MQTT, a connection a node and no threads

    physics.world ─► nodes.node ─► run.history ─► straight to a store
       season.py (diaries) ─┐        └─► run.Live ───► publish (MQTT, one link a node)
                            └───────────┘                 ▲
                                    storms.py (masts fail, all nodes of a place reconnect)
rehearsal.py  a scenario in a folder of its own, and its pages     listing.py  the scenarios to rehearse
session.py  one run: history first, then live          describe/  the world as one page of plots
foresight.py  while nothing is due: measures the nodes' day, then drops the world's years from memory
rollout.py, adoption.py  when places and organisations join and stop
commands.py  `hoiquan simulate`
staging.py  a scenario (devices/pilots/scenarios) ─► the seed with its stage, places, who keeps a diary

It meets the gateway on MQTT alone, so that real hardware can take its place.
"""

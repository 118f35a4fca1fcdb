"""The simulator: a seeded province that could be believed, one SimPy process a node.

    world (weather ─► soil, water, pond, pests) ─► node ─► run.history ─► straight to a store
                                    season (diaries) ─┐ └─► run.Live ───► publish (MQTT, one link a node)
                                                      └────────┘

It meets the gateway on MQTT alone, so that real hardware can take its place.
"""

"""True values, as functions of seed, place, plot and time; nothing here knows of devices.

evaporation ─► weather ─► soil, water ─► pond, pests ─► world.World      actions.py: what actuators did
pacific ─┬─► weather
         └─► river, tide ─► water

streams.py and moment.py: random numbers and days, which all of them share
"""

"""True values, as functions of seed, place, plot and time; nothing here knows about devices.

pacific ─┬─► weather ─┬─► soil, pond, pests ─┬─► world.World
         └─► river ───┴─► water (tide.py) ───┘
    river, pests ─► growing (crops of the pilot's calendars) ─► farm/: soil, fish of the pond

evaporation.py: sun and air after FAO-56      actions.py: commands to actuators
streams.py, moment.py, which all use: random numbers (the seed, and what a scenario fixes) and days
"""

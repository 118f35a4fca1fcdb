"""Pilot files: one province's places, targets and rules a file (*.yaml here). A new province is a new file.

    name or path ─► written.py (YAML; an error names file, field, cause, mend) ─► pilot.Pilot

pilot.py        the file as a whole           places.py     communities, plots, villages (names.py)
adopters.py     invented organisations: visits, who begins, who stops
advice.py       rules of advice               alarms.py     levels that an officer is woken for
certificates.py what others vouch for         reporting.py  the yearly report's form
bounds.py       which dates of a diary are believed, of what
scenario.py     what is rehearsed, from which day to which (scenarios/*.yaml)
levers.py       what a scenario changes of the world: how years are, what happens in them
review.py       what to think over in a file that can be used
"""

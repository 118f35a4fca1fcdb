"""Pilot files (*.yaml here): each has one province's places, targets and rules. A new province is a new file.

    name or path ─► written.py (YAML; an error names file, field, cause, mend) ─► pilot.Pilot

pilot.py        the file as a whole           places.py     communities, plots, villages (names.py)
calendar.py     when a product is grown; Tết
adopters.py     invented organisations: visits, who begins, who stops
advice.py       rules of advice               alarms.py     levels that an officer is woken for
certificates.py what others issue             reporting.py  the yearly report's form
bounds.py       which dates and plots of a diary entry are believed
scenario.py     what is rehearsed, from which day to which (scenarios/*.yaml)
levers.py       what a scenario changes in the world: what its years are like, what happens in them
review.py       doubts about a file that can be used
"""

"""Counts the indicators of a day by the pilot file's rules, so that an officer can defend each number.

store ─► coverage.py ─► count.py (the three indicators) ─► course.py (planned path and forecast)
      └► standing.py (other points of a day)               hourly.py (hourly sums that boards compare)
"""

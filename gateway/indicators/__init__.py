"""What a day counts, by the rules that stand in the pilot file, so that an officer can defend each number.

store ─► count.py (the three indicators) ─► course.py (where they should be by now, and are going)
      └► standing.py (what else a day leaves behind)   hourly.py (hours that boards compare)
"""

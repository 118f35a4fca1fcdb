"""Pages for machines without Grafana: no script, printable.

overview.py  / (today.py: alarms, advice, places; marks.py: the map's marks)
place.py     /place/{id} (week.py: curves; curves.py: reads them before anybody asks)
             both: lately.py (read once for both), measured.py (values, age, level)
state.py     /healthz and /metrics (gateways.py)
trouble.py   404, 405, 422 and 503, for people and for programs
check.py     paste a message, read what is wrong with it
learn.py     paste what a probe sends, get its probe file
frame.py     the templates of all of them
"""

"""What a node says of the world: noise, power and radio, faults, commands, and the truth of each fault.

world ─► sensors.py ─► faults.py ─► radio.py ─► telemetry.py: readings and how each is delivered
command ─► control.py ─► an action in the world ─► result

node.py   joins them for one device      ticks.py  when it measures      span.py  the columns in between
truth.py  exactly what was changed
"""

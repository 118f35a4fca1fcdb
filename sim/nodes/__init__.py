"""Simulated nodes: noise, power and radio, faults, commands, and the ground truth of each fault.

world ─► sensors.py ─► damage.py ─► radio.py ─► telemetry.py: readings and how each is delivered
         faults.py ──────┘ ▲          ▲ └─ lora.py  how distance affects an uplink
         masts.py ─────────┴──────────┘     what a place shares and loses together
command ─► control.py ─► an action in the world ─► result

node.py   joins them for one device      ticks.py  when it measures      span.py  the columns in between
truth.py  exactly what was changed
"""

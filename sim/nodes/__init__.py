"""What a node says of the world: noise, power and radio, faults, commands, and the truth of each fault.

world ─► node.py ─► faults.py ─► radio.py ─► a message      truth.py: exactly what was changed
command ─► control.py ─► an action in the world ─► result
"""

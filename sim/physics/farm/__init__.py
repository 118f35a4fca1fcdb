"""What people keep on a place's land, as its calendar has it: crops and paddies on soil, fish in ponds.

growing (calendar) ─┬─► paddy: when it is flooded ─► soil: water, pump, nutrients
                    └─► stock: fish and feed ──────► pond
"""

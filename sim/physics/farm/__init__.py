"""What people grow on a place's land by its calendar: crops and paddies on soil, fish in ponds.

growing (calendar) ─┬─► paddy: when it is flooded ─► soil: water, pump, nutrients
                    └─► stock: fish and feed ──────► pond
"""

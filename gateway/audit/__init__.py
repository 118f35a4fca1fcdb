"""Who did what: an audit list, read where each act writes itself down as it is done.

registry (enrolled, revoked, …) ─┐
ledger (commanded) ──────────────┼─► acts.py ─► commands.py (`hoiquan audit`)
diary (sealed, recalled, …) ─────┤      └─► store ─► the board “Vận hành và an toàn”
spools (replayed) ───────────────┘

Nothing here writes to any of them. What failed is in none, and so not in the list.
"""

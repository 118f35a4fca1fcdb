"""The audit list: who did what, read from the places that record each act when it happens.

registry (enrolled, revoked, …) ─┐
ledger (commanded) ──────────────┼─► acts.py ─► commands.py (`hoiquan audit`)
diary (sealed, recalled, …) ─────┤      └─► store ─► the board “Vận hành và an toàn”
spools (replayed) ───────────────┘

Nothing here writes to these sources. None of them records a failed act, so the list has none.
"""

"""Advice, and commands down: what the readings call for, who has it done, what the device answered.

rules.py ─► advisor.py (each ten minutes) ─► store, and where the pilot allows ─► dispatch.py
a person ─► hoiquan device command ─────────────────────────────────────────────────┘
dispatch.py ─► ledger.py (written down) ─► client.py (MQTT, as `operator`) ─► device
                  ▲ ◄── answers.py ◄── any gateway's spool ◄── MQTT `result` ◄──┘
"""

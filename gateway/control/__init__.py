"""Advice and commands: what the readings call for, who carries it out, and what the device answered.

rules.py ─► advisor.py (every ten minutes) ─► store, and where the pilot allows it ─► dispatch.py
a person ─► hoiquan device command ──────────────────────────────────────────────────────┘
dispatch.py ─► ledger.py (recorded) ─► client.py (MQTT, as `operator`) ─► device
                  ▲ ◄── answers.py ◄── any gateway's spool ◄── MQTT `result` ◄──┘
alarms/  what is in alarm, and who is told
"""

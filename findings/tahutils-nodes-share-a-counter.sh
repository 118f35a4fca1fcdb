#!/bin/sh
# PyPI tahutils 0.1.11: of two Sparkplug nodes in one program, the first is never seen to die, and its messages look
# as if some had been lost.
#
# A gateway can speak for several nodes, each with a topic and a session of its own. A node's birth carries the same
# `bdSeq` as its last will, by which a host knows which birth a will belongs to (Sparkplug 3.0.0, tck-id-topics-nbirth-
# bdseq-matching); and `seq` goes up by one from each message of a node to the next, from 0 in the birth (tck-id-
# payloads-sequence-num-incrementing). tahutils has an object for each node (`SpbModel`, with its topic), but both
# counters are in a module, one for all objects. So the birth of the first node has the `bdSeq` of the second's will,
# and its own will, with another, is not for this birth. Each birth of any node sets `seq` back for all; a host that
# finds a hole in it asks for a new birth, which makes the next hole. One node alone is right.
#
# Also, `parse_payload_to_metric_dict` knows a metric by its name. A node that uses aliases must leave the name out
# after its birth (tck-id-payloads-alias-data-cmd-requirement), and all values of such a message become one.
#
# A pump without power stays alive on the board. Run each node in a process of its own, and read with
# `parse_payload_to_metric_list`. We found no issue upstream.
#
# Output seen, on 2026-11-30:
#   alone: will 0, birth 0, then seq 0 1 2
#   two nodes: will of a 0, birth of a 1; will of b 1, birth of b 1
#   seq of a: 0 1 1 3, of b: 0 2
#   three values by alias: 3 in a list, in a dict {'': 3}
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check tahutils==0.1.11
cat > nodes.py << 'PY'
import sys

from tahutils.parse import parse_payload_to_metric_dict, parse_payload_to_metric_list, payload_from_string
from tahutils.spb import SpbModel, SpbTopic
from tahutils.tahu import sparkplug_b

class Node:
    def __init__(self, name):
        self.model = SpbModel({"level": sparkplug_b.MetricDataType.Double}, topic=SpbTopic("dong-thap", name))
        self.level, self.seq = 0.0, []
        self.will = self.read(self.model.getDeathPayload(), counted=False)["bdSeq"].value

    def read(self, message, counted=True):
        payload = payload_from_string(bytes(message))
        if counted:
            self.seq.append(payload.seq)
        return parse_payload_to_metric_dict(payload)

    def born(self):
        self.birth = self.read(self.model.getBirthPayload({"level": self.level}))["bdSeq"].value

    def say(self):
        self.level += 0.1
        self.read(self.model.getDataPayload({"level": self.level}))

if sys.argv[1] == "one":
    a = Node("a")
    a.born()
    a.say()
    a.say()
    print(f"alone: will {a.will}, birth {a.birth}, then seq", *a.seq)
else:
    a, b = Node("a"), Node("b")
    a.born()
    a.say()
    b.born()
    a.say()
    b.say()
    a.say()
    print(f"two nodes: will of a {a.will}, birth of a {a.birth}; will of b {b.will}, birth of b {b.birth}")
    print("seq of a:", *a.seq, end=", of b: ")
    print(*b.seq)
    message = sparkplug_b.getDdataPayload()
    for alias in 1, 2, 3:
        sparkplug_b.addMetric(message, None, alias, sparkplug_b.MetricDataType.Int32, alias)
    payload = payload_from_string(message.SerializeToString())
    named = {name: metric.value for name, metric in parse_payload_to_metric_dict(payload).items()}
    print(f"three values by alias: {len(parse_payload_to_metric_list(payload))} in a list, in a dict {named}")
PY
{ venv/bin/python nodes.py one; venv/bin/python nodes.py two; } | tee found
cat > expected << 'SEEN'
alone: will 0, birth 0, then seq 0 1 2
two nodes: will of a 0, birth of a 1; will of b 1, birth of b 1
seq of a: 0 1 1 3, of b: 0 2
three values by alias: 3 in a list, in a dict {'': 3}
SEEN
cmp found expected

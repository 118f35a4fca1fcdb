#!/bin/sh
# PyPI EPCPyYes 4.0.5 writes the EPCIS event of a harvest of 750.5 kg without the lot and without the weight.
#
# Fruit and rice have no serial numbers: what was picked is a lot with a weight, which an ObjectEvent holds in
# `quantityList` (EPCIS 1.2, 7.4.2, inside `extension` in XML). The package's template for `extension` is used only if
# the event also has a source, a destination, master data (ilmd) or a `childQuantityList`. An event with a quantity
# alone is rendered with time, place and step, and with nothing that they apply to; it is still valid by the schema,
# where all these lists are optional. As soon as one source is added, the quantity appears. Its JSON has the quantity
# always. PyPI eparsecis 4.0.3, of the same authors, reads such events correctly, so a document that passes through
# both loses the weight on the way out. A TransformationEvent (paddy to rice) loses its `transformationID` in the same
# way: the template asks for a name that the class does not have.
#
# A trading partner then gets a harvest of nothing, and no error. Add a source, or write the XML yourself.
#
# Output seen, on 2026-11-30:
#   quantity alone: no lot, no weight
#   its JSON: urn:epc:class:lgtin:9506000.013435.A1 750.5 KGM
#   with a source: urn:epc:class:lgtin:9506000.013435.A1 750.5 KGM
#   read by eparsecis: urn:epc:class:lgtin:9506000.013435.A1 750.5 KGM; written again: no lot, no weight
#   transformationID given and in its JSON: True; in its XML: False
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check EPCPyYes==4.0.5 eparsecis==4.0.3
cat > harvest.py << 'PY'
import io
import json
import re

from eparsecis.eparsecis import EPCISParser
from EPCPyYes.core.v1_2 import template_events as events
from EPCPyYes.core.v1_2.events import QuantityElement, Source

LOT = "urn:epc:class:lgtin:9506000.013435.A1"

def picked(**more):
    weight = QuantityElement(LOT, 750.5, "KGM")
    return events.ObjectEvent("2026-11-30T01:00:00Z", "+07:00", quantity_list=[weight], **more)

def weight_of(xml):
    found = re.findall(r"<(epcClass|quantity|uom)>(.*?)</", xml)
    return " ".join(value for _, value in found) or "no lot, no weight"

class Reader(EPCISParser):
    def handle_object_event(self, event):
        (one,) = event.quantity_list
        print(f"read by eparsecis: {one.epc_class} {one.quantity} {one.uom}", end="; ")
        print("written again:", weight_of(event.render()))

print("quantity alone:", weight_of(picked().render()))
(one,) = json.loads(picked().render_json())["objectEvent"]["quantityList"]
print("its JSON:", one["epcClass"], one["quantity"], one["uom"])
farm = Source("urn:epcglobal:cbv:sdt:owning_party", "urn:epc:id:pgln:9506000.01343")
print("with a source:", weight_of(picked(source_list=[farm]).render()))
Reader(io.BytesIO(f"""<EPCISDocument><EPCISBody><EventList><ObjectEvent>
<eventTime>2026-11-30T01:00:00Z</eventTime><eventTimeZoneOffset>+07:00</eventTimeZoneOffset>
<epcList/><action>ADD</action><extension><quantityList><quantityElement><epcClass>{LOT}</epcClass>
<quantity>750.5</quantity><uom>KGM</uom></quantityElement></quantityList></extension>
</ObjectEvent></EventList></EPCISBody></EPCISDocument>""".encode())).parse()
milled = events.TransformationEvent(transformation_id="urn:uuid:0b7a1f0e-8a4e-4c0f-9a3c-1d2e3f405162")
print("transformationID given and in its JSON:", "0b7a1f0e" in milled.render_json(), end="; ")
print("in its XML:", "0b7a1f0e" in milled.render())
PY
venv/bin/python harvest.py | tee found
cat > expected << 'SEEN'
quantity alone: no lot, no weight
its JSON: urn:epc:class:lgtin:9506000.013435.A1 750.5 KGM
with a source: urn:epc:class:lgtin:9506000.013435.A1 750.5 KGM
read by eparsecis: urn:epc:class:lgtin:9506000.013435.A1 750.5 KGM; written again: no lot, no weight
transformationID given and in its JSON: True; in its XML: False
SEEN
cmp found expected

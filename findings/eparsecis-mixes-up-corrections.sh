#!/bin/sh
# PyPI eparsecis 4.0.3 reads a withdrawn EPCIS event without the time and the reason of its withdrawal, and with the
# corrections of other events.
#
# EPCIS never deletes an event: an error declaration in it says when it was found wrong, why, and by which events it
# is replaced (EPCIS 1.2, 7.4.1). `parse_error_declaration` makes a new declaration for each of these three elements
# and keeps the last. With corrections given, the reason is lost, and the time becomes the one at which the package
# was imported, without a zone. The list of the corrections is one and the same list for all declarations (a default
# argument of `ErrorDeclaration` in PyPI EPCPyYes 4.0.5, by the same authors), so the second withdrawn event of a
# process names the corrections of the first as well, also in another file. It raises no error. FlexibleNSParser does
# the same.
#
# A lot of fruit whose wrong weight was corrected then looks withdrawn today, for no reason, and replaced by the events
# of another farm. Override `parse_error_declaration`, which the package allows.
#
# Output seen, on 2026-11-30:
#   first: declared 2026-11-02T03:00:00Z: False, reason None, corrected by 1a
#   second: declared 2026-11-05T03:00:00Z: False, reason None, corrected by 1a 2a
#   second, alone: declared 2026-11-05T03:00:00Z: False, reason None, corrected by 2a
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check EPCPyYes==4.0.5 eparsecis==4.0.3
cat > read.py << 'PY'
import io
import sys

from eparsecis.eparsecis import EPCISParser

def document(declared, correction):
    return f"""<EPCISDocument><EPCISBody><EventList><ObjectEvent>
<eventTime>2026-11-01T01:00:00Z</eventTime><eventTimeZoneOffset>+07:00</eventTimeZoneOffset>
<baseExtension><errorDeclaration><declarationTime>{declared}</declarationTime>
<reason>urn:epcglobal:cbv:er:incorrect_data</reason>
<correctiveEventIDs><correctiveEventID>{correction}</correctiveEventID></correctiveEventIDs>
</errorDeclaration></baseExtension><epcList><epc>urn:epc:id:sgtin:9506000.013435.A1</epc></epcList>
<action>OBSERVE</action></ObjectEvent></EventList></EPCISBody></EPCISDocument>""".encode()

EVENT = "urn:uuid:0b7a1f0e-8a4e-4c0f-9a3c-1d2e3f4051"
WITHDRAWN = {"first": ("2026-11-02T03:00:00Z", EVENT + "1a"), "second": ("2026-11-05T03:00:00Z", EVENT + "2a")}

class Reader(EPCISParser):
    def handle_object_event(self, event):
        found = event.error_declaration
        print(f"declared {declared}: {found.declaration_time == declared}, reason {found.reason}, corrected by", end=" ")
        print(*(one.removeprefix(EVENT) for one in found.corrective_event_ids))

for name in sys.argv[1:]:
    declared, correction = WITHDRAWN[name]
    print(f"{name}{', alone' if len(sys.argv) == 2 else ''}:", end=" ")
    Reader(io.BytesIO(document(declared, correction))).parse()
PY
{
  venv/bin/python read.py first second
  venv/bin/python read.py second
} | tee found
cat > expected << 'SEEN'
first: declared 2026-11-02T03:00:00Z: False, reason None, corrected by 1a
second: declared 2026-11-05T03:00:00Z: False, reason None, corrected by 1a 2a
second, alone: declared 2026-11-05T03:00:00Z: False, reason None, corrected by 2a
SEEN
cmp found expected

#!/bin/sh
# PyPI epcis-event-hash-generator 1.9.3 (GS1 Germany) and Maven io.openepcis:openepcis-event-hash-generator 0.9.2, two
# tools for the hash that names an EPCIS 2.0 event, give one event two names in two cases of valid input.
#
# - An event with sensor readings. By CBV 2.0, its default, OpenEPCIS leaves the name `sensorElementList` out of
#   the text that is hashed, while GS1 Germany includes it; CBV's own rule 11 requires the name. Set to CBV 2.1,
#   OpenEPCIS agrees.
# - A number of eight digits. OpenEPCIS writes 10000000.5 as Java does (1.00000005E7), GS1 Germany as it stands,
#   for both versions of CBV. A lot of ten thousand tonnes in kilograms is not a rare number.
#
# So a hash printed on paper should be of an event whose numbers are below ten million, and should name the tool and
# the CBV version that gave it.
#
# Needs Maven and a JDK (17). OpenEPCIS's package lacks jakarta.xml.bind-api, which is added here.
#
# Output seen, on 2026-11-28 (GS1 Germany and OpenEPCIS by CBV 2.0; and by CBV 2.1):
#   plain: the same, the same
#   sensors: another, the same
#   10000000.5 kg: another, another
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check epcis-event-hash-generator==1.9.3
cat > pom.xml << 'XML'
<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>x</groupId><artifactId>x</artifactId><version>1</version><dependencies>
<dependency><groupId>io.openepcis</groupId><artifactId>openepcis-event-hash-generator</artifactId>
<version>0.9.2</version></dependency>
<dependency><groupId>jakarta.xml.bind</groupId><artifactId>jakarta.xml.bind-api</artifactId>
<version>4.0.0</version></dependency></dependencies></project>
XML
cat > Hashes.java << 'JAVA'
import io.openepcis.constants.CBVVersion;
import io.openepcis.epc.eventhash.EventHashGenerator;
import java.io.FileInputStream;
public class Hashes {
  public static void main(String[] files) throws Exception {
    for (var version : new CBVVersion[] {CBVVersion.VERSION_2_0_0, CBVVersion.VERSION_2_1_0})
      for (var file : files)
        new EventHashGenerator(version).fromJson(new FileInputStream(file), "sha-256").subscribe().asIterable()
            .forEach(System.out::println);
  }
}
JAVA
mvn -q -B dependency:copy-dependencies -DoutputDirectory=lib > maven.log 2>&1 || { cat maven.log; exit 1; }
javac -cp 'lib/*' Hashes.java
cat > make.py << 'PY'
import json
plain = {
    "type": "ObjectEvent", "eventTime": "2026-11-28T01:00:00.000Z", "eventTimeZoneOffset": "+07:00",
    "action": "OBSERVE", "bizStep": "inspecting",
    "quantityList": [{"epcClass": "https://id.gs1.org/01/09506000134352/10/A1", "quantity": 850.5, "uom": "KGM"}],
}
reading = {"type": "Temperature", "value": 26.5, "uom": "CEL"}
many = json.loads(json.dumps(plain).replace("850.5", "10000000.5"))
for name, event in (
    ("plain", plain), ("sensors", plain | {"sensorElementList": [{"sensorReport": [reading]}]}), ("many", many)
):
    document = {
        "@context": ["https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"], "type": "EPCISDocument",
        "schemaVersion": "2.0", "creationDate": "2026-11-28T01:00:00.000Z", "epcisBody": {"eventList": [event]},
    }
    json.dump(document, open(f"{name}.json", "w"))
PY
venv/bin/python make.py
cat > hashes.py << 'PY'
import sys
from epcis_event_hash_generator import events_from_file_reader, hash_generator
for file in sys.argv[1:]:
    print(*hash_generator.epcis_hashes_from_events(events_from_file_reader.event_list_from_file(file)))
PY
files='plain.json sensors.json many.json'
venv/bin/python hashes.py $files | grep -o 'sha-256;[0-9a-f]*' > german
java -cp 'lib/*:.' Hashes $files 2> /dev/null | grep -o 'sha-256;[0-9a-f]*' > java
head -n 3 java > first
tail -n 3 java > second
compare() { if [ "$1" = "$2" ]; then echo 'the same'; else echo 'another'; fi; }
line() { sed -n "$1p" "$2"; }
for row in 1:plain 2:sensors '3:10000000.5 kg'; do
  n=${row%%:*}
  echo "${row#*:}: $(compare "$(line "$n" german)" "$(line "$n" first)"), $(compare "$(line "$n" german)" "$(line "$n" second)")"
done | tee found
cat > expected << 'SEEN'
plain: the same, the same
sensors: another, the same
10000000.5 kg: another, another
SEEN
cmp found expected

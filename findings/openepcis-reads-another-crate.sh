#!/bin/sh
# Maven io.openepcis:openepcis-epc-digitallink-translator 0.9.2 reads the link on a returnable crate as a crate of
# another company, and makes an invalid link for a crate; PyPI epcpy 0.1.8 gives a place without an extension one.
#
# A returnable asset (GRAI) has AI 8003. Its value begins with a zero that belongs to no number: 0, thirteen digits
# with the check digit, then the serial (GS1 General Specifications, section 3, AI (8003); N1,zero in the GS1 Barcode
# Syntax Dictionary). A Digital Link has this zero too. OpenEPCIS does not know it: what it reads from a right link
# (company, type and serial) is shifted by one digit and accepted; what it writes is one digit short, and npm
# digital-link.js 1.4.3 refuses it. Its own links come back unchanged, so a test with OpenEPCIS alone shows nothing.
# epcpy has the zero.
#
# With places it is the reverse. In `urn:epc:id:sgln` an extension of 0 means that there is none, and AI 414 alone
# remains (EPC Tag Data Standard, SGLN); OpenEPCIS does this. epcpy writes (254)0, which is a part of the name for a
# reader, and refuses a (414) that stands alone. Nearly every place in EPCIS events is of that kind. (PyPI
# epcdltranslator, a translator from GS1 Germany, follows the standard for crates and places.)
#
# Fruit leaves in crates that come back: a reader with one tool does not find what was written with the other. Add and
# remove the zero yourself, and drop (254)0. (GS1's own resolver had another error with the zero:
# gs1/GS1_DigitalLink_Resolver_CE issue 15, closed. We found no issue about these two.)
#
# Needs Maven and a JDK (17), node, npm and python3-venv.
#
# Output seen, on 2026-11-30:
#   urn:epc:id:grai:9506000.01343.C-7
#     by OpenEPCIS: https://id.gs1.org/8003/9506000013435C-7, for digital-link.js: not valid
#     by epcpy: (8003)09506000013435C-7
#   https://id.gs1.org/8003/09506000013435C-7, for digital-link.js: valid
#     by OpenEPCIS: urn:epc:id:grai:0950600.00134.5C-7
#   urn:epc:id:sgln:9506000.01343.0
#     by OpenEPCIS: https://id.gs1.org/414/9506000013435
#     by epcpy: (414)9506000013435(254)0
#   (414)9506000013435
#     by epcpy: ConvertException
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check epcpy==0.1.8
npm install --silent --no-audit --no-fund --prefix . digital-link.js@1.4.3
cat > pom.xml << 'XML'
<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>x</groupId><artifactId>x</artifactId><version>1</version><dependencies>
<dependency><groupId>io.openepcis</groupId><artifactId>openepcis-epc-digitallink-translator</artifactId>
<version>0.9.2</version></dependency></dependencies></project>
XML
mvn -q -B dependency:copy-dependencies -DoutputDirectory=lib > maven.log 2>&1 || { cat maven.log; exit 1; }
cat > Translate.java << 'JAVA'
import io.openepcis.epc.translator.util.ConverterUtil;
public class Translate {
  public static void main(String[] name) throws Exception {
    System.out.println(name[0].startsWith("urn:") ? ConverterUtil.toURI(name[0])
        : ConverterUtil.toURN(name[0], 7).get("asURN")); // the company's part has seven digits
  }
}
JAVA
javac -cp 'lib/*' Translate.java
openepcis() { java -cp 'lib/*:.' Translate "$1" 2> java.log || { cat java.log; exit 1; }; }
valid() { node -e 'const { DigitalLink } = require("digital-link.js");
console.log(DigitalLink(process.argv[1]).isValid() ? "valid" : "not valid")' "$1"; }
cat > epc.py << 'PY'
import sys

from epcpy import ConvertException
from epcpy.epc_schemes.grai import GRAI
from epcpy.epc_schemes.sgln import SGLN

name = sys.argv[1]
if name.startswith("urn:"):
    print((GRAI if ":grai:" in name else SGLN).from_epc_uri(name).gs1_element_string())
else:
    try:
        print(SGLN.from_gs1_element_string(name, company_prefix_length=7).epc_uri)
    except ConvertException as error:
        print(type(error).__name__)
PY
crate=urn:epc:id:grai:9506000.01343.C-7
link=https://id.gs1.org/8003/09506000013435C-7
place=urn:epc:id:sgln:9506000.01343.0
{
  echo $crate
  echo "  by OpenEPCIS: $(openepcis $crate), for digital-link.js: $(valid "$(openepcis $crate)")"
  echo "  by epcpy: $(venv/bin/python epc.py $crate)"
  echo "$link, for digital-link.js: $(valid $link)"
  echo "  by OpenEPCIS: $(openepcis $link)"
  echo $place
  echo "  by OpenEPCIS: $(openepcis $place)"
  echo "  by epcpy: $(venv/bin/python epc.py $place)"
  echo '(414)9506000013435'
  echo "  by epcpy: $(venv/bin/python epc.py '(414)9506000013435')"
} | tee found
cat > expected << 'SEEN'
urn:epc:id:grai:9506000.01343.C-7
  by OpenEPCIS: https://id.gs1.org/8003/9506000013435C-7, for digital-link.js: not valid
  by epcpy: (8003)09506000013435C-7
https://id.gs1.org/8003/09506000013435C-7, for digital-link.js: valid
  by OpenEPCIS: urn:epc:id:grai:0950600.00134.5C-7
urn:epc:id:sgln:9506000.01343.0
  by OpenEPCIS: https://id.gs1.org/414/9506000013435
  by epcpy: (414)9506000013435(254)0
(414)9506000013435
  by epcpy: ConvertException
SEEN
cmp found expected

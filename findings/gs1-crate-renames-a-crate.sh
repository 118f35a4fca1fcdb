#!/bin/sh
# The Rust crate gs1 0.1.8 reads the RFID tags of returnable crates, of serials with a hyphen, and of some pallets under
# other EPCs than they were written with.
#
# Four of its names are not those of GS1's EPC Tag Data Standard (compared with PyPI epcpy 0.1.8, which wrote the tags):
# - GRAI: the digits of company prefix and asset type are fixed by the tag's partition ("GRAI Partition Table"), so
#   type 00134 keeps its zeros. The crate drops them, as well as those of the company. (It keeps them in an SGTIN.)
# - SGTIN-198: a hyphen in a serial stands as it is in the URI (table "Characters permitted in alphanumeric serial
#   numbers"; only " % & / < > ? # are escaped). The crate escapes everything but letters and digits.
# - SSCC with a company prefix of six digits: the serial has 38 bits ("SSCC Partition Table"). The crate reads 48, so
#   the number comes out 1,024 times too large, with digits to spare.
# - SGTIN with a company prefix of twelve digits, as small producers have: the crate raises an error.
#
# EPCIS finds things by the text of their EPC: a crate that was washed under one name and filled under another has no
# history. Compare with another tool before you rely on it. We found no issue upstream.
#
# Needs cargo and python3-venv.
#
# Output seen, on 2026-11-30:
#   urn:epc:id:grai:0614141.00134.7 -> urn:epc:id:grai:614141.134.7
#   urn:epc:id:sgtin:9506000.013435.LOT-7 -> urn:epc:id:sgtin:9506000.013435.LOT%2D7
#   urn:epc:id:sscc:950600.12345678901 -> urn:epc:id:sscc:950600.12641975194624
#   urn:epc:id:sgtin:950600013435.0.A1 -> cannot parse integer from empty string
#   urn:epc:id:sscc:9506000.0123456789 -> urn:epc:id:sscc:9506000.0123456789
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check epcpy==0.1.8
mkdir src
cat > Cargo.toml << 'TOML'
[package]
name = "read"
version = "0.0.0"
edition = "2021"
[dependencies]
gs1 = "=0.1.8"
TOML
cat > src/main.rs << 'RUST'
fn main() {
    let tag = std::env::args().nth(1).unwrap();
    let byte = |at: usize| u8::from_str_radix(&tag[2 * at..2 * at + 2], 16).unwrap();
    match gs1::epc::decode_binary(&(0..tag.len() / 2).map(byte).collect::<Vec<_>>()) {
        Ok(epc) => println!("{}", epc.to_uri()),
        Err(error) => println!("{error}"),
    }
}
RUST
cargo build -q --target-dir target
cat > write.py << 'PY'
import sys

from epcpy.epc_schemes.grai import GRAI, GRAIFilterValue
from epcpy.epc_schemes.sgtin import SGTIN, SGTINFilterValue
from epcpy.epc_schemes.sscc import SSCC, SSCCFilterValue

scheme, code, filters = {
    "grai": (GRAI, "GRAI_96", GRAIFilterValue),
    "sgtin": (SGTIN, "SGTIN_198", SGTINFilterValue),
    "sscc": (SSCC, "SSCC_96", SSCCFilterValue),
}[sys.argv[1].split(":")[3]]
epc = scheme.from_epc_uri(sys.argv[1])
print(epc.hex(binary_coding_scheme=scheme.BinaryCodingScheme[code], filter_value=list(filters)[0]))
PY
for epc in grai:0614141.00134.7 sgtin:9506000.013435.LOT-7 sscc:950600.12345678901 sgtin:950600013435.0.A1 \
  sscc:9506000.0123456789; do
  echo "urn:epc:id:$epc -> $(target/debug/read "$(venv/bin/python write.py urn:epc:id:$epc)")"
done | tee found
cat > expected << 'SEEN'
urn:epc:id:grai:0614141.00134.7 -> urn:epc:id:grai:614141.134.7
urn:epc:id:sgtin:9506000.013435.LOT-7 -> urn:epc:id:sgtin:9506000.013435.LOT%2D7
urn:epc:id:sscc:950600.12345678901 -> urn:epc:id:sscc:950600.12641975194624
urn:epc:id:sgtin:950600013435.0.A1 -> cannot parse integer from empty string
urn:epc:id:sscc:9506000.0123456789 -> urn:epc:id:sscc:9506000.0123456789
SEEN
cmp found expected

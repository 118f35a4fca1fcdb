#!/bin/sh
# PyPI pyepc 0.5.0 writes a serial of twenty characters to an RFID tag with another last character: of ten lots that
# differ in this character, from 0 to 9, three are left.
#
# The tag for a serial that is text (SGTIN-198, up to 20 characters of 7 bits; GS1 EPC Tag Data Standard, "SGTIN-198")
# has 198 bits, so it ends in the middle of a hexadecimal digit: its last two bits are the upper half of that digit,
# and zeros follow. pyepc writes them as the lower half (01 as 1 instead of 4), and when it reads, it takes the upper
# half, which is 00. So the last two bits of the twentieth character are lost on every tag that it writes, and other
# readers see the same: 7 becomes 4, D stays D, and A becomes @, which no serial may contain (AI 21, character set
# 82). It raises no error. Serials of up to 19 characters are right, and so are numbers that fit SGTIN-96. PyPI epcpy
# 0.1.8 writes these bits where they belong, and pyepc reads its tags correctly.
#
# Bags or crates whose names differ in the last character get one and the same tag, and it names an item that is in
# no book. Use at most 19 characters, or epcpy. We found no issue upstream.
#
# Output seen, on 2026-11-30:
#   pyepc, LOT-2026-11-30-00007: the tag ends in 3060D3, pyepc reads LOT-2026-11-30-00004, epcpy LOT-2026-11-30-00004
#   epcpy, LOT-2026-11-30-00007: the tag ends in 3060DC, pyepc reads LOT-2026-11-30-00007, epcpy LOT-2026-11-30-00007
#   pyepc, the last of twenty characters: 0123456789 read as 0000444488
#   pyepc, the last of nineteen: 0123456789 read as 0123456789
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check pyepc==0.5.0 epcpy==0.1.8
cat > tag.py << 'PY'
import epcpy.epc_schemes.sgtin as other
import pyepc

PRODUCT = ("9506000", "0", "13435")  # company, indicator, item

def by_pyepc(serial):
    return pyepc.SGTIN(*PRODUCT, serial).encode()

def by_epcpy(serial):
    company, indicator, item = PRODUCT
    epc = other.SGTIN.from_epc_uri(f"urn:epc:id:sgtin:{company}.{indicator}{item}.{serial}")
    scheme = other.SGTIN.BinaryCodingScheme.SGTIN_198
    return epc.hex(binary_coding_scheme=scheme, filter_value=other.SGTINFilterValue.POS_ITEM)

def read(tag):
    return pyepc.SGTIN.decode(tag).serial_number

lot = "LOT-2026-11-30-00007"
for name, write in (("pyepc", by_pyepc), ("epcpy", by_epcpy)):
    tag = write(lot)
    theirs = other.SGTIN.from_hex(tag.ljust(52, "0")).epc_uri.rpartition(".")[2]
    print(f"{name}, {lot}: the tag ends in {tag[44:50]}, pyepc reads {read(tag)}, epcpy {theirs}")
for count, start in (("twenty characters", lot[:-1]), ("nineteen", lot[:-2])):
    back = "".join(read(by_pyepc(start + last))[-1] for last in "0123456789")
    print(f"pyepc, the last of {count}: 0123456789 read as {back}")
PY
venv/bin/python tag.py | tee found
cat > expected << 'SEEN'
pyepc, LOT-2026-11-30-00007: the tag ends in 3060D3, pyepc reads LOT-2026-11-30-00004, epcpy LOT-2026-11-30-00004
epcpy, LOT-2026-11-30-00007: the tag ends in 3060DC, pyepc reads LOT-2026-11-30-00007, epcpy LOT-2026-11-30-00007
pyepc, the last of twenty characters: 0123456789 read as 0000444488
pyepc, the last of nineteen: 0123456789 read as 0123456789
SEEN
cmp found expected

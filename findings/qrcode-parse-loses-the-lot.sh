#!/bin/sh
# The Rust crate qrcode-parse 2.2.0 (the GS1 reader of qrcode-rs) finds no lot in a label that gives the country of
# origin before the lot.
#
# In a GS1 symbol only the AIs of one short list (00 to 04, 11 to 20, 31 to 36, 41; "element strings with predefined
# length" in the GS1 General Specifications, chapter 7) need no separator behind them. Every other AI is ended by FNC1,
# read as GS (1D), even one whose length never changes: `422 ? N3` has no `*` in the GS1 Barcode Syntax Dictionary. The
# crate skips the separator only behind AIs of variable length. Behind 422 (country of origin), 426 and 402 it stays,
# and becomes an AI of its own whose value is the next element: not 10 and A1, but GS and 10A1. With the country at the
# end all is well. AI 12 (due date) is missing in the crate's table, and takes all that follows it, though it needs no
# separator; that unknown AIs extend to the next separator is documented. There is no error. PyPI biip 5.2.0 reads all
# of these.
#
# Fruit for export names its country, and a phone that reads a crate this way cannot ask for its lot. Print the country
# last, or look for elements whose AI is no number.
#
# Needs cargo (Rust 1.88 or newer) and python3-venv.
#
# Output seen, on 2026-11-30 (GS is shown as |):
#   01 09506000134352 422 704|10 A1
#     qrcode-parse: 01=09506000134352, 422=704, |=10A1
#     biip: 01=09506000134352, 422=704, 10=A1
#   01 09506000134352 10 A1|422 704
#     qrcode-parse: 01=09506000134352, 10=A1, 422=704
#     biip: 01=09506000134352, 10=A1, 422=704
#   01 09506000134352 12 261231 10 A1
#     qrcode-parse: 01=09506000134352, 12=26123110A1
#     biip: 01=09506000134352, 12=261231, 10=A1
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check biip==5.2.0
mkdir src
cat > Cargo.toml << 'TOML'
[package]
name = "read"
version = "0.0.0"
edition = "2021"
[dependencies]
qrcode-parse = "=2.2.0"
TOML
cat > src/main.rs << 'RUST'
fn main() {
    let label = std::env::args().nth(1).unwrap();
    let found = qrcode_parse::gs1::Gs1Result::parse(label.as_bytes()).unwrap();
    let pair = |one: &qrcode_parse::gs1::Gs1Element| format!("{}={}", one.ai(), String::from_utf8_lossy(one.value()));
    println!("{}", found.elements().iter().map(pair).collect::<Vec<_>>().join(", "));
}
RUST
cargo build -q --target-dir target
cat > read.py << 'PY'
import sys

import biip

found = biip.parse(sys.argv[1]).gs1_message.element_strings
print(", ".join(f"{one.ai.ai}={one.value}" for one in found))
PY
for label in '01 09506000134352 422 704|10 A1' '01 09506000134352 10 A1|422 704' '01 09506000134352 12 261231 10 A1'; do
  read=$(echo "$label" | tr -d ' ' | tr '|' '\035')
  echo "$label"
  echo "  qrcode-parse: $(target/debug/read "$read")"
  echo "  biip: $(venv/bin/python read.py "$read")"
done | tr '\035' '|' | tee found
cat > expected << 'SEEN'
01 09506000134352 422 704|10 A1
  qrcode-parse: 01=09506000134352, 422=704, |=10A1
  biip: 01=09506000134352, 422=704, 10=A1
01 09506000134352 10 A1|422 704
  qrcode-parse: 01=09506000134352, 10=A1, 422=704
  biip: 01=09506000134352, 10=A1, 422=704
01 09506000134352 12 261231 10 A1
  qrcode-parse: 01=09506000134352, 12=26123110A1
  biip: 01=09506000134352, 12=261231, 10=A1
SEEN
cmp found expected

#!/bin/sh
# PyPI biip 5.2.0 reads a harvest from one day to another (AI 7007) as a day and a time of that day, or cannot read
# it, and then not the rest of the code either.
#
# GS1's harvest date is one date, or two for the first and the last day: `N6,yymmdd [N6],yymmdd` in the GS1 Barcode
# Syntax Dictionary, and ^7007(\d{6})(\d{6})?$ in biip's own table. But biip reads the twelve digits as YYMMDDhhmmss,
# so the year of the last day becomes an hour. For harvests up to 2023 that gave a time that nobody wrote: 10 May 2023
# became five past eleven at night. Since 2024 there is no such hour, and 26 raises ParseError. `biip.parse` then
# returns neither the GTIN nor the lot of the code. With `gs1_element_strings_verify_date` off in its ParseConfig, the
# two dates are accepted and returned as text (`pattern_groups`). Its README promises dates and times, and does not
# mention ranges; we found no issue upstream.
#
# Rice and fruit are picked over days, so correct labels are refused. Read 7007 yourself where it matters, or turn
# that check off and check the dates yourself.
#
# Output seen, on 2026-11-29:
#   7007 260501: GTIN 09506000134352, date 2026-05-01, datetime None
#   7007 230501230510: GTIN 09506000134352, date 2023-05-01, datetime 2023-05-01 23:05:10
#   7007 261101261115: Failed to parse GS1 AI (7007) date/time from '261101261115'.
#   7007 261101261115, not verified: GTIN 09506000134352, ['261101', '261115']
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install -q --disable-pip-version-check biip==5.2.0
cat > read.py << 'PY'
import biip

def message(dates, config=None):
    found = biip.parse(f"010950600013435210A1\x1d7007{dates}", config=config)
    return found.gs1_message, found.gs1_message_error

for dates in "260501", "230501230510", "261101261115":
    said, error = message(dates)
    if said:
        gtin, _, harvest = said.element_strings
        print(f"7007 {dates}: GTIN {gtin.value}, date {harvest.date}, datetime {harvest.datetime}")
    else:
        print(f"7007 {dates}: {error}")
said, _ = message(dates, biip.ParseConfig(gs1_element_strings_verify_date=False))
gtin, _, harvest = said.element_strings
print(f"7007 {dates}, not verified: GTIN {gtin.value}, {harvest.pattern_groups}")
PY
venv/bin/python read.py | tee found
cat > expected << 'SEEN'
7007 260501: GTIN 09506000134352, date 2026-05-01, datetime None
7007 230501230510: GTIN 09506000134352, date 2023-05-01, datetime 2023-05-01 23:05:10
7007 261101261115: Failed to parse GS1 AI (7007) date/time from '261101261115'.
7007 261101261115, not verified: GTIN 09506000134352, ['261101', '261115']
SEEN
cmp found expected

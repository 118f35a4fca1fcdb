"""Stores that are filled once, kept in a folder, and measured by several benchmarks.

year.py       a year of the whole pilot: readings every ten minutes, and what the gateway writes about them
province.py   a month of an invented province with any number of devices
store.py      starting, opening and filling any of them
"""

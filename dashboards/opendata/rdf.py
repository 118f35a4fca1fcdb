"""Writes a small graph as JSON-LD, Turtle and RDF/XML, without a library: a catalogue needs no more.

Node (its address, its kinds, its properties) ─► json_ld, turtle, rdf_xml
"""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape, quoteattr

PREFIXES = {
    "dcat": "http://www.w3.org/ns/dcat#",
    "dct": "http://purl.org/dc/terms/",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
}


@dataclass(frozen=True, slots=True)
class Ref:
    """A reference to another node, of this graph or elsewhere."""

    address: str


@dataclass(frozen=True, slots=True)
class Text:
    """A text, in a language or in none."""

    text: str
    lang: str = ""


@dataclass(frozen=True, slots=True)
class Node:
    """`properties` are (prefixed name, value); a name may come several times."""

    address: str
    kinds: tuple[str, ...]
    properties: tuple[tuple[str, Ref | Text], ...]


def json_ld(nodes: Sequence[Node]) -> str:
    """The graph as JSON-LD with its context inline, so that a client that may not fetch one can read it."""
    graph: list[dict[str, Any]] = []
    for node in nodes:
        node_json: dict[str, Any] = {"@id": node.address, "@type": list(node.kinds)}
        for name, value in node.properties:
            node_json.setdefault(name, []).append(_json(value))
        graph.append(node_json)
    return json.dumps({"@context": PREFIXES, "@graph": graph}, ensure_ascii=False, indent=1)


def turtle(nodes: Sequence[Node]) -> str:
    """The graph as Turtle, one block per node."""
    lines = [f"@prefix {name}: <{address}> ." for name, address in PREFIXES.items()]
    for node in nodes:
        lines += ["", f"<{node.address}> a {', '.join(node.kinds)}"]
        for name, value in node.properties:
            lines[-1] += " ;"
            lines.append(f"    {name} {_turtle(value)}")
        lines[-1] += " ."
    return "\n".join(lines) + "\n"


def rdf_xml(nodes: Sequence[Node]) -> str:
    """The graph as RDF/XML without nesting: each node is an element of its own."""
    names = " ".join(f"xmlns:{name}={quoteattr(address)}" for name, address in PREFIXES.items())
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', f"<rdf:RDF {names}>"]
    for node in nodes:
        first, *others = node.kinds
        lines.append(f"<{first} rdf:about={quoteattr(node.address)}>")
        lines += [f"  <rdf:type rdf:resource={quoteattr(_long(kind))}/>" for kind in others]
        lines += [f"  {_xml(name, value)}" for name, value in node.properties]
        lines.append(f"</{first}>")
    return "\n".join([*lines, "</rdf:RDF>"]) + "\n"


def _long(name: str) -> str:
    prefix, _, rest = name.partition(":")
    return PREFIXES[prefix] + rest


def _json(value: Ref | Text) -> Any:
    if isinstance(value, Ref):
        return {"@id": value.address}
    return {"@value": value.text, "@language": value.lang} if value.lang else value.text


def _turtle(value: Ref | Text) -> str:
    if isinstance(value, Ref):
        return f"<{value.address}>"
    # JSON's escapes are valid in Turtle
    quoted = json.dumps(value.text, ensure_ascii=False)
    return quoted + (f"@{value.lang}" if value.lang else "")


def _xml(name: str, value: Ref | Text) -> str:
    if isinstance(value, Ref):
        return f"<{name} rdf:resource={quoteattr(value.address)}/>"
    about = f" xml:lang={quoteattr(value.lang)}" if value.lang else ""
    return f"<{name}{about}>{escape(value.text)}</{name}>"

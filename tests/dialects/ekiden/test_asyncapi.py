"""The AsyncAPI document: whole, served, and true of every message of the transcripts.

That it is AsyncAPI 3.0 by the official schema is tested in tests/clients.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

from polyfeed.dialects.ekiden import spec
from polyfeed.dialects.ekiden.asyncapi import document

from .conversation import messages, name_of, requests
from .rig import Rig

TYPES: dict[str, Any] = {
    "string": str,
    "integer": int,
    "boolean": bool,
    "object": dict,
    "array": list,
    "null": type(None),
}


def faults(value: Any, schema: dict[str, Any], where: str = "$") -> list[str]:
    """What of a value is against a schema, of the words that the document uses."""
    if "oneOf" in schema:
        fits = [not faults(value, one, where) for one in schema["oneOf"]]
        return [] if fits.count(True) == 1 else [f"{where}: {value!r} fits {fits.count(True)} of oneOf"]
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if not any(isinstance(value, TYPES[kind]) and (kind == "boolean") == isinstance(value, bool) for kind in kinds):
        return [f"{where}: {value!r} is no {kinds}"]
    found = []
    if "enum" in schema and value not in schema["enum"]:
        found.append(f"{where}: {value!r} is none of {schema['enum']}")
    if "const" in schema and value != schema["const"]:
        found.append(f"{where}: {value!r} is not {schema['const']}")
    if "pattern" in schema and not re.search(schema["pattern"], value):
        found.append(f"{where}: {value!r} does not look like {schema['pattern']}")
    if isinstance(value, int) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        found.append(f"{where}: {value} is too small or large")
    if isinstance(value, list):
        if not schema.get("minItems", 0) <= len(value) <= schema.get("maxItems", len(value)):
            found.append(f"{where}: {len(value)} items")
        for place, item in enumerate(value):
            found += faults(item, schema["items"], f"{where}[{place}]")
    if isinstance(value, dict):
        found += [f"{where}: {name} is missing" for name in schema.get("required", ()) if name not in value]
        for name, item in value.items():
            inner = schema.get("properties", {}).get(name)
            found += faults(item, inner, f"{where}.{name}") if inner else [f"{where}: {name} is unknown"]
    return found


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if "$ref" in node:
            yield node["$ref"]
        for inner in node.values():
            yield from references(inner)
    elif isinstance(node, list):
        for inner in node:
            yield from references(inner)


def test_every_message_of_the_transcripts_fits() -> None:
    described = document(later=True)["components"]["messages"]
    said = messages()
    assert len(said) > 150
    for message in said:
        assert not faults(message, described[name_of(message)]["payload"]), message
    heard = {name_of(message) for message in said}
    assert heard == {name for name in described if not name.endswith("Request")}, "every message is said somewhere"


def test_requests_that_are_good_fit() -> None:
    described = document(later=True)["components"]["messages"]
    good = [
        one
        for one in requests()
        if f"{one.get('op')}Request" in described
        and not faults({key: one[key] for key in one if key != "extra"}, described[f"{one['op']}Request"]["payload"])
    ]
    assert {one["op"] for one in good} == {"subscribe", "unsubscribe", "ping", "auth", "auth_api_key"}


def test_every_reference_leads_somewhere() -> None:
    whole = document(later=True)
    for reference in references(whole):
        node: Any = whole
        for part in reference.removeprefix("#/").split("/"):
            node = node[part]


def test_the_sockets_have_their_own_messages() -> None:
    channels = document(later=True)["channels"]
    assert {name: one["address"] for name, one in channels.items()} == {
        "public": spec.PUBLIC_PATH,
        "private": spec.PRIVATE_PATH,
    }
    assert "orderEvent" not in channels["public"]["messages"]
    assert "authRequest" not in channels["public"]["messages"]
    assert "tradeEvent" not in channels["private"]["messages"]


def test_it_is_served() -> None:
    """As the server is set: the later topics only where they are on."""
    for later in (False, True):
        answer = Rig(later_topics=later).rest("GET", "/asyncapi.json")
        assert answer.status == 200
        served = json.loads(answer.body)
        assert served == document(later=later)
        assert ("adl_alertEvent" in served["channels"]["public"]["messages"]) == later
        assert ("send_insurance_pool" in served["operations"]) == later

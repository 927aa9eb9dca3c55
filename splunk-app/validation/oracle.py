"""Compares what we read and write with what Splunk's own Python SDK makes of it: oracle.py CASES, the file of oracle.ts.

CASES is a JSON list of sets of cases. Prints a JSON list with a list of differences for each.
"""

from __future__ import annotations

import io
import json
import re
import sys
import xml.etree.ElementTree as ET
from decimal import Decimal
from pathlib import Path
from typing import Any, Iterator

from splunklib.modularinput.argument import Argument
from splunklib.modularinput.event import Event
from splunklib.modularinput.input_definition import InputDefinition
from splunklib.modularinput.scheme import Scheme
from splunklib.modularinput.validation_definition import ValidationDefinition

DATA_TYPES = {
    Argument.data_type_boolean.lower(),
    Argument.data_type_number.lower(),
    Argument.data_type_string.lower(),
}
# Settings of inputs.conf that every input has.
BUILT_IN = {"name", "start_by_shell", "interval", "sourcetype", "index", "host", "source", "disabled"}
FORM = "default/data/ui/manager/kinesis_log.xml"


def text_of(parent: ET.Element, tag: str) -> str | None:
    child = parent.find(tag)
    return None if child is None else child.text or ""


def rebuilt(root: ET.Element) -> ET.Element:
    """The scheme as the SDK writes it, from what it can express."""
    scheme = Scheme(text_of(root, "title"))
    scheme.description = text_of(root, "description")
    scheme.use_external_validation = text_of(root, "use_external_validation") == "true"
    scheme.use_single_instance = text_of(root, "use_single_instance") == "true"
    scheme.streaming_mode = text_of(root, "streaming_mode")
    for arg in root.iterfind("endpoint/args/arg"):
        scheme.add_argument(
            Argument(
                arg.get("name"),
                title=text_of(arg, "title"),
                description=text_of(arg, "description"),
                validation=text_of(arg, "validation"),
                data_type=text_of(arg, "data_type"),
                required_on_edit=text_of(arg, "required_on_edit") == "true",
                required_on_create=text_of(arg, "required_on_create") == "true",
            )
        )
    return scheme.to_xml()


def canonical(root: ET.Element) -> str:
    return ET.canonicalize(ET.tostring(root), strip_text=True)


def scheme_faults(where: str, xml: str) -> Iterator[str]:
    root = ET.fromstring(xml)
    if canonical(root) != canonical(rebuilt(root)):
        yield f"{where} --scheme: the SDK writes it otherwise: {canonical(rebuilt(root))[:2000]}"
    if text_of(root, "streaming_mode") != Scheme.streaming_mode_xml.lower():
        yield f"{where} --scheme: its streaming mode is not xml"
    for arg in root.iterfind("endpoint/args/arg"):
        if text_of(arg, "data_type") not in DATA_TYPES:
            yield f"{where} --scheme: {arg.get('name')} has a data type that the SDK does not know"


def table_faults(app: Path, xml: str) -> Iterator[str]:
    """Scheme, spec file, defaults and form name the same settings."""
    args = {arg.get("name", ""): text_of(arg, "data_type") for arg in ET.fromstring(xml).iterfind("endpoint/args/arg")}
    spec = (app / "README/inputs.conf.spec").read_text("utf-8")
    described = re.findall(r"^(\w+) = <(\w+)>$", spec, re.MULTILINE)
    if described != list(args.items()):
        yield f"inputs.conf.spec and the scheme differ, in order or in {sorted(set(described) ^ set(args.items()))}"
    told = dict(re.findall(r"^(\w+) = <\w+>\n(?:\* (?!Default: ).*\n)*\* Default: (.*)$", spec, re.MULTILINE))
    conf = (app / "default/inputs.conf").read_text("utf-8")
    defaults = {name: value for name, value in re.findall(r"^(\w+) = (.*)$", conf, re.MULTILINE) if name not in BUILT_IN}
    if defaults != told:
        yield f"default/inputs.conf and inputs.conf.spec differ in {sorted(set(defaults.items()) ^ set(told.items()))}"
    elements = ET.parse(app / FORM).iterfind(".//element")
    named = [element.get("name", "") for element in elements if element.get("type") != "fieldset"]
    # What begins so belongs to Splunk Web.
    fields = {name for name in named if not name.startswith(("spl-ctrl_", "eai:"))} - BUILT_IN
    if fields != set(args):
        yield f"{FORM} and the scheme differ in {sorted(fields ^ set(args))}"


def plain(value: Any) -> str:
    """A parameter as we hand it on: no text is an empty one, a list is joined by commas."""
    return ",".join(map(plain, value)) if isinstance(value, list) else value or ""


def sdk_reads(document: dict[str, Any]) -> dict[str, Any] | None:
    """The document in our shape; None when the SDK refuses it."""
    stream = io.BytesIO(document["xml"].encode())
    try:
        if document["kind"] == "input":
            run = InputDefinition.parse(stream)
            metadata, stanzas = run.metadata, run.inputs
        else:
            validation = ValidationDefinition.parse(stream)
            metadata, stanzas = validation.metadata, {validation.metadata["name"]: validation.parameters}
    except (ET.ParseError, ValueError):
        return None
    return {
        "checkpointDir": plain(metadata.get("checkpoint_dir")),
        "serverUri": plain(metadata.get("server_uri")),
        "sessionKey": plain(metadata.get("session_key")),
        "stanzas": {
            name: {key: plain(value) for key, value in params.items() if key != "__app"} for name, params in stanzas.items()
        },
        "apps": {name: plain(params.get("__app")) for name, params in stanzas.items()},
    }


def document_faults(document: dict[str, Any]) -> Iterator[str]:
    theirs, ours = sdk_reads(document), document["read"]
    if theirs != ours:
        yield f"document '{document['name']}': the SDK reads {theirs}, we read {ours}"


def shape(event: ET.Element) -> dict[str, Any]:
    """What Splunk takes from an event. `done` says something only within an unbroken stream; a missing `unbroken` is 0."""
    unbroken = event.get("unbroken", "0")
    fields: dict[str, Any] = {child.tag: child.text or "" for child in event if child.tag != "done"}
    if "time" in fields:
        fields["time"] = Decimal(fields["time"]).normalize()
    others = set(event.attrib) - {"stanza", "unbroken"}
    done = event.find("done") is not None if unbroken == "1" else True
    return {"stanza": event.get("stanza"), "unbroken": unbroken, "done": done, "fields": fields, "others": others}


def sdk_writes(event: dict[str, Any]) -> ET.Element:
    stream = io.BytesIO()
    Event(
        data=event["data"],
        stanza=event["stanza"],
        time=event.get("time"),
        done=event["done"],
        unbroken=event["unbroken"],
        **{name: event[name] for name in ("host", "source", "sourcetype", "index") if name in event},
    ).write_to(stream)
    # The SDK writes a carriage return as it is, and any parser then reads a line feed.
    return ET.fromstring(stream.getvalue().replace(b"\r", b"&#13;"))


def event_faults(events: dict[str, Any]) -> Iterator[str]:
    root = ET.fromstring(events["xml"])
    if root.tag != "stream" or any(child.tag != "event" for child in root):
        yield "the event stream is not <stream> with <event> only"
    expected = events["expected"]
    if len(root) != len(expected):
        yield f"{len(expected)} events went in, {len(root)} came out"
    for number, (ours, event) in enumerate(zip(root, expected)):
        if shape(ours) != shape(sdk_writes(event)):
            yield f"event {number}: the SDK writes {shape(sdk_writes(event))}, we write {shape(ours)}"


def faults(cases: dict[str, Any]) -> Iterator[str]:
    for where, xml in cases["schemes"].items():
        yield from scheme_faults(where, xml)
    for xml in set(cases["schemes"].values()):
        yield from table_faults(Path(cases["app"]), xml)
    for document in cases["documents"]:
        yield from document_faults(document)
    yield from event_faults(cases["events"])


if __name__ == "__main__":
    sets = json.loads(Path(sys.argv[1]).read_text("utf-8"))
    json.dump([list(faults(cases)) for cases in sets], sys.stdout)

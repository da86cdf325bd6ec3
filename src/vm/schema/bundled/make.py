#!/usr/bin/env python3
"""Makes versions.txt from the replies of `query-qmp-schema` of some QEMUs:

    make.py 5.2=qemu-5.2.json 7.2=qemu-7.2.json ... > versions.txt

What a command takes is kept, and the names of events; what these hold is not, nor are replies. Types get names that are the same in all versions where
they are the same, so that most entries stand there once. Each line is the bits of the versions that have it, in
hexadecimal, and the entry as the reply has it, its frequent parts shortened as in `bundled.rs`.
"""
import json
import sys

SHORT = [
    ('{"name":"', "\x01"), ('","type":"', "\x02"), ('","default":null}', "\x03"), ('"},', "\x04"),
    ('{"case":"', "\x05"), ('"meta-type":"', "\x06"), ('"members":[', "\x07"), ('"features":["', "\x08"),
    ('"variants":[', "\x0b"), ('"arg-type":"', "\x0c"), ('","ret-type":"0"}', "\x0e"), ('"element-type":"', "\x0f"),
    ('"meta-type":"command"', "\x10"), ('"meta-type":"object"', "\x11"), ('"meta-type":"enum"', "\x12"),
]
MARKS = ("deprecated", "unstable")


def marked(entry, out):
    marks = [mark for mark in entry.get("features", ()) if mark in MARKS]
    if marks:
        out["features"] = marks
    return out


def shape(entry, of):
    """The entry without its name, with the types that it refers to by what `of` makes of them."""
    out = {"meta-type": entry["meta-type"]}
    if "json-type" in entry:
        out["json-type"] = entry["json-type"]
    if "element-type" in entry:
        out["element-type"] = of(entry["element-type"])
    if entry["meta-type"] == "enum":
        values = entry.get("members") or [{"name": value} for value in entry["values"]]
        out["members"] = [marked(value, {"name": value["name"]}) for value in values]
    elif "members" in entry:
        out["members"] = []
        for member in entry["members"]:
            kept = {"name": member["name"]} if "name" in member else {}
            kept["type"] = of(member["type"])
            marked(member, kept)
            if "default" in member:
                kept["default"] = None
            out["members"].append(kept)
    if "variants" in entry:
        out["tag"] = entry["tag"]
        out["variants"] = [{"case": case["case"], "type": of(case["type"])} for case in entry["variants"]]
    return out


def text(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=True)


def main():
    versions = []
    for word in sys.argv[1:]:
        version, path = word.split("=", 1)
        with open(path, encoding="utf-8") as file:
            versions.append((version, json.load(file)))
    types, commands = {}, []
    for number, (_, entries) in enumerate(versions):
        known = {entry["name"]: entry for entry in entries if entry["meta-type"] not in ("command", "event")}
        wanted = [entry for entry in entries if entry["meta-type"] == "command"]
        open_types = [entry["arg-type"] for entry in wanted]
        while open_types:
            name = open_types.pop()
            if (number, name) not in types:
                types[number, name] = known[name]
                shape(known[name], lambda other: open_types.append(other))
        commands.append(wanted)
    # Types are alike until something in them, or in what they refer to, tells them apart.
    classes = {key: "" for key in types}
    while True:
        shapes = {key: text(shape(entry, lambda name, key=key: classes[key[0], name])) for key, entry in types.items()}
        names = {one: number for number, one in enumerate(sorted(set(shapes.values())))}
        refined = {key: names[one] for key, one in shapes.items()}
        if len(names) == len(set(classes.values())):
            break
        classes = refined
    nothing = text({"meta-type": "object", "members": []})
    order = sorted(set(classes.values()), key=lambda one: [k for k in classes if classes[k] == one][0][0])
    empty = next(classes[key] for key, entry in types.items() if text(shape(entry, str)) == nothing)
    order.sort(key=lambda one: one != empty)
    short = {one: "%x" % number for number, one in enumerate(order)}
    lines = {}
    for (number, name), entry in types.items():
        own = short[classes[number, name]]
        kept = {"name": own, **shape(entry, lambda other: short[classes[number, other]])}
        lines[text(kept)] = lines.get(text(kept), 0) | 1 << number
    for number, wanted in enumerate(commands):
        for entry in wanted:
            kept = marked(entry, {"name": entry["name"], "meta-type": "command"})
            kept["arg-type"] = short[classes[number, entry["arg-type"]]]
            kept["ret-type"] = "0"
            lines[text(kept)] = lines.get(text(kept), 0) | 1 << number
    for number, (_, entries) in enumerate(versions):
        for entry in entries:
            if entry["meta-type"] == "event":
                kept = marked(entry, {"name": entry["name"], "meta-type": "event"})
                kept["arg-type"] = "0"
                lines[text(kept)] = lines.get(text(kept), 0) | 1 << number
    print(" ".join(version for version, _ in versions))
    for line, bits in lines.items():
        for long, mark in reversed(SHORT):
            line = line.replace(long, mark)
        print("%x%s" % (bits, line))


main()

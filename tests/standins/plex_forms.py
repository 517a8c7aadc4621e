"""One answer in the two forms in which Plex gives it: JSON if it is asked for, otherwise XML.

plex.tv and the media server write XML in two ways. Both make attributes of plain values and `1` and `0` of
truth; a list is one element with its entries inside at plex.tv, and entries without any wrapping at the server.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

Tree = Mapping[str, Any]

_HEAD = b'<?xml version="1.0" encoding="UTF-8"?>\n'


def as_json(tree: object) -> bytes:
    return json.dumps(tree, default=_iso).encode()


def as_xml(name: str, tree: object) -> bytes:
    """As plex.tv writes it."""
    root = Element(name)
    _fill(root, tree)
    return _HEAD + tostring(root)


def container_xml(tree: Tree) -> bytes:
    """As the media server writes it, and plex.tv where the address begins with /api/ and no number."""
    root = Element("MediaContainer")
    _fill_flat(root, tree)
    return _HEAD + tostring(root)


def _fill(element: Element, tree: object) -> None:
    if isinstance(tree, list):
        for entry in tree:
            _fill(SubElement(element, element.tag.removesuffix("s")), entry)
    elif isinstance(tree, Mapping):
        for name, value in tree.items():
            if isinstance(value, list | Mapping):
                _fill(SubElement(element, name), value)
            else:
                element.set(name, _plain(value))
    else:
        element.set("id", _plain(tree))


def _fill_flat(element: Element, tree: Tree) -> None:
    for name, value in tree.items():
        if isinstance(value, list):
            for entry in value:
                _fill_flat(SubElement(element, name), entry)
        else:
            element.set(name, _plain(value))


def _plain(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(int(value))
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M:%S UTC")
    return str(value)


def _iso(value: object) -> str:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%dT%H:%M:%SZ")
    raise TypeError(f"no JSON for {value!r}")

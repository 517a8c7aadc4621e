"""`name=value` from the command line as the JSON that a kind's schema asks for."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

Schema = Mapping[str, Any]

YES, NO = {"true", "yes", "on", "1"}, {"false", "no", "off", "0"}
UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}


class WrongValue(Exception):
    """The message says which value is wrong and what is possible."""


def read_params(words: tuple[str, ...], schema: Schema) -> dict[str, Any]:
    """The parameters that `name=value` words give; raises WrongValue."""
    known: Mapping[str, Schema] = schema.get("properties", {})
    params: dict[str, Any] = {}
    for word in words:
        name, equals, text = word.partition("=")
        if not equals:
            raise WrongValue(f"{word!r}: write name=value")
        if name not in known:
            raise WrongValue(f"there is no parameter {name!r}; there are: {', '.join(known) or 'none'}")
        if name in params:
            raise WrongValue(f"{name}: given twice")
        try:
            params[name] = read_value(text, known[name], schema)
        except ValueError as error:
            raise WrongValue(f"{name}: {error}") from None
    missing = [name for name in schema.get("required", []) if name not in params]
    if missing:
        raise WrongValue(f"missing: {', '.join(f'{name}=…' for name in missing)}")
    return params


def read_value(text: str, wanted: Schema, root: Schema) -> Any:
    """`text` as the JSON value that `wanted` describes; raises ValueError with a sentence."""
    choices = _alternatives(wanted, root)
    values = [choice for choice in choices if choice.get("type") != "null"]
    if not text and len(values) < len(choices):
        return None
    problem = ValueError("cannot be given on the command line")
    for choice in values:
        try:
            return _as_type(text, choice, root)
        except ValueError as error:
            problem = error
    raise problem


def _alternatives(wanted: Schema, root: Schema) -> list[Schema]:
    """What the value may be, references followed; text last, as everything is text."""
    if "$ref" in wanted:
        name = str(wanted["$ref"]).rpartition("/")[2]
        return _alternatives(root.get("$defs", {}).get(name, {}), root)
    several = wanted.get("anyOf") or wanted.get("oneOf") or wanted.get("allOf")
    if several:
        found = [choice for part in several for choice in _alternatives(part, root)]
        return sorted(found, key=lambda choice: choice.get("type") == "string")
    return [wanted]


def _as_type(text: str, wanted: Schema, root: Schema) -> Any:
    kind = wanted.get("type", "string")
    if kind == "array":
        items = wanted.get("items", {})
        return [read_value(part.strip(), items, root) for part in text.split(",") if part.strip()]
    value = _scalar(text, kind)
    allowed = wanted.get("enum") or ([wanted["const"]] if "const" in wanted else None)
    if allowed and value not in allowed:
        raise ValueError(f"{text!r} is none of {', '.join(map(str, allowed))}")
    return value


def _scalar(text: str, kind: str) -> Any:
    match kind:
        case "integer":
            return _number(int, text, "a whole number")
        case "number":
            return _number(float, text, "a number")
        case "boolean":
            if text.lower() in YES | NO:
                return text.lower() in YES
            raise ValueError(f"{text!r} is neither true nor false")
        case "object":
            return _object(text)
    return text


def _number(read: type[int] | type[float], text: str, name: str) -> int | float:
    try:
        return read(text)
    except ValueError:
        raise ValueError(f"{text!r} is not {name}") from None


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if isinstance(value, dict):
        return value
    raise ValueError("is not a JSON object")


def read_time(text: str) -> str:
    """`+30m`, `2026-11-20T12:00:00Z` or a local `2026-11-20 12:00` as RFC 3339; raises ValueError."""
    try:
        if text.startswith("+") and text[-1] in UNITS:
            at = datetime.now(UTC) + timedelta(seconds=int(text[1:-1]) * UNITS[text[-1]])
        else:
            at = datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):
        raise ValueError(f"{text!r} is no time: write +30m or 2026-11-20T12:00:00Z") from None
    return at.isoformat(timespec="seconds").replace("+00:00", "Z")

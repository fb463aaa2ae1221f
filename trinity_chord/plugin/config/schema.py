"""What fits a key, in words: read from the JSON schema of a settings model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel

MAPPING = "a mapping of names to values"
WORDS = {"boolean": "true or false", "string": "a string"}

Schema = Mapping[str, Any]


def schema_of(model: type[BaseModel]) -> dict[str, Any]:
    """Return the JSON schema of a model, with every reference replaced by what it refers to."""
    schema = model.model_json_schema()
    definitions = schema.pop("$defs", {})

    def resolve(part: Any) -> Any:
        if isinstance(part, list):
            return [resolve(each) for each in part]
        if not isinstance(part, dict):
            return part
        if "$ref" in part:
            return resolve(definitions[part["$ref"].rpartition("/")[2]])
        return {key: resolve(value) for key, value in part.items()}

    resolved: dict[str, Any] = resolve(schema)
    return resolved


def part_of(schema: Schema, path: Sequence[str | int]) -> Schema:
    """Return the part of a schema that a path of keys and list positions leads to."""
    for step in path:
        found = (_child(branch, step) for branch in _branches(schema))
        schema = next((child for child in found if child is not None), {})
    return schema


def keys_of(schema: Schema) -> list[str]:
    """Return the keys that a mapping may have."""
    return [key for branch in _branches(schema) for key in branch.get("properties", {})]


def describe(schema: Schema) -> str:
    """Return in words which values a schema allows, for messages and documentation."""
    if "expected" in schema:
        return str(schema["expected"])
    branches = list(_branches(schema))
    if branches != [schema]:
        return " or ".join(describe(each) for each in branches if each.get("type") != "null")
    if "const" in schema:
        return repr(schema["const"])
    if "enum" in schema:
        return "one of " + ", ".join(map(repr, schema["enum"]))
    kind = schema.get("type")
    if kind in ("number", "integer"):
        return ("a number" if kind == "number" else "a whole number") + _bounds(schema)
    if kind == "array":
        return f"a list; each item: {describe(schema['items'])}"
    if kind == "object":
        return _describe_mapping(schema)
    return WORDS.get(str(kind), "any value")


def _describe_mapping(schema: Schema) -> str:
    if "properties" in schema:
        return "a mapping with the keys " + ", ".join(f"`{key}`" for key in schema["properties"])
    member = schema.get("additionalProperties")
    if not isinstance(member, Mapping):
        return MAPPING
    return f"a mapping of names; each value: {describe(member)}"


def _bounds(schema: Schema) -> str:
    low, above, high = (schema.get(key) for key in ("minimum", "exclusiveMinimum", "maximum"))
    if low is not None and high is not None:
        return f" in [{low:g}, {high:g}]"
    if low is not None:
        return f" of at least {low:g}"
    return f" above {above:g}" if above is not None else ""


def _child(schema: Schema, step: str | int) -> Schema | None:
    if isinstance(step, int):
        child = schema.get("items")
    else:
        child = schema.get("properties", {}).get(step, schema.get("additionalProperties"))
    return child if isinstance(child, Mapping) else None


def _branches(schema: Schema) -> Iterator[Schema]:
    """Yield the branches of a union, however deep; the schema itself if it has none."""
    branches = [*schema.get("anyOf", []), *schema.get("oneOf", [])]
    if not branches:
        yield schema
    for branch in branches:
        yield from _branches(branch)

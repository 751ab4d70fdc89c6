"""Examples made from JSON Schemas."""

from __future__ import annotations

from typing import Any

import jsonschema_rs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hookline.core.schema_example import MOST_VALUES, NoExample, example_of

ORDER: dict[str, Any] = {
    "$defs": {
        "money": {
            "type": "object",
            "properties": {"amount": {"type": "integer", "minimum": 1}, "currency": {"enum": ["EUR", "USD"]}},
            "required": ["amount", "currency"],
        }
    },
    "type": "object",
    "properties": {
        "id": {"type": "string", "format": "uuid"},
        "total": {"$ref": "#/$defs/money"},
        "lines": {"type": "array", "items": {"$ref": "#/$defs/money"}, "minItems": 2},
        "placed_at": {"type": "string", "format": "date-time"},
        "note": {"type": ["null", "string"], "maxLength": 3},
        "kind": {"const": "order"},
        "share": {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1},
    },
    "required": ["id", "total", "lines", "extra"],
}


def fits(schema: Any, value: Any) -> bool:
    return jsonschema_rs.validator_for(schema).is_valid(value)


def test_every_property_is_shown_with_the_plainest_value_that_fits() -> None:
    money = {"amount": 1, "currency": "EUR"}
    assert example_of(ORDER) == {
        "id": "123e4567-e89b-42d3-a456-426614174000",
        "total": money,
        "lines": [money, money],
        "placed_at": "2026-01-31T09:30:00Z",
        "note": "str",
        "kind": "order",
        "share": 0.5,
        "extra": {},
    }
    assert fits(ORDER, example_of(ORDER))


def test_what_the_author_wrote_comes_first() -> None:
    schema = {"type": "object", "examples": [{"n": 1}, {"n": 2}], "properties": {"n": {"type": "string"}}}
    assert example_of(schema) == {"n": 1}
    assert example_of(schema, 1) == {"n": 2}
    assert example_of(schema, 9) == {"n": 1}
    assert example_of({"example": {"a": 1}, "default": {}}) == {"a": 1}
    written = {"properties": {"a": {"type": "string", "examples": ["Ann", "Bob"]}, "b": {"default": None}}}
    assert example_of(written) == {"a": "Ann", "b": None}


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "integer", "minimum": 7, "multipleOf": 5}, 10),
        ({"type": "integer", "maximum": -3}, -3),
        ({"type": "integer", "exclusiveMinimum": 4}, 5),
        ({"type": "integer", "minimum": 4, "exclusiveMinimum": True}, 5),
        ({"type": "integer", "minimum": 4, "exclusiveMinimum": False}, 4),
        ({"type": "integer", "minimum": 1.5}, 2),
        ({"type": "number", "multipleOf": 0.25, "minimum": 1.1}, 1.25),
        ({"type": "string", "minLength": 8}, "stringst"),
        ({"type": "array", "maxItems": 0, "items": {"type": "string"}}, []),
        ({"type": "array", "prefixItems": [{"type": "string"}, {"type": "integer"}]}, ["string", 1]),
        ({"type": "boolean"}, True),
        ({"type": "null"}, None),
        ({"type": ["null", "integer"]}, 1),
        ({"properties": {}}, {}),
        ({"items": {"type": "boolean"}}, [True]),
        ({"anyOf": [{"type": "integer"}, {"type": "string"}]}, 1),
        (True, {}),
        ({}, {}),
    ],
)
def test_a_value_of_each_kind_is_within_its_bounds(schema: Any, expected: Any) -> None:
    made = example_of(schema)
    assert made == expected and type(made) is type(expected)
    assert schema in (True,) or "exclusiveMinimum" in schema or fits(schema, made)


def test_parts_of_a_schema_are_put_together() -> None:
    schema = {
        "$defs": {"named": {"type": "object", "properties": {"name": {"type": "string"}}, "required": ["name"]}},
        "allOf": [{"$ref": "#/$defs/named"}, {"properties": {"age": {"type": "integer", "minimum": 18}}}],
        "oneOf": [{"properties": {"kind": {"const": "person"}}}, {"properties": {"kind": {"const": "robot"}}}],
        "required": ["age"],
    }
    assert example_of(schema) == {"name": "string", "age": 18, "kind": "person"}
    assert fits(schema, example_of(schema))


def test_a_schema_that_refers_to_itself_ends_where_it_may() -> None:
    tree = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#"}}},
        "required": ["name", "children"],
    }
    assert example_of({"properties": {"root": {"$ref": "#/$defs/t"}}, "$defs": {"t": tree}}) is not None
    made = example_of(tree)
    assert fits(tree, made) and made["children"][0]["children"] == []


@pytest.mark.parametrize(
    "schema",
    [
        False,
        {"properties": {"a": False}, "required": ["a"]},
        {"$ref": "#"},
        {"$ref": "#/nowhere"},
        {"$ref": "https://example.com/schema"},
        {"$ref": "#anchor"},
        {"allOf": [{"$ref": "#"}]},
        {"allOf": [{"$ref": "#"}, {"$ref": "#"}, {"$ref": "#"}]},
        {"anyOf": [{"$ref": "#/$defs/a"}], "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}}},
        {"type": "object", "properties": {"a": {"$ref": "#"}}, "required": ["a"]},
        {"type": "array", "items": {"$ref": "#"}, "minItems": 1},
    ],
)
def test_a_schema_without_an_example_says_so(schema: Any) -> None:
    with pytest.raises(NoExample, match=r".") as refused:
        example_of(schema)
    assert refused.value.code == "no_example"


def test_a_short_schema_cannot_ask_for_a_huge_example() -> None:
    """Each level has two of the next: 2⁴⁰ values, were nobody counting."""
    levels = {str(n): {"type": "array", "items": {"$ref": f"#/$defs/{n + 1}"}, "minItems": 2} for n in range(40)}
    with pytest.raises(NoExample, match="more than an example should hold"):
        example_of({"$defs": {**levels, "40": {"type": "string"}}, "$ref": "#/$defs/0"})
    assert len(example_of({"type": "array", "minItems": 10**9, "items": {"type": "string"}})) < MOST_VALUES
    assert len(example_of({"type": "string", "minLength": 10**9})) < 10**4


names = st.sampled_from(["a", "b", "$ref", "#"])
schemas: st.SearchStrategy[Any] = st.recursive(
    st.booleans()
    | st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["object", "array", "string", "integer", "number", "boolean", "null", "other"]),
            "enum": st.lists(st.integers(), max_size=2),
            "minimum": st.integers() | st.floats(allow_nan=False) | st.booleans(),
            "exclusiveMaximum": st.integers() | st.floats(allow_nan=False) | st.booleans(),
            "multipleOf": st.integers() | st.floats(allow_nan=False),
            "minLength": st.integers(),
            "maxItems": st.integers() | st.text(),
            "format": st.sampled_from(["uuid", "date", "none"]) | st.integers(),
            "$ref": st.sampled_from(["#", "#/properties/a", "#/allOf/0", "#/items", "~", "#/%"]) | st.integers(),
        },
    ),
    lambda inner: (
        st.dictionaries(st.sampled_from(["items", "additionalProperties", "not"]), inner, max_size=3)
        | st.fixed_dictionaries({"properties": st.dictionaries(names, inner, max_size=3), "required": st.lists(names)})
        | st.dictionaries(
            st.sampled_from(["allOf", "anyOf", "oneOf", "prefixItems", "items", "examples", "properties"]),
            st.lists(inner, max_size=3),
            max_size=3,
        )
    ),
    max_leaves=12,
)


@given(schemas, st.integers(min_value=0))
@settings(max_examples=400, deadline=None)
def test_any_document_has_an_example_or_says_that_it_has_none(schema: Any, index: int) -> None:
    try:
        first = example_of(schema, index)
    except NoExample:
        return
    assert first == example_of(schema, index)

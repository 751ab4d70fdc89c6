"""Which version of a schema counts."""

from __future__ import annotations

from typing import Any

import pytest

from hookline.core.schema_versions import newest_schema


@pytest.mark.parametrize(
    ("schemas", "newest"),
    [
        (None, None),
        ({}, None),
        ({"1": {"a": 1}}, {"a": 1}),
        ({"9": 9, "10": 10, "2": 2}, 10),
        ({"draft": 0, "1": 1}, 1),
        ({"beta": 1, "alpha": 0}, 1),
        ({"²": 0, "1": 1}, 1),
        ({"1" * 5_000: 0, "1": 1}, 1),
    ],
)
def test_the_highest_number_counts_before_any_name(schemas: dict[str, Any] | None, newest: Any) -> None:
    assert newest_schema(schemas) == newest

"""Our document of the API says everything that the contract does."""

from __future__ import annotations

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from .contract import TABLE, Contract, Difference, Operation, Schema, contract
from .contract_check import LIMITS, WIDTHS, Comparison, unexplained
from .contract_document import document_of, impoverished
from .sdk.world import running

CREATE = "POST /api/v1/app"


async def test_our_document_says_everything_that_the_contract_does(tmp_path: Path) -> None:
    async with running(tmp_path) as world:
        document = (await world.http.get("/api/v1/openapi.json")).json()
    assert document["openapi"] == "3.0.3"
    problems = unexplained(contract(), document)
    assert not problems, "\n".join([f"{len(problems)} differences", *problems])


# -- the table: counted in the contract itself, by other means than those that wrote it ----------------------


def test_the_table_has_every_operation_with_its_parameters_and_statuses() -> None:
    operations = contract().operations.values()
    assert len(operations) == 43
    assert len({operation.path for operation in operations}) == 26
    assert sum(where != "path" for one in operations for where, _ in one.parameters) == 63
    assert sum(where == "path" for one in operations for where, _ in one.parameters) == 58
    assert sum(one.body is not None for one in operations) == 16
    assert sum(len(one.answers) for one in operations) == 284


def test_the_table_has_every_field_of_every_body() -> None:
    text = TABLE.read_text()
    table = yaml.safe_load(text)
    pages = len(set(re.findall(r"page of (\w+)", text.partition("operations:")[2])))
    objects = [*table["schemas"].values(), *table["webhooks"].values()]
    fields = [name for one in objects for name in one]
    required = [name for name in fields if name.endswith("*")]
    webhooks = len(table["webhooks"])
    assert len(table["schemas"]) + pages + 2 * webhooks == 53
    assert len(fields) + 4 * pages + 2 * webhooks == 229
    assert len(required) + 2 * pages + 2 * webhooks == 128


def test_the_table_has_every_enumeration() -> None:
    enums = [one["enum"] for one in yaml.safe_load(TABLE.read_text())["types"].values() if "enum" in one]
    assert len(enums) == 7
    assert sum(len(enum) for enum in enums) == 20


# -- the comparison ------------------------------------------------------------------------------------------


@pytest.fixture
def document() -> Schema:
    """What says exactly what the contract says."""
    return document_of(contract())


@pytest.fixture
def plain() -> Contract:
    """The contract without differences."""
    return Contract(contract().operations, contract().webhooks, ())


def test_a_document_that_says_the_same_passes(plain: Contract, document: Schema) -> None:
    assert unexplained(plain, document) == []


@pytest.mark.parametrize("operation", contract().operations.values(), ids=lambda operation: operation.name)
def test_whatever_is_taken_out_of_a_document_is_noticed(operation: Operation) -> None:
    alone = document_of(Contract({operation.name: operation}, {}, ()))
    unnoticed = [where for where, poorer in impoverished(alone) if not Comparison(poorer).of(operation)]
    assert [where for where in unnoticed if not _says_nothing(where)] == []


def _says_nothing(where: str) -> bool:
    """What a client cannot notice: an answer that is narrower, a parameter that is never null, a width in memory."""
    path, _, value = where.partition("=")
    last, answered = path.rpartition("/")[2], "/responses/" in path
    return (
        (answered and last in {*LIMITS, "default", "nullable"})
        or (last == "nullable" and "/parameters/" in path)
        or (last == "format" and value in (WIDTHS if answered else WIDTHS - {"uint16"}))
        or (last == "default" and value == "None")
    )


def test_references_and_every_way_to_write_null_are_followed(plain: Contract, document: Schema) -> None:
    body = document["paths"]["/api/v1/app"]["post"]["requestBody"]["content"]["application/json"]
    uid = body["schema"]["properties"]["uid"]
    not_null = {key: value for key, value in uid.items() if key != "nullable"}
    document["components"] = {"schemas": {"Application": body["schema"], "Uid": not_null}}
    body["schema"] = {"$ref": "#/components/schemas/Application"}
    reference = {"$ref": "#/components/schemas/Uid"}
    for written in (
        {"anyOf": [reference, {"type": "null"}]},
        {"allOf": [reference], "nullable": True},
        {"oneOf": [not_null, {"type": "null"}], "description": "your own id"},
    ):
        document["components"]["schemas"]["Application"]["properties"]["uid"] = written
        assert unexplained(plain, document) == []
    document["components"]["schemas"]["Application"]["properties"]["uid"] = reference
    assert unexplained(plain, document) == [f"{CREATE}: body.uid nullable: expected true, found false"]


def test_a_failure_names_the_operation_the_place_and_both_sides_all_at_once(plain: Contract, document: Schema) -> None:
    operation = document["paths"]["/api/v1/app"]["post"]
    body = operation["requestBody"]["content"]["application/json"]["schema"]
    body["required"].append("uid")
    body["properties"]["name"]["maxLength"] = 80
    answer = operation["responses"]["201"]["content"]["application/json"]["schema"]
    answer["required"].remove("createdAt")
    answer["properties"]["id"] = {"type": "integer"}
    del operation["responses"]["409"]
    del document["paths"]["/api/v1/auth/logout"]
    assert unexplained(plain, document) == [
        f"{CREATE}: body.name maxLength: expected none, found 80",
        f"{CREATE}: body.uid required: expected false, found true",
        f"{CREATE}: answer 201.createdAt required: expected true, found false",
        f"{CREATE}: answer 201.id type: expected string, found integer",
        f"{CREATE}: answer 409: expected is there, found nothing",
        "POST /api/v1/auth/logout: the operation itself: expected is there, found nothing",
    ]


def test_additions_are_allowed_unless_they_are_demanded(plain: Contract, document: Schema) -> None:
    document["paths"]["/api/v1/more"] = {"get": {"responses": {}}}
    operation = document["paths"]["/api/v1/app"]["post"]
    operation["responses"]["503"] = {}
    for body in (operation["requestBody"], operation["responses"]["201"]):
        body["content"]["application/json"]["schema"]["properties"]["more"] = {"type": "string"}
    operation["responses"]["201"]["content"]["application/json"]["schema"]["required"].append("more")
    operation["parameters"].append({"in": "query", "name": "more", "schema": {"type": "string"}})
    assert unexplained(plain, document) == []
    operation["parameters"][-1]["required"] = True
    assert unexplained(plain, document) == [
        f"{CREATE}: query more: expected no such parameter, or an optional one, found a required one"
    ]


def test_of_several_choices_one_must_take_what_is_sent_and_all_must_be_what_may_be_answered(
    plain: Contract, document: Schema
) -> None:
    number: dict[str, Any] = {"type": "integer"}
    operation = document["paths"]["/api/v1/app"]["post"]
    for body in (operation["requestBody"], operation["responses"]["201"]):
        fields = body["content"]["application/json"]["schema"]["properties"]
        fields["name"] = {"anyOf": [copy.deepcopy(fields["name"]), number]}
    assert unexplained(plain, document) == [f"{CREATE}: answer 201.name type: expected string, found integer"]


def test_a_difference_that_is_listed_passes_and_one_that_is_none_any_more_does_not(document: Schema) -> None:
    shorter = Difference("POST /api/v1/app", r"body\.name maxLength", "80", "names are shown in one line")
    listed = Contract(contract().operations, {}, (shorter,))
    assert unexplained(listed, document) == [
        "contract.yaml: the difference at POST /api/v1/app: body\\.name maxLength is none any more"
    ]
    body = document["paths"]["/api/v1/app"]["post"]["requestBody"]["content"]["application/json"]["schema"]
    body["properties"]["name"]["maxLength"] = 80
    assert unexplained(listed, document) == []
    body["properties"]["name"]["maxLength"] = 79
    assert len(unexplained(listed, document)) == 2


def test_every_difference_says_why() -> None:
    assert all(difference.because for difference in contract().differences)

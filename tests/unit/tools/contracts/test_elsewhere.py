"""Documents that refer to each other say the same as ones that stand alone."""

from typing import Any

import pytest

from tools.contracts.openapi.elsewhere import bundled, others, path_in

Schema = dict[str, Any]


def document(paths: Schema, **schemas: Schema) -> Schema:
    return {"paths": paths, "components": {"schemas": schemas}}


def answering(name: str) -> Schema:
    return {"get": {"$ref": f"#/components/schemas/{name}"}}


SHARED = document(
    {"/a/{id}": answering("A"), "/~": answering("B")},
    A={"items": {"$ref": "#/components/schemas/B"}},
    B={"type": "string"},
)


def test_a_path_comes_with_all_that_it_refers_to() -> None:
    own = document({"/a/{id}": path_in("shared.json", "/a/{id}")})
    assert bundled("own", {"own": own, "shared": SHARED}) == document(
        {"/a/{id}": answering("A")}, **SHARED["components"]["schemas"]
    )


def test_names_of_paths_are_escaped() -> None:
    assert path_in("shared.json", "/~") == {"$ref": "shared.json#/paths/~1~0"}
    own = document({"/~": path_in("shared.json", "/~")})
    assert bundled("own", {"own": own, "shared": SHARED})["paths"] == {"/~": answering("B")}


def test_what_stands_alone_stays_as_it_is() -> None:
    assert bundled("shared", {"shared": SHARED}) == SHARED


def test_a_schema_may_be_taken_over_under_its_name() -> None:
    own = document({"/": answering("B")}, B={"$ref": "shared.json#/components/schemas/B"})
    assert bundled("own", {"own": own, "shared": SHARED}) == document(
        {"/": answering("B")}, B={"type": "string"}
    )


def test_what_is_said_beside_a_reference_is_kept() -> None:
    own = document({"/": {"$ref": "shared.json#/components/schemas/B", "description": "It."}})
    assert bundled("own", {"own": own, "shared": SHARED})["paths"]["/"] == {
        "$ref": "#/components/schemas/B",
        "description": "It.",
    }


def test_two_schemas_of_one_name_are_the_same_or_refused() -> None:
    paths = {"/": answering("B"), "/~": path_in("shared.json", "/~")}
    same = {"own": document(paths, B={"type": "string"}), "shared": SHARED}
    assert bundled("own", same)["components"]["schemas"] == {"B": {"type": "string"}}
    with pytest.raises(ValueError, match="shared has another B than a document beside it"):
        bundled("own", same | {"own": document(paths, B={"type": "number"})})


def test_the_documents_that_one_refers_to() -> None:
    own = document({"/~": path_in("shared.json", "/~"), "/": answering("B")})
    assert others(own) == {"shared"}
    assert others(SHARED) == set()

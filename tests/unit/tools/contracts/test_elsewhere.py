"""Documents with references to each other are equivalent to self-contained ones."""

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


def test_a_path_is_copied_with_everything_it_refers_to() -> None:
    own = document({"/a/{id}": path_in("shared.json", "/a/{id}")})
    assert bundled("own", {"own": own, "shared": SHARED}) == document(
        {"/a/{id}": answering("A")}, **SHARED["components"]["schemas"]
    )


def test_names_of_paths_are_escaped() -> None:
    assert path_in("shared.json", "/~") == {"$ref": "shared.json#/paths/~1~0"}
    own = document({"/~": path_in("shared.json", "/~")})
    assert bundled("own", {"own": own, "shared": SHARED})["paths"] == {"/~": answering("B")}


def test_a_self_contained_document_stays_unchanged() -> None:
    assert bundled("shared", {"shared": SHARED}) == SHARED


def test_a_schema_can_be_included_under_its_name() -> None:
    own = document({"/": answering("B")}, B={"$ref": "shared.json#/components/schemas/B"})
    assert bundled("own", {"own": own, "shared": SHARED}) == document(
        {"/": answering("B")}, B={"type": "string"}
    )


def test_keywords_beside_a_reference_are_kept() -> None:
    own = document({"/": {"$ref": "shared.json#/components/schemas/B", "description": "It."}})
    assert bundled("own", {"own": own, "shared": SHARED})["paths"]["/"] == {
        "$ref": "#/components/schemas/B",
        "description": "It.",
    }


def test_two_different_schemas_with_one_name_are_refused() -> None:
    paths = {"/": answering("B"), "/~": path_in("shared.json", "/~")}
    same = {"own": document(paths, B={"type": "string"}), "shared": SHARED}
    assert bundled("own", same)["components"]["schemas"] == {"B": {"type": "string"}}
    with pytest.raises(ValueError, match="shared and another document have different schemas B"):
        bundled("own", same | {"own": document(paths, B={"type": "number"})})


def test_the_documents_that_a_document_refers_to() -> None:
    own = document({"/~": path_in("shared.json", "/~"), "/": answering("B")})
    assert others(own) == {"shared"}
    assert others(SHARED) == set()

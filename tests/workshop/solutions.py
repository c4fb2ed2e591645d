"""Applies the solutions on the pages to the exercises."""

import ast
from pathlib import Path

from tests.workshop.pages import FOLDER, Block, blocks, number


def exercise(page: Path) -> Path:
    return FOLDER / "exercises" / f"part_{number(page):02}.py"


def solution(page: Path) -> Block:
    """The page's only Python block."""
    [block] = [block for block in blocks(page) if block.language == "python"]
    return block


def write_solved(page: Path, folder: Path) -> Path:
    """Write the solved exercise of a page to a file in the folder."""
    given = exercise(page)
    solved = folder / given.name
    solved.write_text(with_solution(given.read_text(), solution(page).text))
    return solved


def with_solution(given: str, solution: str) -> str:
    """The exercise, with functions and classes replaced by the solution's."""
    new = {_name(node): node for node in ast.parse(solution).body}
    assert not any(name.startswith("test_") for name in new), "a solution must not change its test"
    tree = ast.parse(given)
    known = {_name(node) for node in tree.body}
    helpers = [node for name, node in new.items() if name not in known]
    begin = next(place for place, node in enumerate(tree.body) if _name(node) in new)
    replaced = [new.get(_name(node), node) for node in tree.body]
    tree.body = [*replaced[:begin], *helpers, *replaced[begin:]]
    return ast.unparse(tree)


def _name(node: ast.stmt) -> str:
    return getattr(node, "name", "")

"""The JSON documents of all verbs: one meaning and one type per key, all of it documented."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from typing import Any

import typer.main

from ingot.cli.documents.keys import KEYS
from ingot.cli.documents.page import all_keys, kind_of, render_page
from ingot.cli.documents.verbs import DOCUMENTS
from ingot.cli.main import app
from tests.support.documents import document_mistakes, mistakes
from tests.support.places import REPOSITORY

SIDES = {"before", "after"}
"""Keys with the value on one side of a comparison, which is a text or a size."""


def verbs_with_json(group: Any, path: str = "") -> Iterator[str]:
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from verbs_with_json(command, f"{path}{name} ")
        elif any("--json" in option.opts for option in command.params):
            yield f"{path}{name}"


def test_every_verb_that_prints_json_has_a_document() -> None:
    verbs = set(verbs_with_json(typer.main.get_command(app)))
    assert verbs | {"matrix", "boot --all", "boot --list-checks", "build --dry-run"} == set(
        DOCUMENTS
    )  # matrix prints nothing else


def test_every_key_has_a_meaning_and_no_meaning_is_left_over() -> None:
    assert set(KEYS) == {key for key, _ in all_keys()}


def test_the_values_of_a_key_have_one_type() -> None:
    kinds: dict[str, set[str]] = {}
    for key, annotation in all_keys():
        kinds.setdefault(key, set()).add(kind_of(annotation))
    assert {key for key, found in kinds.items() if len(found) > 1} == SIDES


def test_no_command_makes_the_shapes() -> None:
    """Making them takes milliseconds at every start; type checkers read them without running."""
    package = REPOSITORY / "src" / "ingot" / "cli"
    for path in set(package.rglob("*.py")) - set((package / "documents").iterdir()):
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ImportFrom) and node.module:
                wrong = node.module.endswith(("documents.verbs", "part_shapes"))
                assert not wrong, f"{path}: import {node.module} under `if TYPE_CHECKING`"


def test_one_word_stands_for_one_thing() -> None:
    """Keys that scripts expect everywhere have no second name."""
    others = {"tag", "reference", "bytes", "what", "got", "flavour", "architecture", "name_of"}
    assert not others & set(KEYS)
    assert {"kernel", "image", "digest", "size", "seconds", "arch", "version"} <= set(KEYS)


def test_the_page_is_what_the_shapes_say() -> None:
    page = (REPOSITORY / "docs" / "json.md").read_text(encoding="utf-8")
    assert page == render_page(), "run scripts/update-json-docs"


def test_a_document_of_another_shape_is_seen() -> None:
    shape = DOCUMENTS["prune"]
    good = {"dry_run": True, "size": 5, "removed": [{"text": "x", "size": 5}]}
    assert list(mistakes(good, shape)) == []
    assert document_mistakes(["prune", "--json"], json.dumps(good)) == []
    assert document_mistakes(["prune"], "freed 5 B") == []
    wrong = {"dry_run": 1, "removed": [{"text": None, "bytes": 5}]}
    assert document_mistakes(["prune", "--json"], json.dumps(wrong)) == [
        ".size is missing",
        ".dry_run is 1, not bool",
        ".removed[0].size is missing",
        ".removed[0].bytes is not a key of it",
        ".removed[0].text is None, not str",
    ]


def test_a_verb_of_a_group_has_its_own_document() -> None:
    assert document_mistakes(["boot", "--all", "--json"], '{"boots": []}') == []
    assert document_mistakes(["config", "check", "--json"], '{"kernels": []}') == []
    assert document_mistakes(["config", "diff", "a", "b", "--json"], "{}") != []

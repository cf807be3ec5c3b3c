"""The JSON of compiled files: what it keeps, and what is refused."""

from __future__ import annotations

import copy
import dataclasses
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingot.compiled_files import CompiledFiles, from_json, to_json

BRIDGE, VETH = "kernel/net/bridge/bridge.ko", "kernel/drivers/net/veth.ko"
FILES = CompiledFiles(
    frozenset({"init/main.c", "include/linux/net.h", "lib.c"}),
    {
        BRIDGE: frozenset({"net/bridge/br.c", "include/linux/net.h"}),
        VETH: frozenset({"drivers/net/veth.c", "include/linux/net.h"}),
    },
    frozenset(
        {
            *("init/main.c", "include/linux/net.h", "lib.c", "net/bridge/br.c"),
            *("drivers/net/veth.c", "drivers/net/tun.c", "Makefile"),
            *("drivers/net/tap.c", "sound/a.S", "sound/b.c", "sound/c.c", "sound/c.h"),
        }
    ),
    frozenset({"drivers/net/tap.c"}),
    {"drivers/net/tun.c": "TUN", "sound/a.S": "SOUND", "sound/b.c": "SOUND"},
)
DOCUMENT, TREE = to_json(FILES)


def test_files_are_grouped_by_what_they_are_part_of() -> None:
    assert DOCUMENT == {
        "modules": [VETH, BRIDGE],
        "files": {
            "0": {"": ["lib.c"], "init": ["main.c"]},
            "0-2": {"include/linux": ["net.h"]},
            "1": {"drivers/net": ["veth.c"]},
            "2": {"net/bridge": ["br.c"]},
        },
        "left_out": {"drivers/net": ["tap.c"]},
        "switched_off": [["TUN", 1], ["SOUND", 2], ["", 1]],
    }
    assert TREE["drivers/net"] == ["tap.c", "tun.c", "veth.c"]
    assert TREE[""] == ["Makefile", "lib.c"]


def test_what_is_written_is_read() -> None:
    assert from_json(json.loads(json.dumps(DOCUMENT)), json.loads(json.dumps(TREE))) == FILES


def test_the_last_two_members_may_be_missing() -> None:
    document = {key: DOCUMENT[key] for key in ("modules", "files")}
    found = from_json(document, TREE)
    assert found == dataclasses.replace(FILES, left_out=frozenset(), switched_off={})


_NAMES = st.sampled_from([f"{d}{n}.c" for d in ("", "a/", "a/b/", "c/") for n in "xyz"])


@given(
    st.frozensets(_NAMES, min_size=1),
    st.dictionaries(st.sampled_from([f"kernel/{n}.ko" for n in "abcdef"]), st.frozensets(_NAMES)),
)
def test_any_sets_are_read_as_they_were(
    built_in: frozenset[str], modules: dict[str, frozenset[str]]
) -> None:
    files = CompiledFiles(built_in, modules, built_in.union({"Kconfig"}, *modules.values()))
    assert from_json(*to_json(files)) == files


def changed(*path: object, to: object) -> dict[str, Any]:
    document = copy.deepcopy(DOCUMENT)
    *parents, last = path
    inner: Any = document
    for name in parents:
        inner = inner[name]
    inner[last] = to
    return document


@pytest.mark.parametrize(
    "document",
    [
        *(None, [], "x", 1, {}, {"files": {}}, {"files": {}, "modules": []}),
        {**DOCUMENT, "more": 1},
        changed("modules", to={}),
        changed("modules", to=[BRIDGE, VETH]),
        changed("modules", to=[VETH, VETH]),
        changed("modules", to=[VETH, 1]),
        changed("modules", to=[VETH, "kernel/../../etc/x.ko"]),
        changed("modules", to=[VETH, "/kernel/x.ko"]),
        changed("modules", to=[VETH, "kernel/x.o"]),
        changed("modules", to=[VETH, "kernel/" + "x/" * 3000 + "x.ko"]),
        changed("files", to=[]),
        changed("files", to={}),
        changed("files", "0", to=[]),
        changed("files", "0", to={"init": "main.c"}),
        changed("files", "0", to={"init": []}),
        changed("files", "0", to={"init": [1]}),
        changed("files", "0", to={"init": ["../main.c"]}),
        changed("files", "0", to={"init": [".."]}),
        changed("files", "0", to={"init": [""]}),
        changed("files", "0", to={"init": ["a\nb"]}),
        changed("files", "0", to={"../init": ["main.c"]}),
        changed("files", "0", to={"/init": ["main.c"]}),
        changed("files", "0", to={"init/": ["main.c"]}),
        changed("files", "0", to={"x/" * 5000: ["main.c"]}),
        changed("files", "0", to={"init": ["unknown.c"]}),
        changed("files", "3", to={"init": ["main.c"]}),
        changed("files", "1,1", to={"Makefile": ["x"]}),
        changed("files", "2-1", to={"": ["Makefile"]}),
        changed("files", "", to={"": ["Makefile"]}),
        changed("files", "0-99999999", to={"": ["Makefile"]}),
        changed("files", "0-999999", to={"": ["Makefile"]}),
        changed("files", "\u0661", to={"": ["Makefile"]}),
        changed("files", "-1", to={"": ["Makefile"]}),
        changed("files", "1", to={"init": ["main.c"]}),  # it is in a group already
        changed("left_out", to=[]),
        changed("left_out", to={"init": ["unknown.c"]}),
        changed("switched_off", to={}),
        changed("switched_off", to=[]),
        changed("switched_off", to=[["TUN", 3]]),
        changed("switched_off", to=[["TUN", 5]]),
        changed("switched_off", to=[["TUN", 10**30]]),
        changed("switched_off", to=[["TUN", 5], ["", -1]]),
        changed("switched_off", to=[["TUN", "4"]]),
        changed("switched_off", to=[["TUN=y\n", 4]]),
        changed("switched_off", to=[[1, 4]]),
        changed("switched_off", to=[["TUN"]]),
        changed("switched_off", to=["TUN"]),
    ],
)
def test_anything_else_is_refused(document: object) -> None:
    with pytest.raises(ValueError):
        from_json(document, TREE)


@pytest.mark.parametrize(
    "tree", [None, [], {}, {"": "x"}, {"": [1]}, {"..": ["x"]}, {"": ["a/b"]}, {"": ["\x1b[2J"]}]
)
def test_a_tree_that_is_not_one_is_refused(tree: object) -> None:
    with pytest.raises(ValueError):
        from_json(DOCUMENT, tree)


def test_an_empty_set_of_vmlinux_is_refused() -> None:
    document, tree = to_json(CompiledFiles(frozenset(), {}, frozenset({"Makefile"})))
    with pytest.raises(ValueError, match="no files of vmlinux"):
        from_json(document, tree)


def test_a_small_document_cannot_name_many_files(monkeypatch: pytest.MonkeyPatch) -> None:
    modules = [f"kernel/{n:04}.ko" for n in range(2000)]
    names = [f"{n}.c" for n in range(60_000)]
    with pytest.raises(ValueError, match="more files than"):
        from_json({"modules": modules, "files": {"0-2000": {"": names}}}, {"": names})

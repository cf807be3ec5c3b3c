"""Files that a config switches off, by the Makefiles of a small source tree."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingot.compiled_artifact import answer_from_config
from ingot.compiled_files import files_switched_off
from ingot.confined_files import ConfinedDirectory
from ingot.kconfig import Config
from tests.support.build_records import put

MAKEFILES = {
    "Kbuild": "obj-y += net/ drivers/\n",
    "net/Makefile": (
        "# obj-y += bridge/\n"
        "obj-$(CONFIG_BRIDGE) += bridge/\n"
        "obj-$(CONFIG_IPV6) \\\n  += ipv6/ core/deep/\n"
        "obj-y += core/ always.o\n"
    ),
    "net/bridge/Makefile": "bridge-y := br.o\nobj-$(CONFIG_BRIDGE) += bridge.o\n",
    "net/core/Makefile": (
        "obj-$(CONFIG_A) += one.o two.o\n"
        "obj-$(CONFIG_B) += two.o\n"
        "both-y := part.o\nboth-$(CONFIG_C) += optional.o\nobj-$(CONFIG_A) += both.o\n"
        "loop-y += loop.o\n"
        "ifdef CONFIG_A\nobj-$(CONFIG_A) += conditional.o\nendif\n"
        "$(obj)/ruled.o: CFLAGS += -O0\nobj-$(CONFIG_A) += ruled.o\n"
        "obj-$(subst m,y,$(CONFIG_A)) += odd.o\n"
        "obj-$(CONFIG_A) += x/y.o\n"
    ),
    "drivers/Kbuild": "obj-$(CONFIG_A) += used.o\n",
    "drivers/Makefile": "obj-y += unread.o\n",
}
SOURCES = (
    *("net/always.c", "net/bridge/br.c", "net/bridge/sub/inner.c", "net/ipv6/six.S"),
    *("net/core/deep/d.c", "net/core/one.c", "net/core/two.c", "net/core/part.c"),
    *("net/core/optional.c", "net/core/loop.c", "net/core/conditional.c", "net/core/ruled.c"),
    *("net/core/odd.c", "net/core/x/y.c", "net/core/unmentioned.c", "net/core/one.h"),
    *("drivers/used.c", "drivers/unread.c", "top.c"),
)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    put(tmp_path, {**MAKEFILES, **dict.fromkeys(SOURCES, "")})
    return tmp_path


def off(source: Path, config: str) -> dict[str, str]:
    found = answer_from_config(Config(config), source).switched_off
    assert found is not None
    return dict(found)


def test_objects_and_directories_whose_options_are_off_are_switched_off(source: Path) -> None:
    found = off(source, "CONFIG_C=y\n")
    assert found == {
        "net/bridge/br.c": "BRIDGE",
        "net/bridge/sub/inner.c": "BRIDGE",
        "net/ipv6/six.S": "IPV6",
        "net/core/deep/d.c": "IPV6",
        "net/core/one.c": "A",
        "net/core/two.c": "B",
        "net/core/part.c": "A",
        "net/core/optional.c": "A",
        "net/core/conditional.c": "A",
        "net/core/ruled.c": "A",
        "drivers/used.c": "A",
    }


@pytest.mark.parametrize("value", ["y", "m"])
def test_what_an_option_switches_on_is_not(source: Path, value: str) -> None:
    found = off(source, f"CONFIG_A={value}\nCONFIG_BRIDGE={value}\nCONFIG_IPV6={value}\n")
    assert found == {"net/core/optional.c": "C"}


def test_the_option_of_a_file_is_named_before_that_of_its_directory(source: Path) -> None:
    put(source, {"net/ipv6/Makefile": "obj-$(CONFIG_SIX) += six.o\n", "net/ipv6/more.c": ""})
    found = off(source, "")
    assert (found["net/ipv6/six.S"], found["net/ipv6/more.c"]) == ("SIX", "IPV6")


def test_one_way_to_be_compiled_is_enough(source: Path) -> None:
    assert "net/core/two.c" not in off(source, "CONFIG_B=y\n")


def test_a_makefile_that_names_an_object_of_another_directory_keeps_it(source: Path) -> None:
    put(source, {"drivers/Kbuild": "obj-$(CONFIG_X) += ../net/core/one.o\n"})
    assert "net/core/one.c" not in off(source, "")


def test_without_config_or_source_the_answer_says_why(source: Path) -> None:
    assert answer_from_config(None, source).switched_off is None
    assert "nor a config" in answer_from_config(None, source).why
    answer = answer_from_config(Config(""), None)
    assert answer.switched_off is None
    assert "source tree is not at hand" in answer.why


def test_a_hostile_makefile_takes_no_time(tmp_path: Path) -> None:
    steps = "".join(f"{a}{n}-y := a{n + 1}.o b{n + 1}.o\n" for n in range(40) for a in "ab")
    end = "obj-$(CONFIG_A) += a0.o b0.o\na40-y += a40.o\n"
    put(tmp_path, {"a/Makefile": steps + end, "a/a40.c": "", "a/b40.c": ""})
    names = ["a/Makefile", "a/a40.c", "a/b40.c"]
    found = files_switched_off({}, ConfinedDirectory(tmp_path), names)
    assert found == {"a/b40.c": "A"}


def test_a_chain_without_end_counts_as_compiled(tmp_path: Path) -> None:
    steps = "".join(f"a{n}-y := a{n + 1}.o\n" for n in range(5000))
    put(tmp_path, {"a/Makefile": f"{steps}obj-$(CONFIG_A) += a0.o\n", "a/a5000.c": ""})
    names = ["a/Makefile", "a/a5000.c"]
    assert files_switched_off({}, ConfinedDirectory(tmp_path), names) == {}

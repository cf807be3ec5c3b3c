"""kbuild's records: what they say, and that a damaged one is never taken for a shorter one."""

from __future__ import annotations

import pytest

from ingot.compiled_files.build_records import (
    BuildRecord,
    parse_record,
    record_name,
    recorded_name,
)
from tests.support.build_records import compiler_record, link_record

NAME = "net/core/dev.o"
HEADERS = ("/src/include/linux/netdevice.h", "include/generated/autoconf.h")
RECORD = compiler_record(NAME, "/src/net/core/dev.c", *HEADERS)


@pytest.mark.parametrize("saved", [True, False])
def test_the_record_of_a_compiler_lists_what_was_read(saved: bool) -> None:
    text = compiler_record(NAME, "/src/net/core/dev.c", *HEADERS, saved=saved)
    record = parse_record(text.encode(), NAME)
    assert record.command == f"gcc -Wp,-MMD,.d -c -o {NAME} /src/net/core/dev.c"
    assert record.source == "/src/net/core/dev.c"
    assert record.read == HEADERS


def test_a_file_without_headers_and_options_was_compiled_too() -> None:
    text = "cmd_a.o := gcc\n\nsource_a.o := /src/a.c\n\ndeps_a.o := \\\n\na.o: $(deps_a.o)\n\n"
    record = parse_record(f"{text}$(deps_a.o):\n".encode(), "a.o")
    assert (record.source, record.read) == ("/src/a.c", ())


def test_lines_after_the_list_do_not_matter() -> None:
    more = f"\n{NAME}: $(wildcard ./tools/objtool/objtool)\n#SYMVER netif_rx 0x12345678\n"
    assert parse_record((RECORD + more).encode(), NAME).read == HEADERS


def test_the_record_of_a_link_is_its_command() -> None:
    command = "ld -r -o net/bridge/bridge.o @net/bridge/bridge.mod "
    text = link_record("net/bridge/bridge.o", command)
    assert parse_record(text.encode(), "net/bridge/bridge.o") == BuildRecord(command)


def test_a_record_of_the_tools_has_an_absolute_name() -> None:
    text = link_record("/build/tools/objtool/check.o", "ld -r")
    assert parse_record(text.encode(), "tools/objtool/check.o").command == "ld -r"


def test_every_cut_is_noticed() -> None:
    data = RECORD.encode()
    for size in range(len(data)):
        with pytest.raises(ValueError):
            parse_record(data[:size], NAME)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not a command"),
        ("\n", "not a command"),
        ("cmd_net/core/dev.o := gcc", "cut off"),
        ("cmd_net/core/sock.o := gcc\n", "another file"),
        ("cmd_../core/dev.o := gcc\n", "another file"),
        (RECORD.replace("source_net/core/dev.o", "source_net/core/sock.o"), "another file"),
        (RECORD.replace("source_net/core/dev.o := /src", "source_net/core/dev.o = /src"), "cut"),
        (RECORD.replace("  include/generated", "\tinclude/generated"), "has the line"),
        (RECORD.replace("include/generated", "include/$(shell rm)"), "has the line"),
        (RECORD.replace("include/generated", "include/gene rated"), "has the line"),
        (RECORD.replace("include/generated", "x" * 5000), "has the line"),
        (RECORD.replace("\n$(deps_", "\n$(other_"), "cut off"),
    ],
)
def test_a_damaged_record_is_an_error(text: str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        parse_record(text.encode(), NAME)


def test_a_record_that_is_not_text_is_an_error() -> None:
    with pytest.raises(ValueError):
        parse_record(b"cmd_a.o := \xff\n", "a.o")


def test_names_of_records() -> None:
    assert record_name("net/core/dev.o") == "net/core/.dev.o.cmd"
    assert record_name("vmlinux.o") == ".vmlinux.o.cmd"
    assert recorded_name("net/core/.dev.o.cmd") == "net/core/dev.o"
    assert recorded_name("..hidden.cmd") == ".hidden"
    for name in ("net/core/dev.o.cmd", ".cmd", "..cmd", ".dev.o.d", "a/.cmd"):
        assert recorded_name(name) is None

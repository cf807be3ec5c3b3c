"""The words of recorded commands."""

from __future__ import annotations

import pytest

from ingot.compiled_files.command_words import words_of


def arguments(command: str) -> list[str]:
    return [word.text for word in words_of(command) if not word.program]


def programs(command: str) -> list[str]:
    return [word.text for word in words_of(command) if word.program]


@pytest.mark.parametrize(
    ("command", "named", "run"),
    [
        ("ld -r -o a.o b.o c.o", {"b.o", "c.o"}, ["ld"]),
        ("ld -T a.lds b.o -o c.ko;  ./tools/objtool/objtool --link c.ko", {"a.lds", "b.o"},
         ["ld", "./tools/objtool/objtool"]),
        ("ld -r -o a.o @net/a.mod", {"net/a.mod"}, ["ld"]),
        ("ld -Ta.lds -Wl,-T,b.lds --script=c.lds", {"a.lds", "b.lds", "c.lds"}, ["ld"]),
        ("lib/raid6/mktables > lib/raid6/tables.c", {"lib/raid6/tables.c"}, ["lib/raid6/mktables"]),
        ("awk -f /src/a.awk < /src/a.uc > a.c", {"/src/a.awk", "/src/a.uc"}, ["awk"]),
        ("cat a.o | gzip -n > a.gz && sh /src/c.sh 'nm' 'a.so'", {"a.o", "/src/c.sh", "a.so"},
         ["cat", "gzip", "sh"]),
        ("if ! nm a.o; then X=1 objcopy a.o b.o; fi", {"a.o", "b.o"}, ["nm", "objcopy", "fi"]),
        ("nm $$(ar t x.a) | sed 's/a/b/'", {"x.a"}, ["nm", "ar", "sed"]),
    ],
)  # fmt: skip
def test_words(command: str, named: set[str], run: list[str]) -> None:
    assert named <= set(arguments(command))
    assert programs(command) == run


def test_no_word_of_a_hostile_command_takes_long() -> None:
    assert len(list(words_of("=" * 100_000 + ";" * 100_000 + "@" * 100_000))) < 400_000

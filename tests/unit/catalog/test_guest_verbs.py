"""The tables of init's verbs: what is read of them, and what is refused to be read past."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingot.catalog import guest_verbs
from ingot.catalog.guest_verbs import GuestVerb, read_verbs
from ingot.errors import UserError
from tests.support.places import REPOSITORY

ROW = '\tVERB("mount", "TYPE [FILE]", 1, 2,\n\t     "it mounts; " "FILE is in it", mount_type),\n'
TABLE = f"""\
#include "init.h"

const struct verb_entry file_verbs[] = {{
{ROW}\tEND_OF_VERBS
}};
"""


def read(tmp_path: Path, text: str = TABLE) -> dict[str, GuestVerb]:
    (tmp_path / "files.c").write_text(text)
    return dict(read_verbs(tmp_path))


def test_a_row_says_all_of_a_verb(tmp_path: Path) -> None:
    (verb,) = read(tmp_path).values()
    assert str(verb) == "mount TYPE [FILE]"
    assert (verb.usage.least, verb.usage.most) == (1, 2)
    assert verb.proves == "it mounts; FILE is in it"
    assert verb.source == "files.c"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            "1, 2,",
            "1, 3,",
            "files.c:4: mount: by its usage 'TYPE [FILE]', the numbers of arguments are 1, 2",
        ),
        (
            "1, 2,",
            "0, 2,",
            "files.c:4: mount: by its usage 'TYPE [FILE]', the numbers of arguments are 1, 2",
        ),
        ("FILE]", "FILE...]", "the numbers of arguments are 1, ANY_NUMBER"),
        ("FILE]", "FILE", "files.c:4: mount: "),
        ('"mount"', '"Mount"', "files.c:4: 'Mount' is not a valid verb"),
        (
            '"it mounts; " "FILE is in it"',
            '""',
            "files.c:4: the text that says what 'mount' proves is empty",
        ),
        ("mounts;", r"\"mounts\"", "files.c:4: this is not a VERB(...) row"),
        ("\tVERB", "\t/* a comment */\n\tVERB", "files.c:4: this is not a VERB(...) row"),
        ("\tVERB", '\t{ "old", old },\n\tVERB', "files.c:4: this is not a VERB(...) row"),
        ("\tEND_OF_VERBS\n", "", "files.c:6: this is not a VERB(...) row, and not END_OF_VERBS"),
        (ROW, ROW + ROW, "files.c:6: files.c already has a verb 'mount'"),
        ("verbs[] = {", "verbs[] =\n{", "files.c:1: a table begins with"),
        ("\n};", "\n\t};", "files.c:1: a table begins with"),
    ],
)
def test_a_table_is_read_as_a_whole_or_not_at_all(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    assert old in TABLE
    with pytest.raises(UserError) as caught:
        read(tmp_path, TABLE.replace(old, new))
    assert says in caught.value.why


def test_a_verb_is_in_one_file(tmp_path: Path) -> None:
    (tmp_path / "storage.c").write_text(TABLE)
    with pytest.raises(UserError) as caught:
        read(tmp_path)
    assert caught.value.why == "storage.c:4: files.c already has a verb 'mount'"


def test_a_file_without_a_table_has_no_verbs(tmp_path: Path) -> None:
    assert read(tmp_path, '#include "init.h"\n') == {}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        ("overlay", ""),
        ("moutn proc", "init has no verb 'moutn' (did you mean 'mount' or 'mounted'?)"),
        ("xyzzy", "init has no verb 'xyzzy' (docs/checks.md lists all of them)"),
        ("overlay x", "'x' is one argument too many; usage: overlay"),
        ("mount", "an argument is missing at the end: TYPE; usage: mount TYPE [FILE [WORD]]"),
        ("link vxlann", "'vxlann' is wrong here (did you mean 'vxlan'?); usage: link bridge|"),
    ],
)
def test_what_is_wrong_with_the_words_of_a_check_is_said_with_the_usage(
    words: str, says: str
) -> None:
    found = guest_verbs.mistake(words.split())
    assert found.startswith(says) if says else found == ""


def test_every_row_of_init_is_read() -> None:
    sources = (REPOSITORY / "src/ingot/boot/init").glob("*.c")
    rows = sum(path.read_text().count("\tVERB(") for path in sources)
    assert len(guest_verbs.verbs()) == rows > 60


def test_main_goes_through_every_table() -> None:
    directory = REPOSITORY / "src/ingot/boot/init"
    tables = (
        (directory / "main.c").read_text().partition("*const tables[] = {")[2].partition("}")[0]
    )
    named = {word.strip() for word in tables.split(",")} - {""}
    sources = {verb.source for verb in guest_verbs.verbs().values()}
    assert len(named) == len(sources)
    for source in sources:
        assert any(f" {name}[] = {{" in (directory / source).read_text() for name in named), source

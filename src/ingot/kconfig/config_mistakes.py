"""Lines of a `.config` whose values Kconfig cannot read, found before Kconfig ignores them.

Of a value that begins with y, m or n, Kconfig reads only that letter (scripts/kconfig/confdata.c):
more text behind it is left to the comparison with what Kconfig made of the file.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from ingot.errors import UserError
from ingot.kconfig.config import Config

_VALUE = re.compile(r"[ymn][^#]*|-?\d+|(?:0[xX])?[0-9a-fA-F]+|\"(?:[^\"\\]|\\.)*\"")
_WITH_COMMENT = re.compile(r"(?P<value>\"(?:[^\"\\]|\\.)*\"|[^\s\"#]+)\s*#.*")
_SHOWN = 20


def require_values(config: Config, name: str) -> None:
    """A UserError with every line of the config `name` that has no valid value."""
    found = [f"{name}:{line}" for line in _mistakes(config)]
    if not found:
        return
    more = [f"and {len(found) - _SHOWN} more"] if len(found) > _SHOWN else []
    raise UserError(
        f"{name} has {'values' if len(found) > 1 else 'a value'} that Kconfig cannot read",
        why="\n".join([*found[:_SHOWN], *more]),
        hint="a value is y, m, n, a number, or text in double quotes, and nothing follows it",
    )


def _mistakes(config: Config) -> Iterator[str]:
    for number, option, value in config.lines():
        if _VALUE.fullmatch(value):
            continue
        if not value:
            text = "has no value; an option that is off is '=n' or '# CONFIG_... is not set'"
        elif match := _WITH_COMMENT.fullmatch(value):
            text = (
                f"has a comment behind its value {match['value']}, which Kconfig reads as a part of"
                " it: write the comment on a line of its own"
            )
        else:
            text = f"has the value {value}, which is none: text is in double quotes"
        yield f"{number}: CONFIG_{option} {text}"

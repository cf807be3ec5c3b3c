"""Errors for names that do not exist: they list the names that do, and suggest a similar one."""

from __future__ import annotations

from collections.abc import Iterable

from ingot.errors import UserError

SUGGESTED = "did you mean "
"""How a hint with a suggestion begins."""


def unknown_name(
    what: str, name: str, known: Iterable[str], *, listed: str = "it has", hint: str = ""
) -> UserError:
    """The error for a `name` that is not one of `known`.

    `what` says what does not exist, and `listed` begins the list of what does. `hint` is the next
    step if no known name is similar.
    """
    names = list(dict.fromkeys(known))
    choose = "choose one of these" if names else ""
    return UserError(
        what,
        why=f"{listed} {', '.join(names) or 'none'}",
        hint=suggestion(name, names) or hint or choose,
    )


def suggestion(name: str, known: Iterable[str]) -> str:
    """`did you mean firecracker?`; empty if no known name is similar to `name`."""
    near = similar_name(name, known)
    return f"{SUGGESTED}{near}?" if near else ""


def similar_name(name: str, known: Iterable[str]) -> str:
    """The known name that is most like `name`, or the only one that begins so; empty if none is.

    Upper and lower case count as the same.
    """
    import difflib  # here, since only a mistake needs it

    names = {each.lower(): each for each in known}
    wanted = name.lower()
    if near := difflib.get_close_matches(wanted, names, n=1):
        return names[near[0]]
    begun = [each for key, each in names.items() if wanted and key.startswith(wanted)]
    return begun[0] if len(begun) == 1 else ""

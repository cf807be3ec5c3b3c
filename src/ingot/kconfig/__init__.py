"""Kconfig: what fragments ask for, what a kernel's options are, and whether both fit.

Nothing here runs a program: the kernel's own Kconfig resolves (see `ingot.configure`), and
this package reads, merges, compares and explains.

    fragment      what is asked for, and where
    config        a .config as one value; the difference of two; the one within a kernel
    expression    Kconfig's expressions
    options       what a kernel's Kconfig knows, as `survey.py` wrote it down in the builder
    findings      what is wrong with a config: `causes` has the words, `unmet` finds the `way`,
                  `selectors` and `similar` know who is behind an option, and what is meant by it
    explanation   all there is to say of one option
    rules         what configs of a VMM must hold to
    wishes        what to ask for to get from one config to another
"""

from ingot.kconfig.config import Config, Difference, diff
from ingot.kconfig.explanation import Explanation, explain
from ingot.kconfig.expression import Expression, evaluate
from ingot.kconfig.findings import (
    Finding,
    FindingKind,
    check,
    check_full,
    findings_error,
    requests_of_full,
    told,
)
from ingot.kconfig.fragment import (
    OptionRequest,
    Place,
    load_fragment,
    merge,
    parse_fragment,
    render,
)
from ingot.kconfig.option_requests import wishes_between
from ingot.kconfig.option_table import Option, OptionTable
from ingot.kconfig.rules import Rule, broken, load_rules
from ingot.kconfig.values import serves

__all__ = [
    "Config",
    "Difference",
    "Explanation",
    "Expression",
    "Finding",
    "FindingKind",
    "Option",
    "OptionRequest",
    "OptionTable",
    "Place",
    "Rule",
    "broken",
    "check",
    "check_full",
    "diff",
    "evaluate",
    "explain",
    "findings_error",
    "load_fragment",
    "load_rules",
    "merge",
    "parse_fragment",
    "render",
    "requests_of_full",
    "serves",
    "told",
    "wishes_between",
]

"""Kconfig: the options that fragments request, the options of a kernel, and checks of both.

Nothing here runs a program: the kernel's own Kconfig resolves configs (see `ingot.configure`), and
this package reads, merges, compares and explains.

    fragment      requests for options, with the places of their lines; `merging` merges them
    config        a .config as one value; the difference of two; the one within a kernel
    expression    Kconfig's expressions
    option_table  the options that a kernel's Kconfig defines, as `survey.py` writes them
    findings      what is wrong with a config: `causes` explains it, `unmet_dependencies` finds
                  remedies (`obstacles`), `selectors` and `similar_names` help
    explanation   all about one option
    rules         rules for configs of a VMM; `rule_check` applies them
    option_requests  the requests that lead from one config to another

What reads configs and fragments is imported from here, what explains them from its module: a build
that finds its images explains nothing.
"""

from ingot.kconfig.config import Config, Difference, diff
from ingot.kconfig.expression import Expression, evaluate
from ingot.kconfig.fragment import (
    FragmentLine,
    OptionRequest,
    load_fragment,
    parse_fragment,
    render,
)
from ingot.kconfig.merging import merge
from ingot.kconfig.rules import Rule, load_rules
from ingot.kconfig.values import serves

__all__ = [
    "Config",
    "Difference",
    "Expression",
    "FragmentLine",
    "OptionRequest",
    "Rule",
    "diff",
    "evaluate",
    "load_fragment",
    "load_rules",
    "merge",
    "parse_fragment",
    "render",
    "serves",
]

"""From fragments to findings, on the fake tree: make runs, the sandbox does not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ingot import configure
from ingot.arch import arch
from ingot.builder.sandbox import Sandbox
from ingot.kconfig import Config, merge, parse_fragment
from ingot.kconfig.findings import check
from ingot.kconfig.full_config import NewOption, check_full, new_options
from ingot.kconfig.option_requests import requests_between
from ingot.version import Series
from tests.support.places import FAKE_TREE

ARCH = arch("x86_64")


@pytest.fixture
def tree(sandbox: Sandbox) -> Sandbox:
    return replace(sandbox, source=FAKE_TREE)


def test_what_kconfig_drops_is_found_and_explained(tree: Sandbox) -> None:
    fragment = "CONFIG_MODULES=y\nCONFIG_CHILD=m\nCONFIG_NONE=y\n"
    requests = merge(parse_fragment(fragment, "mine.config"), Series(6, 1), ARCH.name)
    log = tree.build / "log"
    config = configure.resolve(tree, ARCH, requests, log)
    table = configure.survey(tree, ARCH, log)
    assert [str(finding) for finding in check(requests, config, table, "6.1")] == [
        "mine.config:2: CONFIG_CHILD wanted m, got n\n"
        "    needs PARENT, which is n: nothing requests it (Kconfig:4)\n"
        "    CONFIG_PARENT=y would do it",
        "mine.config:3: CONFIG_NONE wanted y, got n\n    6.1 has no such option\n    drop the line",
    ]


def test_a_full_config_is_held_against_what_kconfig_makes_of_it(tree: Sandbox) -> None:
    given = Config("CONFIG_MODULES=y\nCONFIG_CHILD=m\n")
    log = tree.build / "log"
    completed = configure.complete(tree, ARCH, given, log)
    table = configure.survey(tree, ARCH, log)
    findings = check_full(given, completed, table, "configs/mine")
    assert [finding.summary for finding in findings] == [
        "configs/mine:2: CONFIG_CHILD is m, Kconfig made it n"
    ]
    assert NewOption("OTHER", "n") in new_options(given, completed, table, {})


def test_what_was_changed_in_the_menu_is_a_wish(tree: Sandbox) -> None:
    log = tree.build / "log"
    before = Config("CONFIG_MODULES=y\nCONFIG_PARENT=y\n")
    after = configure.edit(tree, ARCH, before, log)
    table = configure.survey(tree, ARCH, log)
    assert requests_between(before, after, table) == {"OTHER": "y"}

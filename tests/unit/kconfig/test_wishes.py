"""What to ask for to get from one config to another."""

from __future__ import annotations

import pytest

from ingot.kconfig.option_requests import requests_between
from tests.support.configs import config_of
from tests.support.option_tables import table

TABLE = table(
    {
        "NET": {},
        "NET_CORE": {"depends": "NET"},
        "VETH": {"type": "tristate", "depends": "NET_CORE"},
        "CRC32": {"type": "tristate", "selected_by": [["BTRFS", None]]},
        "BTRFS": {"type": "tristate"},
        "HAVE_NET": {"prompts": [], "defaults": [["y", "NET"]]},
        "SIZE": {"type": "int", "depends": "NET", "defaults": [["64", None]]},
        "NAME": {"type": "string", "depends": "NET", "defaults": [['"(none)"', None]]},
    }
)


@pytest.mark.parametrize(
    ("before", "after", "wishes"),
    [
        ({}, {"NET": "y"}, {"NET": "y"}),
        ({}, {"NET": "y", "HAVE_NET": "y"}, {"NET": "y"}),
        ({"NET": "y", "NET_CORE": "y", "VETH": "m"}, {}, {"NET": "n"}),
        ({}, {"BTRFS": "m", "CRC32": "m"}, {"BTRFS": "m"}),
        ({}, {"BTRFS": "m", "CRC32": "y"}, {"BTRFS": "m", "CRC32": "y"}),
        ({}, {"NET": "y", "SIZE": "64", "NAME": '"(none)"'}, {"NET": "y"}),
        ({}, {"NET": "y", "SIZE": "8", "NAME": '"x"'}, {"NET": "y", "NAME": '"x"', "SIZE": "8"}),
        ({"NET": "y", "SIZE": "8"}, {"NET": "y", "SIZE": "8"}, {}),
        ({}, {"ELSEWHERE": "y"}, {}),
    ],
)
def test_only_what_a_person_can_have_changed_is_to_be_asked_for(
    before: dict[str, str], after: dict[str, str], wishes: dict[str, str]
) -> None:
    assert requests_between(config_of(before), config_of(after), TABLE) == wishes

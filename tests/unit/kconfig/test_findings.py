"""What is wrong with a config, why, and what would help: one small house of options."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ingot.kconfig import Config, FragmentLine
from ingot.kconfig.finding_text import finding_lines, findings_error
from ingot.kconfig.findings import (
    Finding,
    FindingKind,
    Weight,
    check,
)
from ingot.kconfig.full_config import check_full, new_options
from ingot.kconfig.other_series import OtherSeries
from ingot.version import Series
from tests.support.configs import config_of
from tests.support.option_tables import asked, table

OPTIONS: dict[str, dict[str, Any]] = {
    "MODULES": {},
    "EXPERT": {"places": ["init/Kconfig:9"]},
    "NET": {"places": ["net/Kconfig:6"]},
    "NETDEVICES": {"depends": "NET", "places": ["drivers/net/Kconfig:6"]},
    "NET_CORE": {"depends": "NETDEVICES", "places": ["drivers/net/Kconfig:41"]},
    "VETH": {"type": "tristate", "depends": "NET_CORE"},
    "INET": {"depends": "NET", "places": ["net/ipv4/Kconfig:1"]},
    "IPV6": {"type": "tristate", "depends": "NET"},
    "WIREGUARD": {"type": "tristate", "depends": "NET && (IPV6 || !IPV6)"},
    "BRIDGE": {"type": "tristate"},
    "BRIDGE_FILTER": {"type": "tristate", "depends": "BRIDGE"},
    "TEST_MODULE": {"type": "tristate", "depends": "m"},
    "EITHER": {"depends": "INET || BRIDGE || IPV6"},
    "NOT_BOTH": {"depends": "!BRIDGE"},
    "NO_NET": {"depends": "!NET"},
    "NO_CRC": {"depends": "!CRC32"},
    "NO_PRINTK": {"depends": "!PRINTK"},
    # chosen: exactly one of them
    "GZIP": {"choice": ["GZIP", "XZ", "ZSTD"]},
    "XZ": {"choice": ["GZIP", "XZ", "ZSTD"]},
    "ZSTD": {"choice": ["GZIP", "XZ", "ZSTD"]},
    "LEVEL": {"type": "int", "prompts": [], "defaults": [["6", "GZIP"], ["9", "XZ"]]},
    # selected
    "CRC32": {"type": "tristate", "selected_by": [["BTRFS", None], ["LIB", None]]},
    "BTRFS": {"type": "tristate"},
    "LIB": {"type": "tristate", "prompts": [], "selected_by": [["EXT4", "EXPERT"]]},
    "EXT4": {"type": "tristate"},
    "NEEDS_LIB": {"depends": "LIB"},
    "KNOT_A": {"prompts": [], "selected_by": [["KNOT_B", None]]},
    "KNOT_B": {"prompts": [], "selected_by": [["KNOT_A", None]]},
    "NEEDS_KNOT": {"depends": "KNOT_A"},
    # without a prompt
    "BROKEN": {"prompts": []},
    "ON_BROKEN": {"depends": "BROKEN"},
    "ALWAYS": {"prompts": [], "defaults": [["y", None]]},
    "DERIVED": {"prompts": [], "defaults": [["y", "NET"]]},
    "NEEDS_DERIVED": {"depends": "DERIVED"},
    "PRINTK": {"visible": "EXPERT", "defaults": [["y", None]]},
    # what the toolchain decides
    "CC_HAS_SLS": {"prompts": [], "defaults": [["n", None]], "tests": ["$(cc-option,-msls)"]},
    "SLS": {"depends": "CC_HAS_SLS"},
    "KCFI": {"depends": "n", "tests": ["$(cc-option,-fkcfi)"]},
    "CC_VERSION": {"type": "int", "prompts": [], "defaults": [["120200", None]]},
    "NEW_CC": {"depends": "CC_VERSION >= 140000"},
    # other arches
    "ON_ARM": {"depends": "ARM || COMPILE_TEST"},
    "ON_NOTHING": {"depends": "NOWHERE"},
    "COMPILE_TEST": {},
    # numbers and text
    "CPUS": {"type": "int", "depends": "NET", "ranges": [["2", "512", None]]},
    "BASE": {"type": "hex", "ranges": [["0x1000", "TOP", None]]},
    "TOP": {"type": "hex"},
    "HOST": {"type": "string"},
    # names
    "MITIGATION_RETPOLINE": {},
    "OLD_CFI": {"prompts": [], "transitional": True},
    "CFI": {"defaults": [["OLD_CFI", None]]},
}
TABLE = table(
    OPTIONS,
    {
        "ARM": ["arch/arm/Kconfig"],
        "ARM64_SVE": ["arch/arm64/Kconfig"],
        "CCW": ["arch/s390/Kconfig", "arch/sh/Kconfig"],
        "TAPE": ["drivers/s390/char/Kconfig"],
    },
)
MODULAR = {"MODULES": "y"}


def findings(text: str, config: dict[str, str], others: str = "") -> list[Finding]:
    requests = asked(others, "base/linux.config") | asked(text)
    series = OtherSeries(Series(6, 1))
    return check(requests, config_of(MODULAR | config), TABLE, "6.1", series)


def reasons(text: str, config: dict[str, str] | None = None, others: str = "") -> list[str]:
    """Why the last line of the fragment did not come out."""
    return list(findings(text, config or {}, others)[-1].lines)


def test_what_came_out_as_asked_is_no_finding() -> None:
    text = 'CONFIG_NET=y\nCONFIG_VETH=m\nCONFIG_BTRFS=n\nCONFIG_BASE=0x0A0\nCONFIG_HOST="a"\n'
    got = {"NET": "y", "VETH": "m", "BASE": "0xa0", "HOST": '"a"', "OTHER": "y"}
    assert findings(text, got) == []


def test_a_missing_parent_is_named_with_what_would_do() -> None:
    (finding,) = findings("# mine\n\nCONFIG_VETH=m\n", {"NET": "y", "NETDEVICES": "y"})
    assert str(finding) == (
        "feature/mine.config:3: CONFIG_VETH wanted m, got n\n"
        "    needs NET_CORE, which is n: nothing requests it (drivers/net/Kconfig:41)\n"
        "    CONFIG_NET_CORE=y would do it"
    )
    assert (finding.kind, finding.place) == (
        FindingKind.MISMATCH,
        FragmentLine("feature/mine.config", 3),
    )


def test_a_missing_parent_is_followed_as_deep_as_it_goes() -> None:
    assert reasons("CONFIG_VETH=m\n") == [
        "needs NET_CORE, which is n: nothing requests it (drivers/net/Kconfig:41)",
        "    needs NETDEVICES, which is n: nothing requests it (drivers/net/Kconfig:6)",
        "        needs NET, which is n: nothing requests it (net/Kconfig:6)",
        "CONFIG_NET=y, CONFIG_NETDEVICES=y and CONFIG_NET_CORE=y together would do it",
    ]


def test_a_fragment_that_turns_the_parent_off_is_named() -> None:
    got = {"NET": "y"}
    assert reasons("CONFIG_NET_CORE=y\n", got, "CONFIG_NETDEVICES=n\n") == [
        "needs NETDEVICES, which is n: base/linux.config:1 requests n",
        "drop base/linux.config:1; then CONFIG_NETDEVICES=y would do it",
    ]


def test_what_is_asked_for_itself_has_its_own_finding() -> None:
    first, second = findings("CONFIG_NETDEVICES=y\nCONFIG_NET_CORE=y\n", {})
    assert first.lines[-1] == "CONFIG_NET=y would do it"
    assert second.lines == (
        "needs NETDEVICES, which is n although requested: see feature/mine.config:1",
    )


def test_of_alternatives_the_least_is_named_and_the_others_beside_it() -> None:
    assert reasons("CONFIG_EITHER=y\n", {"NET": "y"}) == [
        "needs INET (or BRIDGE or IPV6), which is n: nothing requests it (net/ipv4/Kconfig:1)",
        "CONFIG_INET=y would do it",
    ]


def test_a_built_in_option_cannot_need_a_module() -> None:
    got = {"BRIDGE": "m", "BRIDGE_FILTER": "m"}
    assert reasons("CONFIG_BRIDGE_FILTER=y\n", got, "CONFIG_BRIDGE=m\n") == [
        "needs BRIDGE, which is m: base/linux.config:1 requests m",
        "CONFIG_BRIDGE=y would do it",
        "or request CONFIG_BRIDGE_FILTER=m",
    ]


def test_an_option_that_may_be_a_module_or_absent_may_not_be_built_on_one() -> None:
    got = {"NET": "y", "IPV6": "m", "WIREGUARD": "m"}
    assert reasons("CONFIG_WIREGUARD=y\n", got)[0].startswith("needs IPV6")


def test_an_option_that_can_only_be_a_module_is_told_so() -> None:
    assert reasons("CONFIG_TEST_MODULE=y\n", {"TEST_MODULE": "m"}) == [
        "TEST_MODULE can only be a module",
        "request CONFIG_TEST_MODULE=m",
    ]


def test_an_option_in_the_way_is_named() -> None:
    assert reasons("CONFIG_NO_NET=y\n", {"NET": "y"}, "CONFIG_NET=y\n") == [
        "needs NET to be n, which is y: base/linux.config:1 requests it",
        "drop base/linux.config:1, or this line",
    ]


def test_an_option_that_is_in_the_way_built_in_may_be_a_module() -> None:
    assert reasons("CONFIG_NOT_BOTH=y\n", {"BRIDGE": "y"}, "CONFIG_BRIDGE=y\n") == [
        "needs BRIDGE to be m or n, which is y: base/linux.config:1 requests it",
        "drop base/linux.config:1, or this line",
    ]


def test_a_selected_option_in_the_way_names_who_is_behind_it() -> None:
    got = {"CRC32": "y", "BTRFS": "y"}
    assert reasons("CONFIG_NO_CRC=y\n", got, "CONFIG_BTRFS=y\n") == [
        "needs CRC32 to be m or n, which is y: BTRFS selects it (base/linux.config:1)",
        "drop base/linux.config:1, or this line",
    ]


def test_a_default_in_the_way_is_to_be_turned_off() -> None:
    got = {"PRINTK": "y", "EXPERT": "y"}
    assert reasons("CONFIG_NO_PRINTK=y\n", got)[-1] == "CONFIG_PRINTK=n would do it"


# Types


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("CONFIG_NET=m", "it is a bool, never a module: write CONFIG_NET=y"),
        ("CONFIG_NET=1", "it is a bool: write CONFIG_NET=y or =n"),
        ("CONFIG_VETH=1", "it is a tristate: write CONFIG_VETH=y, =m or =n"),
        ("CONFIG_CPUS=y", "its value must be a number"),
        ('CONFIG_CPUS="4"', "its value must be a number"),
        ('CONFIG_BASE="x"', "its value must be a hexadecimal number such as 0x1000"),
        ("CONFIG_HOST=5", "its value must be text in double quotes"),
    ],
)
def test_a_value_of_the_wrong_type_is_told_with_the_right_one(line: str, told: str) -> None:
    (finding,) = findings(line, {})
    assert (finding.kind, finding.lines) == (FindingKind.TYPE, (told,))


# Choices


def test_two_members_of_a_choice_name_each_other() -> None:
    assert reasons("CONFIG_GZIP=y\n", {"XZ": "y"}, "CONFIG_XZ=y\n") == [
        "its choice allows one member, and base/linux.config:1 requests XZ",
        "drop one of the two lines",
    ]


def test_a_member_of_a_choice_is_only_off_if_another_is_on() -> None:
    assert reasons("CONFIG_GZIP=n\n", {"GZIP": "y"}) == [
        "a choice needs one member: request another, such as XZ or ZSTD"
    ]


# Selected


def test_who_selects_an_option_is_named_with_who_asks_for_them() -> None:
    got = {"CRC32": "y", "BTRFS": "m", "LIB": "y", "EXT4": "y", "EXPERT": "y"}
    others = "CONFIG_BTRFS=m\nCONFIG_EXT4=y\n"
    assert reasons("CONFIG_CRC32=n\n", got, others) == [
        "BTRFS selects it (base/linux.config:1)",
        "LIB selects it, which EXT4 selects (base/linux.config:2)",
        "drop this line, or base/linux.config:1 and base/linux.config:2",
    ]


def test_who_selects_an_option_as_a_module_does_not_build_it_in() -> None:
    got = {"CRC32": "y", "BTRFS": "m", "LIB": "y", "EXT4": "y", "EXPERT": "y"}
    others = "CONFIG_BTRFS=m\nCONFIG_EXT4=y\n"
    assert reasons("CONFIG_CRC32=m\n", got, others)[0].startswith("LIB selects it")


def test_an_option_without_a_prompt_names_what_would_set_it() -> None:
    assert reasons("CONFIG_LIB=y\n", {"EXPERT": "y"}) == [
        "it cannot be requested: it has no prompt; EXT4 selects it",
        "CONFIG_EXT4=y would set it to y",
    ]


def test_an_option_may_need_what_only_others_select() -> None:
    assert reasons("CONFIG_NEEDS_LIB=y\n") == [
        "needs LIB, which is n: it has no prompt; EXT4 selects it",
        "    needs EXT4, which is n: nothing requests it (ext4/Kconfig:1)",
        "    needs EXPERT, which is n: nothing requests it (init/Kconfig:9)",
        "CONFIG_EXT4=m and CONFIG_EXPERT=y together would do it",
    ]


def test_options_that_select_each_other_are_no_endless_search() -> None:
    (line, *_) = reasons("CONFIG_NEEDS_KNOT=y\n")
    assert line == "needs KNOT_A, which is n: it has no prompt; KNOT_B selects it"


# Without a prompt


def test_what_nothing_sets_cannot_be_had() -> None:
    assert reasons("CONFIG_ON_BROKEN=y\n") == [
        "needs BROKEN, which is n: it has no prompt, and nothing on x86 sets it",
        "no fragment can change that: drop the line, or limit it to series and arches that can",
    ]


def test_what_follows_from_another_option_is_followed() -> None:
    assert reasons("CONFIG_NEEDS_DERIVED=y\n") == [
        "needs DERIVED, which is n: it has no prompt, its defaults depend on other options",
        "    needs NET, which is n: nothing requests it (net/Kconfig:6)",
        "CONFIG_NET=y would do it",
    ]


def test_what_is_always_on_cannot_be_turned_off() -> None:
    assert reasons("CONFIG_ALWAYS=n\n", {"ALWAYS": "y"}) == [
        "it has no prompt, and is y by default",
        "drop the line",
    ]


def test_what_is_on_behind_a_hidden_prompt_names_what_shows_it() -> None:
    assert reasons("CONFIG_PRINTK=n\n", {"PRINTK": "y"}) == [
        "it is y by default, and can only be changed if its prompt is visible",
        "needs EXPERT, which is n: nothing requests it (init/Kconfig:9)",
        "CONFIG_EXPERT=y would show it",
    ]


def test_without_modules_there_is_no_module() -> None:
    requests = asked("CONFIG_MODULES=n\nCONFIG_BRIDGE=m\n")
    (finding,) = check(requests, config_of({"BRIDGE": "y"}), TABLE, "6.1")
    assert finding.lines == (
        "it cannot be a module, since MODULES is n: feature/mine.config:1 requests that",
        "CONFIG_MODULES=y would do it, or y instead of m here; a flavor with `monolithic = true`"
        " builds in what its fragments request as modules",
    )


# The toolchain


@pytest.mark.parametrize(
    ("option", "told"),
    [
        (
            "SLS",
            "needs CC_HAS_SLS, which is n: the builder's toolchain fails the test"
            " $(cc-option,-msls)",
        ),
        (
            "KCFI",
            "cannot be set: the builder's toolchain fails the test $(cc-option,-fkcfi)",
        ),
        (
            "CC_HAS_SLS",
            "it cannot be requested: it has no prompt, and the builder's toolchain fails the test"
            " $(cc-option,-msls)",
        ),
    ],
)
def test_what_the_toolchain_lacks_is_told_by_its_test(option: str, told: str) -> None:
    first, *rest = reasons(f"CONFIG_{option}=y\n")
    assert first == told
    assert all("no fragment can change that" in line for line in rest)


def test_a_comparison_is_told_with_its_values() -> None:
    assert reasons("CONFIG_NEW_CC=y\n", {"CC_VERSION": "120200"}) == [
        "needs CC_VERSION >= 140000, which is not met: CC_VERSION is 120200"
    ]


# Names


def test_an_option_of_another_arch_says_whose_it_is() -> None:
    (finding,) = findings("CONFIG_ARM64_SVE=y\n", {})
    assert finding.kind is FindingKind.UNKNOWN
    assert finding.lines == (
        "only arm64 has it, not x86 (arch/arm64/Kconfig)",
        "limit the line: '# on arm64'",
    )


@pytest.mark.parametrize(
    ("option", "told"),
    [
        ("CCW", ["only s390 and sh have it, not x86 (arch/s390/Kconfig)", "drop the line"]),
        ("TAPE", ["not for x86 (drivers/s390/char/Kconfig)", "drop the line"]),
    ],
)
def test_an_option_of_arches_that_ingot_does_not_build_for(option: str, told: list[str]) -> None:
    assert reasons(f"CONFIG_{option}=y\n") == told


@pytest.mark.parametrize(
    ("option", "meant"),
    [
        ("VETHH", "VETH"),
        ("NETDEVICE", "NETDEVICES"),
        ("RETPOLINE", "MITIGATION_RETPOLINE"),
        ("ARM64_SVEE", "ARM64_SVE (of arm64)"),
    ],
)
def test_a_misspelt_or_renamed_option_names_what_may_be_meant(option: str, meant: str) -> None:
    first, second, third = reasons(f"CONFIG_{option}=y\n")
    assert first == "6.1 has no such option"
    assert second == f"did you mean {meant}?"
    assert "since" in third


def test_an_unknown_option_is_a_finding_even_if_it_is_to_be_off() -> None:
    (finding,) = findings("CONFIG_QWERTY=n\n", {})
    assert (finding.kind, finding.wanted, finding.got) == (FindingKind.UNKNOWN, "n", "n")


def test_an_old_name_that_is_only_read_names_the_new_one() -> None:
    (line,) = reasons("CONFIG_OLD_CFI=y\n")
    assert line.endswith("request CONFIG_CFI")


def test_an_option_for_other_hardware_is_not_to_be_had_by_test_compiling() -> None:
    assert reasons("CONFIG_ON_ARM=y\n")[0] == (
        "needs ARM, which x86 does not have (see arch/arm/Kconfig)"
    )


def test_a_dependency_that_nobody_defines_is_told() -> None:
    assert reasons("CONFIG_ON_NOTHING=y\n")[0] == (
        "needs NOWHERE, which no Kconfig file of this kernel defines"
    )


# Numbers and text


def test_a_number_out_of_its_range_is_told_the_range() -> None:
    assert reasons("CONFIG_CPUS=4096\n", {"CPUS": "512", "NET": "y"}) == ["its range is 2 to 512"]
    got = {"BASE": "0x1000", "TOP": "0x2000"}
    assert reasons("CONFIG_BASE=0x3000\n", got) == ["its range is 0x1000 to 0x2000"]


def test_a_number_whose_option_is_hidden_names_what_it_needs() -> None:
    assert reasons("CONFIG_CPUS=8\n")[-1] == "CONFIG_NET=y would do it"


def test_a_number_without_a_prompt_names_what_decides() -> None:
    assert reasons("CONFIG_LEVEL=9\n", {"LEVEL": "6", "GZIP": "y"}) == [
        "it cannot be requested: it has no prompt, its defaults set it",
        "CONFIG_XZ=y would set it to 9",
    ]


def test_text_cannot_be_off() -> None:
    (line,) = reasons("CONFIG_HOST=n\n", {"HOST": '"x"'})
    assert "cannot be off" in line


# All of them


def test_a_module_that_was_built_in_for_a_monolithic_kernel_says_so() -> None:
    request = asked("CONFIG_VETH=m\n")["VETH"]
    built_in = type(request)("VETH", "y", request.place, built_in=True)
    (finding,) = check({"VETH": built_in}, config_of(MODULAR), TABLE, "6.1")
    assert "monolithic" in finding.lines[-1]


def test_findings_come_in_the_order_of_the_lines() -> None:
    found = findings("CONFIG_VETH=m\nCONFIG_NET=y\n", {}, "CONFIG_ALWAYS=y\nCONFIG_EXPERT=y\n")
    assert [str(finding.place) for finding in found] == [
        "base/linux.config:1",
        "base/linux.config:2",
        "feature/mine.config:1",
        "feature/mine.config:2",
    ]


def test_findings_with_the_same_reasons_are_told_together() -> None:
    found = findings("CONFIG_VETH=m\nCONFIG_INET=y\nCONFIG_WIREGUARD=m\nCONFIG_CPUS=4\n", {})
    assert finding_lines(found)[-4:] == [
        "feature/mine.config:3: CONFIG_WIREGUARD wanted m, got n",
        "feature/mine.config:4: CONFIG_CPUS wanted 4, got n",
        "    needs NET, which is n: nothing requests it (net/Kconfig:6)",
        "    CONFIG_NET=y would do it",
    ]


def test_findings_become_one_error_that_counts_what_it_does_not_show() -> None:
    found = [
        replace(finding, lines=(f"a cause of its own: {number}",))
        for number, finding in enumerate(
            findings("".join(f"CONFIG_Q{n}W=y\n" for n in range(25)), {})
        )
    ]
    error = findings_error(found, "linux 6.1.176")
    assert error.what == "the config of linux 6.1.176 has 25 findings"
    assert error.why.count("feature/mine.config:") == 20
    assert error.why.endswith("and 5 more")
    assert findings_error(found[:1], "x").what.endswith("1 finding")


def test_many_findings_with_one_cause_are_listed_once() -> None:
    text = "".join(f"CONFIG_Q{n}W=y\n" for n in range(25))
    lines = finding_lines(findings(text, {}))
    assert lines[0].startswith("feature/mine.config: 25 options wanted y, got n: Q0W, Q1W, ")
    assert lines[1] == "    6.1 has no such option"


MODULAR_OPTIONS = {
    "MODULES": {},
    "UNLOAD": {"depends": "MODULES"},
    "FORCE": {"depends": "UNLOAD"},
    **{f"DRIVER{n}": {"type": "tristate"} for n in range(50)},
}


def test_what_one_cause_keeps_off_is_together_whatever_the_form() -> None:
    text = "CONFIG_MODULES=n\nCONFIG_DRIVER0=m\nCONFIG_UNLOAD=y\nCONFIG_FORCE=y\n" + "".join(
        f"CONFIG_DRIVER{n}=m\n" for n in range(1, 50)
    )
    unrelated = "CONFIG_NONE=y\n"
    got = {f"DRIVER{n}": "y" for n in range(50)}
    requests = asked(text) | asked(unrelated, "feature/another.config")
    found = check(requests, config_of(got), table(MODULAR_OPTIONS), "6.1")
    assert len(found) == 53
    assert {finding.root for finding in found[1:]} == {"feature/mine.config:1"}
    lines = finding_lines(found)
    assert len(lines) == 11
    assert [line for line in lines if "50 options wanted m, got y" in line]


# A full config


FULL = """\
# Automatically generated file
CONFIG_MODULES=y
CONFIG_NET=y
CONFIG_VETH=y
CONFIG_CC_HAS_SLS=y
# CONFIG_EXPERT is not set
CONFIG_GONE=y
# CONFIG_GONE_TOO is not set
CONFIG_HAVE_GONE=y
"""


def test_what_kconfig_changes_of_a_full_config_is_a_finding_with_its_line() -> None:
    completed = {"MODULES": "y", "NET": "y"}
    changed, unknown = check_full(Config(FULL), config_of(completed), TABLE, "configs/mine")
    assert changed.weight is unknown.weight is Weight.WARNING
    assert changed.kind is FindingKind.CHANGED
    assert changed.summary == "configs/mine:4: CONFIG_VETH is y, Kconfig made it n"
    assert changed.lines[0].startswith("needs NET_CORE, which is n")
    assert (unknown.kind, unknown.option) == (FindingKind.UNKNOWN, "GONE")


def test_what_a_full_config_does_not_mention_is_listed_with_what_it_got() -> None:
    completed = {"MODULES": "y", "NET": "y", "GZIP": "y", "CPUS": "8", "ALWAYS": "y"}
    found = new_options(Config(FULL), config_of(completed), TABLE, {})
    values = {each.option: each.value for each in found}
    assert values["GZIP"] == "y"
    assert values["CPUS"] == "8"
    assert values["INET"] == "n"
    assert not {"NET_CORE", "ALWAYS", "EXPERT", "PRINTK"} & set(values)


def test_text_behind_a_letter_of_a_full_config_is_a_warning() -> None:
    given = Config("CONFIG_MODULES=y\nCONFIG_BRIDGE=mCore\n")
    (finding,) = check_full(given, config_of(MODULAR | {"BRIDGE": "m"}), TABLE, "configs/mine")
    assert (finding.kind, finding.weight) == (FindingKind.TYPE, Weight.WARNING)
    assert "is a tristate" in finding.lines[0]


@pytest.mark.parametrize("value", ["0x40", "y", '"4"'])
def test_a_number_of_a_full_config_that_is_none_is_a_finding(value: str) -> None:
    given = Config(f"CONFIG_NET=y\nCONFIG_CPUS={value}\n")
    (finding,) = check_full(given, config_of({"NET": "y", "CPUS": "8"}), TABLE, "configs/mine")
    assert (finding.kind, finding.lines) == (FindingKind.TYPE, ("its value must be a number",))

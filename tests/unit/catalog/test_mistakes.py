"""Every kind of mistake in a catalog's file is told with its line, and all of them at once."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingot import catalog
from ingot.errors import UserError
from tests.support.catalogs import PIN, SMALL, changed, line_of, mistakes, write

CONTAINERS = "[features.containers]\n"


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            "suite =",
            "suit =",
            "builders.bookworm.suit: there is no such key (did you mean 'suite'?)",
        ),
        ("order =", "ordre =", "origins.ordre: there is no such key (did you mean 'order'?)"),
        (
            'flavors = ["default", "minimal"]',
            'vmms = ["qemu"]',
            "defaults.vmms: there is no such key here: it belongs to [flavors.NAME]",
        ),
        ("end_of_life =", "color =", "series.4.19.color: there is no such key (known: "),
        ("[defaults]", "[default]", "default: there is no such key (did you mean 'defaults'?)"),
        ('arches = ["x86_64"]', 'arches = "x86_64"', "arches: this must be a list"),
        ('arches = ["x86_64"]', "arches = []", "arches: this must not be empty"),
        ('arches = ["x86_64"]', "arches = [64]", "arches.0: this must be text"),
        ("2026-12-31", '"soon"', "series.5.10.end_of_life: this must be a date, without quotes"),
        ("monolithic = true", 'monolithic = "yes"', "monolithic: this must be true or false"),
        ("monolithic = true", "features = 1", "flavors.monolithic.features: this must be a list"),
        ('{ firecracker = "1.0.0" }', "77", "supported_by: this must be a table"),
        ('"1.0.0"', '"new"', "supported_by.firecracker: 'new' is not a release"),
        ('"1.0.0"', "1.0", "supported_by.firecracker: this must be text"),
        (
            'debian_suites = ["bookworm"]',
            'kernel_org_mirror = "ftp://example.org"',
            "origins.kernel_org_mirror: 'ftp://example.org' is not a URL",
        ),
        (
            'debian_suites = ["bookworm"]',
            'git = { repository = "ext::id", keyring = "k" }',
            "origins.git.repository: 'ext::id' is not the URL of a repository",
        ),
        (
            'debian_suites = ["bookworm"]',
            'git = { repository = "https://example.org/linux", keyring = "k", tag = "v6.1" }',
            "origins.git.tag: 'v6.1' is not the name of a tag with {version} in it",
        ),
        (
            'debian_suites = ["bookworm"]',
            'git = { repository = "https://example.org/linux" }',
            "origins.git.keyring: this is missing",
        ),
        (
            'debian_suites = ["bookworm"]',
            'git = { repository = "https://e.org/l", keyring = "k", tags = "v{version}" }',
            "origins.git.tags: there is no such key (did you mean 'tag'?)",
        ),
        (PIN, PIN[1:], "sha256.debian: 'babab"),
        (PIN, PIN.upper(), f"sha256.debian: '{PIN.upper()}' is not a sha256"),
        (
            '"firecracker", "qemu"',
            '"../passwd"',
            "flavors.default.vmms.0: '../passwd' is not a name",
        ),
        ('["bc"]', '["bc,$(id)"]', "builders.old.packages.0: 'bc,$(id)' is not a name"),
        ('since = "5.13"', 'since = "new"', "features.landlock.since: 'new' is not a series"),
        (
            '"firecracker", "qemu"',
            '"qemu", "qemu"',
            "flavors.default.vmms: something is listed twice",
        ),
    ],
)
def test_a_mistake_of_form_is_told_with_its_line(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    text = changed(old, new)
    found = [line for line in mistakes(tmp_path, text) if says in line]
    assert found
    assert found[0].startswith(f"kernels.toml:{line_of(text, new)}: ")


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        (
            'builder = "bookworm"',
            'builder = "older"',
            "defaults.builder: there is no builder 'older'",
        ),
        (
            'builder = "old"',
            'builder = "older"',
            "series.4.19.builder: there is no builder 'older'",
        ),
        ('arches = ["x86_64"]', 'arches = ["m68k"]', "series.4.19.arches.0: 'm68k' is not an arch"),
        (
            'experimental = ["arm64"]',
            'experimental = ["m68k"]',
            "vmms.firecracker.experimental.0: ",
        ),
        (
            'since = { x86_64 = "5.0" }',
            'since = { x86 = "5.0" }',
            "vmms.qemu.since.x86: 'x86' is not",
        ),
        (
            '"default", "minimal"]',
            '"default", "tiny"]',
            "defaults.flavors.1: there is no flavor 'tiny'",
        ),
        (
            '"default", "minimal"]',
            '"minimal"]',
            "defaults.flavors: the first flavor must be 'default'",
        ),
        (
            'flavors = ["default"]',
            'flavors = ["x"]',
            "series.4.19.flavors.0: there is no flavor 'x'",
        ),
        (
            'vmms = ["firecracker", "qemu"]',
            'vmms = ["xen"]',
            "flavors.default.vmms.0: there is no VMM",
        ),
        (
            'features = ["kubernetes",',
            'features = ["k8s",',
            "flavors.default.features.0: there is no",
        ),
        (
            'like = "default"',
            'like = "defualt"',
            "flavors.minimal.like: there is no flavor 'defualt'",
        ),
        ('like = "default"', 'like = "minimal"', "flavors.minimal.like: the flavor is like itself"),
        (
            'needs = ["containers"]',
            'needs = ["docker"]',
            "features.kubernetes.needs.0: there is no",
        ),
        (
            'needs = ["containers"]',
            'needs = ["kubernetes"]',
            "kubernetes.needs: the feature needs its",
        ),
        (
            'firecracker = "1.0.0"',
            'xen = "4.0"',
            "series.5.10.supported_by.xen: there is no VMM 'xen'",
        ),
        (
            'supported_by = { firecracker = "1.0.0" }',
            "supported_until = { firecracker = 2024-01-31 }",
            "supported_until.firecracker: 'supported_by' does not say since when firecracker",
        ),
        (
            'order = ["kernel.org", "debian"]',
            'order = ["kernel.org", "git", "debian"]',
            "origins.order: the origin 'git' needs a table [origins.git]",
        ),
        (
            "debian =",
            "debain =",
            "sha256.debain: there is no origin 'debain' (known: kernel.org, deb",
        ),
        (
            'versions."6.1.176"',
            'versions."6.1.x"',
            "series.6.1.versions.6.1.x: '6.1.x' is not a ker",
        ),
        ('versions."6.1.176"', 'versions."6.2.1"', "version 6.2.1 does not belong to series 6.1"),
        (
            'versions."5.10.9"',
            'versions."5.10.0262"',
            "5.10.262: this is the same version as 5.10.0262",
        ),
        (
            "[features.bpf]",
            "[features.without-bpf]",
            "one of the words 'from', 'patched', 'plus', 'with'",
        ),
        (
            "[features.bpf]",
            "[features.bpf-patched]",
            "one of the words 'from', 'patched', 'plus', 'with'",
        ),
        ("[flavors.monolithic]", "[flavors.rc1]", "this name has another meaning in lists or tags"),
        ("[features.bpf]", "[features.bpf-arm64]", "'arm64' at the end of a tag is an arch"),
        ("[flavors.monolithic]", "[flavors.amd64]", "'amd64' at the end of a tag is an arch"),
        ("[flavors.monolithic]", "[flavors.all]", "flavors.all: this name has another meaning"),
        ("[flavors.monolithic]", "[flavors.0123456789ab]", "this name has another meaning"),
    ],
)
def test_a_mistake_of_meaning_is_told_with_its_line(
    tmp_path: Path, old: str, new: str, says: str
) -> None:
    text = changed(old, new)
    found = [line for line in mistakes(tmp_path, text) if says in line]
    assert found
    line = line_of(text, 'versions."5.10.262"' if "0262" in new else new)
    assert found[0].startswith(f"kernels.toml:{line}: ")


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("04.19", "series.04.19: write this series as 4.19"),
        ("old", "series.old: 'old' is not a kernel series"),
    ],
)
def test_a_series_that_is_none_is_told(tmp_path: Path, name: str, says: str) -> None:
    text = SMALL.replace('series."4.19"', f'series."{name}"')
    (line,) = mistakes(tmp_path, text)
    number = line_of(text, f'[series."{name}"]')
    assert line.startswith(f"kernels.toml:{number}: {says}")


def test_a_name_in_a_long_list_is_told_with_its_own_line(tmp_path: Path) -> None:
    text = changed('features = ["kubernetes",', 'features = [\n    "kubernetes",\n    "k8s",')
    (line,) = mistakes(tmp_path, text)
    assert line.startswith(f"kernels.toml:{line_of(text, 'k8s')}: flavors.default.features.1: ")


def test_a_flavor_without_vmms_is_told(tmp_path: Path) -> None:
    text = changed('like = "default"\nfeatures = []\n', "")
    (line,) = mistakes(tmp_path, text)
    assert "flavors.minimal: the flavor has neither 'vmms' nor 'like'" in line
    assert f":{line_of(text, '[flavors.minimal]')}:" in line


def test_a_circle_is_told_where_each_of_its_parts_stands(tmp_path: Path) -> None:
    text = changed(CONTAINERS, CONTAINERS + 'needs = ["kubernetes"]\n')
    found = mistakes(tmp_path, text)
    assert [line.split(": ")[1] for line in found] == [
        "features.containers.needs",
        "features.kubernetes.needs",
    ]


def test_what_nothing_boots_is_told(tmp_path: Path) -> None:
    text = changed('vmms = ["firecracker", "qemu"]', 'vmms = ["qemu"]')
    (line,) = mistakes(tmp_path, text)
    assert "series.4.19: no VMM boots its flavor 'default' on x86_64" in line


def test_what_is_missing_is_told_where_it_should_be(tmp_path: Path) -> None:
    text = changed('suite = "bullseye"\n', "")
    line = line_of(text, "[builders.old]")
    assert mistakes(tmp_path, text) == [f"kernels.toml:{line}: builders.old.suite: this is missing"]


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file(tmp_path: Path) -> None:
    text = changed("suite =", "suit =").replace("end_of_life =", "eol =")
    numbers = [int(line.split(":")[1]) for line in mistakes(tmp_path, text)]
    assert numbers == sorted(numbers)
    assert len(numbers) == 4  # a missing suite, an unknown key, and two of the other


def test_a_table_without_its_fragment_is_told(tmp_path: Path) -> None:
    write(tmp_path, SMALL)
    (tmp_path / "fragments" / "feature" / "bpf.config").unlink()
    (tmp_path / "fragments" / "vmm" / "qemu.config").rename(tmp_path / "fragments/vmm/x.config")
    with pytest.raises(UserError) as caught:
        catalog.load(tmp_path)
    assert caught.value.why.splitlines() == [
        "kernels.toml: fragments/vmm/x.config has no table [vmms.x]",
        f"kernels.toml:{line_of(SMALL, '[vmms.qemu]')}: vmms.qemu: there is no file"
        " fragments/vmm/qemu.config",
        f"kernels.toml:{line_of(SMALL, '[features.bpf]')}: features.bpf: there is no file"
        " fragments/feature/bpf.config",
    ]


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ("", "either `rule` or `option`"),
        ('rule = "a"\noption = "B"\n', "either `rule` or `option`"),
        ('rule = "a"\nseries = ["9.9"]\n', "there is no series '9.9'"),
        ('rule = "a"\nflavors = ["tiny"]\n', "there is no flavor 'tiny'"),
        ('rule = "a"\narches = ["m68k"]\n', "m68k"),
        ('rule = "a"\nuntil = "soon"\n', "until"),
    ],
)
def test_a_waiver_that_cannot_be_meant_is_refused(tmp_path: Path, keys: str, told: str) -> None:
    text = f'{SMALL}\n[[waivers]]\nreason = "x"\n{keys}'
    assert any(told in line for line in mistakes(tmp_path, text))


def test_an_unknown_key_does_not_hide_other_mistakes(tmp_path: Path) -> None:
    text = (
        changed('"kubernetes", "landlock"', '"kubernets", "landlock"')
        .replace('suite = "bullseye"', 'suite = "bullseye"\ncolor = "red"')
        .replace('about = "small"', "about = 7")
    )
    found = mistakes(tmp_path, text)
    assert [line.split(": ")[1] for line in found] == [
        "builders.old.color",
        "vmms.firecracker.about",
        "flavors.default.features.0",
    ]


def test_what_follows_from_a_value_of_the_wrong_type_is_not_a_mistake(tmp_path: Path) -> None:
    text = changed('vmms = ["firecracker", "qemu"]', 'vmms = ["firecracker", 7]')
    (found,) = mistakes(tmp_path, text)
    assert found.endswith('flavors.default.vmms.1: this must be text: "..."')


@pytest.mark.parametrize(
    ("end", "line"),
    [
        ("color = [1, 2", 1),
        ("\n# a comment\ncolor = [\n  1,\n  2,\n", 3),
        ("color = '''\nred\n", 1),
        ("color =", 1),
        ("color = 1 2", 1),
        ("[defaults]", 1),
        ("[color\nred = 1", 1),
    ],
)
def test_a_mistake_of_syntax_has_a_line(tmp_path: Path, end: str, line: int) -> None:
    (found,) = mistakes(tmp_path, SMALL + end)
    first = SMALL.count("\n")
    assert found.startswith(f"kernels.toml:{first + line}: ")


def test_all_bad_lines_of_all_fragments_are_listed(tmp_path: Path) -> None:
    write(tmp_path, SMALL)
    fragments = tmp_path / "fragments"
    (fragments / "base/linux.config").write_text("CONFIG_A = y\nCONFIG_B=y\nC=y\n")
    (fragments / "vmm/qemu.config").write_text("CONFIG_D=y\nCONFIG_E=maybe\n")
    found = catalog.load(tmp_path)
    with pytest.raises(UserError, match="2 fragments cannot be read") as caught:
        found.requests(found.select(["6.1"])[0])
    for place in ("base/linux.config:1", "base/linux.config:3", "vmm/qemu.config:2"):
        assert f"{place}: " in caught.value.why
    assert "base/linux.config:2" not in caught.value.why

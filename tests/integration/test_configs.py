"""The verbs about configs, on a fake kernel whose Kconfig is a page."""

from __future__ import annotations

import json
import os
import pty
import subprocess
from pathlib import Path

import pytest

from ingot import catalog
from tests.support.houses import House

FLAVORS = """
[features.more]
about = "something else as well"

[flavors.bigger]
about = "default and more"
like = "default"
features = ["more"]
"""


@pytest.fixture
def flavored(house: House) -> House:
    """A house with a second flavor, which turns OTHER on."""
    path = house.kernels / "kernels.toml"
    path.write_text(
        path.read_text().replace('"x86_64"]', '"x86_64"]\nflavors = ["default", "bigger"]', 1)
    )
    path.write_text(path.read_text() + FLAVORS)
    house.fragment("feature/more", "CONFIG_OTHER=y")
    return house


def test_check_tells_that_all_is_as_asked(house: House) -> None:
    done = house.ingot("config", "check")
    assert done.returncode == 0, done.stderr
    assert "6.1.999 x86_64 default: 3 options asked for, 2 built in, 1 modules" in done.stdout


def test_check_tells_what_is_not_as_asked_and_what_would_do(house: House) -> None:
    house.fragment("base/linux", "CONFIG_MODULES=y")
    done = house.ingot("config", "check")
    assert done.returncode == 1
    assert "base/x86_64.config:1: CONFIG_CHILD wanted m, got n" in done.stdout
    assert "CONFIG_PARENT=y would do it" in done.stdout
    (one,) = json.loads(house.ingot("config", "check", "--json").stdout)["kernels"]
    assert one["ok"] is False
    (finding,) = one["findings"]
    assert (finding["kind"], finding["option"], finding["place"]) == (
        "mismatch",
        "CHILD",
        "base/x86_64.config:1",
    )


def test_check_looks_at_every_flavor(flavored: House) -> None:
    flavored.fragment("feature/more", "CONFIG_NO_SUCH=y")
    done = flavored.ingot("config", "check", "6.1")
    assert done.returncode == 1
    assert "✓ 6.1.999 x86_64 default" in done.stdout
    assert "✗ 6.1.999 x86_64 bigger" in done.stdout
    assert flavored.ingot("config", "check", "6.1", "--flavor", "default").returncode == 0


def test_a_broken_rule_is_a_finding(house: House) -> None:
    (house.kernels / "rules.toml").write_text(
        '[[rules]]\nname = "wants-other"\nrequire = "OTHER"\n'
        'reason = "it does not boot"\nsource = "a test"\n'
    )
    done = house.ingot("config", "check")
    assert done.returncode == 1
    assert "wants-other" in done.stdout
    assert "it does not boot" in done.stdout
    assert house.ingot("build", "6.1").returncode == 1
    assert house.compiles() == 0


def test_what_cannot_be_checked_is_told_once(flavored: House) -> None:
    path = flavored.kernels / "kernels.toml"
    text = path.read_text()
    at = text.index('debian = "')
    path.write_text(f'{text[:at]}debian = "{"0" * 64}"{text[at + 10 + 65 :]}')
    done = flavored.ingot("config", "check")
    assert done.returncode == 3
    assert done.stdout.count("not checked") == 2
    assert done.stdout.count("error: no Debian suite delivered") == 1
    assert "for the same reason" in done.stdout


def test_show_prints_the_config_or_what_was_asked_for(house: House) -> None:
    assert house.ingot("config", "show", "6.1").stdout.splitlines() == [
        "CONFIG_CHILD=m",
        "CONFIG_MODULES=y",
        "CONFIG_PARENT=y",
    ]
    asked = house.ingot("config", "show", "6.1", "--asked").stdout
    assert "CONFIG_CHILD=m  # base/x86_64.config:1" in asked


def test_diff_compares_flavors_files_and_images(flavored: House, tmp_path: Path) -> None:
    done = flavored.ingot("config", "diff", "6.1", "6.1-bigger")
    assert done.returncode == 0, done.stderr
    assert "OTHER" in done.stdout
    assert "1 options differ: 1 more, 0 less, 0 changed" in done.stdout
    file = tmp_path / "mine.config"
    file.write_text("CONFIG_CHILD=y\nCONFIG_MODULES=y\nCONFIG_PARENT=y\n")
    assert flavored.ingot("build", "6.1").returncode == 0
    document = json.loads(
        flavored.ingot("config", "diff", str(file), "kernel-bin:6.1", "--json").stdout
    )
    assert document["options"] == [{"option": "CHILD", "before": "y", "after": "m", "menu": []}]


@pytest.mark.parametrize("operand", ["nothing", "6.9", "kernel-bin:9.9", "/etc"])
def test_diff_of_nothing_is_told(house: House, operand: str) -> None:
    done = house.ingot("config", "diff", operand, "6.1")
    assert done.returncode == 2
    assert "error: " in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("name", ["CHILD", "CONFIG_CHILD"])
def test_explain_tells_who_asked_and_what_it_needs(house: House, name: str) -> None:
    text = house.ingot("config", "explain", "6.1", name).stdout
    assert "CONFIG_CHILD=m" in text
    assert "base/x86_64.config:1" in text
    assert "PARENT (=y)" in text


def test_explain_of_an_unknown_option_names_a_similar_one(house: House) -> None:
    done = house.ingot("config", "explain", "6.1", "CHLD")
    assert done.returncode == 2
    assert "CHILD" in done.stderr


def test_resolve_writes_a_lock_file_that_builds_use(house: House) -> None:
    done = house.ingot("config", "resolve", "6.1")
    assert done.returncode == 0, done.stderr
    path = house.kernels / "configs" / "linux-x86_64-6.1.999.config"
    assert Path(done.stdout.strip()) == path
    assert house.ingot("build", "6.1").returncode == 0
    house.fragment("vmm/firecracker", "CONFIG_OTHER=y")
    stale = house.ingot("build", "6.1")
    assert stale.returncode == 2
    assert "ingot config resolve 6.1.999" in stale.stderr
    assert house.ingot("config", "resolve", "6.1").returncode == 0
    assert house.ingot("build", "6.1").returncode == 0


def test_a_full_config_by_hand_is_used_and_never_overwritten(house: House) -> None:
    path = house.kernels / "configs" / "linux-x86_64-6.1.999.config"
    path.parent.mkdir()
    path.write_text("CONFIG_MODULES=y\nCONFIG_OTHER=y\n")
    assert "CONFIG_OTHER=y" in house.ingot("config", "show", "6.1").stdout
    assert house.ingot("build", "6.1").returncode == 0
    refused = house.ingot("config", "resolve", "6.1")
    assert refused.returncode == 2
    assert "was not written by Ingot" in refused.stderr
    path.write_text("CONFIG_MODULES=y\nCONFIG_CHILD=m\n")
    differs = house.ingot("config", "check", "6.1")
    assert differs.returncode == 0, "its author knows that it works"
    assert "1 warning" in differs.stdout
    assert "configs/linux-x86_64-6.1.999.config:2" in differs.stdout
    assert "CONFIG_PARENT=y would do it" in differs.stdout
    assert house.ingot("build", "6.1").returncode == 0
    strict = house.ingot("config", "check", "6.1", "--strict")
    assert strict.returncode == 1
    assert "1 error" in strict.stdout


def test_a_comment_behind_a_value_of_a_full_config_is_named(house: House) -> None:
    path = house.kernels / "configs" / "linux-x86_64-6.1.999.config"
    path.parent.mkdir()
    path.write_text("CONFIG_MODULES=y # stamps\n")
    done = house.ingot("config", "check", "6.1")
    assert done.returncode == 2
    assert "config:1: CONFIG_MODULES has a comment behind its value y" in " ".join(
        done.stdout.split()
    )
    assert "Traceback" not in done.stderr


WAIVER = """
[[waivers]]
rule = "wants-other"
reason = "no one uses it here"
"""


def test_a_waiver_accepts_a_rule_and_is_reported_when_it_accepts_nothing(house: House) -> None:
    rules = house.kernels / "rules.toml"
    rules.write_text(
        '[[rules]]\nname = "wants-other"\nrequire = "OTHER"\n'
        'reason = "it does not boot"\nsource = "a test"\n'
    )
    catalog_file = house.kernels / "kernels.toml"
    catalog_file.write_text(catalog_file.read_text() + WAIVER)
    done = house.ingot("config", "check")
    assert done.returncode == 0, done.stdout
    assert "no one uses it here" in done.stdout
    assert "accepts nothing" not in done.stdout
    house.fragment("vmm/firecracker", "CONFIG_OTHER=y")
    done = house.ingot("config", "check")
    assert done.returncode == 0
    assert "the waiver for wants-other accepts nothing any more" in done.stdout


def test_adopt_makes_a_feature_that_is_accepted(house: House) -> None:
    path = house.root / "their.config"
    path.write_text("CONFIG_MODULES=y\nCONFIG_PARENT=y\nCONFIG_CHILD=y\nCONFIG_OTHER=y\n")
    done = house.ingot("adopt", str(path), "--series", "6.1", "--name", "theirs")
    assert done.returncode == 0, done.stderr
    fragment = (house.kernels / "fragments/feature/theirs.config").read_text()
    assert {"CONFIG_OTHER=y", "CONFIG_CHILD=y"} <= set(fragment.splitlines())
    assert "CONFIG_PARENT" not in fragment, "base has it"
    checked = house.ingot("config", "check", "6.1", "--with", "theirs")
    assert checked.returncode == 0, checked.stdout
    again = house.ingot("adopt", str(path), "--series", "6.1", "--name", "theirs")
    assert again.returncode == 2
    assert "--name" in again.stderr
    assert house.ingot("adopt", str(path)).returncode == 2


def edit(house: House, *words: str) -> tuple[int, str]:
    """Run `ingot config edit` on a terminal; its exit code and all that was printed."""
    leader, follower = pty.openpty()
    with subprocess.Popen(
        house.command("config", "edit", "6.1", *words),
        env=house.environment(),
        stdin=follower,
        stdout=follower,
        stderr=follower,
    ) as process:
        os.close(follower)
        text = b""
        try:
            while data := os.read(leader, 4096):
                text += data
        except OSError:  # how a terminal says that nobody is left at its other end
            pass
    os.close(leader)
    return process.returncode, text.decode()


def test_edit_makes_a_feature_of_what_was_changed(house: House) -> None:
    code, text = edit(house)
    assert code == 0, text
    fragment = (house.kernels / "fragments/feature/custom.config").read_text()
    assert "CONFIG_OTHER=y" in fragment.splitlines()
    assert "custom" in catalog.load(house.kernels).features
    done = house.ingot("build", "6.1", "--with", "custom")
    assert done.returncode == 0, done.stderr
    assert "kernel-bin:6.1.999-with-custom" in house.layout.tags()


def test_edit_does_not_contradict_another_fragment(house: House) -> None:
    house.fragment("vmm/firecracker", "CONFIG_OTHER=n")
    code, text = edit(house)
    assert code == 2
    assert "vmm/firecracker.config:1 wants CONFIG_OTHER=n, not y" in text
    assert not (house.kernels / "fragments/feature/custom.config").exists()


def test_edit_leaves_a_full_config_alone(house: House) -> None:
    assert house.ingot("config", "resolve", "6.1").returncode == 0
    code, text = edit(house)
    assert code == 2
    assert "and its fragments are not used" in " ".join(text.split())


def test_edit_needs_a_terminal(house: House) -> None:
    done = house.ingot("config", "edit", "6.1")
    assert done.returncode == 3
    assert "terminal" in done.stderr


def test_a_flavor_is_built_and_tagged_by_its_name(flavored: House) -> None:
    done = flavored.ingot("build", "6.1-bigger")
    assert done.returncode == 0, done.stderr
    assert "kernel-bin:6.1.999-bigger" in flavored.layout.tags()
    assert "kernel-bin:6.1.999" not in flavored.layout.tags()
    rows = {
        row["flavor"]: row["digest"]
        for row in json.loads(flavored.ingot("list", "--json").stdout)["kernels"]
    }
    assert rows["default"] is None and rows["bigger"]
    assert "bigger ✓" in flavored.ingot("list").stdout
    assert flavored.ingot("inspect", "kernel-modules:6.1-bigger").returncode == 0
    assert flavored.ingot("boot", "6.1-bigger").returncode == 0


def test_a_series_that_has_ended_is_built_when_it_is_named(house: House) -> None:
    path = house.kernels / "kernels.toml"
    path.write_text(
        path.read_text().replace(
            '[series."6.1".versions',
            '[series."6.1"]\nend_of_life = 2020-01-01\n\n[series."6.1".versions',
            1,
        )
    )
    bare = house.ingot("build")
    assert bare.returncode == 2
    assert "no series of the catalog is maintained any more" in bare.stderr
    assert house.ingot("build", "6.1").returncode == 0
    assert "kernel-bin:6.1.999" in house.layout.tags()


def test_require_tells_by_its_exit_code(flavored: House, tmp_path: Path) -> None:
    assert flavored.ingot("build", "6.1").returncode == 0
    serves = flavored.ingot(
        "require", "kernel-bin:6.1", "--vmm", "firecracker", "--option", "CHILD"
    )
    assert serves.returncode == 0, serves.stderr
    lacks = flavored.ingot("require", "kernel-bin:6.1", "--feature", "more", "--option", "CHILD=y")
    assert lacks.returncode == 1
    assert "CONFIG_OTHER must be y, is n (more, feature/more.config:1)" in lacks.stdout
    assert "CONFIG_CHILD must be y, is m (--option)" in lacks.stdout
    file = tmp_path / "some.config"
    file.write_text("CONFIG_OTHER=y\n")
    assert flavored.ingot("require", str(file), "--option", "CONFIG_OTHER=y").returncode == 0
    nameless = flavored.ingot("require", str(file), "--feature", "more")
    assert nameless.returncode == 2
    assert "--option" in nameless.stderr
    assert flavored.ingot("require", str(file)).returncode == 2
    assert flavored.ingot("require", "kernel-bin:6.1", "--vmm", "none").returncode == 2


def test_init_makes_a_catalog_of_ones_own(house: House) -> None:
    target = house.root / "mine"
    done = house.ingot("init", str(target))
    assert done.returncode == 0, done.stderr
    assert catalog.load(target / "kernels").kernels
    again = house.ingot("init", str(target))
    assert again.returncode == 2
    assert "already exists" in again.stderr

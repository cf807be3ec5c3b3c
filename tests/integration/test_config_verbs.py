"""The config verbs when things are wrong: broken files, odd operands, hands that slip."""

from __future__ import annotations

import contextlib
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
def various(house: House) -> House:
    """A house with two flavors, the second of which turns OTHER on, and two arches."""
    path = house.kernels / "kernels.toml"
    lists = 'arches = ["x86_64", "arm64"]\nflavors = ["default", "bigger"]'
    path.write_text(path.read_text().replace('arches = ["x86_64"]', lists, 1) + FLAVORS)
    house.fragment("feature/more", "CONFIG_OTHER=y")
    house.fragment("base/arm64", "CONFIG_CHILD=y")
    return house


def full_config(house: House, *lines: str, end: str = "\n") -> Path:
    """Put a full config for the one kernel into the catalog, by hand."""
    path = house.kernels / "configs" / "linux-x86_64-6.1.999.config"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"".join(f"{line}{end}".encode() for line in lines))
    return path


def refused(done: subprocess.CompletedProcess[str], *told: str, code: int = 2) -> None:
    """That a command ended with an error in plain words, which hold each of `told`."""
    assert "Traceback" not in done.stderr
    assert done.returncode == code, done.stderr
    for text in told:
        assert text in done.stdout + done.stderr


# flavors and arches


def test_each_flavor_and_arch_has_tags_of_its_own(various: House) -> None:
    done = various.ingot("build", "6.1", "--arch", "all", "--flavor", "all", "--json")
    assert done.returncode == 0, done.stderr
    assert [one["images"][1]["image"] for one in json.loads(done.stdout)["built"]] == [
        "kernel-bin:6.1.999",
        "kernel-bin:6.1.999-arm64",
        "kernel-bin:6.1.999-bigger",
        "kernel-bin:6.1.999-bigger-arm64",
    ]
    assert various.ingot("boot", "6.1-bigger-arm64").returncode == 0
    inspected = json.loads(various.ingot("inspect", "kernel-bin:6.1-arm64", "--json").stdout)
    assert inspected["image"] == "kernel-bin:6.1.999-arm64"
    assert various.ingot("list").stdout.count("bigger ✓") == 2
    # what the other flavor is already is not compiled again under another name
    count = various.compiles()
    assert various.ingot("build", "6.1-with-more-arm64").returncode == 0
    assert various.compiles() == count
    assert "kernel-bin:6.1.999-with-more-arm64" in various.layout.tags()


def test_check_looks_at_every_flavor_and_arch(various: House) -> None:
    various.fragment("base/arm64", "CONFIG_NO_SUCH=y")
    done = json.loads(various.ingot("config", "check", "--json").stdout)["kernels"]
    assert {(one["flavor"], one["arch"]): one["ok"] for one in done} == {
        ("default", "x86_64"): True,
        ("default", "arm64"): False,
        ("bigger", "x86_64"): True,
        ("bigger", "arm64"): False,
    }


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--with", "nothing"], "no feature 'nothing'"),
        (["--with", "moer"], "did you mean more?"),
        (["--with", "more", "--without", "more"], "both added and removed"),
        (["--without", "more"], "more"),
        (["--flavor", "huge"], "it has default, bigger"),
        (["--arch", "sparc"], "it has x86_64, arm64"),
        (["6.1-huge"], "no flavor huge"),
        (["6.2"], "it has 6.1.999"),
        (["6.1-with"], "no feature ''"),
    ],
)
def test_a_variant_that_cannot_be_is_told(various: House, words: list[str], told: str) -> None:
    names = [] if words[0][0].isdigit() else ["6.1"]
    refused(various.ingot("build", *names, *words), told)


def test_check_with_and_without_features(various: House) -> None:
    more = various.ingot("config", "check", "6.1", "--flavor", "default", "--with", "more")
    assert more.returncode == 0, more.stderr
    assert "6.1.999 x86_64 with-more: 4 options asked for" in more.stdout
    less = various.ingot("config", "check", "6.1-bigger", "--arch", "x86_64", "--without", "more")
    assert "6.1.999 x86_64 bigger-without-more: 3 options asked for" in less.stdout


def test_no_feature_at_all_is_told(house: House) -> None:
    refused(house.ingot("build", "6.1", "--with", "more"), "it has none")


# a catalog that is broken


def test_a_fragment_that_cannot_be_read_is_told_once(various: House) -> None:
    (various.kernels / "fragments/base/linux.config").write_bytes(b"\xff\xfe\x00")
    done = various.ingot("config", "check")
    refused(done, "is not UTF-8 text")
    assert done.stdout.count("not checked") == 4
    assert done.stdout.count("error:") == 1


def test_a_fragment_that_is_a_directory_does_not_stop_the_others(various: House) -> None:
    path = various.kernels / "fragments/base/arm64.config"
    path.unlink()
    path.mkdir()
    done = various.ingot("config", "check", "6.1", "--flavor", "default")
    refused(done, "✓ 6.1.999 x86_64 default", "✗ 6.1.999 arm64 default: not checked", code=2)


def test_lines_may_end_as_windows_has_them(house: House) -> None:
    path = house.kernels / "fragments/base/linux.config"
    path.write_bytes(b"CONFIG_MODULES=y\r\nCONFIG_PARENT=y\r\n")
    assert house.ingot("config", "check").returncode == 0
    full_config(house, "CONFIG_MODULES=y", "CONFIG_OTHER=y", end="\r\n")
    assert house.ingot("config", "show", "6.1").stdout.splitlines() == [
        "CONFIG_MODULES=y",
        "CONFIG_OTHER=y",
    ]


@pytest.mark.parametrize("data", [b"", b"[x", b"\xff", b'a = "b"\n'])
@pytest.mark.parametrize("name", ["kernels.toml", "rules.toml"])
def test_broken_toml_is_told_with_its_file(house: House, name: str, data: bytes) -> None:
    if name == "rules.toml" and not data:
        pytest.skip("an empty file means no rules")
    (house.kernels / name).write_bytes(data)
    refused(house.ingot("config", "check"), name)
    refused(house.ingot("build"), name)


# full configs


def test_a_full_config_that_is_no_text_is_told(house: House) -> None:
    path = full_config(house)
    path.write_bytes(b"\xff\xfe\x00\x80")
    for words in (["build"], ["config", "check"], ["config", "show"], ["config", "resolve"]):
        refused(house.ingot(*words, "6.1"), str(path), "not UTF-8")
    assert path.read_bytes() == b"\xff\xfe\x00\x80"


def test_a_full_config_by_hand_asks_by_itself(house: House) -> None:
    full_config(house, "CONFIG_MODULES=y", "# CONFIG_PARENT is not set", "CONFIG_OTHER=y")
    done = house.ingot("config", "check", "6.1")
    assert done.returncode == 0, done.stderr
    assert "CHILD" not in done.stdout
    told = house.ingot("config", "explain", "6.1", "OTHER").stdout
    assert "requested: y (configs/linux-x86_64-6.1.999.config:3)" in told
    assert "base/linux.config" not in house.ingot("config", "explain", "6.1", "PARENT").stdout


def test_an_option_that_a_full_config_makes_up_is_a_finding(house: House) -> None:
    full_config(house, "# a comment", "CONFIG_MODULES=y", "CONFIG_NO_EQUALS", "CONFIG_CHLD=m")
    (one,) = json.loads(house.ingot("config", "check", "--json").stdout)["kernels"]
    (finding,) = one["findings"]
    assert finding["place"] == "configs/linux-x86_64-6.1.999.config:4"
    assert "this kernel has no such option" in finding["text"]
    assert "did you mean CHILD?" in finding["text"]
    assert "since" not in finding["text"], "a full config is of one series"


def test_a_lock_file_is_written_for_each_kernel(various: House) -> None:
    done = various.ingot("config", "resolve", "6.1", "--flavor", "all", "--arch", "arm64")
    assert done.returncode == 0, done.stderr
    directory = various.kernels / "configs"
    names = ["linux-arm64-6.1.999-bigger.config", "linux-arm64-6.1.999.config"]
    assert sorted(path.name for path in directory.iterdir()) == names
    before = [(directory / name).read_bytes() for name in names]
    assert various.ingot("config", "resolve", "6.1-bigger-arm64").returncode == 0
    assert [(directory / name).read_bytes() for name in names] == before
    assert various.ingot("build", "6.1-bigger-arm64").returncode == 0


def test_a_lock_file_that_was_edited_is_refused(house: House) -> None:
    house.ingot("config", "resolve", "6.1")
    path = house.kernels / "configs" / "linux-x86_64-6.1.999.config"
    path.write_text(path.read_text().replace("CONFIG_CHILD=m", "CONFIG_CHILD=y"))
    refused(house.ingot("build", "6.1"), "CONFIG_CHILD wanted m, got y", code=1)
    assert house.compiles() == 0


def test_a_stale_lock_file_is_refused_wherever_it_would_be_used(house: House) -> None:
    house.ingot("config", "resolve", "6.1")
    house.fragment("vmm/firecracker", "CONFIG_OTHER=y")
    for words in (["check", "6.1"], ["show", "6.1"], ["explain", "6.1", "OTHER"]):
        refused(house.ingot("config", *words), "ingot config resolve 6.1.999", "remove the file")
    assert "OTHER" in house.ingot("config", "show", "6.1", "--asked").stdout


def test_resolve_writes_nothing_that_is_not_as_asked(house: House) -> None:
    house.fragment("base/linux", "CONFIG_MODULES=y")
    refused(house.ingot("config", "resolve", "6.1"), "CONFIG_CHILD wanted m, got n", code=1)
    assert not (house.kernels / "configs").exists()


def test_resolve_where_nothing_can_be_written_is_told(house: House) -> None:
    (house.kernels / "configs").write_text("a file where the directory is to be")
    refused(house.ingot("config", "resolve", "6.1"), str(house.kernels / "configs"), code=3)


# show, diff, explain


def test_show_refuses_what_is_not_as_asked_but_tells_what_was(house: House) -> None:
    house.fragment("base/linux", "CONFIG_MODULES=y")
    done = house.ingot("config", "show", "6.1")
    refused(done, "CONFIG_PARENT=y would do it", code=1)
    assert done.stdout == ""
    assert house.ingot("config", "show", "6.1", "--asked").returncode == 0


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "has no kernel config"),
        (b"\x00\xff\xfe", "has no kernel config"),
        (b"text\n", "not a .config"),
    ],
)
def test_a_file_without_a_config_is_told(
    house: House, tmp_path: Path, data: bytes, told: str
) -> None:
    path = tmp_path / "file"
    path.write_bytes(data)
    refused(house.ingot("config", "diff", str(path), "6.1"), told)


@pytest.mark.parametrize(
    ("operand", "told"),
    [
        ("/nowhere/.config", "it does not exist"),
        ("./nowhere", "it does not exist"),
        ("/etc", "it is a directory"),
        ("kernel-bin", "has no image 'kernel-bin'"),
        ("6.1-huge", "no flavor huge"),
        ("", "is not a file, an image"),
        ("Upper/case:tag", "is not a valid name of an image"),
        ("docker://", "is not a valid name of an image"),
    ],
)
def test_an_operand_that_is_nothing_is_told(house: House, operand: str, told: str) -> None:
    refused(house.ingot("config", "diff", "6.1", operand), told)


def test_a_registry_that_is_down_is_the_machines_fault(house: House) -> None:
    done = house.ingot("config", "diff", "6.1", "localhost:1/kernel-bin:6.1")
    refused(done, "could not be read", "connection refused", code=3)
    assert done.stderr.count("connection refused") == 1


def test_diff_of_the_same_is_empty(house: House, tmp_path: Path) -> None:
    path = tmp_path / "[red].config"
    path.write_text(house.ingot("config", "show", "6.1").stdout)
    done = house.ingot("config", "diff", str(path), "6.1")
    assert done.returncode == 0, done.stderr
    assert f"- {path}" in done.stdout
    assert "0 options differ" in done.stdout


def test_diff_stands_by_menu_and_tells_more_less_and_changed(various: House) -> None:
    done = various.ingot("config", "diff", "6.1-bigger", "6.1-arm64", "--json")
    assert json.loads(done.stdout) == {
        "a": {"config": "6.1.999 x86_64 bigger"},
        "b": {"config": "6.1.999 arm64 default"},
        "options": [
            {"option": "OTHER", "before": "y", "after": "n", "menu": []},
            {
                "option": "CHILD",
                "before": "m",
                "after": "y",
                "menu": ["What others depend on"],
            },
        ],
    }


@pytest.mark.parametrize("name", ["child", "config_child", "CONFIG_child"])
def test_explain_takes_an_option_as_a_person_types_it(house: House, name: str) -> None:
    assert "CONFIG_CHILD=m" in house.ingot("config", "explain", "6.1", name).stdout


def test_explain_of_what_nobody_asked_for(house: House) -> None:
    document = json.loads(house.ingot("config", "explain", "6.1", "OTHER", "--json").stdout)
    assert (document["value"], document["request"]) == ("n", None)
    assert document["missing"] == ["nothing requests it"]
    refused(house.ingot("config", "explain", "6.1", ""), "no option")
    refused(house.ingot("config", "explain", "OTHER", "CHILD"), "no kernel OTHER")


# edit


def edit(house: House, *words: str) -> tuple[int, str]:
    """Run `ingot config edit` on a terminal; its exit code and all that was printed."""
    leader, follower = pty.openpty()
    command = house.command("config", "edit", *words)
    with subprocess.Popen(
        command, env=house.environment(), stdin=follower, stdout=follower, stderr=follower
    ) as process:
        os.close(follower)
        text = b""
        with contextlib.suppress(OSError):  # how a terminal says that nobody is at its other end
            while data := os.read(leader, 4096):
                text += data
    os.close(leader)
    return process.returncode, text.decode()


@pytest.mark.parametrize(
    "name", ["with", "more-without-that", "mine-x86_64", "mine-amd64", "two words", "a--b", "a-"]
)
def test_edit_refuses_a_name_that_a_tag_could_not_have(house: House, name: str) -> None:
    code, text = edit(house, "6.1", "--feature", name)
    assert code == 2, text
    assert "is not a valid name for a feature" in text
    assert house.ingot("list").returncode == 0


def test_edit_again_leaves_one_title_and_what_else_is_there(house: House) -> None:
    assert edit(house, "6.1")[0] == 0
    path = house.kernels / "fragments/feature/custom.config"
    path.write_text(path.read_text() + "\n# of my own\nCONFIG_MODULES=y\n")
    assert edit(house, "6.1")[0] == 0
    assert path.read_text() == (
        "# Feature: custom.\n"
        "\n"
        "# of my own\n"
        "CONFIG_MODULES=y\n"
        "\n"
        "# Changed in menuconfig, on 6.1.999 x86_64 default.\n"
        "CONFIG_OTHER=y\n"
    )
    code, text = edit(house, "6.1-with-custom")
    assert (code, "nothing was changed" in text) == (0, True)


def test_edit_of_a_feature_that_is_there_adds_to_its_fragment(various: House) -> None:
    various.fragment("feature/more", "# Mine.", "CONFIG_PARENT=y")
    code, text = edit(various, "6.1", "--feature", "more")
    assert code == 0, text
    lines = (various.kernels / "fragments/feature/more.config").read_text().splitlines()
    assert lines[:2] == ["# Mine.", "CONFIG_PARENT=y"]
    assert "CONFIG_OTHER=y" in lines
    assert (various.kernels / "kernels.toml").read_text().count("[features.more]") == 1


def test_what_cannot_be_saved_whole_is_not_saved(house: House) -> None:
    """A fragment without its table would be a catalog that nobody can read."""
    path = house.kernels / "kernels.toml"
    path.write_text("features = {}\n" + path.read_text())
    before = path.read_text()
    code, text = edit(house, "6.1")
    assert code == 2
    assert "CONFIG_OTHER=y" in text, "what was done by hand is not lost"
    assert "add this by hand" in text
    assert path.read_text() == before
    assert catalog.load(house.kernels).kernels


def test_edit_of_a_config_that_is_not_sound_is_refused(house: House) -> None:
    house.fragment("base/linux", "CONFIG_MODULES=y")
    code, text = edit(house, "6.1")
    assert code == 1
    assert "CONFIG_PARENT=y would do it" in text


# init


def test_init_beside_other_things_and_in_odd_places(house: House, tmp_path: Path) -> None:
    target = tmp_path / "some" / "where"
    target.mkdir(parents=True)
    (target / "README.md").write_text("mine")
    (target / "kernels").mkdir()
    assert house.ingot("init", str(target)).returncode == 0, "an empty directory is in nobody's way"
    assert (target / "README.md").read_text() == "mine"
    assert sorted(path.name for path in target.iterdir()) == [
        *(".github", ".gitignore", "README.md", "kernels")
    ]
    listed = house.ingot("list", "--catalog", str(target / "kernels"), "--json")
    assert json.loads(listed.stdout)["kernels"]
    file = tmp_path / "file"
    file.write_text("")
    refused(house.ingot("init", str(file)), str(file), code=3)

"""What mmdebstrap is asked for, and what is said when it cannot."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from ingot.arch import arch
from ingot.builder import bootstrap as bootstraps
from ingot.builder.bootstrap import bootstrap, keyring_of
from ingot.builder.builder_site import Site
from ingot.catalog import BuilderSpec
from ingot.errors import MachineError, UserError
from ingot.process import CommandFailedError
from tests.support.builders import SPEC

FOCAL = BuilderSpec(
    "focal",
    "focal",
    ("zstd", "bc"),
    packages_on={"x86_64": ("gcc-aarch64-linux-gnu",), "arm64": ("gcc-x86-64-linux-gnu", "bc")},
    more_suites=("focal-updates",),
    components=("main", "universe"),
    mirror="http://mirror.example/ubuntu",
    keyring="keyrings/ubuntu.gpg",
)


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """The commands that are run, none of which is."""
    calls: list[list[str]] = []

    def record(argv: list[str], **options: object) -> None:
        calls.append([*argv, *trusted_in(argv)])
        assert options["env"] == {
            "SOURCE_DATE_EPOCH": "0",
            "TMPDIR": "/staging",
            "LC_ALL": "C.UTF-8",
        }

    monkeypatch.setattr(bootstraps, "run", record)
    monkeypatch.setattr(bootstraps, "mirror_of", lambda suite: f"http://configured.example/{suite}")
    return calls


def trusted_in(argv: list[str]) -> list[str]:
    """What is in the keyrings that a command names, for as long as it runs; and who may read it."""
    told = []
    for path in (Path(word.partition("=")[2]) for word in argv if word.startswith("--keyring=")):
        text = path.read_text() if path.is_file() else f"{len(list(path.iterdir()))} files"
        told.append(f"trusted: {text} {path.stat().st_mode & 0o005}")
    return told


def make(spec: BuilderSpec, site: Site) -> None:
    bootstrap(spec, site, Path("/staging/root.tar"), Path("/staging"), lambda _: None)


def keyring(site: Site, name: str = "keyrings/ubuntu.gpg") -> Path:
    path = site.catalog / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("keys")
    path.chmod(0o600)
    return path


def test_a_debian_suite_comes_from_the_mirror_that_apt_has(
    site: Site, asked: list[list[str]]
) -> None:
    make(SPEC, site)
    (argv,) = asked
    assert argv[0] == "mmdebstrap"
    assert "--include=bc" in argv
    assert argv[-3:] == [
        "bookworm",
        "/staging/root.tar",
        "deb http://configured.example/bookworm bookworm main",
    ]


def test_another_archive_is_named_with_its_keyring_and_parts(
    site: Site, asked: list[list[str]]
) -> None:
    keyring(site)
    make(FOCAL, site)
    (argv,) = asked
    assert argv[-2:] == ["trusted: keys 5", "trusted: 0 files 5"]  # and nothing else is
    argv = argv[:-2]
    assert "--include=bc,gcc-aarch64-linux-gnu,zstd" in argv
    assert argv[-4:] == [
        "focal",
        "/staging/root.tar",
        "deb http://mirror.example/ubuntu focal main universe",
        "deb http://mirror.example/ubuntu focal-updates main universe",
    ]


def test_one_entry_serves_machines_of_both_arches(site: Site, asked: list[list[str]]) -> None:
    keyring(site)
    make(FOCAL, replace(site, host=arch("arm64")))
    assert "--include=bc,gcc-x86-64-linux-gnu,zstd" in asked[0]


def test_a_keyring_is_in_the_catalog_or_absolute_or_installed(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed = tmp_path / "installed"
    monkeypatch.setattr(bootstraps, "SYSTEM_KEYRINGS", installed)
    with pytest.raises(UserError) as caught:
        keyring_of(FOCAL, site.catalog)
    assert (
        "the keyring 'keyrings/ubuntu.gpg' of the builder 'focal' is missing" in caught.value.what
    )
    assert str(site.catalog / "keyrings/ubuntu.gpg") in caught.value.why
    assert str(installed) in caught.value.why
    assert "ubuntu-keyring" in caught.value.hint
    path = keyring(site)
    assert keyring_of(FOCAL, site.catalog) == path
    assert keyring_of(replace(FOCAL, keyring=str(path)), site.catalog) == path
    installed.mkdir()
    (installed / "ubuntu.gpg").touch()
    found = keyring_of(replace(FOCAL, keyring="ubuntu.gpg"), site.catalog)
    assert found == installed / "ubuntu.gpg"
    missing = replace(FOCAL, keyring=str(tmp_path / "none.gpg"))
    with pytest.raises(UserError) as caught:
        keyring_of(missing, site.catalog)
    assert caught.value.why == f"looked for {tmp_path / 'none.gpg'}"


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("... NO_PUBKEY 871920D1991BC93C", "name it as `keyring` in [builders.focal]"),
        ("E: Unable to locate package dwarves", '["main", "universe"]'),
        ("E: something else", "check that the mirror has the suite 'focal'"),
    ],
)
def test_what_mmdebstrap_says_is_told_with_what_helps(
    site: Site, monkeypatch: pytest.MonkeyPatch, line: str, hint: str
) -> None:
    def fail(argv: list[str], **_: object) -> None:
        raise CommandFailedError(argv, 25, ["I: running apt-get update...", line])

    keyring(site)
    monkeypatch.setattr(bootstraps, "run", fail)
    with pytest.raises(MachineError) as caught:
        make(FOCAL, site)
    assert line in caught.value.why
    assert hint in caught.value.hint
    assert "to replay it: mmdebstrap" in caught.value.hint


def test_a_mirrors_password_is_not_told(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(argv: list[str], **options: object) -> None:
        raise CommandFailedError(
            argv, 1, ["E: cannot fetch http://me:secret@mirror.example/x?k=secret"]
        )

    monkeypatch.setattr(bootstraps, "run", fail)
    with pytest.raises(MachineError) as caught:
        make(replace(SPEC, mirror="http://me:secret@mirror.example/debian"), site)
    told = f"{caught.value} {caught.value.hint}"
    assert "mirror.example" in told
    assert "secret" not in told

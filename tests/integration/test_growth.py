"""A catalog grows: a version is found, verified, tried on paper, and only then written down."""

from __future__ import annotations

import datetime
import json
import shutil
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from typer.testing import CliRunner

from ingot import catalog, new_versions, pipeline
from ingot.cli.main import app
from ingot.digest import Digest
from ingot.errors import MachineError, UserError
from ingot.new_versions import find_newer, plan_addition
from ingot.progress import Progress, Silent
from ingot.source.candidates import NoneServedError
from ingot.source.origin import Archive
from ingot.source.origins import ORIGINS, OriginRow, deciding
from ingot.source.releases import Release
from ingot.source.transfer.tarball_compression import TarballCompression
from ingot.version import KernelVersion
from tests.support.houses import House
from tests.support.places import FAKE_TREE

TODAY = datetime.date(2026, 11, 23)
README = "# Mine\n\n<!-- kernels: begin -->\n<!-- kernels: end -->\n\nThe end.\n"


@dataclass
class Upstream:
    """An origin with the releases a test has put there, each a variant of the fake tree."""

    directory: Path
    name: str = "debian"
    trust: str = "debian, by a test"
    tells_ends: bool = True
    ended: bool = False
    tarballs: dict[KernelVersion, Path] = field(default_factory=dict)

    def release(self, patch: int, **changes: str) -> None:
        """Pack a release 6.1.<patch>; `changes` are what is added to files of its tree."""
        version = KernelVersion.parse(f"6.1.{patch}")
        tree = self.directory / f"linux-{version}"
        shutil.copytree(FAKE_TREE, tree)
        makefile = tree / "Makefile"
        makefile.write_text(makefile.read_text().replace("SUBLEVEL = 999", f"SUBLEVEL = {patch}"))
        for name, text in changes.items():
            with (tree / name).open("a") as file:
                file.write(text)
        tarball = tree.with_suffix(f".{patch}.tar.xz")
        words = ["tar", "--mtime=@1700000000", "-C", str(self.directory), "-cJf", str(tarball)]
        subprocess.run([*words, tree.name], check=True)
        self.tarballs[version] = tarball

    def list_only(self, patch: int) -> None:
        """List a release 6.1.<patch> whose file is not there yet."""
        self.tarballs[KernelVersion.parse(f"6.1.{patch}")] = self.directory / "none"

    def listed(self, downloads: Path, progress: Progress) -> tuple[Release, ...]:
        versions = sorted(self.tarballs, reverse=True)
        return tuple(Release(version, (self,), self.ended) for version in versions)

    def fetch(
        self, version: KernelVersion, downloads: Path, expected: Digest | None, progress: Progress
    ) -> Archive:
        if not self.tarballs.get(version, Path("none")).exists():
            raise MachineError(f"does not have linux {version}")
        path = self.tarballs[version]
        digest, evidence = Digest.of_file(path), "signed by a test"
        return Archive(
            path, digest, self.name, "http://x", evidence, TarballCompression.XZ, trust=self.trust
        )


@pytest.fixture
def upstream(house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Upstream:
    directory = tmp_path / "upstream"
    directory.mkdir()
    upstream = Upstream(directory)
    monkeypatch.setattr(new_versions, "origins_of", lambda _: [upstream])
    monkeypatch.setattr(new_versions, "indexes_of", lambda _: [upstream])
    (house.root / "README.md").write_text(README)
    return upstream


def test_a_version_is_added_with_the_digest_of_its_source(house: House, upstream: Upstream) -> None:
    upstream.release(1000)
    before = (house.kernels / "kernels.toml").read_text()
    addition = plan_addition(house.setting(), "6.1.1000", Silent())
    assert (house.kernels / "kernels.toml").read_text() == before  # not yet
    addition.proposal.write()
    new = [k for k in catalog.load(house.kernels).kernels if str(k.version) == "6.1.1000"]
    assert new[0].pins == {"debian": Digest.of_file(upstream.tarballs[new[0].version])}
    assert [c.kernel.tag for c in addition.configs] == [kernel.tag for kernel in new]
    assert "6.1.1000" in (house.root / "README.md").read_text()
    assert (house.root / "README.md").read_text().endswith("\n\nThe end.\n")


def test_the_difference_is_a_few_lines(house: House, upstream: Upstream) -> None:
    upstream.release(1000)
    lines = plan_addition(house.setting(), "6.1.1000", Silent()).proposal.diff().splitlines()
    changed = [line for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---")]
    assert 0 < len(changed) < 10
    assert any("6.1.1000" in line for line in changed)


def test_what_was_added_builds(house: House, upstream: Upstream) -> None:
    upstream.release(1000)
    plan_addition(house.setting(), "6.1.1000", Silent()).proposal.write()
    result = house.ingot("build", "6.1.1000")
    assert result.returncode == 0, result.stderr
    assert "kernel-bin:6.1.1000" in house.layout.tags()


def test_a_series_means_the_newest_that_can_be_had(house: House, upstream: Upstream) -> None:
    upstream.release(1000)
    upstream.release(1001)
    upstream.list_only(1002)
    addition = plan_addition(house.setting(), "6.1", Silent())
    assert str(addition.source.version) == "6.1.1001"


def test_what_the_catalog_has_is_not_added_in_place_of_a_newer_release(
    house: House, upstream: Upstream
) -> None:
    upstream.release(998)
    upstream.release(999)
    upstream.list_only(1000)
    with pytest.raises(NoneServedError, match=r"nothing newer than 6\.1\.999 is served") as raised:
        plan_addition(house.setting(), "6.1", Silent())
    assert "linux 6.1.1000" in raised.value.why
    assert "6.1.998" not in raised.value.why


def test_a_list_that_is_behind_the_catalog_adds_nothing(house: House, upstream: Upstream) -> None:
    upstream.release(998)
    with pytest.raises(NoneServedError, match=r"newer than 6\.1\.999, which the catalog has"):
        plan_addition(house.setting(), "6.1", Silent())


def test_update_says_that_nothing_newer_is_served(
    house: House, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in house.environment().items():
        monkeypatch.setenv(name, value)
    upstream.release(999)
    upstream.list_only(1000)
    before = (house.kernels / "kernels.toml").read_text()
    done = CliRunner().invoke(app, ["update", "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["added"] == []
    assert "nothing newer than 6.1.999 is served" in done.stderr
    assert (house.kernels / "kernels.toml").read_text() == before


def test_options_that_are_new_are_told_with_their_default(house: House, upstream: Upstream) -> None:
    option = '\nconfig BRAND_NEW\n\tbool "Something brand new"\n\tdefault y\n'
    upstream.release(1000, Kconfig=option)
    news = plan_addition(house.setting(), "6.1.1000", Silent()).new_options
    assert news is not None
    assert str(news.before) == "6.1.999"
    (new,) = news.options
    assert (new.option.name, new.fallback, new.value) == ("BRAND_NEW", "y", "n")
    assert new.arches == ("x86_64",)


def test_a_version_that_is_there_is_not_added_again(house: House, upstream: Upstream) -> None:
    with pytest.raises(UserError, match=r"has 6\.1\.999 already"):
        plan_addition(house.setting(), "6.1.999", Silent())


def test_nothing_is_written_if_a_config_is_not_as_asked(house: House, upstream: Upstream) -> None:
    upstream.release(1000)
    house.fragment("vmm/firecracker", "CONFIG_NOT_THERE=y")
    with pytest.raises(UserError, match="NOT_THERE"):
        plan_addition(house.setting(), "6.1.1000", Silent())
    assert "6.1.1000" not in (house.kernels / "kernels.toml").read_text()


def test_find_newer_reports_what_is_newer_and_what_has_ended(
    house: House, upstream: Upstream
) -> None:
    upstream.release(1000)
    upstream.ended = True
    (status,) = find_newer(house.setting().project, [], TODAY, Silent())
    assert str(status.have) == "6.1.999"
    assert status.newest is not None and str(status.newest.version) == "6.1.1000"
    assert status.ended


def test_add_shows_the_difference_or_writes_it(
    house: House, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in house.environment().items():
        monkeypatch.setenv(name, value)
    upstream.release(1000, Kconfig='\nconfig BRAND_NEW\n\tbool "Something brand new"\n')
    file = house.kernels / "kernels.toml"
    before = file.read_text()
    dry = CliRunner().invoke(app, ["add", "6.1", "--dry-run"])
    assert dry.exit_code == 0, dry.output
    assert "would add linux 6.1.1000" in dry.stdout
    assert '+[series."6.1".versions."6.1.1000".sha256]' in dry.stdout
    assert "BRAND_NEW" in dry.stdout
    assert file.read_text() == before
    done = CliRunner().invoke(app, ["add", "6.1.1000", "--json"])
    assert done.exit_code == 0, done.output
    document = json.loads(done.stdout)
    assert document["dry_run"] is False
    assert document["paths"] == [str(file), str(house.root / "README.md")]
    assert [new["option"] for new in document["new_options"]] == ["BRAND_NEW"]
    assert '"6.1.1000"' in file.read_text()


def test_update_adds_the_newest_and_warns_of_the_end(
    house: House, upstream: Upstream, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in house.environment().items():
        monkeypatch.setenv(name, value)
    upstream.release(1000)
    upstream.release(1001)
    upstream.ended = True
    file = house.kernels / "kernels.toml"
    before = file.read_text()
    dry = CliRunner().invoke(app, ["update", "--dry-run"])
    assert dry.exit_code == 0, dry.output
    assert "6.1.1001 is new" in dry.stderr
    assert "6.1 is no longer maintained" in dry.stderr
    assert file.read_text() == before
    done = CliRunner().invoke(app, ["update", "6.1"])
    assert done.exit_code == 0, done.output
    versions = [str(kernel.version) for kernel in catalog.load(house.kernels).kernels]
    assert versions == ["6.1.999", "6.1.1001"]
    again = CliRunner().invoke(app, ["update", "--json"])
    assert json.loads(again.stdout)["added"] == []


def test_a_new_origin_is_one_row(
    house: House, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With no other change, releases of it are listed, verified, added, and built from."""
    (tmp_path / "attic").mkdir()
    attic = Upstream(tmp_path / "attic", name="attic", trust="attic, by a test")
    attic.release(1000)
    monkeypatch.setitem(ORIGINS, "attic", OriginRow(lambda _: attic, index=lambda made: made))
    file = house.kernels / "kernels.toml"
    file.write_text(file.read_text().replace('order = ["debian"]', 'order = ["attic"]'))
    file.write_text(file.read_text().replace("debian = ", "attic = "))

    plan_addition(house.setting(), "6.1", Silent()).proposal.write()

    setting = house.setting()
    (kernel,) = setting.project.catalog.select(["6.1.1000"])
    assert kernel.pins == {"attic": Digest.of_file(attic.tarballs[kernel.version])}
    assert deciding(setting.project.catalog) == {"attic": ((), attic.trust)}
    assert pipeline.obtain_source(setting, kernel, Silent()).origin == "attic"
    assert pipeline.build(setting, kernel, Silent()).images


def test_an_origin_that_has_no_row_is_named(house: House) -> None:
    file = house.kernels / "kernels.toml"
    file.write_text(file.read_text().replace('order = ["debian"]', 'order = ["attic", "debian"]'))
    with pytest.raises(UserError, match="does not know: attic") as raised:
        plan_addition(house.setting(), "6.1.1000", Silent())
    assert "kernel.org, debian, git" in raised.value.hint

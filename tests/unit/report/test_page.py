"""The page: all that is known is on it, nothing is loaded, and what images say stays text."""

from __future__ import annotations

import base64
import dataclasses
import hashlib
import json
import re
from html.parser import HTMLParser

import pytest

from ingot.catalog import Catalog
from ingot.cli.report_document import report_document
from ingot.report import KernelEntry, Omission, Report, render_page
from ingot.size_map import SizeMap
from tests.support.reports import PROFILE, TODAY, found, report

VOID = {"meta", "link", "input", "br"}
HOSTILE = "</script></style><script>alert(1)</script>\"'&<img src=x onerror=alert(1)>{{ 7*7 }}"


class Reader(HTMLParser):
    """The elements of a page, its ids, its texts; elements that do not nest are an error."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.feed(page)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs), f"{tag} has an attribute twice"
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] not in ("style", "script"):
            self.texts.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.texts).split()).replace("\N{NO-BREAK SPACE}", " ")

    def values(self, attribute: str) -> list[str]:
        return [attrs[attribute] or "" for _, attrs in self.elements if attribute in attrs]

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attrs for name, attrs in self.elements if name == tag]


@pytest.fixture
def full(small: Catalog) -> Report:
    return report(
        small,
        found(),
        found("6.1.176", "6.1.176-minimal-arm64", arch="arm64", profile=None),
        found("5.10.262", config=None, size_map=None, profile=None),
        found("4.19.325"),
    )


def changed(full: Report, **changes: object) -> Report:
    """The report of one kernel, which says something else."""
    entry: KernelEntry = dataclasses.replace(full.entries[0], **changes)  # type: ignore[arg-type]
    return dataclasses.replace(full, entries=(entry,))


def test_the_page_is_well_formed_and_its_links_lead_somewhere(full: Report) -> None:
    page = Reader(render_page(full, TODAY))
    ids = page.values("id")
    assert len(ids) == len(set(ids))
    links = [link.removeprefix("#") for link in page.values("href") if link.startswith("#")]
    assert set(links) <= set(ids)
    assert {f"kernel-{entry.digest.short}" for entry in full.entries} <= set(links)
    assert set(page.values("aria-labelledby")) <= set(ids)


def test_nothing_is_loaded_from_anywhere(full: Report) -> None:
    text = render_page(full, TODAY)
    page = Reader(text)
    assert "http:" not in text and "https:" not in text and "@import" not in text
    assert "url(" not in text
    assert page.values("src") == page.values("srcset") == page.values("action") == []
    assert all(link.startswith(("#", "data:")) for link in page.values("href"))
    (policy,) = [attrs["content"] or "" for attrs in page.of("meta") if "http-equiv" in attrs]
    assert policy.startswith("default-src 'none';")
    (script,) = re.findall(r"<script>(.*?)</script>", text, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in policy
    assert not [name for _, attrs in page.elements for name in attrs if name.startswith("on")]


def test_the_same_report_gives_the_same_page(full: Report) -> None:
    assert render_page(full, TODAY) == render_page(full, TODAY)


def text_of(shown: Report) -> str:
    return Reader(render_page(shown, TODAY)).text


@pytest.mark.parametrize(
    "told",
    [
        "6.1.176 default",
        "as of 23 November 2026",
        "90.0 ms",
        "24.0 MiB",
        "console=ttyS0 quiet",
        "3 options (1 built in, 1 as modules, 1 values)",
        "1.5 KiB (3.9 KiB compressed)",
        "acpi_init",
        "setup 60.0 ms 66.7%",
        "arch/x86/kernel 400 B 26.7%",
        "fs/xfs/xfs.ko 900 B 92.3%",
        "4 options: IPVS , NFS , VETH , VIRTIO",
    ],
)
def test_what_is_known_of_a_kernel_is_told(small: Catalog, told: str) -> None:
    config = "CONFIG_A=y\nCONFIG_B=m\nCONFIG_C=5\n"
    assert told in text_of(report(small, found(config=config)))


def test_names_and_digests_are_whole(full: Report) -> None:
    text = text_of(full)
    for entry in full.entries:
        assert f"flintlock-kernel@{entry.digest}" in text
        assert str(entry.facts.recipe_key) in text
        assert all(tag in text for tag in entry.tags)


def test_of_a_registry_images_are_named_as_they_are_pulled(full: Report) -> None:
    there = dataclasses.replace(full, registry="ghcr.io/acme")
    assert "Kernels of ghcr.io/acme" in text_of(there)
    assert f"ghcr.io/acme/flintlock-kernel@{full.entries[0].digest}" in text_of(there)


def test_what_has_ended_is_marked_and_what_is_unknown_is_said(small: Catalog) -> None:
    ended = text_of(report(small, found("4.19.325")))
    assert "2024-12-05 ended" in ended and "No longer maintained 4.19" in ended
    undated = Reader(render_page(report(small, found("4.19.325")))).text
    assert "ended" not in undated and "as of" not in undated
    assert "Maintained until unknown" in text_of(report(small, found("7.3.1")))


def test_an_old_image_says_what_is_not_known(small: Catalog) -> None:
    old = report(small, found(config=None, size_map=None, profile=None))
    page = Reader(render_page(old, TODAY))
    assert "built by an older Ingot" in page.text
    assert "the image does not record its config" in page.text
    assert "Where the modules" not in page.text and "Where boot time goes" not in page.text
    assert "To init" not in page.text.partition("How to read this page")[0]
    assert not [attrs for attrs in page.of("div") if attrs.get("class") == "box"]


@pytest.mark.parametrize(
    "size_map",
    [SizeMap({}, {}), SizeMap({"": 0, "net": 0}, {"net/a.ko": 0}), SizeMap({"": 1 << 40}, {})],
)
def test_odd_sizes_do_not_break_the_page(small: Catalog, size_map: SizeMap) -> None:
    assert "6.1.176" in text_of(report(small, found(size_map=size_map), found("6.1.9")))


def test_a_boot_of_no_time_does_not_break_the_page(small: Catalog) -> None:
    nothing = dataclasses.replace(PROFILE, instructions=0, phases=(), initcalls=())
    assert "0 µs" in text_of(report(small, found(profile=nothing), found("6.1.9", profile=nothing)))


def test_kernels_that_differ_in_one_thing_have_parts_of_their_own(small: Catalog) -> None:
    twins = report(small, found("6.1.176", "6.1.176"), found("6.1.176", "6.1.176-x86_64"))
    page = Reader(render_page(twins))
    assert len([one for one in page.values("id") if one.startswith("kernel-")]) == 2


def test_of_many_kernels_only_the_first_is_unfolded(small: Catalog) -> None:
    def unfolded(count: int) -> int:
        images = [found(f"6.1.{number}") for number in range(1, count + 1)]
        page = Reader(render_page(report(small, *images)))
        return len([attrs for attrs in page.of("details") if "open" in attrs])

    assert (unfolded(1), unfolded(6), unfolded(7)) == (1, 6, 1)


def test_what_was_left_out_is_told(full: Report) -> None:
    odd = dataclasses.replace(full, omissions=(Omission("flintlock-kernel:odd", "it is <odd>"),))
    assert "flintlock-kernel:odd : it is <odd>" in text_of(odd)
    assert "Left out" not in text_of(full)


# What images say of themselves


def test_hostile_texts_stay_texts(full: Report) -> None:
    entry = full.entries[0]
    hostile = changed(
        full,
        flavor=HOSTILE,
        tags=(HOSTILE,),
        facts=dataclasses.replace(entry.facts, command_line=HOSTILE),
        size_map=SizeMap({HOSTILE: 5, f"net/{HOSTILE}": 7}, {}),
        modules={f"fs/{HOSTILE}.ko": 5},
        support={"firecracker": HOSTILE},
        profile=dataclasses.replace(
            PROFILE,
            machine=HOSTILE,
            emulator=HOSTILE,
            command_line=HOSTILE,
            phases=(dataclasses.replace(PROFILE.phases[0], name=HOSTILE),),
            initcalls=(dataclasses.replace(PROFILE.initcalls[0], name=HOSTILE),),
        ),
    )
    hostile = dataclasses.replace(
        hostile, registry=HOSTILE, omissions=(Omission(HOSTILE, HOSTILE),)
    )
    page = Reader(render_page(hostile, TODAY))
    assert len(page.of("script")) == len(page.of("style")) == 1
    assert page.of("img") == []
    assert page.text.count("{{ 7*7 }}") > 10
    names = {name for _, attrs in page.elements for name in attrs}
    assert not [name for name in names if name.startswith("on")]
    assert json.dumps(report_document(hostile, TODAY))


def test_what_cannot_be_seen_does_not_change_how_other_text_looks(full: Report) -> None:
    """A control of direction would show a name the other way round (UAX #9)."""
    unseen = "evil\u202eexe.lanretxe\u200b\x1b[2J\ud800"
    report = dataclasses.replace(
        changed(full, flavor=unseen, tags=(unseen,), modules={f"fs/{unseen}.ko": 5}),
        registry=unseen,
        omissions=(Omission(unseen, unseen),),
    )
    text = render_page(report, TODAY)
    assert not {"\u202e", "\u200b", "\x1b", "\ud800"} & set(text)
    assert "evil\ufffdexe" in text


def test_a_hostile_directory_cannot_leave_its_style_or_class(full: Report) -> None:
    page = Reader(render_page(changed(full, size_map=SizeMap({'x" onx="1;color:red': 5}, {}))))
    styles = [style for style in page.values("style") if "--x" in style]
    assert styles and all(re.fullmatch(r"(--[xywhXYWH]:[\d.]+;?){8}", style) for style in styles)


# The data behind it


def test_the_document_has_all_of_it_in_plain_values(full: Report) -> None:
    document = json.loads(json.dumps(report_document(full, TODAY)))
    assert (document["registry"], document["date"]) == (None, "2026-11-23")
    first, _, old, ended = document["kernels"]
    assert (first["version"], first["series"], first["flavor"]) == ("6.1.176", "6.1", "default")
    assert (first["kernel_size"], first["kernel_layer_size"]) == (1500, 4000)
    assert (first["modules_size"], first["modules_layer_size"]) == (975, 800)
    assert len(first["modules"]) == 3
    assert first["option_counts"] == {"built_in": 1, "as_modules": 1, "other": 1}
    assert first["vmm_support"][0] == {
        "name": "firecracker",
        "ok": True,
        "asked": 1,
        "missing": [],
        "reason": None,
    }
    missing = {one["name"]: one["missing"] for one in first["feature_support"]}
    assert missing["kubernetes"] == ["IPVS", "NFS"]
    assert {"name": "drivers/net", "size": 500} in first["directories"]
    assert first["profile"]["instructions"] == 90_000_000
    assert first["ended"] is None  # the catalog does not say when
    assert (old["directories"], old["profile"], old["option_counts"]) == (None,) * 3
    assert old["kernel_size"] is None
    assert (old["ended"], ended["ended"], ended["end_of_life"]) == (False, True, "2024-12-05")

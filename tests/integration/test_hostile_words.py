"""Images whose labels, tags and files are named to move a terminal: what verbs show of them."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass

import click
import pytest

from ingot.cli.main import app
from ingot.cli.shared.terminal import Terminal, print_error
from ingot.errors import IngotError, system_error
from ingot.oci import read_image, write_image, write_layer
from ingot.oci.layer_entry import file_entry
from tests.support.houses import House

EVIL = "[/x]\x1b[2J\x1b]0;title\x07\u202e\u200b\nforged: all is well"
SHOWN = "[/x]\ufffd\ufffd\ufffd\ufffd forged: all is well"
TAG = "kernel-bin:evil"


@pytest.fixture
def evil(house: House) -> House:
    """A store with an image of Ingot's form, all of whose texts are hostile."""
    built = house.build()
    layout = house.layout
    (good,) = [image for image in built.images if image.tag.startswith("kernel-bin:6.1.999")][:1]
    image = read_image(layout, layout.tags()[good.tag])
    labels = {**image.labels, "evil": EVIL, EVIL: "x", "org.opencontainers.image.title": EVIL}
    path = house.root / "file"
    path.write_text("kernel")
    layers = [write_layer(layout, [file_entry("boot/\x1b[31mvmlinux[/y]", path)], 0)]
    hostile = write_image(layout, layers, image.platform, labels, labels, 0)
    layout.tag({TAG: hostile, "kernel-bin:zzz": hostile})
    index = layout.root / "index.json"
    index.write_text(index.read_text().replace("kernel-bin:zzz", "kernel-bin:[/z]"))
    return house


@dataclass(frozen=True, slots=True)
class Shown:
    """Runs commands in this process, which is much quicker than a process for each."""

    capsys: pytest.CaptureFixture[str]

    def __call__(self, *words: str) -> str:
        """All that a command prints. Whatever else it ends with than an error is raised."""
        try:
            app(list(words), prog_name="ingot", standalone_mode=False)
        except (IngotError, OSError) as error:
            told = system_error(error) if isinstance(error, OSError) else error
            print_error(Terminal(stderr=True), told)
        except click.exceptions.Exit:
            pass
        return "".join(self.capsys.readouterr())


@pytest.fixture
def show(evil: House, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shown:
    for name, value in evil.environment().items():
        monkeypatch.setenv(name, value)
    capsys.readouterr()
    return Shown(capsys)


VERBS = (
    ("inspect", TAG),
    ("inspect", TAG, "--files"),
    ("inspect", TAG, "--packages"),
    ("inspect", "kernel-bin:[/z]"),
    ("inspect", EVIL),
    ("diff", TAG, "kernel-bin:6.1.999"),
    ("diff", "kernel-bin:6.1.999", TAG),
    ("require", TAG, "--option", "FUSE_FS"),
    ("require", "kernel-bin:[/z]", "--option", "FUSE_FS"),
    ("boot", TAG),
    ("boot", "nothing[/x]:\x1b[2J"),
    ("config", "diff", TAG, "kernel-bin:6.1.999"),
    ("export", TAG, "--to", "/proc/[/x]\x1b[2J"),
    ("list",),
    ("images",),
    ("images", EVIL),
    ("rm", TAG, "--dry-run"),
    ("rm", EVIL, "--dry-run"),
    ("boot", TAG, "--list-checks"),
    ("report", "--to", "/proc/[/x]\x1b[2J"),
)


def test_no_verb_lets_a_word_through(show: Shown, monkeypatch: pytest.MonkeyPatch) -> None:
    for terminal in (False, True):
        if terminal:
            for name, value in {"FORCE_COLOR": "1", "TERM": "xterm", "COLUMNS": "300"}.items():
                monkeypatch.setenv(name, value)
        for verb in VERBS:
            text = show(*verb)
            for harm in ("\x1b[2J", "\x1b]0", "\x1b[31mvmlinux", "\u202e", "\u200b", "\x07"):
                assert harm not in text, (verb, harm)
            assert not any(line.startswith("forged") for line in text.splitlines()), verb
        shown = show("inspect", TAG, "--files")
        assert SHOWN in shown
        assert "boot/\ufffdvmlinux[/y]" in shown
    document = json.loads(show("inspect", TAG, "--json", "--files"))
    assert document["labels"]["evil"] == EVIL
    assert document["files"][-1]["name"] == "boot/\x1b[31mvmlinux[/y]"


def test_a_terminal_of_few_letters_is_no_traceback(evil: House) -> None:
    done = subprocess.run(
        evil.command("inspect", TAG),
        env={**evil.environment(), "PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert b"forged" in done.stdout

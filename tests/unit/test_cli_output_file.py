"""Results go where the user said: into a file, a device, a pipe, or to standard output."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest

from ingot.cli.shared.output_file import (
    is_standard_output,
    require_output_directory,
    require_output_file,
    write_output,
)
from ingot.errors import MachineError, UserError


def test_a_file_is_written_and_replaced(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    for data in (b"first", b"second"):
        require_output_file(path)
        write_output(path, data)
        assert path.read_bytes() == data
    assert list(tmp_path.iterdir()) == [path]


def test_a_dash_is_standard_output(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    monkeypatch.chdir(tmp_path)
    require_output_file(Path("-"))
    write_output(Path("-"), b"data\n")
    assert capfdbinary.readouterr().out == b"data\n"
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"])
def test_other_names_of_standard_output_are_standard_output(
    name: str, capfdbinary: pytest.CaptureFixture[bytes]
) -> None:
    require_output_file(Path(name))
    assert is_standard_output(Path(name))
    write_output(Path(name), b"one\n")
    write_output(Path(name), b"two\n")
    assert capfdbinary.readouterr().out == b"one\ntwo\n"


def test_a_named_pipe_is_written_to_and_stays(tmp_path: Path) -> None:
    path = tmp_path / "pipe"
    os.mkfifo(path)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(path.read_bytes()))
    reader.start()
    require_output_file(path)
    write_output(path, b"data")
    reader.join()
    assert read == [b"data"]
    assert stat.S_ISFIFO(path.lstat().st_mode)


def test_a_device_is_written_to_and_stays(tmp_path: Path) -> None:
    device = tmp_path / "full"
    device.symlink_to("/dev/full")
    require_output_file(device)
    with pytest.raises(MachineError, match="no space left"):
        write_output(device, b"data")
    assert device.is_char_device()
    write_output(Path("/dev/null"), b"data")
    assert Path("/dev/null").is_char_device()


def test_a_link_still_leads_to_its_file(tmp_path: Path) -> None:
    (tmp_path / "pages").mkdir()
    link, target = tmp_path / "latest.html", tmp_path / "pages" / "1.html"
    link.symlink_to(target)
    for data in (b"new", b"newer"):
        require_output_file(link)
        write_output(link, data)
        assert link.is_symlink()
        assert target.read_bytes() == data


def test_an_open_file_without_a_name_is_written_to(tmp_path: Path) -> None:
    path = tmp_path / "gone"
    with path.open("w+b") as file:
        path.unlink()
        write_output(Path(f"/dev/fd/{file.fileno()}"), b"data")
        assert file.read() == b"data"
    assert not list(tmp_path.iterdir())


def test_a_missing_directory_is_not_made(tmp_path: Path) -> None:
    path = tmp_path / "pagse" / "page.html"
    with pytest.raises(UserError, match="there is no directory") as refused:
        require_output_file(path)
    assert refused.value.hint.endswith(f"mkdir -p {path.parent}")
    with pytest.raises(UserError):
        write_output(path, b"data")
    with pytest.raises(UserError, match="there is no directory"):
        require_output_directory(path, "--to")
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_written_is_refused_before_the_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(UserError, match="is a directory"):
        require_output_file(tmp_path)
    monkeypatch.setattr(os, "access", lambda *_: False)  # root may write everywhere
    with pytest.raises(MachineError, match="cannot be written"):
        require_output_file(tmp_path / "page.html")
    with pytest.raises(MachineError, match="cannot be written"):
        require_output_directory(tmp_path / "files", "--to")


def test_a_directory_for_files_is_new_and_not_standard_output(tmp_path: Path) -> None:
    require_output_directory(tmp_path / "files", "--to")
    with pytest.raises(UserError, match="exists already"):
        require_output_directory(tmp_path, "--to")
    with pytest.raises(UserError, match="--output needs a directory"):
        require_output_directory(Path("-"), "--output")

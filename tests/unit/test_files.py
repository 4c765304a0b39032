"""Files are written completely or not at all, also where two processes write one file."""

import ast
import errno
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from strokeclock import files
from strokeclock.files import replacing, replacing_folder, write_whole


def test_writes_text_as_utf8_and_bytes_as_they_are(tmp_path):
    write_whole(tmp_path / "made/here/a.txt", "3 µm\n")
    assert (tmp_path / "made/here/a.txt").read_bytes() == "3 µm\n".encode()
    write_whole(tmp_path / "b.bin", b"\x00\xff")
    assert (tmp_path / "b.bin").read_bytes() == b"\x00\xff"


def test_the_file_beside_has_the_suffixes_that_writers_need(tmp_path):
    with replacing(tmp_path / "t2w.nii.gz") as beside:
        assert beside.name.endswith(".nii.gz")
        beside.touch()


def test_an_error_leaves_the_file_as_it_was_and_nothing_beside(tmp_path):
    path = tmp_path / "a.txt"
    write_whole(path, "old")
    with pytest.raises(UnicodeEncodeError), replacing(path) as beside:
        beside.write_text("half \ud800", encoding="utf-8")
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["a.txt"]


def test_what_is_replaced_is_kept_where_asked(tmp_path):
    for content in ("first", "second"):
        write_whole(tmp_path / "a.txt", content, before=tmp_path / "b.txt")
    assert [(tmp_path / name).read_text() for name in ("a.txt", "b.txt")] == ["second", "first"]


def test_of_several_writers_one_file_stays_whole(tmp_path):
    path = tmp_path / "a.bin"
    contents = [bytes([number]) * 2_000_000 for number in range(4)]
    with ThreadPoolExecutor(4) as threads:
        for _ in range(10):
            list(threads.map(lambda content: write_whole(path, content), contents))
            assert path.read_bytes() in contents
    assert os.listdir(tmp_path) == ["a.bin"]


def test_a_folder_appears_whole_or_not_at_all(tmp_path):
    folder = tmp_path / "made/here"
    for content in ("first", "second"):
        with replacing_folder(folder) as beside:
            (beside / content).mkdir()
        assert os.listdir(folder) == [content]
    with pytest.raises(FileExistsError), replacing_folder(folder) as beside:
        os.makedirs(beside)
    assert os.listdir(folder) == ["second"]
    assert os.listdir(tmp_path / "made") == ["here"]


def test_two_writers_of_a_folder_leave_one_of_theirs(tmp_path):
    def write(name):
        with replacing_folder(tmp_path / "folder") as beside:
            (beside / name).touch()

    with ThreadPoolExecutor(4) as threads:
        for _ in range(50):
            list(threads.map(write, "abcd"))
            assert len(os.listdir(tmp_path / "folder")) == 1
    assert os.listdir(tmp_path) == ["folder"]


def test_what_a_killed_writer_left_is_removed_by_the_next_one(tmp_path):
    program = (
        "import os, sys; from strokeclock.files import replacing\n"
        "with replacing(sys.argv[1]) as beside: beside.write_text('half'); os._exit(9)"
    )
    path = tmp_path / "a.txt"
    for _ in range(2):
        assert subprocess.run([sys.executable, "-c", program, path], check=False).returncode == 9
        assert len(os.listdir(tmp_path)) == 1
    with replacing(path) as running:
        running.write_text("the other one's")
        write_whole(path, "mine")
        assert running.exists()
    assert path.read_text() == "the other one's"
    assert os.listdir(tmp_path) == ["a.txt"]


SOURCE = Path(__file__).parents[2] / "src/strokeclock"


RENAMES = {"os.replace", "os.rename", "os.renames", "shutil.move"}


def renames(path):
    """Line numbers at which a module renames a file or a folder, or fetches a function that does."""
    for node in ast.walk(ast.parse(path.read_text())):
        match node:
            case ast.ImportFrom(module=module, names=names):
                if RENAMES & {f"{module}.{name.name}" for name in names}:
                    yield node.lineno
            case ast.Attribute() if ast.unparse(node) in RENAMES:
                yield node.lineno
            # Path's methods take one argument; those of texts, tables and dataclasses take more, or keywords
            case ast.Call(func=ast.Attribute(attr="replace" | "rename"), args=[_], keywords=[]):
                yield node.lineno


def test_one_module_renames_files():
    assert len(list(renames(SOURCE / "files.py"))) >= 2
    wrong = [
        f"{path.relative_to(SOURCE)}:{line}"
        for path in SOURCE.rglob("*.py")
        if path != SOURCE / "files.py"
        for line in renames(path)
    ]
    assert not wrong, "write through strokeclock.files"


@pytest.mark.parametrize(
    "line", ["os.replace(a, b)", "shutil.move(a, b)", "from os import rename", "a.replace(b)", "a.rename(b)"]
)
def test_every_way_of_renaming_is_found(tmp_path, line):
    path = tmp_path / "a.py"
    path.write_text(f"{line}\ntext.replace('a', 'b')\ntable.rename(columns=names)\nreplace(case, seed=1)\n")
    assert set(renames(path)) == {1}


def test_a_file_system_without_locks_is_said_to_have_none(tmp_path, monkeypatch, caplog):
    def refuse(number):
        def lockf(_file, _operation):
            raise OSError(number, "no")

        return lockf

    monkeypatch.setattr(files.fcntl, "lockf", refuse(errno.ENOLCK))
    with files.locked(tmp_path / "new/ledger.tsv"):
        pass
    assert "ledger.tsv: this file system has no locks: let only one process write it" in caplog.text
    monkeypatch.setattr(files.fcntl, "lockf", refuse(errno.EIO))
    with pytest.raises(OSError, match="no"), files.locked(tmp_path / "ledger.tsv"):
        pass

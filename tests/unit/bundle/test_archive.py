"""A bundle is used only where every one of its files is the one of its manifest."""

import hashlib
import json
import pickle
import zipfile

import pytest
from small_bundle import write_bundle

from strokeclock.bundle.archive import (
    FORMAT,
    MANIFEST,
    Archive,
    BundleError,
    dump_json,
    write_archive,
)
from strokeclock.bundle.model import open_bundle
from strokeclock.bundle.names import CONFIGURATION
from strokeclock.bundle.peek import find_toolchain

FILES = {"a.json": b'{"a": 1}\n', "folder/b.bin": bytes(range(256)) * 40, "empty": b""}


@pytest.fixture
def small(tmp_path):
    write_archive(tmp_path / "model.zip", FILES, facts={"name": "x"})
    return tmp_path / "model.zip"


def rezip(source, target, *, change=lambda name, content: content, more=()):
    """Write an archive anew with other contents; None leaves a file out."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w") as new:
        for name in old.namelist():
            if (content := change(name, old.read(name))) is not None:
                new.writestr(name, content)
        for name, content in more:
            new.writestr(name, content)
    return target


def test_what_was_written_is_read(small):
    archive = Archive(small)
    assert {name: archive.read(name) for name in archive.names()} == FILES
    assert archive.names("folder/") == ["folder/b.bin"]
    assert archive.manifest["name"] == "x"
    assert archive.sha256 == hashlib.sha256(small.read_bytes()).hexdigest()
    assert "a.json" in archive
    assert "c.json" not in archive


def test_the_same_content_gives_the_same_bytes(small, tmp_path):
    write_archive(tmp_path / "again.zip", dict(reversed(FILES.items())), facts={"name": "x"})
    assert (tmp_path / "again.zip").read_bytes() == small.read_bytes()


@pytest.mark.parametrize("name", [name for name in FILES if FILES[name]])
def test_a_changed_bit_is_refused(small, tmp_path, name):
    def flip(found, content):
        return bytes([content[0] ^ 1]) + content[1:] if found == name else content

    with pytest.raises(
        BundleError, match=rf"^Bundle x\.zip holds a {name} that is not the one of its manifest"
    ):
        Archive(rezip(small, tmp_path / "x.zip", change=flip))


def test_every_flipped_byte_of_the_file_is_noticed_or_harmless(small):
    """Whatever byte of the zip file is damaged: the files are as they were, or the bundle is refused."""
    whole = small.read_bytes()
    refused = 0
    for place in range(0, len(whole), 97):
        small.write_bytes(whole[:place] + bytes([whole[place] ^ 0x55]) + whole[place + 1 :])
        try:
            archive = Archive(small)
            assert {name: archive.read(name) for name in archive.names()} == FILES
        except BundleError:
            refused += 1
    assert refused > 20


@pytest.mark.parametrize("length", [0, 1, 100, 5000, -1])
def test_a_file_that_is_cut_off_is_refused(small, length):
    small.write_bytes(small.read_bytes()[:length])
    with pytest.raises(BundleError, match=r"^Bundle model\.zip .*: (copy it again|name a model\.zip)\.$"):
        Archive(small)


@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_refused(small, tmp_path, name):
    path = rezip(small, tmp_path / "x.zip", change=lambda found, content: None if found == name else content)
    with pytest.raises(BundleError, match=f"lacks {name}: copy it again"):
        Archive(path)


def test_a_file_that_the_manifest_does_not_name_is_refused(small, tmp_path):
    class Evil:
        def __reduce__(self):
            return (open, (str(tmp_path / "run"), "w"))

    path = rezip(small, tmp_path / "x.zip", more=[("data.pkl", pickle.dumps(Evil()))])
    with pytest.raises(BundleError, match=r"holds data\.pkl, which its manifest does not name"):
        Archive(path)
    assert not (tmp_path / "run").exists()


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_file_twice_is_refused(small, tmp_path):
    path = rezip(small, tmp_path / "x.zip", more=[("a.json", FILES["a.json"])])
    with pytest.raises(BundleError, match=r"holds a\.json twice"):
        Archive(path)


@pytest.mark.parametrize("change", [{"format": 0}, {"format": FORMAT + 1}, {"format": "1"}])
def test_another_format_is_refused(small, tmp_path, change):
    def rewrite(name, content):
        return dump_json(json.loads(content) | change) if name == MANIFEST else content

    with pytest.raises(
        BundleError, match=rf"format {change['format']} in manifest\.json, and .* reads {FORMAT}"
    ):
        Archive(rezip(small, tmp_path / "x.zip", change=rewrite))


@pytest.mark.parametrize("text", [b"", b"[]", b"{", b'{"kind": "other"}', b"[" * 100_000, b"\xff\xfe"])
def test_a_damaged_manifest_is_refused(small, tmp_path, text):
    path = rezip(small, tmp_path / "x.zip", change=lambda name, old: text if name == MANIFEST else old)
    with pytest.raises(BundleError, match=r"damaged manifest\.json"):
        Archive(path)


def test_other_files_are_no_bundle(tmp_path):
    (tmp_path / "model.pt").write_bytes(pickle.dumps({}))
    with pytest.raises(BundleError, match=r"^Bundle model\.pt is no bundle, or is damaged: copy it again\.$"):
        Archive(tmp_path / "model.pt")
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as other:
        other.writestr("readme.txt", "hello")
    with pytest.raises(BundleError, match="is no bundle of strokeclock"):
        Archive(tmp_path / "other.zip")
    with pytest.raises(BundleError, match=r"absent\.zip cannot be read \(No such file or directory\)"):
        Archive(tmp_path / "absent.zip")


def test_names_of_files_never_become_paths(tmp_path):
    write_archive(tmp_path / "model.zip", {"../../escape": b"x"}, facts={})
    archive = Archive(tmp_path / "model.zip")
    archive.extract("../../escape", tmp_path / "inside/file")
    assert (tmp_path / "inside/file").read_bytes() == b"x"
    assert not (tmp_path.parent / "escape").exists()


def test_a_whole_bundle_opens(bundle_path):
    bundle = open_bundle(bundle_path)
    assert bundle.facts["name"] == "small"
    assert bundle.facts["cohort"] == "50 phantoms"
    assert [str(row.row.scorer) for row in bundle.recipe.rows] == [
        "segmentation/phase3_tss4h5/3d",
        "segmentation/phase3_tss4h5/ratios",
    ]


def test_each_file_of_a_whole_bundle_is_needed(bundle_files, tmp_path):
    """Left out of the manifest too, so that only what needs it can notice."""
    for name in bundle_files:
        path = write_bundle(
            tmp_path / "m.zip", {key: one for key, one in bundle_files.items() if key != name}
        )
        with pytest.raises(BundleError, match=f"lacks {name}: export it again"):
            open_bundle(path)


@pytest.mark.parametrize(
    ("name", "content", "what"),
    [
        ("recipe.json", b"{}", "recipe.json that cannot be used"),
        ("recipe.json", b"null", "recipe.json that cannot be used"),
        ("summary.json", b'{"patients": NaN}', "summary.json that cannot be used"),
        ("configuration.json", b"[1]", "configuration.json that cannot be used"),
        ("configuration.json", b"!!python/object/apply:os.system [true]", "configuration.json that cannot"),
    ],
)
def test_a_file_that_is_none_of_its_kind_is_refused(bundle_files, tmp_path, name, content, what):
    """Its digest is right: the bundle was made by another program."""
    path = write_bundle(tmp_path / "m.zip", bundle_files | {name: content})
    with pytest.raises(BundleError, match=what):
        open_bundle(path)


@pytest.mark.parametrize(
    "change",
    [
        lambda recipe: recipe | {"more": 1},
        lambda recipe: recipe | {"rows": []},
        lambda recipe: recipe | {"series": "dwi"},
        lambda recipe: recipe | {"segmentation": None},
        lambda recipe: recipe | {"side": recipe["side"] | {"threshold": 2.0}},
        lambda recipe: recipe | {"side": recipe["side"] | {"margin": "1"}},
        lambda recipe: recipe | {"segmentation": recipe["segmentation"] | {"net": "../../etc"}},
    ],
)
def test_a_recipe_with_a_wrong_part_is_refused(bundle_files, tmp_path, change):
    recipe = change(json.loads(bundle_files["recipe.json"]))
    path = write_bundle(tmp_path / "m.zip", bundle_files | {"recipe.json": dump_json(recipe)})
    with pytest.raises(BundleError, match=r"holds a recipe\.json that cannot be used: export it again"):
        open_bundle(path)


def test_the_toolchain_is_read_without_opening_the_bundle(tmp_path):
    """On the machine that runs Snakemake, for the environment of its jobs."""
    path = tmp_path / "model.zip"
    assert find_toolchain(path) == "open"
    path.write_bytes(b"no zip")
    assert find_toolchain(path) == "open"
    for toolchain in ("fsl", "open"):
        content = dump_json({"preprocessing": {"toolchain": toolchain}})
        write_archive(path, {CONFIGURATION: content}, facts={})
        assert find_toolchain(path) == toolchain

"""What holds for every sheet of words, boxes and arrows."""

import itertools

import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg


@pytest.fixture(scope="session")
def read_sheet():
    """Check that no word is cut, covered or crossed by an arrow; return the words, line by line."""

    def read(figure):
        figure.set_dpi(200)  # as it is saved
        FigureCanvasAgg(figure).draw()
        (axis,) = figure.axes
        texts = [
            (text.get_text(), text.get_window_extent()) for text in axis.texts if text.get_text().strip()
        ]
        for words, box in texts:
            assert box.x0 > -2, words
            assert box.x1 < figure.bbox.x1 + 2, words
            assert box.y0 > -2, words
            assert box.y1 < figure.bbox.y1 + 2, words
        for (one, a), (other, b) in itertools.combinations(texts, 2):
            width, height = min(a.x1, b.x1) - max(a.x0, b.x0), min(a.y1, b.y1) - max(a.y0, b.y0)
            assert min(width, height) < 1, f"{one!r} and {other!r} lie over each other"
        for line in axis.lines:
            path = line.get_transform().transform_path(line.get_path())
            crossed = [
                words for words, box in texts if path.intersects_bbox(box.shrunk(0.9, 0.8), filled=False)
            ]
            assert not crossed
        return [words for words, _ in texts]

    return read


@pytest.fixture(scope="session")
def ends_of_arrows():
    """From where to where each arrow of a sheet goes, in points from the upper left: (x, y), (x, y)."""

    def ends(figure):
        (axis,) = figure.axes
        return [(tuple(line.get_xydata()[0]), tuple(line.get_xydata()[-1])) for line in axis.lines]

    return ends

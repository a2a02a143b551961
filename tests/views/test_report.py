"""The page: self-contained, true to the model, safe against hostile names, and readable in a real
browser."""

import json
import re
import shutil
import subprocess
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

pytest.importorskip("matplotlib")
pytest.importorskip("jinja2")

from wedgefit.cli import main
from wedgefit.data.table import read_table
from wedgefit.errors import TableError
from wedgefit.model.build import Options, train
from wedgefit.views import page as report
from wedgefit.views import pictures as plot
from wedgefit.views.explain import explain
from wedgefit.views.words import number
from wedgefit.watch import Silent

VOID = {"meta", "br", "link", "img", "input", "hr"}


class Outline(HTMLParser):
    """The tags and attributes of a page, its visible text, and whether every tag is closed in
    turn."""

    def __init__(self, page: str):
        super().__init__()
        self.tags, self.attributes, self.text, self._open = [], [], [], []
        self.feed(page)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes
        if tag not in VOID:
            self._open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += attributes

    def handle_endtag(self, tag):
        assert self._open.pop() == tag

    def handle_data(self, data):
        if self._open and self._open[-1] != "style":
            self.text.append(data)

    @property
    def words(self) -> str:
        return re.sub(r"\s+", " ", " ".join(self.text))


def write(path: Path, header: list[str], rows) -> Path:
    quoted = lambda cell: '"' + str(cell).replace('"', '""') + '"'
    path.write_text(
        "\n".join(",".join(map(quoted, row)) for row in [header, *rows]) + "\n", encoding="utf-8"
    )
    return path


def mixed_rows(rows: int = 50, names=("p{}",)):
    rng = np.random.default_rng(3)
    for k in range(rows):
        age, size, town = (
            rng.uniform(20, 80),
            rng.normal(5, 1),
            ("Bonn", "Köln", "Ulm")[rng.integers(3)],
        )
        gap = "" if k % 7 == 3 else f"{age:.2f}"
        yield (
            names[k % len(names)].format(k),
            gap,
            f"{size:.3f}",
            town,
            f"{abs(age - 45) / 10 + size + 2 * (town == 'Ulm'):.3f}",
        )


HEADER = ["who", "age", "size", "town", "y"]


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    table = read_table(
        write(tmp_path_factory.mktemp("page") / "d.csv", HEADER, mixed_rows()), id_column="who"
    )
    return train(table, Options(cv=3), Silent()), table


@pytest.fixture(scope="module")
def text(trained):
    return report.page(*trained, "my model.json")


def test_the_page_needs_nothing_from_elsewhere(text):
    outline = Outline(text)
    assert not {"script", "link", "iframe", "img", "object", "base"} & set(outline.tags)
    for name, value in outline.attributes:
        assert not name.startswith("on")
        if name in ("src", "href", "xlink:href", "srcset"):
            assert value.startswith(("#", "data:image/png;base64,")), (name, value[:60])
    assert "url(" not in re.sub(r"url\(#", "", text) and "@import" not in text
    assert "default-src 'none'" in text


def test_the_same_model_gives_the_same_page(trained, text, without_pictures):
    """But for the pictures, of which test_plot says so."""
    once, again = (report.page(*trained, "my model.json") for _ in range(2))
    assert once == again
    assert not re.search(r"20\d\d-\d\d-\d\d", text)


def test_the_page_says_what_the_model_is(trained, text):
    """Every term with its rows, every row with its cells, certificate, scores and commands are
    there."""
    model, table = trained
    words, record = Outline(text).words, explain(model)
    assert "Globally optimal among all" in words and f"{len(model.neurons)} neurons" in words
    for term in record["terms"]:
        assert term["hinge"]["text"] in words and term["where"] in words
    for sample in record["samples"]:
        assert sample["id"] in words
        assert table.columns["town"].values[table.row_ids.index(sample["id"])] in words
    assert "cross-validation" in words and "R²" in words and "±" in words
    assert (
        "wedgefit predict 'my model.json' new.csv" in words
        and "wedgefit certify 'my model.json' d.csv" in words
    )
    assert text.count("<svg") == len(plot.kinds_of(model, table)) >= 3


def test_a_prediction_is_worked_out_on_the_page(trained, text):
    """The step-by-step sum on the page ends at what the model predicts."""
    model, table = trained
    section = text[text.index("One prediction, step by step") :]
    section = section[: section.index("<details>")]
    cells = [
        float(cell.replace(",", ""))
        for cell in re.findall(r'<td class="n">(-?[\d.,e-]+)</td></tr>', section)
    ]
    assert cells[-1] == pytest.approx(model.predict(table)[0], rel=1e-3)
    assert sum(cells[:-1]) == pytest.approx(cells[-1], abs=2e-2)
    words = Outline(text).words
    assert "average" in words and f"Observed: {table.column('y').values[0]:.6g}" in words
    for effect in explain(model)["effects"]:
        assert " × ".join(effect["columns"]) in words and effect["words"] in words


def test_the_reader_chooses_the_row_and_sees_what_was_observed(trained, without_pictures):
    model, table = trained
    row, y = str(table.row_ids[7]), table.column("y").values
    words = Outline(report.page(model, table, row=row)).words
    off, usual = abs(y[7] - model.predict(table)[7]), abs(y[7] - y.mean())
    assert f"Observed: {y[7]:.6g}. The prediction is {number(off)} off;" in words
    assert f"the mean of the rows, {number(y.mean())}, {number(usual)}." in words
    with pytest.raises(TableError, match="there is no row"):
        report.page(model, table, row="nobody")


def test_scores_stand_beside_those_of_a_constant(trained, text):
    score = trained[0].score
    assert number(score.curve[0].scores["rmse"].mean) in Outline(text).words


NAMES = [
    "<script>alert(1)</script>",
    "q\"uo'te",
    "a & b &amp; {{ 7 * 7 }}",
    "line\nbreak",
    "right\u202eleft",
    "</style></svg><img src=x onerror=alert(1)>",
]


def test_hostile_names_and_rows_are_escaped(tmp_path, text):
    """Whatever a CSV file calls its columns, levels and rows, on the page it is text and nothing
    but text."""
    rng = np.random.default_rng(0)
    header = ["id", *NAMES, "y <i>"]
    rows = []
    for k in range(60):
        x = rng.normal(size=5).round(3).tolist()
        level = ("<b>bold</b>", "\u202edlob", "&lt;")[k % 3]
        rows.append(
            [
                f"{k}{NAMES[k % len(NAMES)]}",
                *x,
                level,
                round(sum(map(abs, x)) + 2 * (k % 3) + max(x[0] - x[1], 0), 3),
            ]
        )
    table = read_table(write(tmp_path / "bad.csv", header, rows), id_column="id")
    model = train(table, Options(alpha_ratio=0.01), Silent())
    harmless = set(Outline(text).tags)
    text = report.page(model, table, "<model>.json")
    outline = Outline(text)
    assert set(outline.tags) <= harmless | {"details", "summary", "use"}, "no tag comes from a name"
    assert not [name for name, _ in outline.attributes if name.startswith("on")]
    assert "\u202e" not in text and "\\u202e" in text
    assert "49" not in re.findall(r"a & b[^<]{0,12}", unescape(text))[0], "names are no templates"
    for name in NAMES[:3]:
        assert name in outline.words


@pytest.mark.parametrize("target", ["kind", "y"])
def test_pages_about_classes(target, tmp_path, without_pictures):
    rng = np.random.default_rng(2)
    X = rng.normal(size=(60, 2)).round(3)
    kinds = np.where(X[:, 0] > 0.3, "a", np.where(X[:, 1] > 0, "b", "c"))
    rows = (
        [[*x, kind] for x, kind in zip(X, kinds)]
        if target == "kind"
        else [[*x, "yes" if x[0] > x[1] else "no"] for x in X]
    )
    table = read_table(write(tmp_path / "c.csv", ["u", "v", target], rows))
    model = train(table, Options(alpha_ratio=0.05), Silent())
    words = Outline(report.page(model, table)).words
    assert "with probability" in words and "The prediction is" in words
    assert all(f"score of {output}" in words for output in model.outputs)


def certificate(scope, network):
    return {"scope": scope, "lower_bound": 0.25, "network_lower_bound": network}


def test_the_proof_claims_no_more_than_the_certificate():
    """Wedges are not all networks (norm 2), and the wedges that were priced are not all wedges."""
    assert report.proven_claim(certificate("exact", 0.125), deep=False).endswith(
        "and no network of this kind, of any size, below 0.12500000"
    )
    assert "network" not in report.proven_claim(certificate("exact", None), deep=False)
    sampled = report.proven_claim(certificate("sampled", 0.125), deep=True)
    assert "network" not in sampled and "priced" in sampled and "given the layers below" in sampled


def test_the_command_writes_the_page_whole(tmp_path, monkeypatch, trained, without_pictures):
    monkeypatch.chdir(tmp_path)
    write(Path("d.csv"), HEADER, mixed_rows())
    trained[0].save("wedgefit.json")

    def run(*args, code=0):
        done = CliRunner().invoke(main, ["report", *args])
        assert done.exit_code == code, done.output
        return done

    assert run("wedgefit.json", "d.csv").stderr == "Written to report.html.\n"
    assert Path("report.html").read_text(encoding="utf-8").startswith("<!")
    monkeypatch.setattr(report, "page", lambda *_, **__: "<html>")
    assert run("wedgefit.json", "d.csv", "-o", "-").stdout == "<html>"
    assert json.loads(run("d.csv", "-o", "p.html", "--json").stdout)["output"] == "p.html"
    assert "overwritten" in run("d.csv", "-o", "d.csv", code=2).stderr
    monkeypatch.setattr(report.importlib.util, "find_spec", lambda name: None)
    done = run("wedgefit.json", "d.csv", "-o", "none.html", code=1)
    assert done.stderr.startswith(
        "Error: a page needs matplotlib and jinja2. "
        "Install: python -m pip install 'wedgefit[report]'"
    )
    assert not Path("none.html").exists()


# In a browser -------------------------------------------------------------------------------------

# The page in a frame of a phone's or a desk's width; the outer page measures it and writes down
# what it finds.
FRAME = """<!doctype html><body style="margin:0">
<iframe id="f" style="border:0;width:WIDTHpx;height:4000px"></iframe>
<pre id="found"></pre><script>
const frame = document.getElementById("f");
frame.onload = () => {
  const page = frame.contentDocument, root = page.documentElement;
  const all = (selector) => [...page.querySelectorAll(selector)];
  const box = (element) => element.getBoundingClientRect();
  document.getElementById("found").textContent = JSON.stringify({
    width: root.scrollWidth, height: root.scrollHeight,
    figures: all("figure svg").map((svg) => [box(svg).width, box(svg).height]),
    letters: Math.min(
      ...all("figure svg text").map((text) => box(text).height).filter((height) => height > 0)
    ),
    outside: all("h1, h2, p, dl, figcaption").filter((e) => box(e).right > WIDTH + 1).length,
    ink: page.defaultView.getComputedStyle(page.body).color,
    paper: page.defaultView.getComputedStyle(page.body).backgroundColor,
  });
};
frame.srcdoc = PAGE;
</script></body>"""
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic",
    "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--hide-scrollbars",
]  # fmt: skip
CHROMIUM = next(
    filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None
)


def looked_at(page: str, width: int, folder: Path) -> dict:
    """What a browser makes of the page at this width, with a picture of it in ``folder``."""
    frame = FRAME.replace("WIDTH", str(width)).replace(
        "PAGE", json.dumps(page).replace("</", "<\\/")
    )
    (folder / "frame.html").write_text(frame, encoding="utf-8")
    common = [
        CHROMIUM,
        *FLAGS,
        f"--user-data-dir={folder / f'profile{width}'}",
        f"--window-size={max(width, 500)},4000",
    ]
    url = (folder / "frame.html").as_uri()
    dumped = subprocess.run(
        [*common, "--virtual-time-budget=5000", "--dump-dom", url],
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    found = json.loads(unescape(re.search(r'<pre id="found">(.*?)</pre>', dumped.stdout)[1]))
    subprocess.run(
        [*common, f"--screenshot={folder / f'{width}.png'}", url],
        capture_output=True,
        timeout=120,
        check=True,
    )
    return found


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None, reason="there is no chromium to look at the page with")
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_in_a_browser(width, text, trained, tmp_path):
    """At a desk and on a phone: nothing sticks out, pictures and their letters are large enough to
    read."""
    found = looked_at(text, width, tmp_path)
    assert found["width"] <= width and found["outside"] == 0
    assert len(found["figures"]) == len(plot.kinds_of(*trained))
    assert all(w > 340 and h > 100 for w, h in found["figures"]) and found["letters"] >= 7
    assert found["ink"] != found["paper"]
    picture = (tmp_path / f"{width}.png").read_bytes()
    assert picture.startswith(b"\x89PNG") and len(picture) > 50_000, "not blank"


def test_the_page_goes_from_how_good_it_is_to_the_proof(text):
    words = Outline(text).words
    heads = ["How good it is", "What it has learnt", "One prediction, step by step"]
    heads += ["The wedges behind it", "What is proven", "How to predict"]
    places = [words.index(head) for head in heads]
    assert places == sorted(places) and words.index("Globally optimal") > places[4]

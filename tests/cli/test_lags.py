"""A series predicted from its own past: lags are the target of rows before, never of rows ahead."""

import json
from pathlib import Path

import numpy as np
import pytest
from kinds import table_of
from shell import columns_of, fails, run

from wedgefit.data.lags import Lags, rows_before, with_lags
from wedgefit.data.table import read_table
from wedgefit.learning.settings import Options
from wedgefit.learning.splits import splits_of
from wedgefit.model.build import Training, train, trained
from wedgefit.model.file import load
from wedgefit.watch import Silent

FAST = ["--time", "day", "--order", "1", "--alpha-ratio", "0.05"]
N = 40


def written(name, y, days=None):
    """Days in an order of their own, and the target; None is an empty cell."""
    days = list(range(1, len(y) + 1)) if days is None else days
    cells = ["" if value is None else repr(float(value)) for value in y]
    lines = [f"{day},{k % 3},{cell}" for k, (day, cell) in enumerate(zip(days, cells))]
    with open(name, "w", encoding="utf-8") as file:
        file.write("\n".join(["day,more,y", *lines]) + "\n")


@pytest.fixture
def y(tmp_path, monkeypatch, rng):
    monkeypatch.chdir(tmp_path)
    values = (np.sin(np.arange(N) / 3) + 0.2 * rng.normal(size=N)).round(3)
    written("series.csv", values)
    return values


@pytest.mark.parametrize(
    "days, told",
    [
        ([1, 2, 3, 4, 9, 10], "between rows 4, 5 it is 5 times as far as usual"),
        ([10, 9, 4, 3, 2, 1], "between rows 3, 2 it is 5 times as far as usual"),
        (["2024-01-31", "2024-02-29", "2024-03-31", "2024-04-30", "2024-05-31", "2024-06-30"], ""),
        (["2024-01-01", "2024-01-02", "2024-01-05", "2024-01-06", "2024-01-07", "2024-01-08"],
         "between rows 2, 3 it is 3 times as far as usual"),
        (["2024-02-28", "2024-02-29", "2024-02-30", "2024-03-01", "2024-03-02", "2024-03-09"], ""),
        ([1, 2, 3, 4, 5, 6], ""),
    ],
)  # fmt: skip
def test_rows_that_are_not_equally_far_apart_are_told(days, told):
    """Lags count rows: the one before is not always one step before."""
    days = np.array(days, dtype=object if isinstance(days[0], str) else float)
    table = table_of({"day": days, "y": np.arange(6.0)})
    notes = with_lags(table, Lags("y", "day", (1,))).notes
    assert [note.endswith(told) for note in notes if "equally far" in note] == [True] * bool(told)


def test_lags_are_counted_from_the_last_row_that_is_known():
    assert rows_before((1, 3), 1) == (1, 2, 3)
    assert rows_before((1, 3), 4) == (4, 5, 6)
    assert rows_before((2, 2), 2) == (3,)


def test_columns_hold_the_target_of_the_rows_before(rng):
    """Rows may stand in any order; those without a whole history are left out by name."""
    days = rng.permutation(12).astype(float) * 7
    y = rng.normal(size=12)
    found = with_lags(table_of({"day": days, "y": y}), Lags("y", "day", (2, 3)))
    by_day = dict(zip(days.tolist(), y.tolist()))
    assert found.rows == 9
    for name, back in (("y lag 2", 14), ("y lag 3", 21)):
        values = found.columns[name].values
        for day, value in zip(found.columns["day"].values.tolist(), values.tolist()):
            assert value == by_day[day - back]
    gone = sorted(set(range(1, 13)) - set(found.row_ids))
    assert [days[row - 1] for row in gone] != [] and set(days[np.array(gone) - 1]) == {0, 7, 14}
    assert found.notes[-1].endswith("left out: their history is not whole")


@pytest.mark.parametrize("horizon", [1, 3])
def test_no_row_knows_what_comes_later(y, horizon):
    """What a row is predicted from does not change with targets less than the horizon before."""
    told = ["--lags", "1:2", "--horizon", str(horizon), *FAST]
    run("train", "series.csv", *told, "--quiet")
    run("predict", "series.csv", "--id", "day", "-o", "before.csv")
    changed = y.copy()
    changed[20:] += 100.0
    written("changed.csv", changed)
    run("predict", "changed.csv", "--id", "day", "-o", "after.csv")
    before, after = (
        np.array(columns_of(name)["prediction_y"], float) for name in ("before.csv", "after.csv")
    )
    days = np.array(columns_of("before.csv")["day"], dtype=int)
    known = days <= 20 + horizon
    np.testing.assert_array_equal(before[known], after[known])
    assert (before[~known] != after[~known]).any()


def test_rows_ahead_are_predicted_as_far_as_their_history_goes(y):
    run("train", "series.csv", "--lags", "1:2", "--horizon", "2", *FAST, "--quiet")
    written("more.csv", [*y, None, None, None])
    done = run("predict", "more.csv", "--id", "day", "-o", "out.csv")
    found = columns_of("out.csv")
    assert found["day"] == [str(day) for day in range(4, N + 3)]
    told = Path("out.csv").read_text()
    assert run("predict", "more.csv", "--quiet").stdout == told  # the times, without --id
    assert json.loads(run("predict", "more.csv", "--json").stdout)["ids"] == found["day"]
    assert "(1, 2, 3, 43) left out: their history is not whole" in done.stderr
    model = load("wedgefit.json")
    last = {"y lag 2": y[[-1]], "y lag 3": y[[-2]], "more": np.array([(N + 1) % 3.0])}
    ahead = model.predict(table_of(last))[0]
    # Of many rows sums are made in another order than of one.
    assert float(found["prediction_y"][-1]) == pytest.approx(ahead, rel=1e-14)


def test_the_model_is_that_of_a_table_with_the_columns(y, without_pictures):
    """Made by hand, they give the same network; and all commands make them."""
    run("train", "series.csv", "--lags", "1:2", *FAST, "--quiet")
    model = load("wedgefit.json")
    by_hand = {"day": np.arange(3.0, N + 1), "more": np.arange(2, N) % 3.0, "y": y[2:]}
    by_hand |= {"y lag 1": y[1:-1], "y lag 2": y[:-2]}
    same = train(
        table_of(by_hand),
        Options(target=("y",), time="day", order=1, alpha_ratio=0.05),
        Silent(),
    )
    assert model.certificate.objective == pytest.approx(same.certificate.objective, rel=1e-12)
    assert model.encoding.names == same.encoding.names == ("more", "y lag 1", "y lag 2")
    run("certify", "series.csv")
    run("certify", "series.csv", "--all")
    score = json.loads(run("evaluate", "series.csv", "--json").stdout)["score"]
    assert score["r2"] == pytest.approx(model.score.train["r2"], rel=1e-9)
    assert "y lag 1" in run("explain", "series.csv", "--row", "9").stdout
    run("plot", "series.csv", "--kind", "predicted", "-o", "p.svg")
    run("report", "series.csv", "-o", "page.html")
    assert '"y lag 1"' in run("export", "--format", "python", "-o", "model.py").stderr


def test_folds_do_not_learn_what_is_not_known_so_far_ahead():
    """A row of the horizon's length before its own is the last that anything is known of."""
    y = np.sin(np.arange(40.0))
    table = table_of({"day": np.arange(40.0), "y": y})
    told = Options(time="day", lags=(1, 1), horizon=4, order=1, cv=3)
    design = Training(table, told, Silent()).design
    for learn, test in splits_of(design, 3, 0, ""):
        assert design.times[learn].max() == design.times[test].min() - 4


def panel(y, shops="ab", flipped=0.0):
    """Several series in one file, their rows mixed; the later half of "b" is moved."""
    rng = np.random.default_rng(1)
    values = {shop: y * (1 + k) + k for k, shop in enumerate(shops)}
    values["b"] = values["b"] + flipped * (np.arange(len(y)) >= 20)
    rows = [(shop, day + 1, v) for shop in shops for day, v in enumerate(values[shop].tolist())]
    rows = [rows[k] for k in rng.permutation(len(rows))]
    lines = [f"{shop},{day},{day % 3},{value!r}" for shop, day, value in rows]
    Path("panel.csv").write_text("\n".join(["shop,day,more,y", *lines]) + "\n")
    return {(shop, day): value for shop, day, value in rows}


def test_each_series_has_a_past_of_its_own(y):
    """The lags are those of the group, all commands know it, and folds go by time."""
    value = panel(y)
    told = ["--lags", "1:2", "--horizon", "2", "--group", "shop", "--order", "1", "--time", "day"]
    run("train", "panel.csv", *told, "--cv", "3", "--predictions", "held.csv", "--quiet")
    assert load("wedgefit.json").data.group == "shop"
    assert "The stored figures hold." in run("certify", "panel.csv", "--all").stdout
    run("predict", "panel.csv", "-o", "out.csv")
    found = columns_of("out.csv")
    assert [*found][:2] == ["shop", "day"] and len(found["day"]) == 2 * (N - 3)
    made = with_lags(read_table("panel.csv"), Lags("y", "day", (2, 3), "shop")).columns
    for shop, day, one, two in zip(
        *(made[n].values for n in ("shop", "day", "y lag 2", "y lag 3"))
    ):
        assert one == value[shop, day - 2] and two == value[shop, day - 3]
    # What "b" is later changes nothing of "a", nor of what "b" was predicted to be before.
    panel(y, flipped=50.0)
    run("predict", "panel.csv", "-o", "moved.csv")
    moved = columns_of("moved.csv")
    same = [p == q for p, q in zip(found["prediction_y"], moved["prediction_y"])]
    early = [s == "a" or int(d) <= 22 for s, d in zip(found["shop"], found["day"])]
    assert same == early
    # Rows of one series at one time are none before the other.
    text = Path("panel.csv").read_text()
    Path("panel.csv").write_text(text.replace("a,7,", "a,8,"))
    fails("predict", "panel.csv", words=['each series its own "shop"', "2 rows"])
    Path("panel.csv").write_text(text.replace("shop,", "where,", 1))
    fails("predict", "panel.csv", words=['"shop"'])


def test_folds_of_series_go_by_time():
    days, shop = np.tile(np.arange(30.0), 2), np.repeat(np.array(["a", "b"], dtype=object), 30)
    table = table_of({"shop": shop, "day": days, "y": np.sin(days) + (shop == "b")})
    told = Options(time="day", lags=(1, 1), horizon=2, group="shop", order=1, cv=3)
    design = Training(table, told, Silent()).design
    for learn, test in splits_of(design, 3, 0, ""):
        assert design.times[learn].max() == design.times[test].min() - 2
        assert {*design.table.columns["shop"].values[test]} == {"a", "b"}


def test_no_fold_learns_of_a_slow_series_what_lies_within_its_horizon():
    """Every hour beside every sixth: three rows ahead are three hours here and eighteen there; a
    series that has ended is known whole."""
    hours, sixths, ended = np.arange(240.0), np.arange(0.0, 240.0, 6), np.arange(0.0, 60.0, 5)
    day = np.concatenate([hours, sixths, ended])
    shop = np.repeat(np.array(["fast", "slow", "ended"], dtype=object), [240, 40, 12])
    order = np.random.default_rng(3).permutation(len(day))
    columns = {"shop": shop, "day": day, "y": np.sin(day) + (shop == "slow")}
    table = table_of({name: values[order] for name, values in columns.items()})
    told = Options(time="day", lags=(1, 1), horizon=3, group="shop", order=1, cv=3)
    design = Training(table, told, Silent()).design
    shops, times = design.table.columns["shop"].values, design.times
    splits = splits_of(design, 3, 0, "")
    for learn, test in splits:
        start = times[test].min()
        assert {*shops[learn]} == {"fast", "slow", "ended"}
        for name, apart in (("fast", 1), ("slow", 6)):
            own, first = times[learn][shops[learn] == name], times[test][shops[test] == name].min()
            # As much as may be known, and no more.
            assert own.max() == first - 3 * apart and first - start < apart
    assert np.isin(np.flatnonzero(shops == "ended"), splits[-1][0]).all()


def test_calibration_too_learns_no_more_than_is_known_so_far_ahead():
    """Of outputs that earlier folds hold out, those within the horizon are not known yet."""
    rng = np.random.default_rng(0)
    y = (np.sin(np.arange(80.0) / 4) + 0.5 * rng.normal(size=80) > 0).astype(float)
    told = {"time": "day", "lags": (1, 2), "horizon": 5, "order": 1, "alpha": 0.01, "cv": 3}

    def outputs(y):
        table, more = table_of({"day": np.arange(80.0), "y": y}), Options(**told, calibrate=True)
        design = Training(table, more, Silent()).design
        _, held = trained(table, more, Silent(), held_out=True)
        return design.times, list(splits_of(design, 3, 0, ""))[2][1], held.scores[:, 0]

    times, last, before = outputs(y)
    changed = y.copy()
    # The rows just before the last block are held out by the fold before, and not known in time.
    start = int(times[last].min()) + len(y) - len(times)
    changed[start - 3 : start] = 1 - changed[start - 3 : start]
    _, _, after = outputs(changed)
    # Nor are they within any lag of the first row that is predicted then.
    assert before[last[0]] == after[last[0]]


@pytest.mark.parametrize("row", ["2", "99"])
def test_a_row_without_a_history_is_told_why(y, row):
    run("train", "series.csv", "--lags", "1:2", *FAST, "--quiet")
    fails("explain", "series.csv", "--row", row, words=[f'no row "{row}" whose history is whole'])


def test_a_slip_in_a_column_of_times_is_told_as_one(y):
    """Where most are numbers the date is one, where most are dates the number."""
    words = "and others are like {}. Spell all as dates, or number them all."
    written("mixed.csv", y, days=[*range(1, N), "2024-01-31"])
    told = ["--lags", "1:2", *FAST]
    fails("train", "mixed.csv", *told, words=[f"row {N}", "2024-01-31, " + words.format(1)])
    days = [f"2024-01-{k:02d}" for k in range(1, 31)]
    written("mixed.csv", y[:30], days=[*days[:9], 9, *days[10:]])
    fails("train", "mixed.csv", *told, words=["row 10", "this time is 9, " + words.format(days[0])])


def test_python_makes_them_too(y):
    table = table_of({"day": np.arange(1.0, N + 1), "y": y})
    told = Options(time="day", lags=(1, 2), order=1, alpha_ratio=0.05)
    assert train(table, told, Silent()).encoding.names == ("y lag 1", "y lag 2")


def test_models_with_other_lags_are_compared_on_the_rows_of_both(y):
    run("train", "series.csv", "--lags", "1:4", *FAST, "-o", "long.json", "--quiet")
    run("train", "series.csv", *FAST, "-o", "none.json", "--quiet")
    record = json.loads(run("compare", "long.json", "none.json", "series.csv", "--json").stdout)
    assert record["data"]["rows"] == N - 4


def test_a_gap_in_the_target_leaves_out_the_rows_that_would_know_it(y):
    written("gap.csv", [*y[:10], None, *y[11:]])
    told = ["--lags", "1:2", "--drop-missing-target", *FAST]
    report = json.loads(run("train", "gap.csv", *told, "--json").stdout)
    assert report["data"]["rows"] == N - 2 - 3
    run("certify", "gap.csv")


@pytest.mark.parametrize(
    "told, words",
    [
        (["--lags", "1:2"], "--lags needs --time"),
        (["--time", "day", "--horizon", "2"], "--horizon is for --lags"),
        (["--lags", "2:1", *FAST], "two like 1:5"),
        (["--lags", "0:1", *FAST], "two like 1:5"),
        (["--lags", "1:", *FAST], "two like 1:5"),
        (["--lags", "1:2", "--target", "y", "--target", "more", *FAST], "--lags is for one target"),
    ],
)
def test_contradictions_are_refused(y, told, words):
    fails("train", "series.csv", *told, code=2, words=[words])


def test_tables_without_a_before_are_refused(y):
    told = ["train", "twice.csv", "--lags", "1:2", *FAST]
    written("twice.csv", y, days=[1, *range(1, N)])
    fails(*told, words=["2 rows (1, 2) have the same time"])
    written("twice.csv", y[:2])
    fails(*told, words=["no row knows the target of all of 1 to 2 rows before"])


@pytest.mark.parametrize(
    "ahead, days, words",
    [
        ([1.0, 2.0, 3.0, None], [1, 2, 3, 3], "Give each row a time of its own"),
        ([1.0, 2.0, 3.0, None], [1, 2, 3, ""], "Fill it in, or leave the row out"),
        ([1.0, None], [1, 2], "Add the rows before with their targets: a row needs 2"),
    ],
)
def test_what_is_said_of_rows_to_come_names_no_option_of_training(y, ahead, days, words):
    run("train", "series.csv", "--lags", "1:2", *FAST, "--quiet")
    written("ahead.csv", ahead, days)
    for command in ("predict", "evaluate"):
        assert "--" not in fails(command, "ahead.csv", words=[words])


@pytest.mark.parametrize("lags", ["1:2", "1:1"])
def test_a_column_of_the_file_is_never_taken_for_a_lag(y, lags):
    """Not even where it has the names of all lags, and the answer in it."""
    with open("named.csv", "w", encoding="utf-8") as file:
        file.write("day,y lag 1,y\n1,3,3\n2,4,4\n3,5,5\n4,1,1\n")
    fails("train", "named.csv", "--lags", lags, *FAST, words=['"y lag 1" is in the file'])


def test_files_whose_lags_are_not_those_of_their_columns_are_refused(y):
    run("train", "series.csv", "--lags", "1:2", *FAST, "--quiet")
    record = json.loads(Path("wedgefit.json").read_text())
    wrong = ({"lags": [1, 10**9]}, {"lags": [2, 1]}, {"lags": [1, 3]}, {"lags": 1}, {"lags": True})
    for change in (*wrong, {"horizon": 0}, {"horizon": "x"}, {"horizon": 10**12}):
        changed = record | {"options": record["options"] | change}
        Path("other.json").write_text(json.dumps(changed))
        fails("predict", "other.json", "series.csv", words=["options.lags"])
    Path("other.json").write_text(json.dumps(record | {"data": record["data"] | {"time": None}}))
    fails("predict", "other.json", "series.csv", words=["options.lags"])
    fails("train", "series.csv", "--lags", f"1:{10**12}", *FAST, words=["no row knows"])
    far = ["--lags", "1:2", "--horizon", str(10**6)]
    fails("train", "series.csv", *far, *FAST, words=["a smaller --horizon"])
    fails("explain", "series.csv", "--row", "2", words=["Rows are numbered 3 to 40"])

"""What the tests themselves rely on: kernels that are as their files say."""

import os

from kernels import forget_old_ones


def test_a_kernel_is_old_where_what_it_imports_from_is_newer(tmp_path):
    (tmp_path / "__pycache__").mkdir()
    numba = "from numba import njit\n"
    files = {
        "look.py": numba + "from wedgefit.engine.walk import walk\n",
        "walk.py": numba + "from wedgefit.engine.size import SIZE\n",
        "size.py": "SIZE = 3\n",
        "other.py": numba,
    }
    for age, (name, text) in enumerate(files.items()):
        (tmp_path / name).write_text(text)
        os.utime(tmp_path / name, (100 - age, 100 - age))
    compiled = [tmp_path / "__pycache__" / f"{name}.f-1.nbc" for name in ("look", "walk", "other")]

    def left(changed):
        for file in compiled:
            file.touch()
            os.utime(file, (200, 200))
        os.utime(tmp_path / changed, (300, 300))
        forget_old_ones(tmp_path)
        os.utime(tmp_path / changed, (100, 100))
        return [file.name.split(".")[0] for file in compiled if file.exists()]

    assert left("look.py") == ["walk", "other"]
    assert left("size.py") == left("walk.py") == ["other"]
    assert left("other.py") == ["look", "walk"]

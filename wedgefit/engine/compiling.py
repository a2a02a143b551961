"""How kernels are compiled, and a sort that they share: numba's own is compiled anew within each,
for longer than what sorts."""

from numba import njit

# Divisions need no look at their divisor: the code gets smaller, and compiles sooner.
OPTIONS = {"cache": True, "nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True}
# What kernels alone call needs no door for Python, which is much of what there is to compile.
INNER = OPTIONS | {"no_cpython_wrapper": True}
# What makes no array needs not count who refers to the ones that it is given; in a loop over parts
# of its own, or over slices, that takes longer than the work.
BORROWING = INNER | {"_nrt": False}
# Parts of one kernel alone are compiled within it, not once by themselves and then again.
PART_OF_ONE = INNER | {"inline": "always"}
# So many neighbours are sorted by insertion; runs of them are merged.
RUN = 16


@njit(**INNER)
def sort_by(keys, order, room):
    """Sort ``order``, indices into ``keys``, in place; equal keys stay in the order they were in.
    What is sorted already takes one look. ``room`` is as long as ``order``."""
    n = len(order)
    for i in range(1, n):
        moved, j = order[i], i
        while j % RUN > 0 and keys[order[j - 1]] > keys[moved]:
            order[j] = order[j - 1]
            j -= 1
        order[j] = moved
    run = RUN
    while run < n:
        for begin in range(0, n - run, 2 * run):
            middle, end = begin + run, min(begin + 2 * run, n)
            if keys[order[middle - 1]] <= keys[order[middle]]:
                continue
            for i in range(begin, middle):
                room[i] = order[i]
            left, right, k = begin, middle, begin
            while left < middle:
                if right < end and keys[order[right]] < keys[room[left]]:
                    order[k] = order[right]
                    right += 1
                else:
                    order[k] = room[left]
                    left += 1
                k += 1
        run *= 2

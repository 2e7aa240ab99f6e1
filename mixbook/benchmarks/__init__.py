"""The papers' tables as experiments: what is printed, how it is run again, and how the two compare."""


class BenchmarkError(Exception):
    """Something that the person at the keyboard can put right; the message says how. The command line then exits with 2."""

    exit_code = 2

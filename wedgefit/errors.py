"""Everything that can go wrong, drawn once: what happened, where, and what to do next."""


class WedgefitError(Exception):
    """A failure that the user can understand and act on.

    ``where`` is the place ("iris.csv, row 57, column 'petal_len'"), ``message`` says what was found
    and what was expected, ``remedy`` the next step. ``exit_code`` is what the command line ends
    with.
    """

    exit_code = 1

    def __init__(self, message: str, *, where: str = "", remedy: str = ""):
        self.message, self.where, self.remedy = message, where, remedy
        super().__init__(message)

    def __str__(self) -> str:
        place = f"{self.where}: " if self.where else ""
        remedy = f" {self.remedy}" if self.remedy else ""
        return f"{place}{self.message}{remedy}"


class TableError(WedgefitError):
    """The CSV file cannot be read, or a cell is not what its column promises."""


class ColumnError(WedgefitError):
    """A named column is missing, unusable or of the wrong kind for its role."""


class ModelFileError(WedgefitError):
    """A model file is damaged, or of another schema version."""


class FitError(WedgefitError):
    """The problem cannot be set up or solved as asked."""


class CertificateError(WedgefitError):
    """Stored figures and figures recomputed from the data disagree."""


class NoEffects(WedgefitError):
    """The model is no sum of effects of columns and pairs, or does not know what training saw."""


class UsageError(WedgefitError):
    """Options that contradict each other or lie outside their range."""

    exit_code = 2

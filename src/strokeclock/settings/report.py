"""Settings of the pages to read."""

from collections.abc import Iterator

from strokeclock.errors import ConfigurationError
from strokeclock.settings.group import Group, PathName, missing_file, setting
from strokeclock.statements import read_statements


class Report(Group):
    statements: PathName | None = setting(
        None,
        "YAML file of what only the authors can say, such as funding and ethics "
        "(docs/reference/checklists.md); null: the reporting check-lists call these items not done",
    )

    def faults(self) -> Iterator[str]:
        if missing := [*missing_file("report.statements", self.statements)]:
            yield from missing
            return
        try:
            read_statements(self.statements)
        except ConfigurationError as error:
            yield str(error)

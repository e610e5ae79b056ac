"""What admins can set, in the section `c.SpawnProgress` of the hub's configuration."""

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path

from traitlets import Bool, Dict, Float, Unicode, Union
from traitlets.config import LoggingConfigurable

from .rules import RulesError, Table, default_table


class SpawnProgress(LoggingConfigurable):
    """The settings of the progress log and of early ends."""

    rules = Union(
        [Dict(), Unicode()],
        config=True,
        help="""
        Rules, failures and phases of your own, on top of those that ship with the package.

        A mapping of the same shape as the package's rules.yaml, or the path of a YAML file of that shape, which is
        read again for every start.
        """,
    )
    graces = Dict(
        config=True,
        help="""
        After how many seconds of a failure a start ends, by the name of the failure; None for never.

        For example {"crash": 60, "full": 300, "not-found": None}.
        """,
    )
    fail_early = Bool(True, config=True, help="End starts that cannot succeed, without waiting for start_timeout.")
    patience = Float(
        45.0,
        config=True,
        help="After how many seconds without news to say what is being waited for; 0 for never.",
    )
    interval = Float(1.0, config=True, help="How often to look, in seconds.")
    details = Bool(
        True,
        config=True,
        help="Put the technical text behind each message into the field 'detail' of the progress events.",
    )

    def table(self) -> Table:
        """
        Return the rules as configured.

        Raises:
            RulesError: they cannot be used.
        """
        document = self.rules
        if isinstance(document, str) and document:
            try:
                document = Path(document).read_text(encoding="utf-8")
            except (OSError, UnicodeDecodeError) as error:
                raise RulesError(f"{document} cannot be read: {error}") from error
        return _table(document if isinstance(document, str) else json.dumps(document), json.dumps(dict(self.graces)))

    def table_in_use(self) -> Table:
        """Return the rules as configured; those that ship with the package if they cannot be used."""
        try:
            return self.table()
        except RulesError as error:
            self.log.error("Using the default rules of spawn progress: %s", error)
            return default_table()


@lru_cache(maxsize=8)
def _table(document: str, graces: str) -> Table:
    table = default_table()
    # JSON is YAML, too.
    if document.strip() not in ("", "{}"):
        table = table.extended(document)
    wanted: Mapping[str, float | None] = json.loads(graces)
    return table.with_graces(wanted) if wanted else table

"""Tables of a database of stage ``local``, their rows, and the answer to a query.

A query runs in a read-only transaction, for 10 seconds at most, and shows its first 1,000 rows. Databases of stages in
AWS are not reached from here: they are in a network of their own.
"""
from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from ....core.browse import Act, Action, Column, Field, Listing, Row
from ....core.model import State
from ....errors import UserError
from .resource import ResourceBrowser

if TYPE_CHECKING:
    from .calls import Calls

__all__ = ["ClusterBrowser", "DatabaseBrowser"]

PAGE, ROWS = 200, 1_000
SECONDS = 10
_POSTGRES = """
SELECT n.nspname, c.relname, CASE c.relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' ELSE 'table' END,
       CASE WHEN c.reltuples >= 0 THEN c.reltuples::bigint END, pg_total_relation_size(c.oid)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'v', 'm', 'f') AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
ORDER BY 1, 2"""
_MARIADB = """
SELECT table_schema, table_name, CASE table_type WHEN 'VIEW' THEN 'view' ELSE 'table' END, table_rows,
       data_length + index_length
FROM information_schema.tables
WHERE table_schema NOT IN ('information_schema', 'mysql', 'performance_schema', 'sys') ORDER BY 1, 2"""
_LOSES = "The statement may change or delete data, and can't be undone."


class DatabaseBrowser(ResourceBrowser):
    type = "aws.rds.Instance"

    def __init__(self, calls: Calls, state: State) -> None:
        self._calls, values = calls, state.values
        self._arn, self._host, self._port = str(values.get("arn")), values.get("host"), values.get("port")
        self._user, self._database = values.get("username"), values.get("database")
        self._postgres = "postgres" in str(values.get("engine"))

    @classmethod
    def shows(cls, calls: Calls) -> bool:
        return calls.sql is not None

    def rows(self, query: Mapping[str, str]) -> Listing:
        if statement := query.get("sql", "").strip():
            return self._answer(statement)
        if query.get("folder", "").count("/") == 2:
            return self._table(query["folder"], query.get("after", ""))
        return self._tables(query.get("folder", "").rstrip("/"))

    @property
    def acts(self) -> Mapping[str, Act]:
        return {"change": self._change, "stop": self._stop}

    def _tables(self, schema: str) -> Listing:
        found = self._ask(_POSTGRES if self._postgres else _MARIADB)
        rows = tuple(Row(f"{place}/{name}/", (f"{place}.{name}", kind, count, size), folder=True)
                     for place, name, kind, count, size in found["rows"] if schema in ("", place))
        return self._listing((Column("Table"), Column("Kind"), Column("Rows, about", "number"), Column("Size", "size")),
                             rows, found["running"])

    def _table(self, folder: str, after: str) -> Listing:
        schema, name, _ = folder.split("/")
        start = int(after) if after.isdigit() else 0
        found = self._ask(f"SELECT * FROM {self._named(schema)}.{self._named(name)} LIMIT {PAGE + 1} OFFSET {start}",
                          limit=PAGE)
        return self._listing(tuple(map(Column, found["columns"])), tuple(Row("", tuple(r)) for r in found["rows"]),
                             found["running"], next=str(start + PAGE) if found["more"] else "")

    def _answer(self, statement: str) -> Listing:
        found = self._ask(statement, limit=ROWS)
        count = f"The first {ROWS:,} rows" if found["more"] else \
            f"{len(found['rows']):,} row{'s' * (len(found['rows']) != 1)}"
        return self._listing(tuple(map(Column, found["columns"])), tuple(Row("", tuple(r)) for r in found["rows"]),
                             found["running"], note=f"{count}, {found['ms']:g} ms, in a read-only transaction.")

    def _listing(self, columns: tuple[Column, ...], rows: tuple[Row, ...], running: int, *, next: str = "",
                 note: str = "") -> Listing:
        program = f"psql -h {self._host} -p {self._port} -U {self._user} {self._database or 'postgres'}" \
            if self._postgres else f"mariadb -h {self._host} -P {self._port} -u {self._user} -p {self._database or ''}"
        actions = [Action("change", "Change", (Field("sql", "Statement", "sql"),), program.rstrip(), loses=_LOSES)]
        if running:
            actions.append(Action("stop", "Stop what runs", reads=True))
        return Listing(columns, rows, next, {"Database": str(self._database or ""), "User": str(self._user or "")},
                       (Field("sql", "Query", "sql"),), tuple(actions), note)

    def _change(self, id: str, values: Mapping[str, str]) -> Any:
        if not (statement := values.get("sql", "").strip()):
            raise UserError("there is no statement")
        found = self._ask(statement, write=True, limit=PAGE)
        rows = [dict(zip(found["columns"], row, strict=True)) for row in found["rows"]]
        return {"changed": found["changed"], "ms": found["ms"], **({"rows": rows} if found["columns"] else {})}

    def _stop(self, id: str, values: Mapping[str, str]) -> Any:
        assert self._calls.sql
        return self._calls.sql(self._arn, {"stop": True})

    def _named(self, name: str) -> str:
        return '"' + name.replace('"', '""') + '"' if self._postgres else "`" + name.replace("`", "``") + "`"

    def _ask(self, statement: str, *, limit: int = ROWS, write: bool = False) -> Mapping[str, Any]:
        assert self._calls.sql
        return self._calls.sql(self._arn, {"statement": statement, "write": write, "limit": limit, "seconds": SECONDS})


class ClusterBrowser(DatabaseBrowser):
    type = "aws.rds.Cluster"

"""The tables of a fleet in, what stands out in them as text, Markdown or HTML out; DuckDB does the counting."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from html import escape

import duckdb
from fsspec.core import url_to_fs

from reslint.fleet.destination import Destination
from reslint.fleet.tables import TABLES, schema
from reslint.remote.address import is_remote
from reslint.report.common.plain import plain

QUERIES: Mapping[str, str] = {
    "Models": """
        select count(*) as models, sum(blocks)::bigint as blocks, sum(params)::bigint as params,
               sum(bytes_read)::bigint as bytes_read, (select count(*) from findings) as findings,
               (select count(*) from errors) as errors
        from models""",
    "Findings by rule": """
        select rule, severity, count(*) as findings, count(distinct path) as models, min(path) as example
        from findings group by all order by findings desc, rule, severity limit 50""",
    "Families of equal skeletons": """
        select signature, count(*) as models, min(params) as least_params, max(params) as most_params, min(path) as example
        from models where signature <> '' group by signature having count(*) > 1
        order by models desc, signature limit 20""",
    "Outliers within a family": """
        with family as (select signature, count(*) as models, median(params) as usual from models
                        where signature <> '' group by signature having count(*) >= 4),
             rare as (select m.signature, f.rule, count(distinct f.path) as having_it, min(f.path) as path
                      from findings f join models m using (path) group by all)
        select r.path, 'alone with ' || r.rule as what, f.models as family
        from rare r join family f using (signature) where r.having_it = 1
        union all
        select m.path, 'parameters ' || m.params || ' where ' || f.usual::bigint || ' are usual', f.models
        from models m join family f using (signature) where m.params > 2 * f.usual or 2 * m.params < f.usual
        order by family desc, path limit 50""",
    "Errors": """
        select regexp_replace(error, '[0-9]+', 'N', 'g') as error, count(*) as files, min(path) as example
        from errors group by all order by files desc, error limit 20""",
}
NEW = """
    select path, rule, severity, message from findings n
    where not exists (select 1 from old_findings o
                      where o.path = n.path and o.rule = n.rule and o.fingerprint = n.fingerprint)
    order by path, rule limit 200"""


@dataclass(frozen=True, slots=True)
class Section:
    """One table of the report."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def connected(folder: str, prefix: str = "") -> duckdb.DuckDBPyConnection:
    """DuckDB with the tables of a fleet as views: models, findings, errors. Raises BadConfiguration where there are none."""
    return _viewed(duckdb.connect(), folder, prefix)


def gathered(folder: str, since: str | None = None) -> tuple[Section, ...]:
    """What is to be told of the tables, and what is new since those of another run."""
    con = connected(folder)
    queries = dict(QUERIES)
    if since:
        _viewed(con, since, "old_")
        queries["New findings"] = NEW
    return tuple(_section(con, title, query) for title, query in queries.items())


def _viewed(con: duckdb.DuckDBPyConnection, folder: str, prefix: str) -> duckdb.DuckDBPyConnection:
    place = Destination(folder)
    place.run()
    if is_remote(folder):
        con.register_filesystem(url_to_fs(folder)[0])
    for table in TABLES:
        if place.parts(table):
            files = f"{folder.rstrip('/')}/{table}/part-*.parquet".replace("'", "''")
            con.sql(f"create view {prefix}{table} as select * from read_parquet('{files}', union_by_name = true)")
        else:
            con.register(f"{prefix}{table}", schema(table).empty_table())
    return con


def _section(con: duckdb.DuckDBPyConnection, title: str, query: str) -> Section:
    found = con.execute(query)
    columns = tuple(column[0] for column in found.description or ())
    rows = tuple(tuple("" if value is None else str(value) for value in row) for row in found.fetchall())
    return Section(title, columns, rows)


def render(sections: Sequence[Section], style: str) -> str:
    """The report in one format."""
    return "".join({"text": _text, "markdown": _markdown, "html": _html}[style](sections))


def _text(sections: Sequence[Section]) -> Iterator[str]:
    for section in sections:
        yield f"{section.title}\n"
        rows = [section.columns, *(tuple(map(plain, row)) for row in section.rows)]
        widths = [max(len(row[at]) for row in rows) for at in range(len(section.columns))]
        for row in rows if section.rows else []:
            yield "  " + "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() + "\n"
        yield "\n" if section.rows else "  none\n\n"


def _markdown(sections: Sequence[Section]) -> Iterator[str]:
    for section in sections:
        yield f"## {section.title}\n\n"
        if not section.rows:
            yield "none\n\n"
            continue
        yield f"| {' | '.join(section.columns)} |\n|{'---|' * len(section.columns)}\n"
        for row in section.rows:
            cells = (escape(plain(cell)).replace("|", "\\|").replace("`", "&#96;") for cell in row)
            yield f"| {' | '.join(cells)} |\n"
        yield "\n"


def _html(sections: Sequence[Section]) -> Iterator[str]:
    style = (
        "body{font:14px sans-serif;margin:2em}table{border-collapse:collapse}td,th{padding:.2em .8em;text-align:left}"
    )
    yield f"<!doctype html><meta charset=utf-8><title>reslint fleet</title><style>{style}</style>\n<h1>reslint fleet</h1>\n"
    for section in sections:
        yield f"<h2>{section.title}</h2>\n"
        head = "".join(f"<th>{name}</th>" for name in section.columns)
        rows = "".join(f"<tr>{''.join(f'<td>{escape(plain(c))}</td>' for c in row)}</tr>\n" for row in section.rows)
        yield f"<table><tr>{head}</tr>\n{rows}</table>\n" if section.rows else "<p>none</p>\n"

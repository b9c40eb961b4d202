"""The schema of the PostgreSQL store: begun, brought up to date, or refused; and its partitions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pympler.errors import StoreError

if TYPE_CHECKING:
    from psycopg import Connection

__all__ = ["LOCK", "MIGRATIONS", "make_partitions", "prepare", "retire_partitions"]

LOCK = 0x50796D706C6572
"""Key of the advisory lock that workers take which start at once: ``Pympler`` in ASCII."""

DAY_S = 86400
PARTITIONED = ("report", "moment")


def _each(name: str, kind: str) -> str:
    """An array of this figure of all routes in the JSON ``j`` of a summary."""
    found = f"SELECT (r->>'{name}')::{kind} FROM json_array_elements(j->'routes') r"
    return f"coalesce(ARRAY({found}), '{{}}')"


def _held(what: str) -> str:
    """An array of this of all suspects in ``j``; those of no route are leaks."""
    none = "json_build_object('method', '', 'route', '', 'verdict', 'leak')"
    return (
        f"ARRAY(SELECT {what} FROM (SELECT r, h FROM json_array_elements(j->'routes') r, "
        f"json_array_elements(r->'suspects') h UNION ALL SELECT {none}, h "
        "FROM json_array_elements(j->'unattributed') h) held)"
    )


def _of_classes(what: str) -> str:
    """An array of this of all tracked classes in ``j``."""
    return f"ARRAY(SELECT {what} FROM json_array_elements(j->'classes') c)"


MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        # The day comes from the report, but within the days that are kept: whatever a clock says,
        # there is a partition for it.
        """CREATE TABLE pympler.report (
            day integer NOT NULL, key text NOT NULL, started_at double precision NOT NULL,
            route text NOT NULL, method text NOT NULL, status integer, worker text NOT NULL,
            release text NOT NULL, host text NOT NULL, bytes bigint NOT NULL,
            objects bigint NOT NULL, duration double precision NOT NULL,
            cost double precision NOT NULL, data text NOT NULL,
            PRIMARY KEY (key, day)) PARTITION BY RANGE (day)""",
        "CREATE INDEX report_started ON pympler.report (started_at)",
        "CREATE INDEX report_route ON pympler.report (route, started_at)",
        """CREATE TABLE pympler.moment (
            day integer NOT NULL, at double precision NOT NULL, worker text NOT NULL,
            data text NOT NULL) PARTITION BY RANGE (day)""",
        "CREATE INDEX moment_at ON pympler.moment (at)",
        """CREATE TABLE pympler.rollup (
            hour double precision NOT NULL, route text NOT NULL, method text NOT NULL,
            release text NOT NULL, host text NOT NULL, reports bigint NOT NULL,
            errors bigint NOT NULL, bytes bigint NOT NULL, objects bigint NOT NULL,
            duration double precision NOT NULL,
            PRIMARY KEY (hour, route, method, release, host))""",
        """CREATE TABLE pympler.summary (
            worker text PRIMARY KEY, taken_at double precision NOT NULL, data text NOT NULL)""",
        """CREATE TABLE pympler.job (
            number bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, id text NOT NULL UNIQUE,
            kind text NOT NULL, worker text NOT NULL, created_at double precision NOT NULL,
            arguments text NOT NULL, state text NOT NULL, progress double precision NOT NULL,
            message text NOT NULL, pause_s double precision NOT NULL,
            finished_at double precision, result text)""",
        "CREATE INDEX job_waiting ON pympler.job (worker) WHERE state = 'waiting'",
    ),
    (
        """ALTER TABLE pympler.summary
            ADD application text NOT NULL DEFAULT '', ADD release text NOT NULL DEFAULT '',
            ADD host text NOT NULL DEFAULT '', ADD pid bigint NOT NULL DEFAULT 0,
            ADD started_at double precision NOT NULL DEFAULT 0,
            ADD requests bigint NOT NULL DEFAULT 0, ADD windows bigint NOT NULL DEFAULT 0,
            ADD rss_bytes bigint NOT NULL DEFAULT 0,
            ADD rss_growth_bytes bigint NOT NULL DEFAULT 0,
            ADD verdict text, ADD dropped bigint NOT NULL DEFAULT 0,
            ADD methods text[], ADD routes text[], ADD verdicts text[],
            ADD route_requests bigint[], ADD route_windows bigint[],
            ADD route_bytes double precision[], ADD route_objects double precision[]""",
        # What live workers said is written anew within seconds, that of others here; what has
        # letters outside of ASCII may have some that this database cannot hold.
        f"""UPDATE pympler.summary s SET application = j->>'application',
            release = j->>'release', host = j->>'host', pid = (j->>'pid')::bigint,
            started_at = (j->>'started_at')::float8, requests = (j->>'requests')::bigint,
            windows = (j->>'windows')::bigint, verdict = j->>'verdict',
            rss_bytes = (j->'counters'->>'rss_bytes')::bigint,
            rss_growth_bytes = (j->'counters'->>'rss_growth_bytes')::bigint,
            dropped = (j->>'dropped')::bigint,
            methods = {_each("method", "text")}, routes = {_each("route", "text")},
            verdicts = {_each("verdict", "text")},
            route_requests = {_each("requests", "bigint")},
            route_windows = {_each("windows", "bigint")},
            route_bytes = {_each("bytes_per_request", "float8")},
            route_objects = {_each("objects_per_request", "float8")}
            FROM (SELECT worker, data::json AS j FROM pympler.summary
                WHERE position(chr(92) || 'u' in data) = 0) o WHERE s.worker = o.worker""",
        "CREATE INDEX summary_host ON pympler.summary (host, started_at)",
        "CREATE INDEX rollup_route ON pympler.rollup (route, method, hour)",
        "CREATE INDEX moment_of ON pympler.moment (worker, at)",
        # Rows that are changed again and again find room beside the old one; for which no index
        # may have what changes, such as the time of a summary.
        "ALTER TABLE pympler.rollup SET (fillfactor = 70)",
        "ALTER TABLE pympler.summary SET (fillfactor = 70)",
    ),
    (
        """ALTER TABLE pympler.summary
            ADD overhead double precision NOT NULL DEFAULT 0,
            ADD notes text[], ADD unattributed text[],
            ADD held_methods text[], ADD held_routes text[], ADD held_verdicts text[],
            ADD holders text[], ADD held_lines text[], ADD held_bytes double precision[],
            ADD classes text[], ADD class_births bigint[], ADD class_deaths bigint[],
            ADD class_bytes bigint[]""",
        f"""UPDATE pympler.summary s SET overhead = (j->>'overhead')::float8,
            notes = ARRAY(SELECT json_array_elements_text(j->'notes')),
            unattributed = ARRAY(SELECT u->>'holder' FROM json_array_elements(j->'unattributed') u),
            held_methods = {_held("r->>'method'")}, held_routes = {_held("r->>'route'")},
            held_verdicts = {_held("r->>'verdict'")}, holders = {_held("h->>'holder'")},
            held_lines = {_held("h->>'stored_at'")},
            held_bytes = {_held("(h->>'bytes_per_request')::float8")},
            classes = {_of_classes("c->>'name'")},
            class_births = {_of_classes("(c->>'births')::bigint")},
            class_deaths = {_of_classes("(c->>'deaths')::bigint")},
            class_bytes = {_of_classes("(c->>'live_bytes')::bigint")}
            FROM (SELECT worker, data::json AS j FROM pympler.summary
                WHERE position(chr(92) || 'u' in data) = 0) o WHERE s.worker = o.worker""",
    ),
)
"""The statements that lead from each version of the schema to the next."""

_TABLES = (
    "SELECT count(*) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace "
    "WHERE n.nspname = 'pympler' AND c.relkind IN ('r', 'p', 'v')"
)


def prepare(connection: Connection[Any], location: str) -> None:
    """Bring the schema ``pympler`` of a database to this version; other schemas stay untouched.

    Raises:
        StoreError: if the schema belongs to something else or was written by a newer version.
        psycopg.Error: whatever else is wrong, such as a role without rights.
    """
    if _version(connection, location) == len(MIGRATIONS):
        return
    with connection.transaction():
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        connection.execute("SET LOCAL statement_timeout = 0")  # an index of many reports
        # Read anew: another worker may have been first.
        version = _version(connection, location)
        if version < 0:
            _refuse_others(connection, location)
            connection.execute("CREATE SCHEMA IF NOT EXISTS pympler")
            connection.execute("CREATE TABLE pympler.version (version integer NOT NULL)")
            connection.execute("INSERT INTO pympler.version VALUES (0)")
        for steps in MIGRATIONS[max(version, 0) :]:
            for statement in steps:
                connection.execute(statement)
        connection.execute("UPDATE pympler.version SET version = %s", [len(MIGRATIONS)])


def _version(connection: Connection[Any], location: str) -> int:
    """The version of the schema, -1 if there is none yet."""
    # Not to_regclass: within a transaction it may remember that there was none.
    row = connection.execute(f"{_TABLES} AND c.relname = 'version'").fetchone()
    if row is None or not row[0]:
        return -1
    found = connection.execute("SELECT version FROM pympler.version").fetchone()
    version = -1 if found is None else int(found[0])
    if version > len(MIGRATIONS):
        raise StoreError(
            f"{location} was written by a newer version of pympler (schema {version}, this one "
            f"knows up to {len(MIGRATIONS)}); upgrade pympler, or give 'store' another database"
        )
    return version


def _refuse_others(connection: Connection[Any], location: str) -> None:
    # Only under the lock: another worker may be making the tables.
    others = connection.execute(_TABLES).fetchone()
    if others is not None and others[0]:
        raise StoreError(
            f"{location} has a schema 'pympler' of something else, which stays untouched; "
            "give 'store' another database"
        )


def make_partitions(connection: Connection[Any], days: set[int]) -> None:
    """See to it that there is a partition for each of these days (since the epoch)."""
    with connection.transaction():
        # Two that make the same one at once would not wait for each other, but fail.
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
        for day in sorted(days):
            for table in PARTITIONED:
                connection.execute(
                    f"CREATE TABLE IF NOT EXISTS pympler.{table}_{int(day)} PARTITION OF "
                    f"pympler.{table} FOR VALUES FROM ({int(day)}) TO ({int(day) + 1})"
                )


def retire_partitions(connection: Connection[Any], oldest_day: int) -> None:
    """Drop the partitions of the days before this one, if no other worker is at it."""
    with connection.transaction():
        row = connection.execute("SELECT pg_try_advisory_xact_lock(%s)", [LOCK]).fetchone()
        if row is None or not row[0]:
            return
        found = connection.execute(
            "SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
            "JOIN pg_class p ON p.oid = i.inhparent JOIN pg_namespace n ON n.oid = p.relnamespace "
            "WHERE n.nspname = 'pympler' AND p.relkind = 'p' AND p.relname IN ('report', 'moment')"
        ).fetchall()
        for (name,) in found:
            table, _, day = str(name).rpartition("_")
            if table in PARTITIONED and day.isdigit() and int(day) < oldest_day:
                connection.execute(f"DROP TABLE pympler.{table}_{int(day)}")

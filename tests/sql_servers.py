"""Real database servers for tests: started on loopback, filled with the demo data, ended with it.

Each has an owner that filled it and a reader that has ``SELECT`` alone. Both programs are those of
Debian; PostgreSQL refuses to run as root, so there it runs as the user its package made.
"""

import os
import pwd
import secrets
import shutil
import socket
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from agent.adapters.sql.demo_servers import write_demo

DATABASE = "heating"
"""What the servers call the database; the agent knows it by other names."""
READY_SECONDS = 60.0
PASSWORD = secrets.token_urlsafe(12) + "%40"
"""Needs to be quoted in a URL."""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def program(name, *folders, package):
    """Return the path of ``name``; skip where it is absent, fail in CI."""
    path = shutil.which(name, path=os.pathsep.join([*map(str, folders), os.environ["PATH"]]))
    if path:
        return path
    reason = f"{name} is not installed (Debian: apt-get install {package})"
    if os.environ.get("CI"):
        pytest.fail(reason, pytrace=False)
    pytest.skip(reason)


def run(*command, **options):
    done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
    return done.stdout


@contextmanager
def ended(process):
    """Have ``process`` ended, politely first."""
    try:
        yield process
    finally:
        process.terminate()
        try:
            process.wait(READY_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def ready(process, log, ask):
    """Return when ``ask`` succeeds."""
    until = time.monotonic() + READY_SECONDS
    while True:
        done = subprocess.run(ask, capture_output=True, check=False)
        if done.returncode == 0:
            return
        going = process.poll() is None and time.monotonic() < until
        assert going, log.read_text("utf-8", "replace")[-2000:]
        time.sleep(0.05)


TABLES = ["kunden", "objekte", "nutzeinheiten", "geraete", "ablesungen", "abrechnungen"]
CONTENT = {
    "mariadb+pymysql": (
        f"CHECKSUM TABLE {', '.join(f'heating.{name}' for name in TABLES)};"
        "SHOW DATABASES; SHOW TABLES FROM heating; SHOW TABLES FROM mysql;"
        "SELECT user, host, priv FROM mysql.global_priv; SELECT * FROM mysql.proc;"
        "SELECT * FROM information_schema.global_variables WHERE variable_name NOT IN"
        " ('GTID_BINLOG_POS', 'LAST_INSERT_ID', 'TIMESTAMP', 'RAND_SEED1', 'RAND_SEED2');"
    ),
    "postgresql+psycopg": "".join(
        [
            *(f"SELECT count(*), md5(string_agg(t::text, '' ORDER BY id)) FROM {n} t;" for n in TABLES),
            "SELECT oid, relname, relacl FROM pg_class WHERE relpersistence <> 't' ORDER BY 1;",
            "SELECT datname FROM pg_database; SELECT * FROM pg_roles ORDER BY oid;",
            "SELECT name, reset_val FROM pg_settings ORDER BY 1; SELECT * FROM pg_db_role_setting;",
            "SELECT count(*) FROM pg_proc; SELECT count(*) FROM pg_largeobject_metadata;",
            "SELECT pid FROM pg_stat_activity WHERE backend_type = 'checkpointer';",
        ]
    ),
}  # fmt: skip


def _heard_mariadb(server):
    counted = "SELECT count(*) FROM mysql.general_log WHERE user_host LIKE 'reader%'"
    return int(server.admin(f"{counted} AND command_type IN ('Query', 'Execute', 'Prepare')"))


class Server:
    """A server that runs.

    Args:
        scheme: of its URLs.
        port: on loopback.
        ask: a command that takes SQL on stdin, as the owner of everything.
        process: the server.
        files: a folder the server itself may write to.
        heard: counts what the reader has sent.
    """

    def __init__(self, scheme, port, ask, process, files, heard):
        self._heard = heard
        self.scheme, self.port, self.process, self.files = scheme, port, process, files
        self._ask = ask

    def url(self, user="reader", password=PASSWORD):
        quoted = password.replace("%", "%25")
        return f"{self.scheme}://{user}:{quoted}@127.0.0.1:{self.port}/{DATABASE}"

    def admin(self, sql):
        """Run ``sql`` with all rights and return what was printed."""
        return run(*self._ask, input=sql)

    def heard(self):
        """Return how many statements the reader has sent so far."""
        return self._heard(self)

    def content(self):
        """Return what must not change: rows, tables, accounts, settings, files."""
        files = sorted(str(path) for path in self.files.rglob("*"))
        return self.admin(CONTENT[self.scheme]), files


@contextmanager
def mariadb(folder: Path):
    """A MariaDB server in ``folder``."""
    daemon = program("mariadbd", "/usr/sbin", package="mariadb-server")
    install = program("mariadb-install-db", package="mariadb-server")
    client = program("mariadb", package="mariadb-client")
    data, log, port = folder / "data", folder / "log", free_port()
    files, sock = folder / "files", folder / "s"
    files.mkdir()
    user = pwd.getpwuid(os.getuid()).pw_name
    run(
        install, "--no-defaults", f"--datadir={data}", f"--user={user}", "--skip-test-db",
        "--auth-root-authentication-method=normal", "--innodb-log-file-size=8M",
    )  # fmt: skip
    command = (
        daemon, "--no-defaults", f"--datadir={data}", f"--user={user}", f"--port={port}",
        "--bind-address=127.0.0.1", f"--socket={sock}", f"--pid-file={folder / 'pid'}",
        f"--tmpdir={folder}", f"--secure-file-priv={files}", "--skip-name-resolve",
        "--innodb-buffer-pool-size=32M", "--innodb-log-file-size=8M",
        "--innodb-flush-log-at-trx-commit=0", "--performance-schema=OFF", "--skip-log-bin",
        "--log-output=TABLE", "--general-log", "--character-set-server=utf8mb4",
    )  # fmt: skip
    with log.open("wb") as out, ended(subprocess.Popen(command, stdout=out, stderr=out)) as process:
        ask = (
            client,
            "--no-defaults",
            f"--socket={sock}",
            "--user=root",
            "--skip-column-names",
            "--batch",
        )
        ready(process, log, (*ask, "-e", "SELECT 1"))
        server = Server("mariadb+pymysql", port, ask, process, files, _heard_mariadb)
        server.admin(
            f"CREATE DATABASE {DATABASE} CHARACTER SET utf8mb4;"
            f"CREATE USER owner@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';"
            f"GRANT ALL ON {DATABASE}.* TO owner@'127.0.0.1'; GRANT FILE ON *.* TO owner@'127.0.0.1';"
            f"CREATE USER reader@'127.0.0.1' IDENTIFIED BY '{PASSWORD}';"
            f"GRANT SELECT ON {DATABASE}.* TO reader@'127.0.0.1';"
        )
        write_demo(server.url("owner"))
        yield server


@contextmanager
def postgres(folder: Path):
    """A PostgreSQL server in ``folder``."""
    bins = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    daemon = program("postgres", *bins, package="postgresql")
    tools = Path(daemon).parent
    client = program("psql", tools, package="postgresql-client")
    data, log, port, files = folder / "data", folder / "log", free_port(), folder / "files"
    files.mkdir()
    secret = folder / "secret"
    secret.write_text(PASSWORD)
    other = _other_user(folder, files, secret)
    run(
        *other, str(tools / "initdb"), "-D", str(data), "-U", "admin", "-A", "scram-sha-256",
        f"--pwfile={secret}", "--locale=C", "--encoding=UTF8", "--no-sync", cwd=folder,
    )  # fmt: skip
    options = (
        f"port={port}", "listen_addresses=127.0.0.1", "unix_socket_directories=", "fsync=off",
        "shared_buffers=32MB", "log_statement=all", "log_line_prefix=%u ", "max_connections=20", "autovacuum=off",
    )  # fmt: skip
    command = (*other, daemon, "-D", str(data), *(part for one in options for part in ("-c", one)))
    with (
        log.open("wb") as out,
        ended(subprocess.Popen(command, stdout=out, stderr=out, cwd=folder)) as process,
    ):
        base = (client, "-X", "-q", "-A", "-t", "-h", "127.0.0.1", "-p", str(port), "-U", "admin")
        environ = ("/usr/bin/env", f"PGPASSWORD={PASSWORD}")
        ready(process, log, (*environ, *base, "-d", "postgres", "-c", "SELECT 1"))
        run(
            *environ, *base, "-d", "postgres", "-v", "ON_ERROR_STOP=1",
            input=f"CREATE ROLE owner LOGIN PASSWORD '{PASSWORD}';"
            f"CREATE ROLE reader LOGIN PASSWORD '{PASSWORD}';"
            f"CREATE DATABASE {DATABASE} OWNER owner;",
        )  # fmt: skip
        ask = (*environ, *base, "-d", DATABASE, "-v", "ON_ERROR_STOP=1")
        server = Server(
            "postgresql+psycopg", port, ask, process, files,
            lambda _: log.read_text("utf-8", "replace").count("reader LOG:  "),
        )  # fmt: skip
        server.admin("ALTER SCHEMA public OWNER TO owner;")
        write_demo(server.url("owner"))
        server.admin("GRANT SELECT ON ALL TABLES IN SCHEMA public TO reader; ANALYZE;")
        yield server


def _other_user(*paths):
    """Return the prefix that runs a command as a user who is not root, and give him ``paths``."""
    if os.getuid() != 0:
        return ()
    name = next(one for one in ("postgres", "nobody") if _exists(one))
    for path in paths:
        shutil.chown(path, name)
    for parent in paths[0].parents:
        if parent.owner() == "root" and parent != Path("/"):
            parent.chmod(parent.stat().st_mode | 0o011)
    setpriv = program("setpriv", package="util-linux")
    return (setpriv, f"--reuid={name}", f"--regid={pwd.getpwnam(name).pw_gid}", "--clear-groups")


def _exists(name):
    try:
        pwd.getpwnam(name)
    except KeyError:
        return False
    return True

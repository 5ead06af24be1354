# An application in Python whose pool follows a rotation.
import json
import os
import sys
import time
from http.client import HTTPException
from pathlib import Path
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from psycopg import OperationalError, connect
from psycopg_pool import ConnectionPool


# -- asking for the credential
token = None


def log_in():
    body = json.dumps({"clientId": os.environ["CLIENT_ID"], "clientSecret": os.environ["CLIENT_SECRET"]}).encode()
    with urlopen(Request(os.environ["LOGIN"], body, {"Content-Type": "application/json"}), timeout=15) as answer:
        return json.load(answer)["accessToken"]


def credential(at_least_version):
    """What is served, as soon as its version is at least this one. Whatever fails is tried again: the service may be restarted."""
    global token
    url = f"{os.environ['ACTIVE']}?include=ca&waitForVersion={at_least_version}&timeout=60"
    while True:
        try:
            token = token or log_in()
            with urlopen(Request(url, headers={"Authorization": f"Bearer {token}"}), timeout=75) as answer:
                return json.load(answer)
        except HTTPError as answer:
            if answer.code == 304:  # not yet
                continue
            if answer.code in (401, 403):  # its time is up
                token = None
            print(answer, answer.read().decode(), file=sys.stderr, flush=True)
        except (OSError, HTTPException) as failure:
            print(failure, file=sys.stderr, flush=True)
        time.sleep(2)


# --
# -- a pool of it
def trust(served):
    """Whom libpq trusts: the connection's own CA, or the system's authorities (libpq 16 and later)."""
    if not served["sslMode"].startswith("verify-"):
        return {}
    if "caCert" not in served:
        return {"sslrootcert": "system"}
    Path("rolewright-ca.pem").write_text(served["caCert"])
    return {"sslrootcert": "rolewright-ca.pem"}


def pool_of(served):
    login = trust(served) | {"host": served["host"], "port": served["port"], "dbname": served["database"], "sslmode": served["sslMode"]}
    login |= {"user": served["username"], "password": served["password"]}
    return ConnectionPool(kwargs=login, min_size=1, max_size=5, open=True)


# --
def who(connection):
    return connection.execute("SELECT current_user").fetchone()[0]


served = credential(1)
pool = pool_of(served)
with pool.connection() as at_work:
    assert who(at_work) == os.environ["ROLE1"]
    verifies = os.environ["SSLMODE"] == "verify-full"
    assert at_work.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").fetchone()[0] == verifies
    if verifies:
        login = {"host": served["host"], "port": served["port"], "sslmode": "verify-full", "sslrootcert": os.environ["OTHER_CA"]}
        try:
            connect(user=served["username"], password=served["password"], dbname=served["database"], **login)
            raise AssertionError("the CA of another server")
        except OperationalError as refused:
            assert "certificate verify failed" in str(refused), refused
    print("rotate", flush=True)
    assert sys.stdin.readline() == "rotated\n"

    # -- changing over: sessions that are at work end when they are given back
    served = credential(served["credentialVersion"] + 1)
    pool, former = pool_of(served), pool
    former.close()
    # --
    with pool.connection() as fresh:
        assert who(fresh) == os.environ["ROLE2"]
    assert who(at_work) == os.environ["ROLE1"], "it is not ended under whoever works with it"
assert at_work.closed
pool.close()
print("done", flush=True)

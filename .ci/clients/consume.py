# An application in Python whose pool follows a rotation.
import json
import os
import sys
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from psycopg_pool import ConnectionPool


# -- asking for the credential
def credential(at_least_version):
    """What is served, as soon as its version is at least this one."""
    request = Request(
        f"{os.environ['ACTIVE']}?waitForVersion={at_least_version}&timeout=60",
        headers={"Authorization": f"Bearer {os.environ['TOKEN']}"},
    )
    while True:
        try:
            with urlopen(request, timeout=75) as answer:
                return json.load(answer)
        except HTTPError as answer:
            if answer.code != 304:  # not yet
                raise


# --
# -- a pool of it
def pool_of(served):
    login = {"host": served["host"], "port": served["port"], "dbname": served["database"], "sslmode": served["sslMode"]}
    login |= {"user": served["username"], "password": served["password"]}
    return ConnectionPool(kwargs=login, min_size=1, max_size=5, open=True)


# --
def who(connection):
    return connection.execute("SELECT current_user").fetchone()[0]


served = credential(1)
pool = pool_of(served)
with pool.connection() as at_work:
    assert who(at_work) == os.environ["ROLE1"]
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

"""Fixtures that several kinds of tests share."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from tests.support.mariadb import MariaDbServer
from tests.support.servers import PostgresServer

# how long an example takes says how busy the machine is
settings.register_profile("any machine", parent=settings(), deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("any machine")


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL to make databases in. Without one the test is skipped by name, except in CI, where it fails."""
    reason = PostgresServer.missing()
    if reason is not None and os.environ.get("CI"):
        pytest.fail(reason)
    if reason is not None:
        pytest.skip(reason)
    with PostgresServer.start() as server:
        yield server


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[MariaDbServer]:
    """A MariaDB to make databases in. Without one the test is skipped by name, except in CI, where it fails."""
    reason = MariaDbServer.missing()
    if reason is not None and os.environ.get("CI"):
        pytest.fail(reason)
    if reason is not None:
        pytest.skip(reason)
    with MariaDbServer.start() as server:
        yield server

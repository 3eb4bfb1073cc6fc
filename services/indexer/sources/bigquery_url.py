"""A BigQuery URL becomes a project, regions and credentials: `bigquery://PROJECT/DATASET?region=eu&region=us`.

Journey 1, step 1; used by `bigquery` alone.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

import google.auth
from google.auth.credentials import AnonymousCredentials, Credentials
from google.auth.exceptions import GoogleAuthError
from google.oauth2.credentials import Credentials as TokenCredentials
from google.oauth2.service_account import Credentials as ServiceAccount

from services.common.errors import WrongSettings
from services.common.runtime.source_settings import SourceSettings, read_reference

ALLOWED = ("endpoint", "region")
"""What may stand behind the question mark; `endpoint` is for private links and emulators."""
_SCOPES = ("https://www.googleapis.com/auth/bigquery", "https://www.googleapis.com/auth/cloud-platform.read-only")
_LOOKS = "bigquery://PROJECT/DATASET?region=eu"
_PROJECT = re.compile(r"(?:[a-z0-9.\-]+:)?[a-z][a-z0-9\-]{4,28}[a-z0-9]")
_NAME = re.compile(r"[A-Za-z0-9_\-]+")
_LOOPBACK = ("127.0.0.1", "::1", "localhost")


@dataclass(frozen=True, slots=True)
class Location:
    """What a URL asks for; `regions` in the order of the URL, without doubles; `endpoint` is None for Google's own."""

    project: str
    dataset: str | None
    regions: tuple[str, ...]
    endpoint: str | None
    local: bool


def location_of(url: str) -> Location:
    """What a URL asks for.

    Raises:
        WrongSettings: no project or region, a name that is none, or a parameter that is not in `ALLOWED`.

    """
    parts = urlsplit(url)
    project = unquote(parts.netloc)
    names = [unquote(part) for part in parts.path.split("/") if part]
    if not _PROJECT.fullmatch(project) or len(names) > 1 or not all(map(_NAME.fullmatch, names)):
        raise WrongSettings(f"the BigQuery URL must name a project and at most a dataset: {_LOOKS}")
    given = parse_qsl(parts.query, keep_blank_values=True)
    refused = sorted({name for name, _ in given} - set(ALLOWED))
    if refused:
        raise WrongSettings(f"the BigQuery URL has parameters that are not allowed: {', '.join(refused)}")
    regions = tuple(dict.fromkeys(value.lower() for name, value in given if name == "region"))
    if not regions or not all(map(_NAME.fullmatch, regions)):
        raise WrongSettings(f"the BigQuery URL must name the region of its datasets, or several: {_LOOKS}")
    endpoint = dict(given).get("endpoint")
    where = urlsplit(endpoint or "https://")
    local = where.hostname in _LOOPBACK
    if where.scheme != "https" and not (where.scheme == "http" and local):
        raise WrongSettings("the BigQuery URL may name an http:// endpoint on this machine alone")
    return Location(project, names[0] if names else None, regions, endpoint, local)


def credentials_of(settings: SourceSettings, location: Location) -> Credentials:
    """A token beats a service account beats what the environment has; an endpoint on this machine needs none.

    Raises:
        WrongSettings: a secret cannot be read or is none, or the environment has no credentials.

    """
    if settings.oauth_token is not None:
        return TokenCredentials(read_reference(settings.oauth_token))  # type: ignore[no-untyped-call] # google-auth's own
    if settings.credentials is not None:
        try:
            account = json.loads(read_reference(settings.credentials))
            return ServiceAccount.from_service_account_info(account, scopes=_SCOPES)  # type: ignore[no-any-return,no-untyped-call] # google-auth's own
        except (ValueError, TypeError, AttributeError, GoogleAuthError):
            raise WrongSettings("`credentials` leads to no service account's JSON") from None
    if location.local:
        return AnonymousCredentials()  # type: ignore[no-untyped-call] # google-auth's own
    try:
        credentials, _ = google.auth.default(scopes=_SCOPES)
    except GoogleAuthError:
        raise WrongSettings("a BigQuery source needs `credentials`, `oauth_token`, or the environment's own") from None
    return credentials

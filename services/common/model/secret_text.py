"""Secrets in text that is no SQL of its own: descriptions, comments, what stands between quotes, values of properties.

Journeys 1 and 3, before a store: crawls (`secret_sql`, `secrets` of the indexer) and events use it. Every expression here
reads a text once: quantifiers that could be tried twice are possessive.
"""

from __future__ import annotations

import re

MASK = "***"
"""What stands where a secret stood."""

# cheap question before any work: without one of these pieces, in lower case, a text holds nothing that is masked here
_HINTS = (
    *("pass", "pwd", "secret", "token", "key", "credential", "identified", "://", "auth", "bearer", "crypt", "sig"),
    *("akia", "asia", "ghp_", "gho_", "ghs_", "ghu_", "ghr_", "github_pat_", "glpat-", "xox", "sk_", "rk_", "sk-", "aiza"),
    *("eyj", "-----begin", "ya29.", "npm_", "dapi", "hf_", "whsec_", "hvs.", "sg.", "thin:", "sas", "_pw", "curl"),
)
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_SECRET_NAME = re.compile(
    r"""(?: .*(?:password|passwd|passphrase|pwd|secret|token|credentials?|api_?key)
          | (?:.*_)?(?:pw|sas|bearer|authorization|aws_key_id|master_symmetric_key)
          | .*(?:access|account|auth|encryption|encrypt|hmac|master|private|secret|shared|signing|symmetric)_?key(?:_?id)?
          | (?:.*_)?(?:admin|db|ftp|jdbc|ldap|mail|my|pg|root|smtp|sql|user)_?pass
        )(?:_?\d+)?""",
    re.VERBOSE | re.DOTALL,
)
_NO_SECRET_NAME = re.compile(r"(?:is|has|no|needs|requires|uses|with)_.*|.*(?:public|foreign|primary)_?key", re.DOTALL)
_LONGEST_NAME = 200
# tokens that are known by how they begin; sources: the vendors' own pages on their formats
_TOKENS = re.compile(
    r"""(?<![A-Za-z0-9])(?:
          (?:AKIA|ASIA)[A-Z0-9]{12,}+                               # AWS access key ids
        | gh[pousr]_[A-Za-z0-9]{16,}+ | github_pat_\w{16,}+         # GitHub
        | glpat-[\w-]{16,}+                                         # GitLab
        | xox[a-z]-[\w-]{8,}+ | xapp-[\w-]{8,}+                     # Slack
        | [sr]k_(?:live|test)_\w{8,}+ | whsec_\w{16,}+              # Stripe
        | sk-[\w-]{20,}+                                            # OpenAI, Anthropic
        | AIza[\w-]{20,}+ | ya29\.[\w.-]{16,}+                      # Google
        | npm_[A-Za-z0-9]{30,}+ | hf_[A-Za-z0-9]{20,}+ | dapi[0-9a-f]{32}(?:-\d)? | hvs\.[\w-]{20,}+
        | SG\.[\w-]{16,}+\.[\w-]{16,}+                              # SendGrid
        | eyJ[\w-]{8,}+(?:\.[\w-]*+){1,4}                           # JSON web tokens, RFC 7519
        )""",
    re.VERBOSE,
)
_PEM = re.compile(r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_PEM_END = re.compile(r"-----END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?-----")
_BEARER = re.compile(r"(\b(?:bearer|basic)[ ]+)(?=[\w.~+/=-]*\d)[\w.~+/=-]{12,}+", re.IGNORECASE)
_CURL_USER = re.compile(r"(\s(?:-u|--user)[ =]\s*+[^\s:]++:)[^\s'\"]++")
_USER_INFO = re.compile(r"(?:://[^\s/?#@:\"<>]*+:|\bthin:[^\s/@:]++/)(?P<rest>[^\s\"<>]++)")
_PORT = re.compile(r"\d{1,5}(?![^/?#,;'\\)\]])")
_QUERY = re.compile(
    r"""([?&](?:sig|signature|x-amz-[a-z-]{1,40}+|[\w.-]{0,64}?(?:token|secret|passw|key)[\w.-]{0,64}+)=)[^\s&#"'<>]++""",
    re.IGNORECASE,
)
_SIG = re.compile(r"(?<![\w?&])(sig=)[\w%+/=-]{16,}+", re.IGNORECASE)
_KEY = re.compile(
    r"""(?<!\w)(?P<key>(?=\w*?(?:pass|pwd|pw|secret|token|key|credential|auth|bearer|sas)|\w++-key)\w++(?:-(?:access-)?key)?)
        (?P<close>\\*+["'`\]]*+)[ \t]*+(?P<sep>=>|:=|==?|:)?(?P<gap>\s*+)(?P<open>\\*+(?:'{1,4}|"{1,3}|`|\$\w*\$))?""",
    re.VERBOSE | re.IGNORECASE,
)
_IDENTIFIED = re.compile(
    r"""\bidentified\s++(?:with\s++\S++\s++)?(?:by|as|using)\s++(?:(?:password|values)\s++)?
        (?!null\b|random\b)(?P<open>\\*+(?:'{1,4}|"{1,3}|`|\$\w*\$))?""",
    re.VERBOSE | re.IGNORECASE,
)
_BARE = re.compile(r"(?:\\.|[^\s\\;]|;(?!\s*+[\w. -]*+=|\s|$))*+", re.DOTALL)
_QUERY_VALUE = re.compile(r"[^\s&#;]*+")
_TO_SEMICOLON = re.compile(r"[^;\n]*+")
# what stands for a value without being one
_PLACEHOLDER = re.compile(
    r"(?:\$\d+|\?|%s|%\(\w+\)s|\$?\{[^{}]*+\}|\{\{[^{}]*+\}\}|\*+|null|none|true|false|\d{0,3}|\w+\.\w+|\w+\(.*)[,)\]}.]*",
    re.IGNORECASE,
)
_LOOKS_SECRET = re.compile(r"(?=\S{0,99}?\d)(?=\S{0,99}?[A-Za-z])\S{10}")
_LONGEST_PLACEHOLDER = 200
_TEMPLATE = re.compile(r"\{\{[^{}]{0,200}+\}\}|\$\{[^{}]{0,200}+\}")
_NAME_HINT = re.compile(r"pass|pwd|pw|secret|token|key|credential|auth|bearer|sas", re.IGNORECASE)
_UNPAIRED = re.compile(r"\\+$")


def may_hold_secret(text: str) -> bool:
    """Whether a closer look is worth it; False is certain."""
    return any(map(text.lower().__contains__, _HINTS))


def is_secret_name(name: str) -> bool:
    """Whether what is called so (a column, a setting, a key of a mapping) holds a secret: `dbPassword`, `api-key`, …"""
    name = name[-_LONGEST_NAME:]
    if _NAME_HINT.search(name) is None:
        return False
    plain = re.sub(r"[-. ]", "_", _CAMEL.sub("_", name)).lower()
    return _SECRET_NAME.fullmatch(plain) is not None and _NO_SECRET_NAME.fullmatch(plain) is None


def masked_text(text: str, *, prose: bool = False) -> str:
    """`text` with each secret in it shown as `***`; the same text where there is none. Idempotent, linear in its length.

    Args:
        text: anything; what a literal holds may be given as it is written, escapes included.
        prose: written for people: `token = value` with spaces is then a sentence, not a setting.

    """
    if not may_hold_secret(text):
        return text
    text = _without_pem(text)
    text = _without_user_info(text)
    text = _QUERY.sub(rf"\g<1>{MASK}", text)
    text = _CURL_USER.sub(rf"\g<1>{MASK}", text)
    text = _SIG.sub(rf"\g<1>{MASK}", text)
    text = _without_identified(text)
    text = _without_values(text, prose=prose)
    text = _BEARER.sub(rf"\g<1>{MASK}", text)
    return _TOKENS.sub(MASK, text)


def _without_pem(text: str) -> str:
    out, at = [], 0
    while begin := _PEM.search(text, at):
        end = _PEM_END.search(text, begin.end())
        out += [text[at : begin.start()], MASK]
        at = end.end() if end else len(text)
    return "".join((*out, text[at:])) if out else text


def _without_user_info(text: str) -> str:
    """`user:password@` in URLs; the password ends at the last `@` before white space, whatever unescaped signs it has."""
    out, at = [], 0
    for match in _USER_INFO.finditer(text):
        rest = match["rest"]
        end = rest.rfind("@")
        if end <= 0 or _PORT.match(rest):
            continue
        out += [text[at : match.start("rest")], MASK]
        at = match.start("rest") + end
    return "".join((*out, text[at:])) if out else text


def _without_identified(text: str) -> str:
    out, at = [], 0
    while match := _IDENTIFIED.search(text, at):
        start, end = _span(text, match, _BARE)
        out += [text[at:start], MASK if start < end else ""]
        at = max(end, match.end())
        out.append(text[end:at])
    return "".join((*out, text[at:])) if out else text


def _without_values(text: str, *, prose: bool) -> str:
    """`key = value`, `"key": "value"` and `KEY 'value'`, in every quoting."""
    out, at, here = [], 0, 0
    while match := _KEY.search(text, here):
        here = match.end("key")
        if not is_secret_name(match["key"]):
            continue
        if match["open"] is None and not _has_bare_value(text, match, prose=prose):
            continue
        bare = _bare_pattern(text, match)
        start, end = _span(text, match, bare)
        if start == end or (match["open"] is None and _is_placeholder(text, start, end)):
            continue
        out += [text[at:start], MASK]
        at = here = end
    return "".join((*out, text[at:])) if out else text


def _has_bare_value(text: str, match: re.Match[str], *, prose: bool) -> bool:
    if match["sep"] is None or "\n" in match["gap"] or _TEMPLATE.match(text, match.end()):
        return False
    if match["sep"] == ":":
        return _LOOKS_SECRET.match(text, match.end()) is not None
    spaced = bool(match["gap"]) or text[match.start("sep") - 1 : match.start("sep")].isspace()
    return not (prose and spaced) or _LOOKS_SECRET.match(text, match.end()) is not None


def _is_placeholder(text: str, start: int, end: int) -> bool:
    return end - start <= _LONGEST_PLACEHOLDER and _PLACEHOLDER.fullmatch(text, start, end) is not None


def _bare_pattern(text: str, match: re.Match[str]) -> re.Pattern[str]:
    before = text[max(0, match.start() - 2) : match.start()]
    if before[-1:] in {"?", "&"}:
        return _QUERY_VALUE
    # in `Server=x;Password=my secret;` spaces belong to the value
    return _TO_SEMICOLON if before.rstrip()[-1:] == ";" else _BARE


def _span(text: str, match: re.Match[str], bare: re.Pattern[str]) -> tuple[int, int]:
    """Where the value behind `match` begins and ends; without a closing quote it goes on to the end."""
    start = match.end()
    opened = match["open"]
    if opened is None:
        found = bare.match(text, start)
        assert found is not None, "it can be empty"
        return start, found.end()
    if opened.endswith("''") and text[start : start + 1] in {"", ",", ")", " ", ";"} and not opened.strip("'"):
        return start, start  # an empty value, not the beginning of one
    at = start
    while (end := text.find(opened, at)) >= 0:
        slashes = _UNPAIRED.search(text[max(start, end - 8) : end])
        if slashes is None or len(slashes[0]) % 2 == 0 or opened.startswith("$"):
            return start, end
        at = end + len(opened)
    return start, len(text)

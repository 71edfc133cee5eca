"""Messages without secrets: keys, passwords, and the parameters that sign a url."""

from collections.abc import Iterable
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

#: Parameters that grant access: signatures of Azure, AWS, Google and Meta, and common names of keys
_SIGNING = frozenset(
    {"sig", "signature", "token", "access_token", "api_key", "key", "st", "se", "sp", "sv", "sr", "skoid", "oh", "oe"}
)
_SIGNING_PREFIXES = ("x-amz-", "x-goog-", "awsaccesskeyid")


def redact(text: str, secrets: Iterable[str]) -> str:
    """Replace every secret with ***."""
    for secret in secrets:
        text = text.replace(secret, "***") if secret else text
    return text


def unsigned(url: str) -> str:
    """Remove the parameters that grant access, such as an expiring signature."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return url.partition("?")[0]
    pairs = parse_qsl(parts.query, keep_blank_values=True)
    kept = [
        (name, value)
        for name, value in pairs
        if name.lower() not in _SIGNING and not name.lower().startswith(_SIGNING_PREFIXES)
    ]
    return url if len(kept) == len(pairs) else urlunsplit(parts._replace(query=urlencode(kept)))


def unsigned_text(text: str) -> str:
    """Apply `unsigned` to every url in a text."""
    return " ".join(unsigned(word) if "://" in word and "?" in word else word for word in text.split(" "))

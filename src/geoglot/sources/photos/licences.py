"""Licences by one name each, whatever a service calls them: cc0, pd, cc-by, cc-by-sa, cc-by-nc-nd, ..."""

from __future__ import annotations

import re

ALL_RIGHTS_RESERVED = "all-rights-reserved"
KNOWN = (
    "cc0", "pd", "cc-by", "cc-by-sa", "cc-by-nd", "cc-by-nc", "cc-by-nc-sa", "cc-by-nc-nd", "no-known-copyright",
    "us-government", ALL_RIGHTS_RESERVED,
)  # fmt: skip
#: By the ids of flickr.photos.licenses.getInfo: 1-6 are version 2.0, 11-16 version 4.0
FLICKR = {
    0: ALL_RIGHTS_RESERVED, 1: "cc-by-nc-sa", 2: "cc-by-nc", 3: "cc-by-nc-nd", 4: "cc-by", 5: "cc-by-sa", 6: "cc-by-nd",
    7: "no-known-copyright", 8: "us-government", 9: "cc0", 10: "pd", 11: "cc-by", 12: "cc-by-sa", 13: "cc-by-nd",
    14: "cc-by-nc", 15: "cc-by-nc-sa", 16: "cc-by-nc-nd",
}  # fmt: skip


def licence_name(text: str) -> str:
    """The name for what people write: "CC BY-SA 4.0", "Public domain", "CC0"; lower case where it is none of these."""
    plain = re.sub(r"[\s_/-]+", "-", text.strip().lower()).strip("-")
    found = re.match(r"(?:cc-)?(by(?:-nc)?(?:-sa|-nd)?)(?![a-z])", plain)
    if found:
        return f"cc-{found[1]}"
    if re.match(r"cc-?0|cc-zero", plain):
        return "cc0"
    if re.match(r"pd\b|public-domain", plain):
        return "pd"
    return plain

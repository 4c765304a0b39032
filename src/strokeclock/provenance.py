"""Which code made a result."""

import hashlib
from pathlib import Path

_PACKAGE = Path(__file__).parent


def digest_code(*subpackages: str) -> str:
    """Digest library subpackages: what was made by other code is stale."""
    digest = hashlib.sha256()
    for subpackage in subpackages:
        for path in sorted((_PACKAGE / subpackage).rglob("*.py")):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:16]

"""Secrets that must be readable again, sealed with AES-256-GCM under a key that is not in the database.

A sealed text is `v1.<key id>.<base64url of nonce and ciphertext>`. It opens only for the row that it was sealed for,
and says by the id which key it wants: the installation's present one, or an earlier one while that is being replaced.
"""

import base64
import secrets
from functools import lru_cache

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from config.settings import settings

FORM = "v1"
KEY_BYTES, ID_BYTES, NONCE_BYTES = 32, 4, 12


class VaultError(Exception):
    """The text was changed, belongs to another row, or was sealed under another key; it never holds a secret."""


def seal(plain: str, identity: str) -> str:
    """`plain` made unreadable; `identity` names the row that it is for, such as `cookie:17:example.com`."""
    key_id, key = _key(settings().secret())
    nonce = secrets.token_bytes(NONCE_BYTES)
    box = nonce + key.encrypt(nonce, plain.encode(), identity.encode())
    return f"{FORM}.{key_id}.{_written(box)}"


def unseal(sealed: str, identity: str) -> str:
    """What `seal` was given for the same `identity`; raises VaultError."""
    form, _, rest = sealed.partition(".")
    wanted, _, text = rest.partition(".")
    if form != FORM:
        raise VaultError("this is not in the vault's form")
    key = _named(wanted)
    box = _read(text)
    try:
        return key.decrypt(box[:NONCE_BYTES], box[NONCE_BYTES:], identity.encode()).decode()
    except (InvalidTag, ValueError):
        raise VaultError("it was changed or belongs to another row") from None


def beginning() -> str:
    """How the texts begin that are sealed under the present key."""
    return f"{FORM}.{_key(settings().secret())[0]}."


def _named(wanted: str) -> AESGCM:
    """The key with this id; raises VaultError if we do not have it."""
    key_id, key = _key(settings().secret())
    if key_id == wanted:
        return key
    earlier = dict(map(_key, settings().earlier_secrets()))
    if wanted not in earlier:
        raise VaultError("it was sealed under another key")
    return earlier[wanted]


@lru_cache(maxsize=8)
def _key(secret: str) -> tuple[str, AESGCM]:
    """The id and the key that follow from a secret of the installation."""
    derivation = HKDF(SHA256(), KEY_BYTES + ID_BYTES, salt=None, info=b"medianest vault v1")
    derived = derivation.derive(secret.encode())
    return derived[KEY_BYTES:].hex(), AESGCM(derived[:KEY_BYTES])


def _written(box: bytes) -> str:
    return base64.urlsafe_b64encode(box).decode().rstrip("=")


def _read(text: str) -> bytes:
    """The bytes behind `text`, of which there is one spelling only."""
    try:
        box = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except ValueError:
        box = b""
    if _written(box) != text:
        raise VaultError("it was changed")
    return box

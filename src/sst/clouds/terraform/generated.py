"""What the types of `random` and `tls` that need no plugin make of their arguments."""
from __future__ import annotations

import base64
import hashlib
import random as seeded
import secrets
import string
import uuid
from collections.abc import Callable, Mapping
from typing import Any

from ...errors import UserError

__all__ = ["GENERATORS", "check"]

_SPECIAL = "!@#$%&*()-_=+[]{}<>:?"
_ADJECTIVES = ("able", "ample", "apt", "bold", "brave", "bright", "calm", "clean", "clever", "cool", "crisp", "eager",
               "fair", "fancy", "fast", "fine", "firm", "fond", "free", "fresh", "glad", "good", "grand", "happy",
               "keen", "kind", "large", "light", "live", "loyal", "lucky", "magic", "major", "merry", "mighty", "moral",
               "neat", "nice", "noble", "open", "proud", "quick", "quiet", "rapid", "rare", "ready", "rich", "smart",
               "solid", "sound", "strong", "sunny", "super", "sweet", "tidy", "true", "valid", "vast", "warm", "wise",
               "witty")
_ANIMALS = ("ant", "ape", "bat", "bear", "bee", "bird", "bison", "boar", "buck", "calf", "cat", "cod", "colt", "cow",
            "crab", "crane", "crow", "deer", "dog", "dove", "duck", "eagle", "eel", "elk", "falcon", "fawn", "finch",
            "fish", "foal", "fox", "frog", "gnu", "goat", "goose", "gull", "hare", "hawk", "hen", "heron", "horse",
            "ibis", "jay", "koala", "lamb", "lark", "lion", "llama", "lynx", "mole", "moose", "mouse", "newt", "otter",
            "owl", "ox", "panda", "perch", "pig", "pony", "quail", "ram", "rat", "raven", "robin", "seal", "shark",
            "sheep", "shrew", "skunk", "sloth", "snail", "swan", "tern", "tiger", "toad", "trout", "wolf", "yak")


def _text(values: dict[str, Any]) -> dict[str, Any]:
    """Of `random_password` and `random_string`."""
    values = values | {k: True for k in ("lower", "upper", "numeric", "special") if values.get(k) is None}
    values |= {k: 0 for k in ("min_lower", "min_upper", "min_numeric", "min_special") if values.get(k) is None}
    kinds = {"lower": string.ascii_lowercase, "upper": string.ascii_uppercase, "numeric": string.digits,
             "special": values.get("override_special") or _SPECIAL}
    alphabet = "".join(letters for kind, letters in kinds.items() if values[kind])
    least = [secrets.choice(letters) for kind, letters in kinds.items() for _ in range(int(values[f"min_{kind}"]))]
    made = least + [secrets.choice(alphabet) for _ in range(int(values["length"]) - len(least))]
    secrets.SystemRandom().shuffle(made)
    return values | {"result": "".join(made)}


def _password(values: dict[str, Any]) -> dict[str, Any]:
    return _text(values) | {"id": "none"}


def _string(values: dict[str, Any]) -> dict[str, Any]:
    made = _text(values)
    return made | {"id": made["result"]}


def _id(values: dict[str, Any]) -> dict[str, Any]:
    raw, prefix = secrets.token_bytes(int(values["byte_length"])), values.get("prefix") or ""
    url = base64.urlsafe_b64encode(raw).decode().rstrip("=")
    return values | {"id": url, "b64_url": prefix + url, "b64_std": prefix + base64.b64encode(raw).decode(),
                     "hex": prefix + raw.hex(), "dec": prefix + str(int.from_bytes(raw, "big"))}


def _uuid(values: dict[str, Any]) -> dict[str, Any]:
    made = str(uuid.uuid4())
    return values | {"id": made, "result": made}


def _integer(values: dict[str, Any]) -> dict[str, Any]:
    source = seeded.Random(values["seed"]) if values.get("seed") else secrets.SystemRandom()
    number = source.randint(int(values["min"]), int(values["max"]))
    return values | {"result": number, "id": str(number)}


def _pet(values: dict[str, Any]) -> dict[str, Any]:
    length, separator = int(values["length"] or 2), "-" if values.get("separator") is None else values["separator"]
    words = [*(secrets.choice(_ADJECTIVES) for _ in range(length - 1)), secrets.choice(_ANIMALS)]
    made = separator.join([*([values["prefix"]] if values.get("prefix") else []), *words])
    return values | {"length": length, "separator": separator, "id": made}


def _private_key(values: dict[str, Any]) -> dict[str, Any]:
    from cryptography.hazmat.primitives import serialization as form
    from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa

    bits, curve = int(values.get("rsa_bits") or 2048), values.get("ecdsa_curve") or "P224"
    key: Any
    match values["algorithm"]:
        case "RSA":
            key = rsa.generate_private_key(65537, bits)
        case "ECDSA":
            key = ec.generate_private_key({"P224": ec.SECP224R1(), "P256": ec.SECP256R1(), "P384": ec.SECP384R1(),
                                           "P521": ec.SECP521R1()}[curve])
        case _:
            key = ed25519.Ed25519PrivateKey.generate()
    plain, public = form.NoEncryption(), key.public_key()
    pem = key.private_bytes(form.Encoding.PEM, form.PrivateFormat.PKCS8, plain).decode()
    old = pem if values["algorithm"] == "ED25519" else key.private_bytes(
        form.Encoding.PEM, form.PrivateFormat.TraditionalOpenSSL, plain).decode()
    public_pem = public.public_bytes(form.Encoding.PEM, form.PublicFormat.SubjectPublicKeyInfo)
    made = values | {"rsa_bits": bits, "ecdsa_curve": curve, "private_key_pem": old, "private_key_pem_pkcs8": pem,
                     "public_key_pem": public_pem.decode(), "public_key_openssh": "", "private_key_openssh": "",
                     "public_key_fingerprint_md5": "", "public_key_fingerprint_sha256": "",
                     "id": hashlib.sha1(public_pem, usedforsecurity=False).hexdigest()}
    if values["algorithm"] == "ECDSA" and curve == "P224":
        return made    # OpenSSH has no such keys
    line = public.public_bytes(form.Encoding.OpenSSH, form.PublicFormat.OpenSSH).decode()
    blob = base64.b64decode(line.split()[1])
    md5 = hashlib.md5(blob, usedforsecurity=False).hexdigest()
    sha256 = base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")
    return made | {
        "public_key_openssh": f"{line}\n", "public_key_fingerprint_sha256": f"SHA256:{sha256}",
        "public_key_fingerprint_md5": ":".join(md5[i:i + 2] for i in range(0, 32, 2)),
        "private_key_openssh": key.private_bytes(form.Encoding.PEM, form.PrivateFormat.OpenSSH, plain).decode()}


GENERATORS: Mapping[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "random_password": _password, "random_string": _string, "random_id": _id, "random_uuid": _uuid,
    "random_integer": _integer, "random_pet": _pet, "tls_private_key": _private_key}


def check(type: str, values: Mapping[str, Any]) -> None:
    """Raises ``UserError`` for arguments out of range; those that are not known yet are passed over."""
    def number(name: str) -> int | float | None:
        value = values.get(name)
        return value if isinstance(value, int | float) else None

    length = number("length")
    if type in ("random_password", "random_string") and length is not None:
        least = sum(number(f"min_{kind}") or 0 for kind in ("lower", "upper", "numeric", "special"))
        if length < max(1, least):
            raise UserError(f"length: {length} is too short" + (f" for the {least:g} characters that min_* ask for"
                                                                if least else ""))
        if all(values.get(kind) is False for kind in ("lower", "upper", "numeric", "special")):
            raise UserError("special: all kinds of characters are switched off")
    low, high = number("min"), number("max")
    if type == "random_integer" and low is not None and high is not None and low > high:
        raise UserError(f"min: {low:g} is more than max, {high:g}")
    algorithm, curve = values.get("algorithm"), values.get("ecdsa_curve")
    if type == "tls_private_key" and isinstance(algorithm, str) and algorithm not in ("RSA", "ECDSA", "ED25519"):
        raise UserError(f"algorithm: {algorithm!r} is not RSA, ECDSA or ED25519")
    if type == "tls_private_key" and isinstance(curve, str) and curve not in ("P224", "P256", "P384", "P521"):
        raise UserError(f"ecdsa_curve: {curve!r} is not P224, P256, P384 or P521")

# SPDX-License-Identifier: Apache-2.0
"""Leaving out of a report what tells one peripheral from all others: address, name, serial number.

The address is replaced by a made-up one of the same makers' block, so that it is still seen
where a peripheral spells its own address. Nothing becomes shorter: frames keep their lengths.
"""

from collections.abc import Collection, Iterator
import re
from typing import Final

from .families import family_of, local_name

_OWN_BYTES: Final = 3
"""So many of an address, the last ones, are the peripheral's own; the first are its maker's."""

_ANY_ADDRESS: Final = re.compile(r"(?:[0-9A-Fa-f]{2}[:_-]?){5}[0-9A-Fa-f]{2}")
_MAKERS_NAME: Final = re.compile(r"[A-Z][A-Z-]{1,9}(?=[0-9])")
# Models have up to five digits in a row, serial numbers more.
_DIGITS: Final = re.compile(rb"[0-9]{7,}")
# Wherever no model was asked for, a text may be a serial number.
_TEXT: Final = re.compile(rb"[0-9A-Za-z_-]{6,}")
# The shortest part of an address, or end of a name, that is no chance.
_SHORTEST: Final = 4

type Span = tuple[int, int]


def redacted_name(name: str | None) -> str | None:
    """Return the beginning of a name: the family's, or else of what may be a maker's name.

    A name that an owner has given is left out: it may be a person's.
    """
    told = local_name(name)
    if told is None:
        return None
    # The end of a dongle's name is hexadecimal: it may begin with a letter of the address.
    if known := len(family_of(told).name_prefix):
        return told[:known]
    makers = _MAKERS_NAME.match(told)
    return makers[0] if makers else ""


class Redaction:
    """Leaves out of texts and bytes what belongs to one peripheral only."""

    def __init__(self, address: str, name: str | None, number: int = 1) -> None:
        """Leave out this address and the end of this name, in every spelling.

        The made-up address ends in this number: those of several peripherals stay distinct.
        """
        raw = bytes.fromhex(re.sub("[^0-9A-Fa-f]", "", address))
        made_up = raw[:-_OWN_BYTES] + number.to_bytes(_OWN_BYTES)
        self.address = made_up.hex(":").upper()
        told = local_name(name) or ""
        self._name, self._redacted_name = told, redacted_name(name) or ""
        own_end = told.encode()[len(self._redacted_name.encode()) :]
        self._replacements = dict(_spellings(raw, made_up))
        if len(own_end) >= _SHORTEST:
            self._replacements.setdefault(own_end.lower(), b"0" * len(own_end))
        # The longest first: the last bytes of an address are a part of it.
        self._secrets = re.compile(
            b"|".join(
                re.escape(each)
                for each in sorted(self._replacements, key=len, reverse=True)
            ),
            re.IGNORECASE,
        )

    def text(self, text: str) -> str:
        """Return a text without addresses, and with no more of the name than its beginning."""
        if self._name:
            text = text.replace(self._name, self._redacted_name)
        replaced = self._secrets.sub(self._replacement, text.encode())
        return _ANY_ADDRESS.sub(self.address, replaced.decode(errors="replace"))

    def model(self, model: str) -> str:
        """Return a model as `data` leaves it where it was asked for."""
        told = model.encode()
        return self.data(told, [(0, len(told))]).decode(errors="replace")

    def data(self, data: bytes, models: Collection[Span] = ()) -> bytes:
        """Return bytes without what is the peripheral's own, as many as before.

        Texts are left out except in `models`, one after the other, where only long numbers are.
        """

        lowered = data.lower()
        # Most data hold none of them, which is seen thirty times as fast in this way.
        if any(secret in lowered for secret in self._replacements):
            data = self._secrets.sub(self._replacement, data)
        if _TEXT.search(data) is None:
            return data
        parts, position = [], 0
        for start, end in models:
            if start < position:
                continue
            parts += [_blanked(_TEXT, data[position:start])]
            parts += [_blanked(_DIGITS, data[start:end])]
            position = end
        parts.append(_blanked(_TEXT, data[position:]))
        return b"".join(parts)

    def _replacement(self, match: re.Match[bytes]) -> bytes:
        return self._replacements[match[0].lower()]


def _blanked(pattern: re.Pattern[bytes], data: bytes) -> bytes:
    return pattern.sub(lambda match: b"0" * len(match[0]), data)


def _spellings(raw: bytes, made_up: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield how an address may be written, as bytes and in hexadecimal, and what replaces it."""
    for length in (len(raw), _SHORTEST):
        for step in (1, -1):
            secret, instead = raw[-length:][::step], made_up[-length:][::step]
            if len(set(secret)) > 1:
                yield secret.lower(), instead
            for separator in ("", ":", "-", "_"):
                yield (
                    _hex(secret, separator),
                    _hex(instead, separator),
                )


def _hex(data: bytes, separator: str) -> bytes:
    return (data.hex(separator) if separator else data.hex()).encode()

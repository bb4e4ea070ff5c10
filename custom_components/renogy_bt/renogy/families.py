# SPDX-License-Identifier: Apache-2.0
"""The families of Renogy peripherals, told by their names or by what they show (protocol 1.1, 1.6)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
import re
from typing import Final

from .exceptions import DeviceKind
from .modbus import BROADCAST_UNIT


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """What is common to the peripherals whose name starts alike.

    `built_in_bluetooth` says that one battery is its own link, and `own_unit` the id that it
    usually has then. `current_divisor` is the number of counts
    in one ampere of register 5042; where `is_current_scale_proven` is false that number is
    the likelier one, and nobody has compared it with another meter. Where
    `trusts_alarm_fields` is false the registers
    5100-5105 and 5108 do not follow the makers' document and are ignored.
    `models` is a pattern of the models that are of this family whatever the name is.
    `refused_as` names what the peripheral is when it cannot be a battery.
    """

    key: str
    name_prefix: str
    built_in_bluetooth: bool = False
    own_unit: int = BROADCAST_UNIT
    current_divisor: int = 100
    is_current_scale_proven: bool = True
    trusts_alarm_fields: bool = True
    cells_may_be_millivolts: bool = False
    cycles_may_be_low_byte_first: bool = False
    models: str | None = None
    refused_as: DeviceKind | None = None

    @property
    def known_divisor(self) -> int | None:
        """The number of counts in one ampere, None where it is not proven."""
        return self.current_divisor if self.is_current_scale_proven else None

    @property
    def cell_digits(self) -> int:
        """How many digits behind the point the voltage of a cell may have, V."""
        return 3 if self.cells_may_be_millivolts else 1

    @property
    def current_digits(self) -> int:
        """How many digits behind the point a current may have, A."""
        return 1 if self.known_divisor == 10 else 2

    def counting(self, divisor: int | None) -> Family:
        """Return this family with what is known of the scale of one battery's current."""
        if divisor is None:
            return replace(self, is_current_scale_proven=False)
        return replace(self, current_divisor=divisor, is_current_scale_proven=True)


STANDARD: Final = Family(
    key="standard",
    name_prefix="BT-TH",
    # RBT50LFP48S, RBT100LFP12-BT: the voltage stands behind "LFP". Of the other families it
    # stands before the capacity.
    models=r"RBT\d+LFP\d.*",
)
PRO: Final = Family(
    key="pro",
    name_prefix="RNGRBP",
    built_in_bluetooth=True,
    own_unit=48,
    current_divisor=10,
    models=r"RBT12200LFP(?!-B$).*",
)
RNGC: Final = Family(
    key="rngc",
    name_prefix="RNGC",
    built_in_bluetooth=True,
    current_divisor=10,
    cells_may_be_millivolts=True,
    cycles_may_be_low_byte_first=True,
    models=r"RBT12200LFP-B",
)
RNGPRO: Final = Family(
    key="rngpro",
    name_prefix="RNGPRO",
    built_in_bluetooth=True,
    is_current_scale_proven=False,
    trusts_alarm_fields=False,
)
# One name, two scales: RBT12100LFP-BT against RBT12500LFP-SHBT.
RNGPRO12BATT: Final = replace(
    RNGPRO,
    key="rngpro12batt",
    name_prefix="RNGPRO12BATT",
    current_divisor=10,
    is_current_scale_proven=True,
    models=r"RBT12100LFP-BT.*",
)
RNGPRO125BAT: Final = replace(
    RNGPRO,
    key="rngpro125bat",
    name_prefix="RNGPRO125BAT",
    is_current_scale_proven=True,
    models=r"RBT12500LFP-SHBT.*",
)
RNGUSBAT: Final = Family(
    key="rngusbat",
    name_prefix="RNGUSBAT",
    built_in_bluetooth=True,
    is_current_scale_proven=False,
    models=r"RBT12100LFP-SHBT.*",
)
UNDECIDED: Final = Family(
    key="undecided",
    name_prefix="",
    is_current_scale_proven=False,
    trusts_alarm_fields=False,
    cells_may_be_millivolts=True,
    cycles_may_be_low_byte_first=True,
)
"""What neither its name nor what it shows tells apart: it is believed as little as any."""

_OTHER_DEVICES: Final = {
    DeviceKind.SHUNT: ("RTMShunt", "RNGSHUNT"),
    DeviceKind.INVERTER: ("RNGRIU", "BTRI", "BTRAC"),
    DeviceKind.CHARGE_CONTROLLER: ("RNG-CTRL-", "RNGRBC", "RBC", "RCC"),
    DeviceKind.MONITOR: ("RNGPMS",),
}
"""How the names of the makers' other devices begin."""

# Home Assistant has the address in place of a missing name, BlueZ with dashes.
_AN_ADDRESS: Final = re.compile(r"[0-9A-F]{2}([:-]?[0-9A-F]{2}){5}", re.IGNORECASE)

FAMILIES: Final[tuple[Family, ...]] = (
    STANDARD,
    PRO,
    RNGC,
    RNGPRO,
    RNGPRO12BATT,
    RNGPRO125BAT,
    RNGUSBAT,
    UNDECIDED,
    *(
        Family(key=prefix.lower(), name_prefix=prefix, refused_as=kind)
        for kind, prefixes in _OTHER_DEVICES.items()
        for prefix in prefixes
    ),
)


LONGEST_NAME: Final = 248
"""More bytes than this no Bluetooth device has in its name."""


def local_name(advertised: str | None) -> str | None:
    """Return an advertised name without what pads it, None where there is no name.

    What cannot be printed, such as what moves a terminal's cursor, is left out of it.
    """
    name = "".join(filter(str.isprintable, advertised or ""))[:LONGEST_NAME].strip()
    return None if not name or _AN_ADDRESS.fullmatch(name) else name


def family_of(advertised: str | None) -> Family:
    """Return the family that an advertised name belongs to.

    The longest beginning decides. A name that is not known, for instance one that the owner
    changed, decides nothing, nor does a missing one.
    """
    name = (local_name(advertised) or "").upper()
    return max(
        (family for family in FAMILIES if name.startswith(family.name_prefix.upper())),
        key=lambda family: len(family.name_prefix),
    )


def family_shown(models: Sequence[str | None]) -> Family:
    """Return the family that the batteries behind a link show, by their models, without a name.

    Only a dongle has several batteries. The services tell nothing: BlueZ adds those that every
    family has to the advertised ones, as soon as it has been connected.
    """
    told = {_family_of_model(model) for model in models if model} - {UNDECIDED}
    if len(models) > 1:
        return STANDARD if told <= {STANDARD} else UNDECIDED
    return told.pop() if told else UNDECIDED


def _family_of_model(model: str) -> Family:
    return next(
        (
            family
            for family in FAMILIES
            if family.models and re.fullmatch(family.models, model.strip().upper())
        ),
        UNDECIDED,
    )


def family_by_key(key: str) -> Family:
    """Return the family with this key; raises KeyError."""
    return {family.key: family for family in FAMILIES}[key]


def stored_family(key: str, name: str) -> Family:
    """Return the family of a link that was stored by its key; raises KeyError.

    Where the key stands for names that have rows of their own by now, the name decides.
    """
    family, named = family_by_key(key), family_of(name)
    is_of_family = named.name_prefix.startswith(family.name_prefix)
    return named if is_of_family and named.refused_as is None else family


def is_dongle(family: Family, models: Sequence[str | None]) -> bool:
    """Tell whether a link is a BT-1 or BT-2 dongle rather than a battery's own Bluetooth.

    Both are of the standard family (protocol 1.1); a lone battery whose model says "-BT" is
    its own link.
    """
    if family.key == UNDECIDED.key:
        return len(models) > 1
    if family.key != STANDARD.key:
        return False
    lone = models[0] if len(models) == 1 else None
    return lone is None or "BT" not in lone.upper().partition("-")[2]

"""The families of Renogy peripherals, told by their advertised names (protocol 1.1, 1.6)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from .exceptions import DeviceKind

DEFAULT_UNIT: Final = 0xF7
HUB_UNITS: Final = tuple(range(48, 56))


@dataclass(frozen=True, slots=True, kw_only=True)
class Family:
    """What is common to the peripherals whose name starts alike.

    `built_in_bluetooth` says that one battery is its own link, which is asked as unit 255
    first when it is set up. `current_divisor` is the number of counts
    in one ampere of register 5042; where `is_current_scale_proven` is false that number is
    the likelier one, and nobody has compared it with another meter. Where
    `trusts_alarm_fields` is false the registers
    5100-5105 and 5108 do not follow the makers' document and are ignored.
    `refused_as` names what the peripheral is when it cannot be a battery.
    """

    key: str
    name_prefix: str
    built_in_bluetooth: bool = False
    current_divisor: int = 100
    is_current_scale_proven: bool = True
    trusts_alarm_fields: bool = True
    cells_may_be_millivolts: bool = False
    cycles_may_be_low_byte_first: bool = False
    refused_as: DeviceKind | None = None

    @property
    def probe_units(self) -> tuple[int, ...]:
        """The unit ids that batteries behind such a link may have."""
        units = HUB_UNITS[:1] if self.built_in_bluetooth else HUB_UNITS
        return (*units, DEFAULT_UNIT)


STANDARD: Final = Family(key="standard", name_prefix="BT-TH")
PRO: Final = Family(
    key="pro",
    name_prefix="RNGRBP",
    built_in_bluetooth=True,
    current_divisor=10,
)
RNGC: Final = Family(
    key="rngc",
    name_prefix="RNGC",
    built_in_bluetooth=True,
    current_divisor=10,
    cells_may_be_millivolts=True,
    cycles_may_be_low_byte_first=True,
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
)
RNGPRO125BAT: Final = replace(
    RNGPRO,
    key="rngpro125bat",
    name_prefix="RNGPRO125BAT",
    is_current_scale_proven=True,
)
RNGUSBAT: Final = Family(
    key="rngusbat",
    name_prefix="RNGUSBAT",
    built_in_bluetooth=True,
    is_current_scale_proven=False,
)

FAMILIES: Final[tuple[Family, ...]] = (
    STANDARD,
    PRO,
    RNGC,
    RNGPRO,
    RNGPRO12BATT,
    RNGPRO125BAT,
    RNGUSBAT,
    Family(key="shunt", name_prefix="RTMShunt300", refused_as=DeviceKind.SHUNT),
    Family(key="inverter_riu", name_prefix="RNGRIU", refused_as=DeviceKind.INVERTER),
    Family(key="inverter_ric", name_prefix="BTRIC", refused_as=DeviceKind.INVERTER),
)


def family_of(local_name: str | None) -> Family:
    """Return the family that an advertised name belongs to.

    Names come padded with blanks or NUL, and the longest beginning decides. A name that is
    not known, for instance one that the owner changed, is taken for the standard family.
    """
    name = (local_name or "").strip(" \0").upper()
    return max(
        (family for family in FAMILIES if name.startswith(family.name_prefix.upper())),
        key=lambda family: len(family.name_prefix),
        default=STANDARD,
    )


def family_by_key(key: str) -> Family:
    """Return the family with this key; raises KeyError."""
    return {family.key: family for family in FAMILIES}[key]


def stored_family(key: str, local_name: str) -> Family:
    """Return the family of a link that was stored by its key; raises KeyError.

    Where the key stands for names that have rows of their own by now, the name decides.
    """
    family, named = family_by_key(key), family_of(local_name)
    return named if named.name_prefix.startswith(family.name_prefix) else family


def is_dongle(local_name: str | None, models: Sequence[str | None] = ()) -> bool:
    """Tell whether a link is a BT-1 or BT-2 dongle rather than a battery's own Bluetooth.

    Both advertise as "BT-TH-..." (protocol 1.1); a lone battery whose model says "-BT" is
    its own link.
    """
    if family_of(local_name) is not STANDARD:
        return False
    lone = models[0] if len(models) == 1 else None
    return lone is None or "BT" not in lone.upper().partition("-")[2]

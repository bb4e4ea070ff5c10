# SPDX-License-Identifier: Apache-2.0
"""What can go wrong when bluetoothd is asked for something."""

from .models import BusFault, PowerFault


class BlueZError(Exception):
    """A call to bluetoothd failed; the message is bluetoothd's own text."""

    fault = PowerFault.FAILED


class Blocked(BlueZError):
    """The adapter is blocked by rfkill."""

    fault = PowerFault.BLOCKED


class NotReady(BlueZError):
    """The adapter is not ready, mostly because it is not powered."""

    fault = PowerFault.NOT_READY


class Busy(BlueZError):
    """Another operation is in progress."""

    fault = PowerFault.BUSY


class AccessDenied(BlueZError):
    """The bus policy, AppArmor or missing rights forbid the call."""

    fault = PowerFault.ACCESS_DENIED


class CallTimedOut(BlueZError):
    """bluetoothd did not answer in time."""

    fault = PowerFault.TIMED_OUT


class AdapterGone(BlueZError):
    """The adapter object does not exist."""

    fault = PowerFault.ADAPTER_GONE


class BusUnavailable(BlueZError):
    """There is no connection to the bus, or org.bluez has no owner."""

    fault = PowerFault.BUS_UNAVAILABLE

    def __init__(
        self, message: str, bus_fault: BusFault = BusFault.UNREACHABLE
    ) -> None:
        """Keep why the bus cannot be talked to."""
        super().__init__(message)
        self.bus_fault = bus_fault


_BY_NAME: dict[str, type[BlueZError]] = {
    "org.bluez.Error.Blocked": Blocked,
    "org.bluez.Error.NotReady": NotReady,
    "org.bluez.Error.InProgress": Busy,
    "org.bluez.Error.Busy": Busy,
    "org.bluez.Error.NotAuthorized": AccessDenied,
    "org.bluez.Error.NotPermitted": AccessDenied,
    "org.freedesktop.DBus.Error.AccessDenied": AccessDenied,
    "org.freedesktop.DBus.Error.AuthFailed": AccessDenied,
    "org.freedesktop.DBus.Error.PropertyReadOnly": AccessDenied,
    "org.freedesktop.DBus.Error.NoReply": CallTimedOut,
    "org.freedesktop.DBus.Error.Timeout": CallTimedOut,
    "org.freedesktop.DBus.Error.TimedOut": CallTimedOut,
    "org.freedesktop.DBus.Error.UnknownObject": AdapterGone,
    "org.freedesktop.DBus.Error.UnknownMethod": AdapterGone,
    "org.freedesktop.DBus.Error.UnknownInterface": AdapterGone,
    "org.freedesktop.DBus.Error.ServiceUnknown": BusUnavailable,
    "org.freedesktop.DBus.Error.NameHasNoOwner": BusUnavailable,
    "org.freedesktop.DBus.Error.Disconnected": BusUnavailable,
}


def error_for(name: str | None, text: str) -> BlueZError:
    """Return the exception for a D-Bus error reply."""
    message = f"{text} ({name})" if text else str(name)
    return _BY_NAME.get(name or "", BlueZError)(message)

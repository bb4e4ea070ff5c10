# SPDX-License-Identifier: Apache-2.0
"""Names and errors of BlueZ's D-Bus interface (its doc/ folder and src/error.c)."""

from typing import Final

from .dbus_service import Call

SERVICE: Final = "org.bluez"
ROOT: Final = "/org/bluez"

ADAPTER: Final = "org.bluez.Adapter1"
AGENT_MANAGER: Final = "org.bluez.AgentManager1"
MONITOR_MANAGER: Final = "org.bluez.AdvertisementMonitorManager1"
MONITOR: Final = "org.bluez.AdvertisementMonitor1"
DEVICE: Final = "org.bluez.Device1"
GATT_SERVICE: Final = "org.bluez.GattService1"
GATT_CHARACTERISTIC: Final = "org.bluez.GattCharacteristic1"
GATT_DESCRIPTOR: Final = "org.bluez.GattDescriptor1"

ABORT_BY_LOCAL: Final = "le-connection-abort-by-local"
CONNECTION_CANCELED: Final = "br-connection-canceled"
INPUT_OUTPUT_ERROR: Final = "Input/output error"


def access_denied(call: Call) -> None:
    """Answer as dbus-daemon does in the name of AppArmor."""
    call.error(
        "org.freedesktop.DBus.Error.AccessDenied",
        "An AppArmor policy prevents this sender from sending this message to this"
        f' recipient; type="method_call", sender="{call.sender}"'
        f' interface="{call.interface}" member="{call.member}"'
        f' error name="(unset)" requested_reply="0" destination="{SERVICE}"',
    )


def fail(call: Call, text: str) -> None:
    """Answer with org.bluez.Error.Failed."""
    call.error("org.bluez.Error.Failed", text)


def busy(call: Call) -> None:
    """Answer as BlueZ's btd_error_busy."""
    call.error("org.bluez.Error.InProgress", "Operation already in progress")


def in_progress(call: Call) -> None:
    """Answer as BlueZ's btd_error_in_progress."""
    call.error("org.bluez.Error.InProgress", "In Progress")


def not_ready(call: Call) -> None:
    """Answer as an adapter without power."""
    call.error("org.bluez.Error.NotReady", "Resource Not Ready")


def does_not_exist(call: Call) -> None:
    """Answer that what is named does not exist."""
    call.error("org.bluez.Error.DoesNotExist", "Does Not Exist")


def already_exists(call: Call) -> None:
    """Answer that what is named exists."""
    call.error("org.bluez.Error.AlreadyExists", "Already Exists")


def invalid_arguments(call: Call) -> None:
    """Answer that the arguments are wrong."""
    call.error("org.bluez.Error.InvalidArguments", "Invalid arguments in method call")


def not_connected(call: Call) -> None:
    """Answer that the device is not connected."""
    call.error("org.bluez.Error.NotConnected", "Not Connected")


def not_supported(call: Call) -> None:
    """Answer that the operation is not supported."""
    call.error("org.bluez.Error.NotSupported", "Operation is not supported")


def not_permitted(call: Call, text: str) -> None:
    """Answer that the operation is not permitted."""
    call.error("org.bluez.Error.NotPermitted", text)

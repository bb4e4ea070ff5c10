# SPDX-License-Identifier: Apache-2.0
"""Files of Home Assistant's storage that are really there."""

import pytest

from homeassistant.core import HomeAssistant

from .files import Folder


@pytest.fixture
def hass_config_dir(hass_tmp_config_dir: str) -> str:
    """Let each test have a folder of its own."""
    return hass_tmp_config_dir


@pytest.fixture
def folder(hass: HomeAssistant) -> Folder:
    """Return the folder of Home Assistant's storage; the test must not use `hass_storage`."""
    return Folder(hass)

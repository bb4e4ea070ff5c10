# SPDX-License-Identifier: Apache-2.0
"""Statistics of entities whose unit is another one than before."""

from datetime import datetime, timedelta

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.components.recorder.common import (
    async_wait_recording_done,
    do_adhoc_statistics,
)

from custom_components.renogy_bt.const import DOMAIN
from homeassistant.components.recorder.models import StatisticMeanType
from homeassistant.components.recorder.statistics import (
    async_import_statistics,
    statistics_during_period,
)
from homeassistant.components.recorder.util import get_instance
from homeassistant.core import HomeAssistant
from homeassistant.helpers import entity_registry as er
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util

# Before all others: the recorder's database is chosen before Home Assistant starts.
pytestmark = pytest.mark.usefixtures("recorder_mock", "enable_custom_integrations")


@pytest.fixture
async def recoveries(hass: HomeAssistant) -> str:
    """Return the entity that counts recoveries of an adapter."""
    assert await async_setup_component(hass, "sensor", {})
    assert await async_setup_component(hass, DOMAIN, {})
    entry = MockConfigEntry(domain=DOMAIN)
    entry.add_to_hass(hass)
    entity = er.async_get(hass).async_get_or_create(
        *("sensor", DOMAIN, "adapter_recoveries"),
        config_entry=entry,
        translation_key="adapter_recoveries",
        capabilities={"state_class": "total_increasing"},
    )
    await hass.async_block_till_done()
    return entity.entity_id


@pytest.mark.parametrize(
    "unit", ["recoveries", "Wiederherstellungen", "herstellingen", None]
)
async def test_recoveries_go_on_without_a_unit(
    hass: HomeAssistant,
    recoveries: str,
    unit: str | None,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """What version 0.1.0 kept in words of its language goes on as a number."""
    now = dt_util.utcnow().replace(minute=0, second=0, microsecond=0)
    await _keep(hass, recoveries, unit, now - timedelta(hours=1))
    assert await _compiled(hass, recoveries, now, "4") == [4.0]
    assert "cannot be converted" not in caplog.text


async def test_another_unit_is_still_another(
    hass: HomeAssistant, recoveries: str, caplog: pytest.LogCaptureFixture
) -> None:
    """What nobody knows of is not mixed with what was kept."""
    now = dt_util.utcnow().replace(minute=0, second=0, microsecond=0)
    await _keep(hass, recoveries, "parrots", now - timedelta(hours=1))
    assert await _compiled(hass, recoveries, now, "4") == []
    assert "cannot be converted" in caplog.text


async def _keep(
    hass: HomeAssistant, entity_id: str, unit: str | None, start: datetime
) -> None:
    """Keep an hour in which three recoveries were counted in a unit."""
    async_import_statistics(
        hass,
        {
            "mean_type": StatisticMeanType.NONE,
            "has_sum": True,
            "name": None,
            "source": "recorder",
            "statistic_id": entity_id,
            "unit_class": None,
            "unit_of_measurement": unit,
        },
        [{"start": start, "state": 3.0, "sum": 3.0}],
    )
    await async_wait_recording_done(hass)


async def _compiled(
    hass: HomeAssistant, entity_id: str, start: datetime, state: str
) -> list[float | None]:
    """Return what statistics keep of five minutes in which the entity has this state, without a unit."""
    hass.states.async_set(
        *(entity_id, state, {"state_class": "total_increasing"}),
        timestamp=(start + timedelta(minutes=1)).timestamp(),
    )
    await async_wait_recording_done(hass)
    do_adhoc_statistics(hass, start=start)
    await async_wait_recording_done(hass)
    found = await get_instance(hass).async_add_executor_job(
        statistics_during_period,
        *(hass, start, None, {entity_id}, "5minute", None, {"state", "sum"}),
    )
    return [row.get("state") for row in found.get(entity_id, [])]

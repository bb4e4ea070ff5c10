# SPDX-License-Identifier: Apache-2.0
"""The question that is asked before batteries are joined that cannot be in parallel."""

from abc import abstractmethod
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Final

import probatio

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.data_entry_flow import FlowContext, FlowHandler, FlowResult

from ..bank.joining import Pack, can_be_joined
from ..bank.summary import Wiring
from ..const import CONF_JOIN_ANYWAY, CONF_WIRING
from ..links.markdown import escaped
from ..links.settings import LinkSettings, async_name_of, battery_labels
from ..links.stored_data import choice_option

CELL_VOLTAGE: Final = 3.2
"""What batteries are sold by: 12.8 V are four LiFePO4 cells, V."""
_SCHEMA: Final = probatio.Schema(
    {probatio.Optional(CONF_JOIN_ANYWAY, default=False): bool}
)


def is_parallel(bank: ConfigEntry) -> bool:
    """Return whether the batteries of a bank are in parallel."""
    return choice_option(bank.options, CONF_WIRING, Wiring.PARALLEL) is Wiring.PARALLEL


@callback
def async_rows_of_mixed(hass: HomeAssistant, links: Iterable[LinkSettings]) -> str:
    """Return the rows of a Markdown table of batteries that cannot be in parallel.

    That is nothing where they can, as far as their numbers of cells tell.
    """
    links = list(links)
    cells = {
        (link.address, battery.unit): battery.cells
        for link in links
        for battery in link.batteries
    }
    if can_be_joined([Pack(cells=each) for each in cells.values()]):
        return ""
    labels = battery_labels(links)
    return "\n".join(
        f"| {escaped(async_name_of(hass, battery) or str(labels[battery]))} | {each or '–'} | "
        f"{f'{CELL_VOLTAGE * each:.1f} V' if each else '–'} |"
        for battery, each in cells.items()
    )


class JoiningFlow[ContextT: FlowContext, ResultT: FlowResult[Any, Any], HandlerT](
    FlowHandler[ContextT, ResultT, HandlerT]
):
    """Joins batteries in parallel, after a question where they cannot be."""

    _join: Callable[[], Awaitable[ResultT]]
    _mixed: str

    @abstractmethod
    async def _async_keep_apart(self) -> ResultT:
        """Go on after the user has seen that batteries cannot be in parallel."""

    async def _async_join_unless_mixed(
        self, links: Iterable[LinkSettings], join: Callable[[], Awaitable[ResultT]]
    ) -> ResultT:
        """Join the batteries of these links in parallel, after a question where they cannot be."""
        self._join = join
        self._mixed = async_rows_of_mixed(self.hass, links)
        return await (self.async_step_mixed() if self._mixed else join())

    async def async_step_mixed(
        self, user_input: dict[str, Any] | None = None
    ) -> ResultT:
        """Ask whether batteries are joined that cannot be in parallel."""
        if user_input is None:
            return self.async_show_form(
                step_id="mixed",
                data_schema=_SCHEMA,
                description_placeholders={"batteries": self._mixed},
            )
        if user_input.get(CONF_JOIN_ANYWAY) is True:
            return await self._join()
        return await self._async_keep_apart()

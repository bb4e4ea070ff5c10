"""Which scanner serves a connection is told only where it is certain."""

from collections.abc import Mapping

import pytest

from custom_components.renogy_bt.serving import serving


@pytest.mark.parametrize(
    ("holding", "source"),
    [
        pytest.param({}, None, id="none"),
        pytest.param({"hci0": True}, "hci0", id="the only one"),
        pytest.param({"hci0": None}, "hci0", id="the only one, without slots"),
        pytest.param(
            {"hci0": False, "proxy": True}, "proxy", id="the one that holds it"
        ),
        pytest.param({"hci0": True, "proxy": True}, None, id="a slot left behind"),
        pytest.param({"hci0": False, "proxy": False}, None, id="news come late"),
        pytest.param({"hci0": True, "proxy": None}, None, id="one does not tell"),
        pytest.param({"hci0": False, "proxy": None}, None, id="perhaps the other"),
    ],
)
def test_serving(holding: Mapping[str, bool | None], source: str | None) -> None:
    """With several scanners one must hold the connection and all others say that they do not."""
    assert serving(holding) == source

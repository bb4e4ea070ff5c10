# SPDX-License-Identifier: Apache-2.0
"""Notices about stored files that cannot be read or written."""

from typing import Final

from homeassistant.core import CALLBACK_TYPE, HomeAssistant, callback
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.dispatcher import async_dispatcher_connect
from homeassistant.helpers.translation import async_get_cached_translations

from ..const import DOCUMENTATION_URL, DOMAIN
from ..storage.file_news import FILE_NEWS, FileNews, FileState

DATA_DAMAGED: Final = "stored_data_damaged"
DATA_NEWER: Final = "stored_data_newer"
NOT_STORED: Final = "nothing_stored"
_CONTENTS: Final = f"component.{DOMAIN}.selector.stored_content.options."


@callback
def async_follow_files(hass: HomeAssistant) -> CALLBACK_TYPE:
    """Show notices about the stored files of all banks, by what becomes of them.

    That a file was damaged stays, over restarts too, until the user has confirmed it or deleted
    whom the file is of. That nothing can be written is one notice, however many files it concerns.
    """
    not_written: set[str] = set()

    @callback
    def update(news: FileNews) -> None:
        match news.state:
            case FileState.DAMAGED:
                _async_tell(hass, DATA_DAMAGED, news, is_to_be_confirmed=True)
            case FileState.NEWER:
                _async_tell(hass, DATA_NEWER, news)
            case FileState.NOT_WRITTEN:
                if not not_written:
                    _async_tell(hass, NOT_STORED, news, of_one_file=False)
                not_written.add(news.key)
            case FileState.READ:
                ir.async_delete_issue(hass, DOMAIN, f"{DATA_NEWER}_{news.key}")
            case FileState.WRITTEN | FileState.GONE:
                if news.state is FileState.GONE:
                    for kind in (DATA_DAMAGED, DATA_NEWER):
                        ir.async_delete_issue(hass, DOMAIN, f"{kind}_{news.key}")
                if news.key in not_written:
                    not_written.remove(news.key)
                    if not not_written:
                        ir.async_delete_issue(hass, DOMAIN, NOT_STORED)

    return async_dispatcher_connect(hass, FILE_NEWS, update)


@callback
def _async_tell(
    hass: HomeAssistant,
    kind: str,
    news: FileNews,
    *,
    is_to_be_confirmed: bool = False,
    of_one_file: bool = True,
) -> None:
    names = async_get_cached_translations(
        hass, hass.config.language, "selector", DOMAIN
    )
    ir.async_create_issue(
        hass,
        DOMAIN,
        f"{kind}_{news.key}" if of_one_file else kind,
        is_fixable=is_to_be_confirmed,
        is_persistent=is_to_be_confirmed,
        learn_more_url=f"{DOCUMENTATION_URL}#troubleshooting",
        severity=ir.IssueSeverity.ERROR,
        translation_key=kind,
        translation_placeholders={
            "content": names.get(_CONTENTS + news.content, news.content),
            "file": news.key,
            "detail": news.detail or "–",
        },
    )

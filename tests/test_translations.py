# SPDX-License-Identifier: Apache-2.0
"""The translation has what the code needs, and nothing else."""

import ast
from collections import Counter
from collections.abc import Iterator
from importlib import import_module
import json
import re
from types import ModuleType
from typing import Any

import pytest

from custom_components.renogy_bt import PLATFORMS
from custom_components.renogy_bt.adapter_health.ladder import (
    PLANS,
    RecoveryLevel,
    RecoveryStep,
)
from custom_components.renogy_bt.adapter_health.samples import Verdict
from custom_components.renogy_bt.adapter_health.status import EventKind, RefusalReason
from custom_components.renogy_bt.adapters.advice import INSTALLATIONS, Advice
from custom_components.renogy_bt.adapters.recovery import FAILURES, RESULTS
from custom_components.renogy_bt.bank.summary import Wiring
from custom_components.renogy_bt.issues.adapters import TEXTS
from custom_components.renogy_bt.issues.cells import CELL_HIGHER, CELL_LOWER
from custom_components.renogy_bt.issues.damaged_links import DAMAGED_LINK
from custom_components.renogy_bt.issues.refusals import REFUSED
from custom_components.renogy_bt.issues.scales import SCALE_NOTICES
from custom_components.renogy_bt.issues.sharing import SHARING_NOTICES
from custom_components.renogy_bt.issues.storage import (
    DATA_DAMAGED,
    DATA_NEWER,
    NOT_STORED,
)
from custom_components.renogy_bt.links.probing import LINK_PROBLEMS
from custom_components.renogy_bt.links.reasons import LinkReason
from custom_components.renogy_bt.renogy.alarm_changes import AlarmChangeKind
from custom_components.renogy_bt.renogy.confirmation import CHECKS
from custom_components.renogy_bt.renogy.link_watch import TroubleKind
from custom_components.renogy_bt.renogy.models import AlarmSeverity, ChargingState
from custom_components.renogy_bt.renogy.plausibility import OBJECTIONS, REQUIRED_RANGES
from custom_components.renogy_bt.renogy.registers import ALARM_SOURCES
from custom_components.renogy_bt.repairs import FLOWS
from custom_components.renogy_bt.sensor import NUMBERED_SENSORS
from custom_components.renogy_bt.services import STEPS_TO_ASK_FOR
from homeassistant.components.sensor import SensorDeviceClass
from homeassistant.helpers.entity import EntityDescription
from tests.translation_check import ENGLISH, PACKAGE, placeholders, texts_of
from tests.translation_schema import TRANSLATION


def _descriptions(module: ModuleType) -> Iterator[EntityDescription]:
    """Yield the descriptions in a module; Home Assistant gives theirs classes of many kinds."""
    for value in vars(module).values():
        for each in value if isinstance(value, tuple) else (value,):
            if not isinstance(each, type) and hasattr(each, "entity_category"):
                yield each


ENTITIES = {
    platform.value: tuple(
        _descriptions(import_module(f"custom_components.renogy_bt.{platform}"))
    )
    for platform in PLATFORMS
}
TRANSLATIONS = {
    path.stem: json.loads(path.read_text(encoding="utf-8"))
    for path in (PACKAGE / "translations").iterdir()
}
ICONS = json.loads((PACKAGE / "icons.json").read_text(encoding="utf-8"))["entity"]


def name_of(description: EntityDescription) -> str:
    """Return what an entity's texts and icon are found by."""
    return description.translation_key or description.key


def texts(tree: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, str]]:
    """Yield every text of the translation with its path."""
    if isinstance(tree, str):
        yield "/".join(path), tree
        return
    for key, value in tree.items():
        yield from texts(value, (*path, key))


def constants() -> set[str]:
    """Return every string in the code of the integration."""
    return {
        node.value
        for path in PACKAGE.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }


def calls(name: str) -> Iterator[dict[str, str]]:
    """Yield the text arguments of every call of a function by this name."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(name):
                yield {
                    keyword.arg: keyword.value.value
                    for keyword in node.keywords
                    if keyword.arg
                    and isinstance(keyword.value, ast.Constant)
                    and isinstance(keyword.value.value, str)
                }


@pytest.mark.parametrize("platform", ENTITIES)
def test_entities_have_names(platform: str) -> None:
    """Every entity of the code has a name, and no name is without an entity."""
    keys = {name_of(description) for description in ENTITIES[platform]}
    assert keys == ENGLISH["entity"][platform].keys()
    assert all("name" in entry for entry in ENGLISH["entity"][platform].values())


def test_numbered_entities_show_their_number() -> None:
    """The names of what there are several of have a place for the number, others have not."""
    numbered = {description.key for description in NUMBERED_SENSORS}
    for key, entry in ENGLISH["entity"]["sensor"].items():
        expected = {"number"} if key in numbered else set()
        assert placeholders(entry["name"]) == expected, key


def test_states_have_names() -> None:
    """Every value that is chosen from a list has a name."""
    sensors = ENGLISH["entity"]["sensor"]
    assert sensors["charging_state"]["state"].keys() == set(ChargingState)
    assert sensors["adapter_state"]["state"].keys() == {*Verdict} - {Verdict.UNKNOWN}
    event = ENGLISH["entity"]["event"]["adapter_recovery"]["state_attributes"]
    assert event["event_type"]["state"].keys() == set(EventKind)
    assert event["verdict"]["state"].keys() == set(Verdict)
    assert event["step"]["state"].keys() == set(RecoveryStep)
    alarm = ENGLISH["entity"]["event"]["alarm"]["state_attributes"]
    assert alarm["event_type"]["state"].keys() == set(AlarmChangeKind)
    assert alarm["alarm"]["state"].keys() == ALARM_SOURCES.keys()
    assert alarm["severity"]["state"].keys() == set(AlarmSeverity)
    selectors = ENGLISH["selector"]
    assert selectors["wiring"]["options"].keys() == set(Wiring)
    assert selectors["recovery"]["options"].keys() == set(RecoveryLevel)
    assert selectors["host_advice"]["options"].keys() == {
        f"{advice}_{installation}"
        for advice in Advice
        for installation in INSTALLATIONS
    }
    assert selectors["link_reason"]["options"].keys() == set(LinkReason)
    assert selectors["link"]["options"].keys() == {"may_be_a_battery"}
    checks = {*REQUIRED_RANGES, *OBJECTIONS, *CHECKS, "cell_count", "complete"}
    assert selectors["refused_value"]["options"].keys() == checks
    assert selectors["recovery_level"]["options"].keys() == set(STEPS_TO_ASK_FOR)


def test_issues_have_texts() -> None:
    """Everything that people are told of has a text, of the right kind."""
    told = {f"adapter_{verdict}" for verdict in Verdict if verdict.is_fault}
    told |= {f"link_{kind}" for kind in TroubleKind} | set(TEXTS.values())
    assert ENGLISH["issues"].keys() == told | {
        "imbalance",
        "not_full",
        "not_joined",
        "left_out",
        DAMAGED_LINK,
        *(DATA_DAMAGED, DATA_NEWER, NOT_STORED),
        "battery_replaced",
        REFUSED,
        *SCALE_NOTICES,
        *SHARING_NOTICES.values(),
        *(CELL_LOWER, CELL_HIGHER),
    }
    for key, issue in ENGLISH["issues"].items():
        is_fixable = key in FLOWS
        assert ("fix_flow" in issue) is is_fixable, key
        assert ("description" in issue) is not is_fixable, key


def test_repairs_offer_what_can_help() -> None:
    """The dialogue of an adapter's issue has a text for each step that it can offer."""
    for verdict, remedies in PLANS.items():
        init = ENGLISH["issues"][f"adapter_{verdict}"]["fix_flow"]["step"]["init"]
        assert init["menu_options"].keys() == set(remedies), verdict


@pytest.mark.parametrize("language", TRANSLATIONS)
def test_a_step_has_one_name(language: str) -> None:
    """The event, the dialogues, the action and the button call a recovery step the same."""
    texts = TRANSLATIONS[language]
    event = texts["entity"]["event"]["adapter_recovery"]["state_attributes"]
    names = event["step"]["state"]
    choices = [texts["selector"]["recovery_level"]["options"]]
    for key, issue in texts["issues"].items():
        if key.startswith("adapter_") and "fix_flow" in issue:
            choices.append(issue["fix_flow"]["step"]["init"]["menu_options"])
    assert len(choices) > len(PLANS) / 2
    for each in choices:
        assert each == {step: names[step] for step in each}
    button = texts["entity"]["button"]["adapter_power_cycle"]
    assert button["name"] == names[RecoveryStep.POWER_CYCLE]


@pytest.mark.parametrize("language", TRANSLATIONS)
def test_counts_have_no_unit(language: str) -> None:
    """A word for what is counted would have to be inflected; "per minute" has not."""
    sensors = TRANSLATIONS[language]["entity"]["sensor"]
    with_unit = {key for key in sensors if "unit_of_measurement" in sensors[key]}
    assert with_unit == {"adapter_advertisement_rate"}


@pytest.mark.parametrize("language", TRANSLATIONS)
def test_names_of_small_cards_fit_a_phone(language: str) -> None:
    """Two cards side by side on 390 pixels leave room for sixteen letters each."""
    words = TRANSLATIONS[language]["selector"]["dashboard"]["options"]
    assert max(len(words[f"{each}_today"]) for each in ("charged", "discharged")) <= 16


@pytest.mark.parametrize("language", TRANSLATIONS)
def test_a_state_has_one_name(language: str) -> None:
    """The state of an adapter is called the same by its sensor and its events."""
    entity = TRANSLATIONS[language]["entity"]
    event = entity["event"]["adapter_recovery"]["state_attributes"]["verdict"]["state"]
    states = entity["sensor"]["adapter_state"]["state"]
    assert {key: event[key] for key in states} == states


def test_exceptions_have_messages() -> None:
    """Every exception that the user sees has a message, and no message is dead."""
    raised = {
        call["translation_key"]
        for name in (
            "ConfigEntryError",
            "HomeAssistantError",
            "ServiceValidationError",
            "UpdateFailed",
        )
        for call in calls(name)
        # What is looked up in a table has no constant key.
        if "translation_key" in call
    } | {f"recovery_{reason}" for reason in RefusalReason}
    raised |= {f"link_{problem}" for problem in LINK_PROBLEMS.values()}
    raised |= {"link_is_no_battery", "registers_busy"}
    raised |= {"registers_no_answer", "registers_refused"}
    raised |= {"recovery_failed", *FAILURES.values(), *RESULTS.values()}
    assert raised == ENGLISH["exceptions"].keys()


@pytest.mark.parametrize("path", ["config", "config_subentries", "options", "device"])
def test_no_text_is_dead(path: str) -> None:
    """Every step, error, reason, field, option and device name occurs in the code."""
    layout = {
        *("abort", "data", "data_description", "description", "entry_type", "error"),
        *("flow_title", "initiate_flow", "menu_options", "name", "progress", "step"),
        *("sections", "title"),
    }
    used = constants() | layout | {"user", "reconfigure", "init"}
    used |= {name.removeprefix("async_step_") for name in _steps()}
    for where, _ in texts(ENGLISH[path]):
        assert set(where.split("/")) <= used, f"{path}/{where}"


def _steps() -> Iterator[str]:
    for path in (PACKAGE / "config_flow.py", *(PACKAGE / "flows").glob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.AsyncFunctionDef):
                yield node.name


def test_notices_about_a_battery_lead_to_its_diagnostics() -> None:
    """What a notice says of a battery may be a reading that is wrong, which is for others to see."""
    of_battery = {
        key for key, issue in ENGLISH["issues"].items() if "{battery}" in issue["title"]
    }
    leading = {
        key
        for key, issue in ENGLISH["issues"].items()
        if any(
            placeholders(text) & {"report_url", "issue_url"} for text in texts_of(issue)
        )
    }
    assert leading == of_battery | {"link_ids_collide"} != set()


@pytest.mark.parametrize("language", TRANSLATIONS)
def test_translation_has_the_right_form(language: str) -> None:
    """Home Assistant takes each file: no unknown field, no markup, no addresses, no blanks."""
    TRANSLATION(TRANSLATIONS[language])


@pytest.mark.parametrize("language", TRANSLATIONS)
def test_translation_is_complete(language: str) -> None:
    """Every text is there in each language, with the same places to fill in."""
    english = dict(texts(ENGLISH))
    translated = dict(texts(TRANSLATIONS[language]))
    assert translated.keys() == english.keys()
    for where, text in translated.items():
        assert placeholders(text) == placeholders(english[where]), where


# Words of Home Assistant's own buttons and menus in its translations, and words that are taken:
# "Link" means a hyperlink there, so a link is a word of its own.
GLOSSARY: dict[str, dict[str, str]] = {
    "de": {
        r"\*\*Submit\*\*": "**OK**",
        r"\*\*Download diagnostics\*\*": "**Diagnosedaten herunterladen**",
        r"Devices & services": "Geräte & Dienste",
        r"\*\*Reboot system\*\*": "**System neu starten**",
        r"Add (a )?link": "Funkstrecke hinzufügen",
        r"Reconfigure link": "Funkstrecke neu einrichten",
        r"^Links?$": "Funkstrecke",
    },
    "nl": {
        r"\*\*Submit\*\*": "**Verzend**",
        r"\*\*Download diagnostics\*\*": "**Download diagnostieken**",
        r"Devices & services": "Apparaten en diensten",
        r"\*\*Reboot system\*\*": "**Systeem opnieuw opstarten**",
        r"Add (a )?link": "adioverbinding toevoegen",
        r"Reconfigure link": "Radioverbinding opnieuw instellen",
        r"^Links?$": "Radioverbinding",
    },
    "pl": {
        r"\*\*Submit\*\*": "**Zatwierdź**",
        r"\*\*Download diagnostics\*\*": "**Pobierz diagnostykę**",
        r"Devices & services": "Urządzenia oraz usługi",
        r"\*\*Reboot system\*\*": "**Uruchom ponownie system**",
        r"Add (a )?link": "Dodaj łącze",
        r"Reconfigure link": "Zmień konfigurację łącza",
        r"^Links?$": "Łącz",
    },
    "cs": {
        r"\*\*Submit\*\*": "**Odeslat**",
        r"\*\*Download diagnostics\*\*": "**Stáhnout diagnostická data**",
        r"Devices & services": "Zařízení a služby",
        r"\*\*Reboot system\*\*": "**Restartovat systém**",
        r"Add (a )?link": "Přidat spojení",
        r"Reconfigure link": "Přenastavit spojení",
        r"^Links?$": "Spojení",
    },
    "sv": {
        r"\*\*Submit\*\*": "**Bekräfta**",
        r"\*\*Download diagnostics\*\*": "**Ladda ner diagnostikdata**",
        r"Devices & services": "Enheter och tjänster",
        r"\*\*Reboot system\*\*": "**Starta om systemet**",
        r"Add (a )?link": "Lägg till förbindelse",
        r"Reconfigure link": "Konfigurera om förbindelsen",
        r"^Links?$": "Förbindelse",
    },
    "fr": {
        r"\*\*Submit\*\*": "**Valider**",
        r"\*\*Download diagnostics\*\*": "**Télécharger les diagnostics**",
        r"Devices & services": "Appareils et services",
        r"\*\*Reboot system\*\*": "**Redémarrer le système**",
        r"Add (a )?link": "Ajouter une liaison",
        r"Reconfigure link": "Reconfigurer la liaison",
        r"^Links?$": "Liaison",
    },
    "it": {
        r"\*\*Submit\*\*": "**Invia**",
        r"\*\*Download diagnostics\*\*": "**Scarica la diagnostica**",
        r"Devices & services": "Dispositivi e servizi",
        r"\*\*Reboot system\*\*": "**Riavvio del sistema**",
        r"Add (a )?link": "Aggiungi canale",
        r"Reconfigure link": "Riconfigura canale",
        r"^Links?$": "Canal",
    },
    "es": {
        r"\*\*Submit\*\*": "**Enviar**",
        r"\*\*Download diagnostics\*\*": "**Descargar diagnósticos**",
        r"Devices & services": "Dispositivos y servicios",
        r"\*\*Reboot system\*\*": "**Reiniciar el sistema**",
        r"Add (a )?link": "Añadir radioenlace",
        r"Reconfigure link": "Reconfigurar radioenlace",
        r"^Links?$": "Radioenlace",
    },
    "pt-BR": {
        r"\*\*Submit\*\*": "**Enviar**",
        r"\*\*Download diagnostics\*\*": "**Fazer download dos diagnósticos**",
        r"Devices & services": "Dispositivos & serviços",
        r"\*\*Reboot system\*\*": "**Reiniciar o sistema**",
        r"Add (a )?link": "Adicionar radioenlace",
        r"Reconfigure link": "Reconfigurar radioenlace",
        r"^Links?$": "Radioenlace",
    },
}


@pytest.mark.parametrize("language", GLOSSARY)
def test_words_of_the_glossary(language: str) -> None:
    """Buttons are called as they are on the page, and one thing has one word."""
    translated = dict(texts(TRANSLATIONS[language]))
    used = Counter[str]()
    for where, english in texts(ENGLISH):
        for pattern, word in GLOSSARY[language].items():
            if re.search(pattern, english):
                used[pattern] += 1
                assert word in translated[where], where
    assert used.keys() == GLOSSARY[language].keys()
    for where, text in translated.items():
        words = re.sub(r"\{\w+\}", "", text)
        assert not re.search(r"(?i)\blinks?\b", words), where


def test_icons_are_for_entities() -> None:
    """Every icon belongs to an entity, and overrides none that its device class gives."""
    for platform, icons in ICONS.items():
        descriptions = [
            description
            for description in ENTITIES[platform]
            if name_of(description) in icons
        ]
        assert {name_of(description) for description in descriptions} == icons.keys()
        # An enumeration has a device class, but no icon from it.
        assert {description.device_class for description in descriptions} <= {
            None,
            SensorDeviceClass.ENUM,
        }
        for icon in icons.values():
            assert icon.keys() <= {"default", "range", "state"}
            names = [
                icon["default"],
                *icon.get("state", {}).values(),
                *icon.get("range", {}).values(),
            ]
            assert all(name.startswith("mdi:") for name in names)
            assert icon["default"] not in icon.get("state", {}).values()


def test_entities_without_a_device_class_have_an_icon() -> None:
    """An entity that Home Assistant knows no icon for has one of its own."""
    for platform, descriptions in ENTITIES.items():
        for description in descriptions:
            if description.device_class is None:
                assert name_of(description) in ICONS[platform], description.key

# SPDX-License-Identifier: Apache-2.0
"""One sample of an adapter in the light of the ones before it."""

from functools import cached_property

from ..bluez.models import AdapterObject
from .connects import LinkMemory, is_good
from .history import OwnSteps
from .memory import REPLAY, Memory, longest_gap
from .samples import DAY, AdapterSample, EntryState, LinkSample, ScannerSample

FRESH_ADVERTISEMENT = 90.0
HEARD_LATELY = 60.0
"""Who has heard devices within this time hears them still: two looks, s."""
AFTER_HOST_START = 180.0
"""Weak evidence counts only this long after Home Assistant started, s."""
AFTER_STEP = 15.0
"""Silence counts only this long after a recovery step, s."""
AFTER_SCAN_START = 15.0
QUIET_AFTER = 300.0
"""Least silence that is worth a word, s."""


class View:
    """A sample with what is remembered of the ones before it, and what we have done."""

    def __init__(self, sample: AdapterSample, memory: Memory, own: OwnSteps) -> None:
        """Look at a sample."""
        self.sample = sample
        self.memory = memory
        self.at = sample.at
        self.is_cycled_by_others = memory.power.is_cycled_often(sample.at)
        """Another program keeps switching the adapter off and on."""
        self.alone = sample.host_resets is False and not self.is_cycled_by_others
        """Nobody but us resets the adapter."""
        self.stepped_at = own.ended_at
        self.is_wanted_off = memory.power.is_wanted_off(sample.at, own.switched_on_at)
        """Somebody who means it has switched the adapter off."""
        self.power_fault = own.power_fault
        self.polled = tuple(link for link in sample.links if link.polled)

    @cached_property
    def adapter(self) -> AdapterObject | None:
        """The adapter, if bluetoothd can be asked and has it."""
        return self.sample.adapter if self.sample.bus.tells_adapters else None

    @cached_property
    def powered(self) -> AdapterObject | None:
        """The adapter, if it is there and powered."""
        return self.adapter if self.adapter and self.adapter.powered else None

    @property
    def is_untold(self) -> bool:
        """Whether nobody tells of the adapter while it works, as where there is no bluetoothd."""
        return self.sample.is_direct and not self.sample.bus.tells_adapters

    @property
    def is_there(self) -> bool:
        """Whether the adapter is there, as far as is known."""
        return self.is_untold or self.adapter is not None

    @property
    def is_on(self) -> bool:
        """Whether the adapter is there and powered, as far as is known."""
        return self.is_untold or self.powered is not None

    @property
    def fresh(self) -> float:
        """How old the advertisement of a link may be that is heard, s."""
        return longest_gap(self.sample)

    @cached_property
    def scanner(self) -> ScannerSample | None:
        """The scanner of a loaded entry."""
        is_loaded = self.sample.entry.state is EntryState.LOADED
        return self.sample.scanner if is_loaded else None

    @property
    def silent_since(self) -> float:
        """Last sign of life, or since when the adapter is watched without a break."""
        life, steady = self.memory.life_at, self.memory.steady_since
        return steady if life is None else max(life, steady)

    @property
    def silence(self) -> float:
        """Seconds without a sign of life."""
        return self.at - self.silent_since

    @property
    def unusual_silence(self) -> float:
        """Silence that is out of the ordinary here and leaves Home Assistant its turn, s."""
        least = self.memory.traffic.meaningful_silence
        return least if self.alone else max(least, QUIET_AFTER)

    @property
    def knows_silence(self) -> bool:
        """Whether silence can be told from not knowing what the scanner hears."""
        return self.scanner is None or self.scanner.tells_silence

    @property
    def is_known_to_bluetoothd(self) -> bool:
        """Whether Discovering would show that the scan is on."""
        return (
            self.scanner is not None
            and self.scanner.over_bluetoothd is not False
            and not self.memory.is_undiscovered
        )

    def is_heard_after(self, event_at: float) -> bool:
        """Whether devices are heard now although something has happened to the scan."""
        if not self.knows_silence:
            return self.sample.devices_heard > 0
        advert = self.memory.advert_at
        return (
            advert is not None
            and advert > event_at + REPLAY
            and self.at - advert <= HEARD_LATELY
        )

    def has_heard_nothing_since(self, time: float | None) -> bool:
        """Whether there was certainly no sign of life since then."""
        life = self.memory.life_at
        return time is not None and self.knows_silence and (life is None or life < time)

    @property
    def are_all_failing(self) -> bool:
        """Whether the last poll of every polled link failed, and there is one."""
        return bool(self.polled) and all(link.failures for link in self.polled)

    @cached_property
    def failures(self) -> int:
        """How often every polled link has failed in a row; 0 if one works or none is polled.

        After a recovery step, and after a time in which bluetoothd could not be asked, a
        link must have failed anew.
        """
        since = self.excused_until
        if not all(_has_failed_since(link, since) for link in self.polled):
            return 0
        return min((link.failures for link in self.polled), default=0)

    @property
    def excused_until(self) -> float:
        """Polls that failed before do not count: a step, or a time without bluetoothd."""
        return max(self.memory.steady_since, self.stepped_at or 0.0)

    def failure_rate(self, link: LinkSample) -> float | None:
        """Share of a link's polls that fail by chance at its strength, None if not known."""
        learned = self.link_memory(link).learned
        return learned.failure_rate(link.strength, self.at)

    @cached_property
    def listening(self) -> bool:
        """Whether the adapter should hear our links: it scans and has heard them before."""
        heard, life = self.memory.heard_at, self.memory.life_at
        return (
            self.is_on
            and self.scanner is not None
            and self.knows_silence
            and heard is not None
            # How long ago that was does not matter: the silence may be the fault.
            and (life is None or life - heard <= DAY)
        )

    @property
    def has_other_path(self) -> bool:
        """Whether our links do without the adapter.

        After a start any other adapter or proxy may prove to hear them.
        """
        sample = self.sample
        return sample.other_path or (
            not sample.only_adapter and self.at < self.patient_until
        )

    @cached_property
    def witnessed(self) -> tuple[LinkSample, ...]:
        """Links that a scanner hears now which shares them with this adapter.

        A link that arrives weakly here is lost here by chance, whoever else hears it.
        """
        return tuple(
            link
            for link in self.sample.links
            if (strength := self.link_memory(link).strength) and is_good(strength)
            if any(
                self.at - heard_at <= HEARD_LATELY
                and (link.address, source) in self.memory.witnesses
                for source, heard_at in link.heard_elsewhere
            )
        )

    def is_missed(self, link: LinkSample) -> bool:
        """Whether a link did not arrive weakly when it was last heard, as far as is known."""
        strength = self.link_memory(link).strength
        return strength is None or is_good(strength)

    def link_memory(self, link: LinkSample) -> LinkMemory:
        """What is remembered of a link at this adapter."""
        return self.memory.links.get(link.address, LinkMemory())

    @property
    def listened_until(self) -> float:
        """Earliest time at which silence counts after a step or a start of the scan."""
        times = [self.silent_since]
        if self.stepped_at is not None:
            times.append(self.stepped_at + AFTER_STEP)
        if self.scanner is not None and self.scanner.start_time is not None:
            times.append(self.scanner.start_time + AFTER_SCAN_START)
        return max(times)

    @property
    def patient_until(self) -> float:
        """Earliest time at which weak evidence counts after a start of the host."""
        return (
            max(self.sample.running_since, self.memory.steady_since) + AFTER_HOST_START
        )


def _has_failed_since(link: LinkSample, time: float) -> bool:
    return link.failed_at is not None and link.failed_at > time
